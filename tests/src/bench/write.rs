// SPDX-License-Identifier: Apache-2.0
//! How fast an image is written, side by side with other ways to do the same onto the same disk in
//! the same run, and how much memory it takes.
//!
//! The disk is a loop device with direct I/O over a file; the server is nginx on the loopback
//! interface. The agent's pipeline runs in a program of its own (`write_image`, an example of the
//! crate `ironseed-machine`), compiled like the agent of the image. Ways that are compared take
//! turns, and each figure is the median of its rounds. A ratio above 1 means that the agent is
//! faster.

mod memory;
mod place;
mod ways;

use std::path::Path;

use super::report::{Figure, Report};
use crate::error::Error;
use crate::lab::LabOptions;
use place::{GIB, LoopDevice, Server, Workshop};
use ways::Images;

/// Bytes of data in the images that are timed.
const DATA: u64 = 3 * GIB;
/// The disk in the image with holes.
const LARGE_DISK: u64 = 16 * GIB;
/// Each way is timed so often.
const ROUNDS: usize = 3;

/// Measures everything and prints a report of its own.
///
/// # Errors
/// If a program or a file that this needs is not there, or a write fails.
pub fn run(options: &LabOptions) -> Result<(), Error> {
    let mut report = Report::default();
    report.note(&super::host());
    let workshop = Workshop::make(&options.lab_dir.join("write"))?;
    let program = place::compile(&options.lab_dir)?;
    let server = Server::start(&workshop)?;
    options.narrator.say("write: making images");
    let images = Images::make(&workshop, &server, DATA, LARGE_DISK)?;
    speed(&workshop, &program, &images, options, &mut report)?;
    drop(images);
    report.print();
    let mut report = Report::default();
    memory::measure(&workshop, &server, &program, options, &mut report)?;
    report.print();
    Ok(())
}

/// Seconds of each way, in turns.
#[derive(Debug, Default)]
struct Times {
    dd: Vec<f64>,
    link: Vec<f64>,
    raw: Vec<f64>,
    raw_to_file: Vec<f64>,
    dd_to_file: Vec<f64>,
    qcow2: Vec<f64>,
    staged: Vec<f64>,
    holes: Vec<f64>,
    zstd: Vec<f64>,
    unzstd: Vec<f64>,
}

fn speed(
    workshop: &Workshop,
    program: &Path,
    images: &Images,
    options: &LabOptions,
    report: &mut Report,
) -> Result<(), Error> {
    let disk = LoopDevice::make(&workshop.file("disk"), LARGE_DISK)?;
    let file = workshop.sparse("file", LARGE_DISK)?;
    let mut times = Times::default();
    for round in 1..=ROUNDS {
        options
            .narrator
            .say(format!("write: round {round} of {ROUNDS}"));
        let ours =
            |image, device: &Path| ways::agent(program, image, device).map(|run| run.seconds);
        times.dd.push(ways::dd(&images.data, disk.path())?);
        times.link.push(ways::fetch(&images.raw)?);
        times.raw.push(ours(&images.raw, disk.path())?);
        times.dd_to_file.push(ways::dd(&images.data, &file)?);
        times.raw_to_file.push(ours(&images.raw, &file)?);
        times.qcow2.push(ours(&images.qcow2, disk.path())?);
        let staging = workshop.file("staged.qcow2");
        times
            .staged
            .push(ways::staged(&images.qcow2, &staging, disk.path())?);
        times.holes.push(ours(&images.holes, disk.path())?);
        times.zstd.push(ours(&images.zstd, disk.path())?);
        times.unzstd.push(ways::unzstd(&images.zstd)?);
    }
    times.report(report);
    Ok(())
}

impl Times {
    fn report(&self, report: &mut Report) {
        let mut ratio = |name, other: &[f64], ours: &[f64], what: &str, target| {
            let (other, ours) = (median(other), median(ours));
            report.figure(Figure {
                name,
                value: format!("{:.2}", other / ours),
                remark: format!("{what}: {other:.2} s, the agent {ours:.2} s"),
                target,
                quoted: "",
            });
        };
        ratio(
            "raw, loop device",
            &self.dd,
            &self.raw,
            "dd oflag=direct bs=4M",
            ">= 0.95",
        );
        ratio(
            "raw, to the link",
            &self.link,
            &self.raw,
            "curl to nowhere",
            "",
        );
        ratio(
            "raw, file",
            &self.dd_to_file,
            &self.raw_to_file,
            "dd oflag=direct bs=4M",
            ">= 0.95",
        );
        ratio(
            "qcow2",
            &self.staged,
            &self.qcow2,
            "curl, then qemu-img convert",
            ">= 1.0",
        );
        ratio(
            "qcow2 to raw",
            &self.raw,
            &self.qcow2,
            "raw by the agent",
            ">= 0.9",
        );
        ratio(
            "16 GiB with 3 GiB of data",
            &self.raw,
            &self.holes,
            "3 GiB raw by the agent",
            ">= 0.87",
        );
        ratio(
            "zstd",
            &self.unzstd,
            &self.zstd,
            "zstd -d to nowhere, one core",
            "",
        );
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(
            median(&[3.0, 1.0, 2.0]).total_cmp(&2.0),
            std::cmp::Ordering::Equal
        );
        assert!(median(&[]).is_nan());
    }
}
