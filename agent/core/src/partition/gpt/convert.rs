// SPDX-License-Identifier: Apache-2.0
//! A GPT for other sectors than those it was made for.

use std::ops::Range;

use super::super::{TableError, relay};
use super::{Gpt, check};

/// BIOS boot partition: 21686148-6449-6e6f-744e-656564454649.
const BIOS_BOOT: [u8; 16] = *b"Hah!IdontNeedEFI";

impl Gpt {
    /// Where the primary header and the primary entries are, in bytes.
    pub(in crate::partition) fn primary(&self) -> [Range<usize>; 2] {
        let sector = self.sector as usize;
        let entries = usize::try_from(self.entries_at).unwrap_or(usize::MAX);
        let from = entries.saturating_mul(sector);
        let to = from.saturating_add(self.entries.len().next_multiple_of(sector));
        [sector..2 * sector, from..to]
    }

    /// The same partitions, at the same bytes, for a disk of `size` bytes with
    /// other sectors. `head` is the disk's beginning without the old table.
    ///
    /// A partition's end may grow by less than a sector, which takes nothing
    /// from others, as they begin at a sector.
    pub(in crate::partition) fn for_sectors(
        &self,
        head: &[u8],
        sector: u32,
        size: u64,
    ) -> Result<Self, TableError> {
        let (from, to) = (u64::from(self.sector), u64::from(sector));
        let cut = TableError::Damaged("it is cut off");
        let bytes = |lba: u64| {
            lba.checked_mul(from)
                .ok_or(TableError::Damaged("a number in it is impossible"))
        };
        let mut head = head.get(..sector as usize).ok_or(cut)?.to_vec();
        relay::convert_record(&mut head, self.sector, sector, size)?;
        let entries_at = match self.entries_at {
            2 => 2,
            moved => bytes(moved)?.div_ceil(to).max(2),
        };
        let mut new = Self {
            sector,
            sectors: size / to,
            mbr: head,
            header: self.header,
            entries_at,
            entry_length: self.entry_length,
            entries: self.entries.clone(),
            first_usable: bytes(self.first_usable)?.div_ceil(to),
            last_usable: self.last_usable,
        };
        let behind_table = entries_at + new.entry_sectors();
        new.first_usable = new.first_usable.max(behind_table);
        for (number, first, last) in self.used() {
            let (begin, end) = (bytes(first)?, bytes(last)? + from);
            let at = (number as usize - 1) * self.entry_length;
            let entry = &mut new.entries[at..at + self.entry_length];
            let mut begin_sector = begin / to;
            if entry[..16] == BIOS_BOOT {
                // Nothing but a BIOS looks into it, by this number; it may
                // begin later.
                begin_sector = begin.div_ceil(to).max(behind_table);
            } else if begin_sector < behind_table {
                return Err(TableError::InTheWay { number, sector });
            } else if !begin.is_multiple_of(to) {
                return Err(TableError::Unaligned { number, sector });
            }
            new.first_usable = new.first_usable.min(begin_sector);
            let last = end.div_ceil(to) - 1;
            check(
                begin_sector <= last,
                "the BIOS boot partition lies where the table must go",
            )?;
            entry[32..40].copy_from_slice(&begin_sector.to_le_bytes());
            entry[40..48].copy_from_slice(&last.to_le_bytes());
        }
        Ok(new)
    }
}
