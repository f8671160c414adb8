// SPDX-License-Identifier: Apache-2.0
//! The master boot record: four primary partitions and the disk identifier.
//!
//! Logical partitions inside an extended one are not followed: nothing this
//! agent does depends on them, except that they take up their extended
//! partition's room.

use super::{Partition, Patch, Role, TableError};

const ENTRIES: usize = 446;
const ENTRY_LENGTH: usize = 16;
const IDENTIFIER: usize = 440;
const PROTECTIVE: u8 = 0xee;
/// With cylinders, with LBA addressing, and as Linux numbered it once.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];

/// EFI system partition (UEFI specification, chapter 5.2.2).
const ESP: u8 = 0xef;
/// FAT32 with LBA addressing.
pub(super) const FAT32: u8 = 0x0c;

/// A master boot record, with the sectors it was read for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mbr {
    sector: u32,
    /// The whole first sector.
    bytes: Vec<u8>,
    entries: [MbrEntry; 4],
}

/// One of the four entries, in sectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MbrEntry {
    /// Partition type; 0 means unused.
    pub kind: u8,
    /// First sector.
    pub first: u32,
    /// Number of sectors.
    pub sectors: u32,
}

/// The four bytes at offset 440, little-endian (contract §14.7).
#[must_use]
pub fn disk_identifier(head: &[u8]) -> u32 {
    u32_at(head, IDENTIFIER).unwrap_or(0)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl MbrEntry {
    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            kind: *bytes.get(4)?,
            first: u32_at(bytes, 8)?,
            sectors: u32_at(bytes, 12)?,
        })
    }

    pub(super) fn in_use(self) -> bool {
        self.kind != 0 && self.sectors > 0
    }

    pub(super) fn is_protective(self) -> bool {
        self.kind == PROTECTIVE
    }

    /// Whether logical partitions lie in it, whose own records would have to
    /// be followed.
    pub(super) fn is_extended(self) -> bool {
        EXTENDED.contains(&self.kind)
    }

    /// The first sector behind it.
    pub(super) fn end(self) -> u64 {
        u64::from(self.first) + u64::from(self.sectors)
    }
}

impl Mbr {
    pub(super) fn read(head: &[u8], sector: u32, size: u64) -> Result<Self, TableError> {
        let bytes = head.get(..sector as usize).ok_or(TableError::Missing)?;
        if bytes.get(510..512) != Some(&[0x55, 0xaa]) {
            return Err(TableError::Missing);
        }
        let mut entries = [MbrEntry::default(); 4];
        for (index, entry) in entries.iter_mut().enumerate() {
            let at = ENTRIES + index * ENTRY_LENGTH;
            let raw = &bytes[at..at + ENTRY_LENGTH];
            // A boot sector of a file system has the same mark at its end, but
            // program code here. The kernel tells them apart the same way.
            if raw[0] & 0x7f != 0 {
                return Err(TableError::Missing);
            }
            *entry = MbrEntry::read(raw).ok_or(TableError::Missing)?;
            let inside = u64::from(entry.first) * u64::from(sector) < size;
            if entry.in_use() && !inside {
                return Err(TableError::Damaged(
                    "a partition begins behind the end of the disk",
                ));
            }
        }
        Ok(Self {
            sector,
            bytes: bytes.to_vec(),
            entries,
        })
    }

    /// Whether it only keeps old tools away from a GPT.
    #[must_use]
    pub fn is_protective(&self) -> bool {
        self.entries.iter().any(|entry| entry.is_protective())
    }

    /// The four entries.
    #[must_use]
    pub fn entries(&self) -> &[MbrEntry; 4] {
        &self.entries
    }

    pub(super) fn partitions(&self) -> Vec<Partition> {
        let sector = u64::from(self.sector);
        (1..)
            .zip(&self.entries)
            .filter(|(_, entry)| entry.in_use())
            .map(|(number, entry)| Partition {
                number,
                offset: u64::from(entry.first) * sector,
                length: u64::from(entry.sectors) * sector,
                name: None,
            })
            .collect()
    }

    pub(super) fn role(&self, number: u32) -> Role {
        let entry = (number as usize).checked_sub(1);
        match entry.and_then(|index| self.entries.get(index)) {
            Some(entry) if entry.kind == ESP => Role::Esp,
            _ => Role::Other,
        }
    }

    /// Bytes of a sector.
    pub(super) fn sector_size(&self) -> u64 {
        u64::from(self.sector)
    }

    /// Changes the places of an entry within the bytes of a disk's beginning;
    /// its flags and its type stay.
    pub(super) fn put(head: &mut [u8], index: usize, entry: MbrEntry) {
        let at = ENTRIES + index * ENTRY_LENGTH;
        if let Some(raw) = head.get_mut(at + 8..at + ENTRY_LENGTH) {
            raw[..4].copy_from_slice(&entry.first.to_le_bytes());
            raw[4..].copy_from_slice(&entry.sectors.to_le_bytes());
        }
    }

    /// Puts an entry into the first free place.
    pub(super) fn add(&mut self, new: MbrEntry) -> Result<(Partition, Vec<Patch>), TableError> {
        let index = self
            .entries
            .iter()
            .position(|entry| !entry.in_use())
            .ok_or_else(|| TableError::NoRoom("all four primary partitions are in use".into()))?;
        self.entries[index] = new;
        let at = ENTRIES + index * ENTRY_LENGTH;
        let raw = &mut self.bytes[at..at + ENTRY_LENGTH];
        // Cylinders, heads and sectors cannot express these places: "look at LBA".
        raw[..8].copy_from_slice(&[0, 0xfe, 0xff, 0xff, new.kind, 0xfe, 0xff, 0xff]);
        raw[8..12].copy_from_slice(&new.first.to_le_bytes());
        raw[12..].copy_from_slice(&new.sectors.to_le_bytes());
        let sector = u64::from(self.sector);
        let partition = Partition {
            number: u32::try_from(index + 1).unwrap_or(1),
            offset: u64::from(new.first) * sector,
            length: u64::from(new.sectors) * sector,
            name: None,
        };
        let patch = Patch {
            offset: 0,
            bytes: self.bytes.clone(),
        };
        Ok((partition, vec![patch]))
    }
}
