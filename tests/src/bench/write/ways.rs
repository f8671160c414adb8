// SPDX-License-Identifier: Apache-2.0
//! The images, and the ways to get them onto a disk.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use super::place::{Server, Workshop};
use crate::error::Error;
use crate::os_image::formats::image_file;
use crate::process;

/// An image that is served.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) url: String,
    pub(super) path: PathBuf,
    /// As the agent is told.
    pub(super) format: &'static str,
    pub(super) sha256: String,
}

impl Served {
    /// Takes a file that lies in the server's directory.
    pub(super) fn new(server: &Server, path: PathBuf, format: &'static str) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            url: server.url(&name),
            sha256: image_file(path.clone())?.sha256,
            path,
            format,
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // The workshop is removed as a whole later; this only saves space earlier.
        drop(std::fs::remove_file(&self.path));
    }
}

/// The images that are timed.
#[derive(Debug)]
pub(super) struct Images {
    /// The file behind `raw`.
    pub(super) data: PathBuf,
    pub(super) raw: Served,
    pub(super) qcow2: Served,
    pub(super) holes: Served,
    pub(super) zstd: Served,
}

impl Images {
    pub(super) fn make(
        workshop: &Workshop,
        server: &Server,
        data: u64,
        disk: u64,
    ) -> Result<Self, Error> {
        let raw = workshop.served("disk.raw");
        write_data(&raw, data).map_err(|source| Error::File {
            doing: "write",
            path: raw.clone(),
            source,
        })?;
        let qcow2 = workshop.served("disk.qcow2");
        convert(&raw, &qcow2)?;
        let zstd = workshop.served("disk.raw.zst");
        process::run(
            Command::new("zstd")
                .args(["-q", "-3", "--threads=2", "-o"])
                .arg(&zstd)
                .arg(&raw),
        )?;
        let holes = workshop.served("holes.qcow2");
        scatter(workshop, &raw, &holes, data, disk)?;
        Ok(Self {
            data: raw.clone(),
            raw: Served::new(server, raw, "raw")?,
            qcow2: Served::new(server, qcow2, "qcow2")?,
            holes: Served::new(server, holes, "qcow2")?,
            zstd: Served::new(server, zstd, "raw")?,
        })
    }
}

/// The same data in pieces of 64 MiB, evenly over a larger disk, as qcow2.
fn scatter(
    workshop: &Workshop,
    raw: &Path,
    qcow2: &Path,
    data: u64,
    disk: u64,
) -> Result<(), Error> {
    const PIECE_MIB: u64 = 64;
    let sparse = workshop.sparse("holes.raw", disk)?;
    let pieces = (data >> 20) / PIECE_MIB;
    let stride = (disk >> 20) / pieces;
    for piece in 0..pieces {
        process::run(
            Command::new("dd")
                .args(["bs=1M", "conv=notrunc", &format!("count={PIECE_MIB}")])
                .arg(format!("skip={}", piece * PIECE_MIB))
                .arg(format!("seek={}", piece * stride))
                .arg(format!("if={}", raw.display()))
                .arg(format!("of={}", sparse.display())),
        )?;
    }
    convert(&sparse, qcow2)?;
    std::fs::remove_file(&sparse).map_err(|source| Error::File {
        doing: "remove",
        path: sparse,
        source,
    })
}

pub(super) fn convert(raw: &Path, qcow2: &Path) -> Result<(), Error> {
    process::run(
        Command::new("qemu-img")
            .args(["convert", "-f", "raw", "-O", "qcow2"])
            .args([raw, qcow2]),
    )
    .map(drop)
}

/// Bytes that never repeat and compress to a half: the high bits of each are constant.
pub(super) fn write_data(path: &Path, length: u64) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..length / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.write_all(&(state & 0x0f0f_0f0f_0f0f_0f0f | 0x4040_4040_4040_4040).to_le_bytes())?;
    }
    out.flush()
}

/// What the program tells of one run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) seconds: f64,
    pub(super) peak_kib: u64,
}

/// Writes an image with the agent's pipeline.
pub(super) fn agent(program: &Path, image: &Served, device: &Path) -> Result<Run, Error> {
    let output = process::run(
        Command::new(program)
            .args([&image.url, image.format, &image.sha256])
            .arg(device),
    )?;
    let told: Value = serde_json::from_str(&output).unwrap_or_default();
    match (told["seconds"].as_f64(), told["peak_kib"].as_u64()) {
        (Some(seconds), Some(peak_kib)) => Ok(Run { seconds, peak_kib }),
        _ => Err(Error::Expected {
            expected: "seconds and peak_kib".to_owned(),
            found: output,
        }),
    }
}

/// Copies bytes that are in memory already, and waits until the disk has them.
pub(super) fn dd(data: &Path, device: &Path) -> Result<f64, Error> {
    timed(
        Command::new("dd")
            .args(["bs=4M", "oflag=direct", "conv=fsync,notrunc"])
            .arg(format!("if={}", data.display()))
            .arg(format!("of={}", device.display())),
    )
}

/// Fetches the file first and converts it then, as the ironic-python-agent does.
pub(super) fn staged(image: &Served, staging: &Path, device: &Path) -> Result<f64, Error> {
    let fetched = timed(
        Command::new("curl")
            .args(["--silent", "--fail", "--output"])
            .arg(staging)
            .arg(&image.url),
    )?;
    // Options of the ironic-python-agent: every byte is written, nothing stays in the cache.
    let converted = timed(
        Command::new("qemu-img")
            .args(["convert", "-f", image.format, "-O", "host_device"])
            .args(["-t", "directsync", "-S", "0", "-W", "-n"])
            .args([staging, device]),
    )?;
    drop(std::fs::remove_file(staging));
    Ok(fetched + converted)
}

/// Fetches to nowhere: what the server and the loopback interface can do.
pub(super) fn fetch(image: &Served) -> Result<f64, Error> {
    timed(
        Command::new("curl")
            .args(["--silent", "--fail", "--output", "/dev/null"])
            .arg(&image.url),
    )
}

/// Unpacks to nowhere: what one core can do.
pub(super) fn unzstd(image: &Served) -> Result<f64, Error> {
    timed(
        Command::new("zstd")
            .args(["-q", "-d", "--stdout"])
            .arg(&image.path)
            .stdout(std::process::Stdio::null()),
    )
}

fn timed(command: &mut Command) -> Result<f64, Error> {
    let began = Instant::now();
    process::run(command)?;
    Ok(began.elapsed().as_secs_f64())
}
