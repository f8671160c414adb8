// SPDX-License-Identifier: Apache-2.0
//! The finished disk in the formats that Ironic deploys.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::{OsImageError, io};
use super::step::Steps;

/// One file that can be served to an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFile {
    /// Absolute.
    pub path: PathBuf,
    /// Length in bytes; a raw file has holes.
    pub size: u64,
    /// Of the file as it is served, lower-case hexadecimal.
    pub sha256: String,
}

#[derive(Debug)]
pub(super) struct Files {
    pub(super) raw: ImageFile,
    pub(super) qcow2: ImageFile,
    pub(super) qcow2_compressed: ImageFile,
}

/// Converts and moves the disk into `finished`.
pub(super) fn write_all(
    steps: &Steps,
    disk: &Path,
    finished: &Path,
) -> Result<Files, OsImageError> {
    let raw = finished.join("disk.raw");
    let qcow2 = finished.join("disk.qcow2");
    let compressed = finished.join("disk-compressed.qcow2");
    steps.run("convert to qcow2", &mut convert(&[], disk, &qcow2))?;
    steps.run(
        "convert to compressed qcow2",
        &mut convert(&["-c"], disk, &compressed),
    )?;
    fs::rename(disk, &raw).map_err(io("move to the cache", disk))?;
    Ok(Files {
        raw: image_file(raw)?,
        qcow2: image_file(qcow2)?,
        qcow2_compressed: image_file(compressed)?,
    })
}

/// Version 3 of the format (`compat=1.1`), clusters of 64 KiB, zlib.
fn convert(options: &[&str], disk: &Path, target: &Path) -> Command {
    let mut command = Command::new("qemu-img");
    command
        .args(["convert", "-f", "raw", "-O", "qcow2", "-o", "compat=1.1"])
        .args(options)
        .arg(disk)
        .arg(target);
    command
}

/// A file with its size and digest.
pub(crate) fn image_file(path: PathBuf) -> Result<ImageFile, OsImageError> {
    let mut file = File::open(&path).map_err(io("open", &path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size: u64 = 0;
    loop {
        let count = file.read(&mut buffer).map_err(io("read", &path))?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        size += count as u64;
    }
    let sha256 = hash
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
    Ok(ImageFile { path, size, sha256 })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

    use super::*;

    #[test]
    fn a_file_is_measured_and_hashed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        fs::write(&path, "abc").unwrap();
        let file = image_file(path.clone()).unwrap();
        assert_eq!((file.path, file.size), (path, 3));
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            file.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
