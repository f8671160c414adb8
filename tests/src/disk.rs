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
use crate::files;
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
        [one] if one.name.eq_ignore_ascii_case(CONFIG_DRIVE) => Ok(Some(one.bytes(SECTOR))),
        unknown => Err(format!(
            "it has partitions that the image has not: {unknown:?}"
        )),
    }
}

/// The FAT file systems that begin at this byte of both have the same files.
fn expect_same_files(disk: &Path, raw_image: &Path, start: u64) -> Result<(), Error> {
    let unpacked = |whole: &Path, name: &str| {
        let directory = disk.with_extension(name);
        files::remove_dir(&directory)?;
        files::make_dir(&directory)?;
        process::run(
            Command::new("mcopy")
                .args(["-s", "-n", "-i"])
                .arg(format!("{}@@{start}", whole.display()))
                .arg("::*")
                .arg(&directory),
        )?;
        Ok::<_, Error>(directory)
    };
    let (ours, theirs) = (unpacked(disk, "esp")?, unpacked(raw_image, "esp-of-image")?);
    process::run(Command::new("diff").arg("-r").args([&ours, &theirs])).map(drop)
}

/// Compares a disk with sectors of `sector` bytes with the raw image, made for sectors of 512 bytes,
/// that was written to it: both tables valid, every partition with the same identity, the same
/// bytes at the same place (the EFI system partition: the same files), and at most one more
/// partition, for the config drive.
///
/// # Errors
/// [`Error::Disk`] with the first difference.
pub fn compare_partitions(disk: &Path, sector: u64, raw_image: &Path) -> Result<Compared, Error> {
    let different = |problem: String| Error::Disk {
        path: disk.to_owned(),
        problem,
    };
    let (disk_file, disk_bytes) = open(disk)?;
    let (image_file, _) = open(raw_image)?;
    let image = gpt::read(&image_file, 1).map_err(reading(raw_image))?;
    let image =
        image.ok_or_else(|| different("the image has no GPT to compare with".to_owned()))?;
    let read = |at: u64| {
        let table = gpt::read_sized(&disk_file, at, sector).map_err(reading(disk))?;
        table.ok_or_else(|| different(format!("it has no valid GPT header in sector {at}")))
    };
    let last = disk_bytes / sector - 1;
    let (first, second) = (read(1)?, read(last)?);
    if first.partitions != second.partitions || first.other_sector != last {
        return Err(different("its two GPT headers do not agree".to_owned()));
    }
    let mut bytes = 0;
    for theirs in &image.partitions {
        let place = theirs.bytes(SECTOR);
        let same = first.partitions.iter().any(|ours| {
            ours.identity() == theirs.identity()
                && ours.bytes(sector) == place
                && ours.index == theirs.index
        });
        if !same {
            let found = &first.partitions;
            return Err(different(format!("{theirs:?} is not among {found:?}")));
        }
        if theirs.is_efi_system() {
            // Its file system is made anew for the other sectors.
            expect_same_files(disk, raw_image, place.start)?;
        } else {
            expect_same((&disk_file, disk), (&image_file, raw_image), place.clone())?;
        }
        bytes += place.end - place.start;
    }
    let mut added = first.partitions.iter().skip(image.partitions.len());
    let config_drive = added
        .next()
        .filter(|one| one.name.eq_ignore_ascii_case(CONFIG_DRIVE))
        .map(|one| one.bytes(sector));
    if first.partitions.len() > image.partitions.len() + usize::from(config_drive.is_some()) {
        return Err(different(
            "it has partitions that the image has not".to_owned(),
        ));
    }
    Ok(Compared {
        bytes,
        config_drive,
    })
}

/// Fails at the first chunk of `place` that differs.
fn expect_same(
    (disk, disk_path): (&File, &Path),
    (image, image_path): (&File, &Path),
    place: Range<u64>,
) -> Result<(), Error> {
    let (mut ours, mut theirs) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut at = place.start;
    while at < place.end {
        let length = chunk_at(at, place.end);
        disk.read_exact_at(&mut ours[..length], at)
            .map_err(reading(disk_path))?;
        image
            .read_exact_at(&mut theirs[..length], at)
            .map_err(reading(image_path))?;
        if ours[..length] != theirs[..length] {
            return Err(Error::Disk {
                path: disk_path.to_owned(),
                problem: format!("differs from the image behind byte {at:#x}"),
            });
        }
        at += length as u64;
    }
    Ok(())
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

    /// A table for sectors of 4096 bytes, with the partitions of [`deployed`]'s image, as sgdisk
    /// cannot make it for a file.
    fn large_sectors(image: &Path, disk: &Path, first_sector: u64) {
        let sector = 4096;
        let bytes = 80 * MIB;
        std::fs::copy(image, disk).unwrap();
        let file = File::options().read(true).write(true).open(disk).unwrap();
        file.set_len(bytes).unwrap();
        let table = gpt::read(&File::open(image).unwrap(), 1).unwrap().unwrap();
        let mut entries = vec![0; 128 * 128];
        entries[..128].copy_from_slice(&table.partitions[0].entry);
        entries[32..40].copy_from_slice(&first_sector.to_le_bytes());
        entries[40..48].copy_from_slice(&(first_sector + 1023).to_le_bytes());
        let last = bytes / sector - 1;
        for (own, other, at) in [(1, last, 2), (last, 1, last - 4)] {
            let mut header = vec![0; 92];
            header[..8].copy_from_slice(b"EFI PART");
            header[12] = 92;
            for (place, number) in [(24, own), (32, other), (40, 6), (48, last - 5), (72, at)] {
                header[place..place + 8].copy_from_slice(&u64::to_le_bytes(number));
            }
            header[80] = 128;
            header[84] = 128;
            header[88..92].copy_from_slice(&crc32fast::hash(&entries).to_le_bytes());
            let checksum = crc32fast::hash(&header).to_le_bytes();
            header[16..20].copy_from_slice(&checksum);
            file.write_all_at(&header, own * sector).unwrap();
            file.write_all_at(&entries, at * sector).unwrap();
        }
    }

    #[test]
    fn a_table_for_large_sectors_is_compared_by_its_meaning() {
        let dir = tempfile::tempdir().unwrap();
        let (image, _) = deployed(dir.path());
        let disk = dir.path().join("large");
        large_sectors(&image, &disk, 256);
        let compared = compare_partitions(&disk, 4096, &image).unwrap();
        assert_eq!((compared.bytes, compared.config_drive), (4 * MIB, None));
        change(&disk, 2 * MIB + 3, b"X");
        let error = compare_partitions(&disk, 4096, &image).unwrap_err();
        assert!(error.to_string().contains("differs"), "{error}");
        large_sectors(&image, &disk, 257);
        let error = compare_partitions(&disk, 4096, &image).unwrap_err();
        assert!(error.to_string().contains("is not among"), "{error}");
        let error = compare_partitions(&image, 4096, &image).unwrap_err();
        assert!(error.to_string().contains("no valid GPT"), "{error}");
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
