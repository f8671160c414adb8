// SPDX-License-Identifier: Apache-2.0
//! Whole transfers: a server, a disk, and what is on the disk afterwards.

mod bytes;
mod hostile;
mod qcow2;
mod trouble;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ironseed_core::event::Event;
use ironseed_core::fault::Fault;
use ironseed_core::image::read_back::Verification;
use ironseed_core::image::unfinished;
use ironseed_core::image_request::{
    Digest, DigestAlgorithm, DownloadPolicy, ExpectedDigest, ImagePolicy, ImageRequest, Proxies,
};

use super::hash::Hasher;
use super::server::{Served, Server};
use super::write;
use crate::block::fake::FakeDisk;
use crate::clock::TestClock;
use crate::progress::Surroundings;

const MIB: usize = 1 << 20;
const DISK: &str = "/dev/vda";

/// What a disk holds before anything is written: never zero, never the image.
const OLD: u8 = 0xa5;

fn policy(retries: u32) -> DownloadPolicy {
    DownloadPolicy {
        timeout: Duration::from_secs(20),
        retries,
        retry_interval: Duration::ZERO,
        max_duration: None,
        verify_tls: true,
        ca_file: None,
    }
}

fn sha256(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    hasher.update(bytes);
    Digest {
        algorithm: DigestAlgorithm::Sha256,
        hex: hasher.finish(),
    }
}

fn request(url: &str, format: &str, body: &[u8]) -> ImageRequest {
    ImageRequest {
        id: "image".into(),
        urls: vec![url.to_owned()],
        declared_format: Some(format.to_owned()),
        stream_raw: true,
        digest: ExpectedDigest::Known(sha256(body)),
        authorization: None,
        proxies: Proxies::default(),
        policy: ImagePolicy {
            permitted_formats: vec!["raw".into(), "gpt".into(), "qcow2".into()],
            inspect: true,
        },
        download: policy(3),
        verify: Verification::Off,
    }
}

fn disk(size: usize, sector: u32) -> Arc<FakeDisk> {
    let file = tempfile::tempfile().expect("a file");
    let disk = FakeDisk::new(file, DISK, size as u64, sector).expect("a disk");
    disk.put(0, &vec![OLD; size]).expect("filled");
    disk
}

/// Writes an image and collects what was told meanwhile.
fn deploy(request: &ImageRequest, disk: &Arc<FakeDisk>) -> (Result<u32, Fault>, Vec<Event>) {
    let events = Mutex::new(Vec::new());
    let clock = TestClock::default();
    let observer = |event| events.lock().expect("events").push(event);
    let surroundings = Surroundings {
        clock: &clock,
        observer: &observer,
    };
    let result = write(request, disk, DISK, surroundings);
    (result, events.into_inner().expect("events"))
}

/// Bytes that do not repeat, with holes.
fn image(size: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut bytes = vec![0; size];
    for (index, block) in bytes.chunks_mut(4096).enumerate() {
        if index % 64 >= 32 && index % 5 != 0 {
            continue;
        }
        for word in block.chunks_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes()[..word.len()]);
        }
    }
    bytes[440..444].copy_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
    bytes[446..510].fill(0);
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    bytes
}

fn has_ranges(body: &[u8]) -> Served {
    Served {
        body: body.to_vec(),
        etag: Some("\"one\""),
        ranges: true,
        ..Served::default()
    }
}

fn no_ranges(body: &[u8]) -> Served {
    Served {
        ranges: false,
        ..has_ranges(body)
    }
}

/// The disk's first sector is either old, or says that an image was not
/// finished: nothing boots from it.
fn assert_not_bootable(disk: &FakeDisk) {
    let front = disk.content(0, 512).expect("content");
    let is_old = front.iter().all(|byte| *byte == OLD);
    let says_why = unfinished::read(&front).as_deref() == Some("image");
    assert!(is_old || says_why, "something new is at the front");
}

fn assert_untouched(disk: &FakeDisk) {
    let size = usize::try_from(disk.identity().size).expect("small");
    let all = disk.content(0, size).expect("content");
    assert!(all.iter().all(|byte| *byte == OLD), "the disk was touched");
}

/// Compares without printing megabytes.
fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let first = found.iter().zip(expected).position(|(a, b)| a != b);
    assert_eq!(first, None, "{what}: first difference");
}

fn qemu_img(arguments: &[&str]) {
    let output = Command::new("qemu-img").args(arguments).output();
    let output = output.expect("qemu-img is installed");
    assert!(
        output.status.success(),
        "qemu-img {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn path(directory: &Path, name: &str) -> String {
    directory.join(name).to_str().expect("text").to_owned()
}
