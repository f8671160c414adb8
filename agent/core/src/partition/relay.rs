// SPDX-License-Identifier: Apache-2.0
//! A partition table for a disk whose sectors are not those it was made for.
//!
//! Tables count in sectors. Images are nearly always made for 512 bytes, and
//! some disks have 4096. The partitions stay at the same bytes; what changes
//! is the table: its place, and the unit of all its numbers.

use super::gpt::{self, Gpt};
use super::mbr::{Mbr, MbrEntry};
use super::{Patch, TableError};

/// Sectors that tables are made for.
const SECTORS: [u32; 2] = [512, 4096];

/// A beginning of a disk with its table in the disk's own sectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relaid {
    /// What the table had been made for, in bytes.
    pub made_for: u32,
    /// The first bytes of the disk, as many as were given.
    pub head: Vec<u8>,
    /// What must be written behind them before they are.
    pub behind: Vec<Patch>,
}

/// Tells what sectors a table was made for.
///
/// A GPT says so by its place. A master boot record does not: `is_known` tells
/// whether something known begins at a byte of the disk, and the unit that
/// finds more of that wins. In doubt a record is taken to be made for 512
/// bytes, as nearly all are.
#[must_use]
pub fn made_for(head: &[u8], real: u32, size: u64, is_known: &mut dyn FnMut(u64) -> bool) -> u32 {
    let gpt_at = |sector: u32| {
        let at = sector as usize;
        head.get(at..at + 8) == Some(gpt::SIGNATURE)
    };
    let Some(other) = SECTORS.into_iter().find(|sector| *sector != real) else {
        return real;
    };
    let Ok(record) = Mbr::read(head, 512, u64::MAX) else {
        return real;
    };
    if gpt_at(real) || record.is_protective() {
        let moved = !gpt_at(real) && gpt_at(other);
        return if moved { other } else { real };
    }
    if !record.entries().iter().any(|entry| entry.in_use()) {
        return real;
    }
    let mut hits = |sector: u32| {
        let begins = record.entries().iter().filter(|entry| entry.in_use());
        begins
            .map(|entry| u64::from(entry.first) * u64::from(sector))
            .filter(|at| *at < size && is_known(*at))
            .count()
    };
    let (as_small, as_large) = (hits(512), hits(4096));
    let in_use = record.entries().iter().filter(|entry| entry.in_use());
    // Without doubt only: a record for 4096 bytes is a rarity.
    if as_small == 0 && as_large == in_use.count() || real == 4096 && as_large > as_small {
        4096
    } else {
        512
    }
}

/// Makes the table that was made for sectors of `from` bytes one for a disk of
/// `size` bytes with sectors of `to` bytes. `head` is the disk's beginning, up
/// to [`super::HEAD`] bytes.
///
/// # Errors
///
/// [`TableError::Unaligned`] and its neighbours name the partition that makes
/// it impossible; other errors say what is wrong with the table.
pub fn relay(head: &[u8], from: u32, to: u32, size: u64) -> Result<Relaid, TableError> {
    let record = Mbr::read(head, 512, u64::MAX)?;
    let (head, patches) = match Gpt::read(head, from, size)? {
        Some(gpt) => {
            let mut cleared = head.to_vec();
            for old in gpt.primary() {
                let old = old.start..old.end.min(cleared.len());
                cleared.get_mut(old).unwrap_or_default().fill(0);
            }
            let mut gpt = gpt.for_sectors(&cleared, to, size)?;
            let patches = gpt.fit_to_disk()?;
            (cleared, patches)
        }
        None if record.is_protective() => {
            return Err(TableError::Damaged("the GPT header is missing"));
        }
        None => {
            let mut head = head.to_vec();
            convert_record(&mut head, from, to, size)?;
            (head, Vec::new())
        }
    };
    split(head, patches, from)
}

/// Puts what belongs into the head there; the rest lies behind it.
fn split(mut head: Vec<u8>, patches: Vec<Patch>, made_for: u32) -> Result<Relaid, TableError> {
    let mut behind = Vec::new();
    let length = head.len() as u64;
    for patch in patches {
        let end = patch.offset + patch.bytes.len() as u64;
        if patch.offset >= length {
            behind.push(patch);
        } else if let (true, Ok(at)) = (end <= length, usize::try_from(patch.offset)) {
            head[at..at + patch.bytes.len()].copy_from_slice(&patch.bytes);
        } else {
            return Err(TableError::Damaged("the disk is too small for its table"));
        }
    }
    Ok(Relaid {
        made_for,
        head,
        behind,
    })
}

/// Converts the entries of the master boot record at the beginning of `head`.
/// A protective entry covers what it covered.
pub(super) fn convert_record(
    head: &mut [u8],
    from: u32,
    to: u32,
    size: u64,
) -> Result<(), TableError> {
    let record = Mbr::read(head, 512, u64::MAX)?;
    for (index, (number, entry)) in (1..).zip(record.entries()).enumerate() {
        if entry.in_use() {
            let converted = convert_entry(number, *entry, from, to, size)?;
            Mbr::put(head, index, converted);
        }
    }
    Ok(())
}

fn convert_entry(
    number: u32,
    entry: MbrEntry,
    from: u32,
    to: u32,
    size: u64,
) -> Result<MbrEntry, TableError> {
    let (unit, sector) = (u64::from(from), u64::from(to));
    if entry.is_extended() {
        return Err(TableError::Extended(number));
    }
    let begin = u64::from(entry.first) * unit;
    let end = entry.end() * unit;
    let first = if entry.is_protective() {
        u64::from(entry.first.min(1))
    } else {
        if begin < sector {
            return Err(TableError::InTheWay { number, sector: to });
        }
        if !begin.is_multiple_of(sector) {
            return Err(TableError::Unaligned { number, sector: to });
        }
        begin / sector
    };
    let wide = TableError::Damaged("a partition is too large for a master boot record");
    let last = if entry.is_protective() {
        end.min(size) / sector
    } else {
        end.div_ceil(sector)
    };
    if !entry.is_protective() && last > size / sector {
        return Err(TableError::Damaged(
            "a partition ends behind the end of the disk",
        ));
    }
    let sectors = last.saturating_sub(first).max(1);
    Ok(MbrEntry {
        kind: entry.kind,
        first: u32::try_from(first).map_err(|_| wide.clone())?,
        sectors: u32::try_from(sectors).or(if entry.is_protective() {
            Ok(u32::MAX)
        } else {
            Err(wide)
        })?,
    })
}
