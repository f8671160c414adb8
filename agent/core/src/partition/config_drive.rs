// SPDX-License-Identifier: Apache-2.0
//! Where the config drive goes on a whole-disk image (contract §15).

use super::mbr::FAT32;
use super::{Gpt, GptEntry, Mbr, MbrEntry, Partition, Patch, Table, TableError};
use crate::config_drive::{LABEL, LIMIT};

/// A partition for the config drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The partition.
    pub partition: Partition,
    /// What must be written to create it; empty if it exists.
    pub patches: Vec<Patch>,
}

/// MBR partitions cannot begin or end behind this sector.
const MBR_LIMIT: u64 = 1 << 32;

/// New partitions begin at a multiple of this, in bytes.
const ALIGNMENT: u64 = 1 << 20;

/// Whether a partition or its file system is the config drive's.
#[must_use]
pub fn is_labelled(partition: &Partition, file_system_label: Option<&str>) -> bool {
    [partition.name.as_deref(), file_system_label]
        .into_iter()
        .flatten()
        .any(|label| label.eq_ignore_ascii_case(LABEL))
}

/// Adds a partition at the end of the disk: the last 64 MiB.
///
/// `unique` becomes the partition's GUID; it comes from the machine's random
/// numbers. `size` is the disk's, in bytes.
///
/// # Errors
///
/// [`TableError::NoRoom`] if something lies there or no entry is free.
pub fn add(table: &mut Table, unique: [u8; 16], size: u64) -> Result<Place, TableError> {
    let (partition, patches) = match table {
        Table::Gpt(gpt) => add_to_gpt(gpt, unique)?,
        Table::Mbr(mbr) => add_to_mbr(mbr, size)?,
    };
    Ok(Place { partition, patches })
}

fn add_to_gpt(gpt: &mut Gpt, unique: [u8; 16]) -> Result<(Partition, Vec<Patch>), TableError> {
    let sector = u64::from(gpt.sector());
    let last = gpt.last_usable();
    let exact = (last + 1)
        .checked_sub(LIMIT / sector)
        .filter(|first| *first >= gpt.first_usable())
        .ok_or_else(|| TableError::NoRoom("the disk is too small".into()))?;
    // An aligned beginning is nicer, but not worth failing for.
    let aligned = exact / (ALIGNMENT / sector) * (ALIGNMENT / sector);
    let first = if aligned >= gpt.first_usable() && gpt.is_free(aligned, last) {
        aligned
    } else {
        exact
    };
    gpt.add(&GptEntry {
        first,
        last,
        unique: random_guid(unique),
        name: LABEL.into(),
    })
}

/// Version and variant bits of a random GUID (RFC 9562), in the mixed byte
/// order of GPT.
pub(super) fn random_guid(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[7] = bytes[7] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

fn add_to_mbr(mbr: &mut Mbr, size: u64) -> Result<(Partition, Vec<Patch>), TableError> {
    let no_room = |why: &str| TableError::NoRoom(why.into());
    let sector = mbr.sector_size();
    let end = (size / sector).min(MBR_LIMIT - 1);
    let exact = end
        .checked_sub(LIMIT / sector)
        .filter(|first| *first > 0)
        .ok_or_else(|| no_room("the disk is too small"))?;
    let free = |from: u64| {
        mbr.entries()
            .iter()
            .filter(|entry| entry.in_use())
            .all(|entry| entry.end() <= from || u64::from(entry.first) >= end)
    };
    let aligned = exact / (ALIGNMENT / sector) * (ALIGNMENT / sector);
    let first = [aligned, exact]
        .into_iter()
        .find(|first| *first > 0 && free(*first))
        .ok_or_else(|| no_room("other partitions lie there"))?;
    let narrow = |number| u32::try_from(number).map_err(|_| no_room("the disk is too large"));
    mbr.add(MbrEntry {
        kind: FAT32,
        first: narrow(first)?,
        sectors: narrow(end - first)?,
    })
}
