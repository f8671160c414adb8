// SPDX-License-Identifier: Apache-2.0
//! What the tables in front of a stream tell, against the grains that came.
//!
//! QEMU writes directory and tables in front and no end marker, so that a
//! stream which was cut between two grains shows it only here. Remembering
//! every grain would take memory, their number and the sum of their places
//! take none.

use super::Header;
use super::header::TABLE_ENTRIES;
use crate::image::extents::SECTOR;
use crate::image::numbers::u32_le;

const ENTRY: u64 = 4;
/// A table takes so many sectors.
const TABLE_SECTORS: u64 = TABLE_ENTRIES * ENTRY / SECTOR;

/// Grains, as their number and the sum of their first sectors.
#[derive(Debug, Default, PartialEq, Eq)]
struct Grains(u64, u64);

impl Grains {
    fn add(&mut self, sector: u64) {
        self.0 += 1;
        self.1 = self.1.wrapping_add(sector);
    }
}

/// Compares tables and grains.
#[derive(Debug)]
pub(super) struct Ledger {
    directory: u64,
    entries: u64,
    overhead: u64,
    /// The first table's sector, as soon as it is known.
    first_table: Option<u64>,
    /// Whether the tables follow each other, all of them in front.
    usable: bool,
    /// The entry under way, and where it began.
    next: u64,
    part: Vec<u8>,
    told: Grains,
    seen: Grains,
}

impl Ledger {
    /// Nothing has come yet; no ledger can be kept of tables at the end.
    pub(super) fn new(header: &Header) -> Option<Self> {
        let directory = header.directory?;
        Some(Self {
            directory,
            entries: header.directory_entries(),
            overhead: header.overhead,
            first_table: None,
            usable: true,
            next: directory,
            part: Vec::new(),
            told: Grains::default(),
            seen: Grains::default(),
        })
    }

    /// Takes the next bytes of the file.
    pub(super) fn feed(&mut self, at: u64, bytes: &[u8]) {
        let from = self.next + self.part.len() as u64;
        let end = (at + bytes.len() as u64).min(self.overhead);
        if !self.usable || from >= end {
            return;
        }
        let place = |offset: u64| usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX);
        for byte in bytes.get(place(from)..place(end)).unwrap_or_default() {
            self.part.push(*byte);
            if let Some(word) = u32_le(&self.part, 0) {
                self.word(u64::from(word));
                self.next += ENTRY;
                self.part.clear();
            }
        }
    }

    fn word(&mut self, word: u64) {
        let index = (self.next - self.directory) / ENTRY;
        let first = *self.first_table.get_or_insert(word);
        let tables = first * SECTOR;
        let length = self.entries * TABLE_SECTORS * SECTOR;
        if index < self.entries {
            let in_row = word == first + index * TABLE_SECTORS;
            let behind = tables >= self.directory + self.entries * ENTRY;
            self.usable &= in_row && behind && tables + length <= self.overhead;
        } else if (tables..tables + length).contains(&self.next) && word > 1 {
            self.told.add(word);
        }
    }

    /// A grain came, whose marker is at this byte.
    pub(super) fn saw(&mut self, host: u64) {
        self.seen.add(host / SECTOR);
    }

    /// Whether tables and grains agree; unknown if the tables lie elsewhere.
    pub(super) fn agrees(&self) -> Option<bool> {
        self.usable.then(|| self.told == self.seen)
    }
}
