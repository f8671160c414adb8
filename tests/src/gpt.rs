// SPDX-License-Identifier: Apache-2.0
//! GUID partition tables, just as much as a comparison of disks needs (UEFI specification, 5.3).
//! Written apart from the agent's own code, so that the two check each other.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// The sector size of most disks of the lab, and of all images.
pub const SECTOR: u64 = 512;
const SIGNATURE: &[u8; 8] = b"EFI PART";
/// A header with this many bytes or an entry array with this many entries is not believed.
const HEADER_LIMIT: usize = 512;
const ENTRY_LIMIT: u32 = 1024;

/// One used entry of the partition array, as it is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its place in the array, from 0.
    pub index: usize,
    /// First and last sector.
    pub sectors: (u64, u64),
    /// Its name.
    pub name: String,
    /// The whole entry.
    pub entry: Vec<u8>,
}

/// The type of an EFI system partition, as it stands in the table.
const EFI_SYSTEM: [u8; 16] = [
    0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b,
];

/// A valid header and its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpt {
    /// Where this header is.
    pub sector: u64,
    /// Where the other header is.
    pub other_sector: u64,
    /// First and last sector that partitions may use.
    pub usable: (u64, u64),
    /// The partitions.
    pub partitions: Vec<Partition>,
}

/// Reads the header at `sector`. `Ok(None)` if there is none or its checksums are wrong.
///
/// # Errors
/// If the file cannot be read.
pub fn read(disk: &File, sector: u64) -> io::Result<Option<Gpt>> {
    read_sized(disk, sector, SECTOR)
}

/// The same on a disk with sectors of `sector_size` bytes.
///
/// # Errors
/// If the file cannot be read.
pub fn read_sized(disk: &File, sector: u64, sector_size: u64) -> io::Result<Option<Gpt>> {
    let mut header = vec![0; HEADER_LIMIT];
    if !read_whole(disk, &mut header, sector * sector_size)? || &header[..8] != SIGNATURE {
        return Ok(None);
    }
    let size = u32_at(&header, 12) as usize;
    if !(92..=HEADER_LIMIT).contains(&size) {
        return Ok(None);
    }
    let checksum = u32_at(&header, 16);
    header[16..20].fill(0);
    if crc32fast::hash(&header[..size]) != checksum || u64_at(&header, 24) != sector {
        return Ok(None);
    }
    let (count, entry_size) = (u32_at(&header, 80), u32_at(&header, 84) as usize);
    if count > ENTRY_LIMIT || !(128..=4096).contains(&entry_size) {
        return Ok(None);
    }
    let mut entries = vec![0; count as usize * entry_size];
    let start = u64_at(&header, 72).saturating_mul(sector_size);
    if !read_whole(disk, &mut entries, start)? || crc32fast::hash(&entries) != u32_at(&header, 88) {
        return Ok(None);
    }
    Ok(Some(Gpt {
        sector,
        other_sector: u64_at(&header, 32),
        usable: (u64_at(&header, 40), u64_at(&header, 48)),
        partitions: entries
            .chunks(entry_size)
            .enumerate()
            .filter_map(partition)
            .collect(),
    }))
}

impl Partition {
    /// Its place on a disk with sectors of `sector_size` bytes.
    #[must_use]
    pub fn bytes(&self, sector_size: u64) -> Range<u64> {
        self.sectors.0 * sector_size..(self.sectors.1 + 1) * sector_size
    }

    /// All that the table says of it except its place: type, GUID, attributes, name.
    #[must_use]
    pub fn identity(&self) -> (&[u8], &[u8]) {
        (&self.entry[..32], &self.entry[48..128])
    }

    /// Whether it is an EFI system partition.
    #[must_use]
    pub fn is_efi_system(&self) -> bool {
        self.entry.starts_with(&EFI_SYSTEM)
    }
}

fn partition((index, entry): (usize, &[u8])) -> Option<Partition> {
    if entry[..16].iter().all(|byte| *byte == 0) {
        return None;
    }
    let units: Vec<u16> = entry[56..128]
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|unit| *unit != 0)
        .collect();
    Some(Partition {
        index,
        sectors: (u64_at(entry, 32), u64_at(entry, 40)),
        name: String::from_utf16_lossy(&units),
        entry: entry.to_vec(),
    })
}

/// Reads exactly `buffer`; false if the file ends before.
fn read_whole(disk: &File, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
    match disk.read_exact_at(buffer, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    /// A disk with two partitions, made by sfdisk.
    fn disk_with_partitions(dir: &std::path::Path) -> std::path::PathBuf {
        let path = dir.join("disk");
        File::create(&path).unwrap().set_len(4 << 20).unwrap();
        let mut sfdisk = Command::new("sfdisk")
            .args(["--quiet", "--no-reread", "--no-tell-kernel"])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let script = "label: gpt\nstart=1MiB, size=1MiB, name=first\nname=\"second one\"\n";
        sfdisk
            .stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        assert!(sfdisk.wait().unwrap().success());
        path
    }

    #[test]
    fn both_headers_of_sfdisk_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::open(disk_with_partitions(dir.path())).unwrap();
        let first = read(&file, 1).unwrap().unwrap();
        let second = read(&file, first.other_sector).unwrap().unwrap();
        assert_eq!((first.other_sector, second.other_sector), (8191, 1));
        assert_eq!(first.partitions, second.partitions);
        let named: Vec<_> = first
            .partitions
            .iter()
            .map(|one| (one.index, one.name.as_str()))
            .collect();
        assert_eq!(named, [(0, "first"), (1, "second one")]);
        assert_eq!(first.partitions[0].sectors, (2048, 4095));
    }

    #[test]
    fn any_flipped_bit_of_the_table_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = disk_with_partitions(dir.path());
        let good = std::fs::read(&path).unwrap();
        // The header's checked bytes and the used entries.
        for at in (512..604).chain(1024..1280) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            let changed = dir.path().join("changed");
            std::fs::write(&changed, &bad).unwrap();
            assert_eq!(
                read(&File::open(&changed).unwrap(), 1).unwrap(),
                None,
                "byte {at}"
            );
        }
    }
}
