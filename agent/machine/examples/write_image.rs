// SPDX-License-Identifier: Apache-2.0
//! Writes an image onto a device with the agent's own pipeline, and tells as
//! one line of JSON how long it took and how much memory it needed at most.
//! `scripts/bench write` compares it with other ways to do the same.
//!
//! ```text
//! write_image URL FORMAT SHA256 DEVICE
//! ```
//!
//! Everything on the device is lost.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use ironseed_core::image::read_back::Verification;
use ironseed_core::image_request::{
    Digest, DigestAlgorithm, DownloadPolicy, ExpectedDigest, ImagePolicy, ImageRequest, Proxies,
};
use ironseed_machine::block::DeviceFile;
use ironseed_machine::clock::{Clock as _, SystemClock};
use ironseed_machine::image;
use ironseed_machine::progress::Surroundings;
use serde_json::json;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let written = match arguments.as_slice() {
        [url, format, sha256, device] => write(&request(url, format, sha256), device),
        _ => Err("usage: write_image URL FORMAT SHA256 DEVICE".into()),
    };
    let told = match &written {
        Ok(line) => writeln!(io::stdout(), "{line}"),
        Err(problem) => writeln!(io::stderr(), "error: {problem}"),
    };
    match (written, told) {
        (Ok(_), Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn request(url: &str, format: &str, sha256: &str) -> ImageRequest {
    ImageRequest {
        id: "image".into(),
        urls: vec![url.to_owned()],
        declared_format: Some(format.to_owned()),
        stream_raw: true,
        digest: ExpectedDigest::Known(Digest {
            algorithm: DigestAlgorithm::Sha256,
            hex: sha256.to_owned(),
        }),
        authorization: None,
        proxies: Proxies::default(),
        policy: ImagePolicy {
            permitted_formats: ["raw", "gpt", "qcow2", "vmdk", "vhd", "vhdx"]
                .map(str::to_owned)
                .into(),
            inspect: true,
        },
        download: DownloadPolicy {
            timeout: Duration::from_secs(60),
            retries: 0,
            retry_interval: Duration::ZERO,
            max_duration: None,
            verify_tls: true,
            ca_file: None,
        },
        verify: Verification::Off,
    }
}

fn write(request: &ImageRequest, device: &str) -> Result<String, Box<dyn std::error::Error>> {
    let block = DeviceFile::open(device)?;
    let surroundings = Surroundings {
        clock: &SystemClock,
        observer: &|_| (),
    };
    let began = SystemClock.since_boot();
    let written = image::write(request, &block, device, surroundings)?;
    let took = SystemClock.since_boot().saturating_sub(began);
    Ok(json!({"seconds": took.as_secs_f64(), "peak_kib": peak_kib()?, "profile": written.profile.to_json()}).to_string())
}

/// The most memory this process ever had (`VmHWM`, proc_pid_status(5)), in KiB.
fn peak_kib() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmHWM in /proc/self/status")?.parse()?)
}
