// SPDX-License-Identifier: Apache-2.0
//! Compares a machine's disk with the image that was deployed onto it, byte by byte, and looks for
//! data that should be gone after cleaning.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use crate::error::Error;
use crate::gpt::{self, Gpt, SECTOR};
use crate::process;

const CHUNK: usize = 1 << 20;
/// A table takes the first 34 and the last 33 sectors.
const TABLE_SECTORS: u64 = 34;
/// How many differences an error names.
const NAMED_DIFFERENCES: usize = 5;
/// The name of the partition that the agent adds for a config drive.
const CONFIG_DRIVE: &str = "config-2";

/// What a comparison went through.
#[derive(Debug)]
pub struct Compared {
    /// How many bytes of the disk equal the image, its holes included.
    pub bytes: u64,
    /// The config drive partition that the agent has added, as a byte range of the disk.
    pub config_drive: Option<Range<u64>>,
}

/// Makes a raw copy of an image of any format at `raw`.
///
/// # Errors
/// What `qemu-img` says.
pub fn to_raw(image: &Path, raw: &Path) -> Result<(), Error> {
    process::run(
        Command::new("qemu-img")
            .args(["convert", "-O", "raw"])
            .arg(image)
            .arg(raw),
    )
    .map(drop)
}

/// Compares `disk` with the raw image that was written to it. Holes of the image must read as
/// zeros. Where the image has a GPT, the table is compared by its meaning: both headers valid, the
/// second one at the end of the disk, all partitions of the image unchanged, and at most one more
/// partition, for the config drive.
///
/// # Errors
/// [`Error::Disk`] with the first differences.
pub fn compare(disk: &Path, raw_image: &Path) -> Result<Compared, Error> {
    let different = |problem: String| Error::Disk {
        path: disk.to_owned(),
        problem,
    };
    let (disk_file, disk_bytes) = open(disk)?;
    let (image_file, image_bytes) = open(raw_image)?;
    if image_bytes > disk_bytes {
        return Err(different(format!(
            "it is smaller than the image, which has {image_bytes} bytes"
        )));
    }
    let table = gpt::read(&image_file, 1).map_err(reading(raw_image))?;
    let (skipped, config_drive) = match &table {
        None => (Vec::new(), None),
        Some(table) => {
            let added = compare_tables(&disk_file, disk_bytes, table, disk).map_err(different)?;
            (vec![0..TABLE_SECTORS * SECTOR, tail_of(image_bytes)], added)
        }
    };
    let mut differences = Vec::new();
    let mut offset = 0;
    let (mut ours, mut theirs) = (vec![0; CHUNK], vec![0; CHUNK]);
    // Where both are holes, both are zeros.
    while let Some(at) = first_data(&[(&image_file, raw_image), (&disk_file, disk)], offset)?
        .filter(|at| *at < image_bytes)
    {
        let length = chunk_at(at, image_bytes);
        image_file
            .read_exact_at(&mut ours[..length], at)
            .map_err(reading(raw_image))?;
        disk_file
            .read_exact_at(&mut theirs[..length], at)
            .map_err(reading(disk))?;
        if ours[..length] != theirs[..length] {
            note_differences(
                &ours[..length],
                &theirs[..length],
                at,
                &skipped,
                &mut differences,
            );
        }
        offset = at + length as u64;
    }
    if differences.is_empty() {
        Ok(Compared {
            bytes: image_bytes,
            config_drive,
        })
    } else {
        differences.truncate(NAMED_DIFFERENCES);
        Err(different(format!(
            "differs from the image in sectors at {differences:#x?}"
        )))
    }
}

