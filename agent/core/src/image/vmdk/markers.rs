// SPDX-License-Identifier: Apache-2.0
//! A `streamOptimized` file from front to back. Each grain has a marker that
//! tells its place on the disk, so nothing must be known in advance.
//!
//! Grains must come in the order of the disk: then what lies between two of
//! them reads as zero, and nothing has to be remembered.

use super::ledger::Ledger;
use super::{Header, VmdkError};
use crate::image::extents::SECTOR;
use crate::image::numbers::{u32_le, u64_le};

/// Bytes of a grain's marker; its data follow at once.
const GRAIN_MARKER: usize = 12;
const SECTOR_BYTES: usize = 512;

/// Something of the disk.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes that read as zero: the first one, and how many.
    Zero(u64, u64),
    /// A grain: first byte on the disk, first byte in the file, and its zlib
    /// stream.
    Grain(u64, u64, &'a [u8]),
}

/// A file on its way.
#[derive(Debug)]
pub struct Markers {
    header: Header,
    /// The byte of the file where the next record begins.
    next: u64,
    /// The record under way: its first sector at least.
    record: Vec<u8>,
    /// Up to here the disk is known.
    known: u64,
    ended: bool,
    ledger: Option<Ledger>,
}

/// What begins with a marker.
enum Record {
    /// A grain and the bytes of its data.
    Grain(u64, usize),
    /// Tables, directories and footers: so many sectors behind the marker.
    Other(u64),
    /// The end of the stream.
    End,
}

impl Markers {
    /// Nothing has been seen yet but the header.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self {
            header,
            next: header.overhead,
            record: Vec::new(),
            known: 0,
            ended: false,
            ledger: Ledger::new(&header),
        }
    }

    /// Takes the next bytes of the file, which follow each other from the
    /// first byte on, and hands over what they tell of the disk.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or what `give` returned.
    pub fn feed<E: From<VmdkError>>(
        &mut self,
        at: u64,
        bytes: &[u8],
        mut give: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(ledger) = &mut self.ledger {
            ledger.feed(at, bytes);
        }
        let end = at + bytes.len() as u64;
        while !self.ended {
            let seen = self.next + self.record.len() as u64;
            if seen >= end {
                break;
            }
            let from = usize::try_from(seen.saturating_sub(at)).unwrap_or(usize::MAX);
            let Some(rest) = bytes.get(from..) else { break };
            let needed = self.needed()? - self.record.len();
            self.record
                .extend_from_slice(&rest[..needed.min(rest.len())]);
            if rest.len() >= needed {
                self.complete(&mut give)?;
            }
        }
        Ok(())
    }

    /// How long the record must be before something can be done with it.
    fn needed(&self) -> Result<usize, VmdkError> {
        if self.record.len() < SECTOR_BYTES {
            return Ok(SECTOR_BYTES);
        }
        Ok(match self.record()? {
            Record::Grain(_, bytes) => (GRAIN_MARKER + bytes).next_multiple_of(SECTOR_BYTES),
            _ => SECTOR_BYTES,
        })
    }

    fn record(&self) -> Result<Record, VmdkError> {
        let damaged = VmdkError::Marker(self.next);
        let value = u64_le(&self.record, 0).ok_or(VmdkError::CutOff)?;
        let size = u32_le(&self.record, 8).ok_or(VmdkError::CutOff)?;
        if size > 0 {
            // Deflate makes nothing longer than by five bytes in 16 KiB.
            let limit = self.header.grain + self.header.grain / 64 + SECTOR;
            return match u64::from(size) <= limit {
                true => Ok(Record::Grain(value, usize::try_from(size).unwrap_or(0))),
                false => Err(damaged),
            };
        }
        match u32_le(&self.record, GRAIN_MARKER).ok_or(VmdkError::CutOff)? {
            0 => Ok(Record::End),
            1..=3 if value < 1 << 32 => Ok(Record::Other(value)),
            _ => Err(damaged),
        }
    }

    /// The record is as long as was needed; the first sector may tell that it
    /// is longer.
    fn complete<E: From<VmdkError>>(
        &mut self,
        give: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.needed()? > self.record.len() {
            return Ok(());
        }
        let mut length = self.record.len() as u64;
        match self.record()? {
            Record::End => self.ended = true,
            Record::Other(sectors) => length += sectors * SECTOR,
            Record::Grain(sector, bytes) => {
                let guest = self.place(sector)?;
                if guest > self.known {
                    give(Piece::Zero(self.known, guest - self.known))?;
                }
                let packed = &self.record[GRAIN_MARKER..GRAIN_MARKER + bytes];
                give(Piece::Grain(guest, self.next, packed))?;
                self.known = guest + self.header.grain;
                if let Some(ledger) = &mut self.ledger {
                    ledger.saw(self.next);
                }
            }
        }
        self.next += length;
        self.record.clear();
        Ok(())
    }

    fn place(&self, sector: u64) -> Result<u64, VmdkError> {
        let wrong = VmdkError::Order(sector);
        let guest = sector.checked_mul(SECTOR).ok_or(wrong.clone())?;
        let fits = guest.is_multiple_of(self.header.grain) && guest < self.header.size;
        match fits && guest >= self.known {
            true => Ok(guest),
            false => Err(wrong),
        }
    }

    /// The file is over, after so many bytes. Gives the zeroes behind the last
    /// grain.
    ///
    /// # Errors
    ///
    /// [`VmdkError::CutOff`] if it ended within something, or before an end
    /// marker that cannot be done without; [`VmdkError::Grains`] if grains are
    /// missing.
    pub fn finish(self, length: u64) -> Result<Option<(u64, u64)>, VmdkError> {
        let whole = self.ended || (self.record.is_empty() && self.next <= length);
        match self.ledger.as_ref().and_then(Ledger::agrees) {
            _ if !whole => return Err(VmdkError::CutOff),
            Some(true) => {}
            Some(false) => return Err(VmdkError::Grains),
            None if self.ended => {}
            None => return Err(VmdkError::CutOff),
        }
        let left = self.header.size.saturating_sub(self.known);
        Ok((left > 0).then_some((self.known, left)))
    }
}
