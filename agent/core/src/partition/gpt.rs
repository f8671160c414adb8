// SPDX-License-Identifier: Apache-2.0
//! The GUID partition table (UEFI specification, chapter 5).
//!
//! Only the primary table is believed: after an image has been written the
//! backup is wherever the image's disk ended.

pub(super) mod blank;
mod convert;

use std::ops::Range;

use super::{Partition, Patch, Role, TableError};

pub(super) const SIGNATURE: &[u8] = b"EFI PART";

const HEADER_LENGTH: usize = 92;
const ENTRY_LENGTH: usize = 128;
const NAME: Range<usize> = 56..128;
/// EFI system partition: c12a7328-f81f-11d2-ba4b-00a0c93ec93b.
const ESP: [u8; 16] = [
    0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b,
];
/// Root file systems: 4f68bce3-e8cd-4db1-96e7-fbcaf984b709 for x86-64,
/// b921b045-1df0-41c3-af44-4c6f280d3fae for aarch64.
const ROOTS: [[u8; 16]; 2] = [
    [
        0xe3, 0xbc, 0x68, 0x4f, 0xcd, 0xe8, 0xb1, 0x4d, 0x96, 0xe7, 0xfb, 0xca, 0xf9, 0x84, 0xb7,
        0x09,
    ],
    [
        0x45, 0xb0, 0x21, 0xb9, 0xf0, 0x1d, 0xc3, 0x41, 0xaf, 0x44, 0x4c, 0x6f, 0x28, 0x0d, 0x3f,
        0xae,
    ],
];
/// Linux file system data.
const LINUX_DATA: [u8; 16] = [
    0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4,
];

/// A table whose checksums are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpt {
    sector: u32,
    /// Sectors of the disk.
    sectors: u64,
    /// The first sector, so that the protective MBR can be corrected.
    mbr: Vec<u8>,
    /// The first [`HEADER_LENGTH`] bytes of the primary header.
    header: [u8; HEADER_LENGTH],
    entries_at: u64,
    entry_length: usize,
    /// The entries, without padding.
    entries: Vec<u8>,
    first_usable: u64,
    last_usable: u64,
}

/// A partition to add, in sectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GptEntry {
    /// First sector.
    pub first: u64,
    /// Last sector, itself included.
    pub last: u64,
    /// Unique GUID, as bytes on the disk.
    pub unique: [u8; 16],
    /// Name; what does not fit into 36 UTF-16 units is cut off.
    pub name: String,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn check(sound: bool, problem: &'static str) -> Result<(), TableError> {
    if sound {
        Ok(())
    } else {
        Err(TableError::Damaged(problem))
    }
}

impl Gpt {
    pub(super) fn read(head: &[u8], sector: u32, size: u64) -> Result<Option<Self>, TableError> {
        let at = sector as usize;
        let Some(raw) = head.get(at..at + HEADER_LENGTH) else {
            return Ok(None);
        };
        if !raw.starts_with(SIGNATURE) {
            return Ok(None);
        }
        let cut = TableError::Damaged("it is cut off");
        let header = header(head, at, sector)?;
        let number = |at| u64_at(&header, at).ok_or(cut.clone());
        let entry_length = u32_at(&header, 84).ok_or(cut.clone())? as usize;
        let count = u32_at(&header, 80).ok_or(cut.clone())? as usize;
        check(
            entry_length.is_power_of_two() && (ENTRY_LENGTH..=4096).contains(&entry_length),
            "the entries have an impossible size",
        )?;
        let entries_at = number(72)?;
        let entries = entries(head, entries_at, sector, count, entry_length)?;
        check(
            u32_at(&header, 88) == Some(crc32fast::hash(&entries)),
            "the checksum of the entries is wrong",
        )?;
        let gpt = Self {
            sector,
            sectors: size / u64::from(sector),
            mbr: head[..at].to_vec(),
            header,
            entries_at,
            entry_length,
            entries,
            first_usable: number(40)?,
            last_usable: number(48)?,
        };
        check(
            gpt.first_usable > gpt.entries_at && gpt.first_usable <= gpt.last_usable,
            "the usable range is impossible",
        )?;
        gpt.check_entries()?;
        Ok(Some(gpt))
    }

    fn check_entries(&self) -> Result<(), TableError> {
        let end = self.sectors;
        check(
            self.used()
                .all(|(_, first, last)| first <= last && last < end),
            "a partition lies behind the end of the disk",
        )
    }