/// Compares the boot code and the tables; returns the config drive's range if there is one.
fn compare_tables(
    disk: &File,
    disk_bytes: u64,
    image: &Gpt,
    path: &Path,
) -> Result<Option<Range<u64>>, String> {
    let last = disk_bytes / SECTOR - 1;
    let read =
        |sector| gpt::read(disk, sector).map_err(|error| format!("{}: {error}", path.display()));
    let first = read(1)?.ok_or("it has no valid GPT header in sector 1")?;
    let second = read(last)?.ok_or(format!(
        "it has no valid GPT header in its last sector {last}"
    ))?;
    if first.other_sector != last || second.other_sector != 1 {
        return Err("its two GPT headers do not point at each other".to_owned());
    }
    if first.partitions != second.partitions {
        return Err("its two GPT headers list different partitions".to_owned());
    }
    let (same, added): (Vec<_>, Vec<_>) = first
        .partitions
        .into_iter()
        .partition(|one| image.partitions.contains(one));
    if same != image.partitions {
        return Err(format!(
            "partitions {same:?} instead of {:?}",
            image.partitions
        ));
    }
    match added.as_slice() {
        [] => Ok(None),
        [one] if one.name.eq_ignore_ascii_case(CONFIG_DRIVE) => {
            Ok(Some(one.sectors.0 * SECTOR..(one.sectors.1 + 1) * SECTOR))
        }
        unknown => Err(format!(
            "it has partitions that the image has not: {unknown:?}"
        )),
    }
}

/// Where the image's own second header is. It has no meaning on a larger disk.
fn tail_of(image_bytes: u64) -> Range<u64> {
    image_bytes.saturating_sub(TABLE_SECTORS * SECTOR)..image_bytes
}

/// Notes the offsets of sectors that differ and are not skipped.
fn note_differences(
    ours: &[u8],
    theirs: &[u8],
    offset: u64,
    skipped: &[Range<u64>],
    differences: &mut Vec<u64>,
) {
    let sector = usize::try_from(SECTOR).unwrap_or(512);
    let mut at = offset;
    for (our, their) in ours.chunks(sector).zip(theirs.chunks(sector)) {
        let skip = skipped.iter().any(|range| range.contains(&at));
        if our != their && !skip && differences.len() <= NAMED_DIFFERENCES {
            differences.push(at);
        }
        at += SECTOR;
    }
}

/// Fails if any byte of the disk is not zero.
///
/// # Errors
/// [`Error::Disk`] with the offset of the first one.
pub fn expect_zeros(disk: &Path) -> Result<(), Error> {
    let (file, bytes) = open(disk)?;
    let (mut chunk, zeros) = (vec![0_u8; CHUNK], vec![0_u8; CHUNK]);
    let mut offset = 0;
    while let Some(at) = first_data(&[(&file, disk)], offset)? {
        let length = chunk_at(at, bytes);
        file.read_exact_at(&mut chunk[..length], at)
            .map_err(reading(disk))?;
        // Slices are compared by the C library; a loop over bytes takes minutes without optimiser.
        if chunk[..length] != zeros[..length] {
            let within = chunk.iter().position(|byte| *byte != 0).unwrap_or(0);
            let problem = format!(
                "not empty: the byte at {:#x} is not zero",
                at + within as u64
            );
            return Err(Error::Disk {
                path: disk.to_owned(),
                problem,
            });
        }
        offset = at + length as u64;
    }
    Ok(())
}

/// The first offset from `offset` on where any of the files has data and not a hole.
fn first_data(files: &[(&File, &Path)], offset: u64) -> Result<Option<u64>, Error> {
    let mut first = None;
    for (file, path) in files {
        let found = data_from(file, offset).map_err(|error| reading(path)(error.into()))?;
        first = match (first, found) {
            (Some(one), Some(other)) => Some(u64::min(one, other)),
            (one, other) => one.or(other),
        };
    }
    Ok(first)
}

