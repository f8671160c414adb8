// SPDX-License-Identifier: Apache-2.0
//! Small images: a disk with a GPT and one partition, in good and in useless forms.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::{files, process};

const MIB: u64 = 1 << 20;
/// The size of the disk.
pub(super) const BYTES: u64 = 64 * MIB;
/// The gap between the table and the first partition, where boot loaders of old live.
const GAP: std::ops::Range<u64> = 0x4400..MIB;
/// Contents of the partition.
const CONTENTS: std::ops::Range<u64> = MIB..9 * MIB;
const PARTITIONS: &str = "label: gpt\nstart=1MiB, name=root\n";

/// The images, each a file.
#[derive(Debug)]
pub(super) struct Images {
    raw: PathBuf,
    qcow2: PathBuf,
    large: PathBuf,
    backed: PathBuf,
}

impl Images {
    /// Makes them in `dir`; the large one is for a disk of `large` bytes.
    pub(super) fn make(dir: &Path, large: u64) -> Result<Self, Error> {
        files::make_dir(dir)?;
        let images = Self {
            raw: dir.join("small.raw"),
            qcow2: dir.join("small.qcow2"),
            large: dir.join("large.qcow2"),
            backed: dir.join("backed.qcow2"),
        };
        make_raw(&images.raw)?;
        for copy in [&images.qcow2, &images.large] {
            qemu_img(&[
                "convert".as_ref(),
                "-f".as_ref(),
                "raw".as_ref(),
                "-O".as_ref(),
                "qcow2".as_ref(),
                images.raw.as_ref(),
                copy.as_ref(),
            ])?;
        }
        qemu_img(&[
            "resize".as_ref(),
            images.large.as_ref(),
            large.to_string().as_ref(),
        ])?;
        qemu_img(&[
            "create".as_ref(),
            "-f".as_ref(),
            "qcow2".as_ref(),
            "-F".as_ref(),
            "raw".as_ref(),
            "-b".as_ref(),
            images.raw.as_ref(),
            images.backed.as_ref(),
        ])?;
        Ok(images)
    }

    /// Raw, nothing wrong with it.
    pub(super) fn raw(&self) -> &Path {
        &self.raw
    }

    /// The same as qcow2.
    pub(super) fn qcow2(&self) -> &Path {
        &self.qcow2
    }

    /// The same as qcow2, for a larger disk.
    pub(super) fn large(&self) -> &Path {
        &self.large
    }

    /// A qcow2 whose contents are in another file.
    pub(super) fn backed(&self) -> &Path {
        &self.backed
    }
}

fn make_raw(path: &Path) -> Result<(), Error> {
    files::make_sparse(path, BYTES)?;
    partition(path)?;
    let write = || {
        let file = File::options().write(true).open(path)?;
        for range in [GAP, CONTENTS] {
            file.write_all_at(&noise(&range), range.start)?;
        }
        Ok(())
    };
    write().map_err(|source| Error::File {
        doing: "write",
        path: path.to_owned(),
        source,
    })
}

/// Bytes that differ from sector to sector and are never zeros.
fn noise(range: &std::ops::Range<u64>) -> Vec<u8> {
    (range.start..range.end)
        .step_by(8)
        .flat_map(|offset| (offset | 1 << 63).to_be_bytes())
        .collect()
}

fn partition(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Start {
        program: "sfdisk".to_owned(),
        source,
    };
    let mut sfdisk = Command::new("sfdisk")
        .args(["--quiet", "--no-reread", "--no-tell-kernel"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = sfdisk.stdin.take() {
        input.write_all(PARTITIONS.as_bytes()).map_err(failed)?;
    }
    let status = sfdisk.wait().map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Program {
        command: format!("sfdisk {}", path.display()),
        status,
        output: String::new(),
    })
}

fn qemu_img(arguments: &[&OsStr]) -> Result<(), Error> {
    process::run(Command::new("qemu-img").args(arguments)).map(drop)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

    use super::*;
    use crate::gpt;

    #[test]
    fn the_images_are_what_their_names_say() {
        let dir = tempfile::tempdir().unwrap();
        let images = Images::make(dir.path(), 8 << 30).unwrap();
        let table = gpt::read(&File::open(images.raw()).unwrap(), 1).unwrap();
        assert_eq!(table.unwrap().partitions.len(), 1);
        let info = |image: &Path| {
            let text = process::run(
                Command::new("qemu-img")
                    .args(["info", "--output=json"])
                    .arg(image),
            );
            serde_json::from_str::<serde_json::Value>(&text.unwrap()).unwrap()
        };
        assert_eq!(info(images.qcow2())["virtual-size"], BYTES);
        assert_eq!(info(images.large())["virtual-size"], 8_u64 << 30);
        let backing = &info(images.backed())["backing-filename"];
        assert_eq!(*backing, images.raw().display().to_string());
    }
}
