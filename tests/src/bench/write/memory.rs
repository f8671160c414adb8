// SPDX-License-Identifier: Apache-2.0
//! The most memory that writing takes, for each format and for disks of 1, 10 and 100 GiB.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::place::{GIB, LoopDevice, Server, Workshop};
use super::ways::{self, Served};
use crate::bench::report::{Figure, Report};
use crate::error::Error;
use crate::lab::LabOptions;
use crate::process;

/// Data in each image: scattered, so that tables are as large as in a disk that was used.
const DATA_MIB: u64 = 256;
const SIZES: [u64; 3] = [1, 10, 100];

/// A format: its name for people, qemu-img's name and options, and what the agent is told.
const FORMATS: [(&str, &str, &str, &str); 4] = [
    ("qcow2", "qcow2", "", "qcow2"),
    ("qcow2, compressed", "qcow2", "-c", "qcow2"),
    (
        "vmdk streamOptimized",
        "vmdk",
        "-osubformat=streamOptimized",
        "vmdk",
    ),
    (
        "vmdk monolithicSparse",
        "vmdk",
        "-osubformat=monolithicSparse",
        "vmdk",
    ),
];

/// Whole-file compressions of a raw image.
const PACKERS: [(&str, &[&str]); 3] = [
    ("gz", &["gzip", "-1", "--stdout"]),
    // The dictionary of the usual level 6, with less work.
    ("xz", &["xz", "--lzma2=preset=0,dict=8MiB", "--stdout"]),
    ("zst", &["zstd", "-q", "-3", "--long=24", "--stdout"]),
];

pub(super) fn measure(
    workshop: &Workshop,
    server: &Server,
    program: &Path,
    options: &LabOptions,
    report: &mut Report,
) -> Result<(), Error> {
    let mut peaks = Vec::new();
    for size in SIZES {
        let disk = LoopDevice::make(&workshop.file("disk"), (size + 1) * GIB)?;
        let raw = scattered(workshop, size)?;
        let mut images = vec![];
        for (name, format, option, told) in FORMATS {
            let path = workshop.served(&format!("image-{}", images.len()));
            let mut command = Command::new("qemu-img");
            command.args(["convert", "-f", "raw", "-O", format]);
            command.args(Some(option).filter(|option| !option.is_empty()));
            process::run(command.args([&raw, &path]))?;
            images.push((name.to_owned(), Served::new(server, path, told)?));
        }
        // Packing many GiB of zeroes takes minutes, and the memory of a decoder
        // depends on its window only.
        let packers = PACKERS
            .iter()
            .filter(|(suffix, _)| size == 1 || (*suffix == "zst" && size == 10));
        for (suffix, packer) in packers {
            let path = workshop.served(&format!("image.{suffix}"));
            pack(packer, &raw, &path)?;
            images.push((format!("raw.{suffix}"), Served::new(server, path, "raw")?));
        }
        for (name, image) in images {
            options
                .narrator
                .say(format!("write: memory for {name}, {size} GiB"));
            let run = ways::agent(program, &image, disk.path())?;
            peaks.push((run.peak_kib, format!("{name}, {size} GiB")));
        }
        drop(std::fs::remove_file(raw));
    }
    for (peak, name) in &peaks {
        report.note(&format!("peak memory {:.1} MiB: {name}", mib(*peak)));
    }
    if let Some((peak, name)) = peaks.iter().max() {
        report.figure(Figure {
            name: "peak memory while writing",
            value: format!("{:.1} MiB", mib(*peak)),
            remark: format!("the largest of {}: {name}", peaks.len()),
            target: "<= 48 MiB",
            quoted: "",
        });
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// A raw disk with pieces of data all over it.
fn scattered(workshop: &Workshop, size_gib: u64) -> Result<PathBuf, Error> {
    const PIECES: u64 = 256;
    let data = workshop.file("data");
    ways::write_data(&data, DATA_MIB << 20).map_err(|source| Error::File {
        doing: "write",
        path: data.clone(),
        source,
    })?;
    let raw = workshop.sparse("scattered.raw", size_gib * GIB)?;
    let piece_kib = (DATA_MIB << 10) / PIECES;
    let stride_kib = (size_gib << 20) / PIECES;
    for piece in 0..PIECES {
        process::run(
            Command::new("dd")
                .args(["bs=1K", "conv=notrunc", &format!("count={piece_kib}")])
                .arg(format!("skip={}", piece * piece_kib))
                .arg(format!("seek={}", piece * stride_kib))
                .arg(format!("if={}", data.display()))
                .arg(format!("of={}", raw.display())),
        )?;
    }
    drop(std::fs::remove_file(data));
    Ok(raw)
}

fn pack(packer: &[&str], raw: &Path, packed: &Path) -> Result<(), Error> {
    let script = format!("{} < \"$0\" > \"$1\"", packer.join(" "));
    process::run(Command::new("sh").args(["-c", &script]).args([raw, packed])).map(drop)
}