/// `SEEK_DATA` of lseek(2). A file system that does not know holes calls everything data.
fn data_from(file: &File, offset: u64) -> Result<Option<u64>, Errno> {
    let offset = i64::try_from(offset).map_err(|_| Errno::EOVERFLOW)?;
    match lseek(file, offset, Whence::SeekData) {
        Ok(found) => Ok(u64::try_from(found).ok()),
        // There is no data behind this offset.
        Err(Errno::ENXIO) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How much is read at once at `offset` of a file of `bytes` bytes.
fn chunk_at(offset: u64, bytes: u64) -> usize {
    usize::try_from(bytes.saturating_sub(offset)).map_or(CHUNK, |left| left.min(CHUNK))
}

/// Reads a part of a disk.
///
/// # Errors
/// [`Error::File`].
pub fn read_range(disk: &Path, range: Range<u64>) -> Result<Vec<u8>, Error> {
    let (file, _) = open(disk)?;
    let length = usize::try_from(range.end - range.start).unwrap_or(0);
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)
        .map_err(reading(disk))?;
    Ok(bytes)
}

fn open(path: &Path) -> Result<(File, u64), Error> {
    let file = File::open(path).map_err(reading(path))?;
    let bytes = file.metadata().map_err(reading(path))?.len();
    Ok((file, bytes))
}

fn reading(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = PathBuf::from(path);
    move |source| Error::File {
        doing: "read",
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

    use std::io::Write;
    use std::process::Stdio;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn sfdisk(path: &Path, arguments: &[&str], script: &str) {
        let mut sfdisk = Command::new("sfdisk")
            .args(["--quiet", "--no-reread", "--no-tell-kernel"])
            .args(arguments)
            .arg(path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        sfdisk
            .stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        assert!(sfdisk.wait().unwrap().success());
    }

    /// An image, and a larger disk onto which it was written in the way an agent must do it.
    fn deployed(dir: &Path) -> (PathBuf, PathBuf) {
        let image = dir.join("image");
        File::create(&image).unwrap().set_len(8 * MIB).unwrap();
        sfdisk(&image, &[], "label: gpt\nsize=4MiB, name=root\n");
        let file = File::options().write(true).open(&image).unwrap();
        file.write_all_at(b"contents", 2 * MIB).unwrap();
        let disk = dir.join("disk");
        std::fs::copy(&image, &disk).unwrap();
        File::options()
            .write(true)
            .open(&disk)
            .unwrap()
            .set_len(80 * MIB)
            .unwrap();
        sfdisk(&disk, &["--relocate", "gpt-bak-std"], "");
        // The image's own second header is behind its first MiB: an agent that copies it is right.
        (image, disk)
    }

    fn change(disk: &Path, offset: u64, bytes: &[u8]) {
        File::options()
            .write(true)
            .open(disk)
            .unwrap()
            .write_all_at(bytes, offset)
            .unwrap();
    }

    #[test]
    fn a_well_deployed_disk_equals_its_image() {
        let dir = tempfile::tempdir().unwrap();
        let (image, disk) = deployed(dir.path());
        let compared = compare(&disk, &image).unwrap();
        assert_eq!((compared.bytes, compared.config_drive), (8 * MIB, None));
        sfdisk(
            &disk,
            &["--append"],
            "start=16MiB, size=1MiB, name=config-2\n",
        );
        let compared = compare(&disk, &image).unwrap();
        assert_eq!(compared.config_drive, Some(16 * MIB..17 * MIB));
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        type Spoil = fn(&Path);
        let cases: [(&str, Spoil, &str); 5] = [
            ("data", |disk| change(disk, 2 * MIB + 3, b"X"), "0x200000"),
            ("a hole", |disk| change(disk, 3 * MIB, &[0xa5]), "0x300000"),
            (
                "the first header",
                |disk| change(disk, 520, &[0xff]),
                "no valid GPT header in sector 1",
            ),
            (
                "the last header",
                |disk| change(disk, 80 * MIB - 500, &[0xff]),
                "in its last sector",
            ),
            (
                "a foreign partition",
                |disk| sfdisk(disk, &["--append"], "start=16MiB, size=1MiB, name=other\n"),
                "that the image has not",
            ),
        ];
        for (what, spoil, problem) in cases {
            let dir = tempfile::tempdir().unwrap();
            let (image, disk) = deployed(dir.path());
            spoil(&disk);
            let error = compare(&disk, &image).unwrap_err().to_string();
            assert!(error.contains(problem), "{what}: {error}");
        }
    }

    #[test]
    fn one_forgotten_byte_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        File::create(&disk).unwrap().set_len(3 * MIB + 512).unwrap();
        expect_zeros(&disk).unwrap();
        change(&disk, 3 * MIB + 511, &[1]);
        assert!(
            expect_zeros(&disk)
                .unwrap_err()
                .to_string()
                .contains("0x3001ff")
        );
    }
}