    /// Number, first and last sector of each entry in use.
    fn used(&self) -> impl Iterator<Item = (u32, u64, u64)> {
        (1..)
            .zip(self.entries.chunks_exact(self.entry_length))
            .filter(|(_, entry)| entry[..16] != [0; 16])
            .filter_map(|(number, entry)| Some((number, u64_at(entry, 32)?, u64_at(entry, 40)?)))
    }

    pub(super) fn partitions(&self) -> Vec<Partition> {
        let sector = u64::from(self.sector);
        self.used()
            .map(|(number, first, last)| Partition {
                number,
                offset: first * sector,
                length: (last - first + 1) * sector,
                name: Some(self.name(number)),
            })
            .collect()
    }

    fn name(&self, number: u32) -> String {
        let at = (number as usize - 1) * self.entry_length;
        let units = self.entries[at..at + ENTRY_LENGTH][NAME]
            .chunks_exact(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
            .take_while(|unit| *unit != 0);
        char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }

    pub(super) fn role(&self, number: u32) -> Role {
        let index = (number as usize).checked_sub(1);
        let entry = index.and_then(|index| self.entries.chunks_exact(self.entry_length).nth(index));
        match entry.map(|entry| &entry[..16]) {
            Some(kind) if kind == ESP => Role::Esp,
            Some(kind) if ROOTS.iter().any(|root| kind == root) => Role::Root,
            _ => Role::Other,
        }
    }

    /// First sector that a partition may take.
    #[must_use]
    pub fn first_usable(&self) -> u64 {
        self.first_usable
    }

    /// Last sector that a partition may take.
    #[must_use]
    pub fn last_usable(&self) -> u64 {
        self.last_usable
    }

    /// Bytes of a sector.
    #[must_use]
    pub fn sector(&self) -> u32 {
        self.sector
    }

    /// Whether no partition touches these sectors, both ends included.
    #[must_use]
    pub fn is_free(&self, from: u64, to: u64) -> bool {
        self.used()
            .all(|(_, first, last)| last < from || first > to)
    }

    fn entry_sectors(&self) -> u64 {
        (self.entries.len() as u64).div_ceil(u64::from(self.sector))
    }

    /// Makes the table fit its disk: the backup at the very end, everything in
    /// between usable. Returns what must be written, the backup first, so that
    /// the primary header never refers to a backup that is not there.
    ///
    /// # Errors
    ///
    /// [`TableError::Damaged`] if a partition lies where the backup must go.
    pub fn fit_to_disk(&mut self) -> Result<Vec<Patch>, TableError> {
        let reserved = self.entry_sectors() + 1;
        let last_usable = self
            .sectors
            .checked_sub(reserved + 1)
            .filter(|last| *last >= self.first_usable)
            .ok_or(TableError::Damaged("the disk is too small for its table"))?;
        check(
            self.used().all(|(_, _, last)| last <= last_usable),
            "a partition lies where the backup of the table must go",
        )?;
        self.last_usable = last_usable;
        self.correct_protective_mbr();
        Ok(self.patches())
    }

    /// Puts a partition into the first free entry.
    ///
    /// # Errors
    ///
    /// [`TableError::NoRoom`] if all entries or the sectors are taken.
    pub fn add(&mut self, new: &GptEntry) -> Result<(Partition, Vec<Patch>), TableError> {
        let taken = TableError::NoRoom("other partitions lie there".into());
        let inside = new.first >= self.first_usable
            && new.last <= self.last_usable
            && new.last < self.sectors;
        if !inside || new.first > new.last || !self.is_free(new.first, new.last) {
            return Err(taken);
        }
        let index = self
            .entries
            .chunks_exact(self.entry_length)
            .position(|entry| entry[..16] == [0; 16])
            .ok_or_else(|| TableError::NoRoom("all entries are in use".into()))?;
        let at = index * self.entry_length;
        let entry = &mut self.entries[at..at + self.entry_length];
        entry.fill(0);
        entry[..16].copy_from_slice(&LINUX_DATA);
        entry[16..32].copy_from_slice(&new.unique);
        entry[32..40].copy_from_slice(&new.first.to_le_bytes());
        entry[40..48].copy_from_slice(&new.last.to_le_bytes());
        for (place, unit) in entry[NAME].chunks_exact_mut(2).zip(new.name.encode_utf16()) {
            place.copy_from_slice(&unit.to_le_bytes());
        }
        let sector = u64::from(self.sector);
        let partition = Partition {
            number: u32::try_from(index + 1).unwrap_or(u32::MAX),
            offset: new.first * sector,
            length: (new.last - new.first + 1) * sector,
            name: Some(new.name.clone()),
        };
        Ok((partition, self.patches()))
    }

    /// The protective partition covers the disk behind its first sector, or all
    /// that it can express (UEFI specification §5.2.3). A hybrid MBR is
    /// somebody's intention and stays.
    fn correct_protective_mbr(&mut self) {
        let lone = (1..4).all(|entry| self.mbr[446 + entry * 16 + 4] == 0);
        if self.mbr[446 + 4] == 0xee && lone {
            let size = u32::try_from(self.sectors - 1).unwrap_or(u32::MAX);
            self.mbr[446 + 8..446 + 12].copy_from_slice(&1_u32.to_le_bytes());
            self.mbr[446 + 12..446 + 16].copy_from_slice(&size.to_le_bytes());
        }
    }

    /// Backup entries, backup header, primary entries, primary header, MBR.
    fn patches(&self) -> Vec<Patch> {
        let last = self.sectors - 1;
        let backup_entries = last - self.entry_sectors();
        let sector = u64::from(self.sector);
        let entries = self.padded(&self.entries);
        let patch = |at: u64, bytes: Vec<u8>| Patch {
            offset: at * sector,
            bytes,
        };
        vec![
            patch(backup_entries, entries.clone()),
            patch(last, self.header_at(last, 1, backup_entries)),
            patch(self.entries_at, entries),
            patch(1, self.header_at(1, last, self.entries_at)),
            patch(0, self.mbr.clone()),
        ]
    }

    fn padded(&self, bytes: &[u8]) -> Vec<u8> {
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len().next_multiple_of(self.sector as usize), 0);
        padded
    }

    fn header_at(&self, own: u64, other: u64, entries_at: u64) -> Vec<u8> {
        let mut header = self.header;
        header[12..16].copy_from_slice(&92_u32.to_le_bytes());
        header[16..24].fill(0);
        header[24..32].copy_from_slice(&own.to_le_bytes());
        header[32..40].copy_from_slice(&other.to_le_bytes());
        header[40..48].copy_from_slice(&self.first_usable.to_le_bytes());
        header[48..56].copy_from_slice(&self.last_usable.to_le_bytes());
        header[72..80].copy_from_slice(&entries_at.to_le_bytes());
        header[88..92].copy_from_slice(&crc32fast::hash(&self.entries).to_le_bytes());
        let checksum = crc32fast::hash(&header);
        header[16..20].copy_from_slice(&checksum.to_le_bytes());
        self.padded(&header)
    }
}

/// The header, its own checksum verified over the length it tells.
fn header(head: &[u8], at: usize, sector: u32) -> Result<[u8; HEADER_LENGTH], TableError> {
    let cut = TableError::Damaged("it is cut off");
    let length = u32_at(head, at + 12).ok_or(cut.clone())? as usize;
    check(
        (HEADER_LENGTH..=sector as usize).contains(&length),
        "the header has an impossible size",
    )?;
    let mut whole = head.get(at..at + length).ok_or(cut.clone())?.to_vec();
    let checksum = u32_at(&whole, 16);
    whole[16..20].fill(0);
    check(
        checksum == Some(crc32fast::hash(&whole)),
        "the checksum of the header is wrong",
    )?;
    check(
        u64_at(&whole, 24) == Some(1),
        "the header is not where it says",
    )?;
    whole[..HEADER_LENGTH].try_into().map_err(|_| cut)
}

fn entries(
    head: &[u8],
    at: u64,
    sector: u32,
    count: usize,
    entry_length: usize,
) -> Result<Vec<u8>, TableError> {
    let outside = TableError::Damaged("the entries are outside the first MiB");
    check(at >= 2, "the entries lie over the header")?;
    let from = at
        .checked_mul(u64::from(sector))
        .and_then(|from| usize::try_from(from).ok())
        .ok_or(outside.clone())?;
    let length = count.checked_mul(entry_length).ok_or(outside.clone())?;
    let to = from.checked_add(length).ok_or(outside.clone())?;
    head.get(from..to).map(<[u8]>::to_vec).ok_or(outside)
}
