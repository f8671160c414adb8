// SPDX-License-Identifier: Apache-2.0
//! Ranges of the disk that read as zero, in a few bytes each, in the order in
//! which the tables told them.

use super::{MapError, varint};

/// Bytes of one piece of memory.
const CHUNK: usize = 64 << 10;

/// Collects gaps.
#[derive(Debug)]
pub struct GapsBuilder {
    unit: u64,
    budget: usize,
    chunks: Vec<Vec<u8>>,
    /// The gap that may still grow: first unit and the one behind the last.
    open: (u64, u64),
    /// Where the last noted gap ended.
    end: u64,
}

impl GapsBuilder {
    /// For gaps that are multiples of `unit` bytes, in at most `budget` bytes
    /// of memory.
    #[must_use]
    pub fn new(unit: u64, budget: usize) -> Self {
        Self {
            unit: unit.max(1),
            budget,
            chunks: Vec::new(),
            open: (0, 0),
            end: 0,
        }
    }

    /// Bytes of memory that are taken.
    #[must_use]
    pub fn held(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    /// Adds a gap. Its end is rounded up to whole units.
    ///
    /// # Errors
    ///
    /// [`MapError::TooScattered`] if memory would not suffice.
    pub fn push(&mut self, at: u64, length: u64) -> Result<(), MapError> {
        let from = at / self.unit;
        let to = at.saturating_add(length).div_ceil(self.unit);
        if self.open.1 != from {
            self.close()?;
            self.open.0 = from;
        }
        self.open.1 = to;
        Ok(())
    }

    fn close(&mut self) -> Result<(), MapError> {
        let (from, to) = self.open;
        if from >= to {
            return Ok(());
        }
        let full = |chunk: &Vec<u8>| chunk.len() + 2 * varint::LONGEST > CHUNK;
        if self.chunks.last().is_none_or(full) {
            if self.held() + CHUNK > self.budget {
                return Err(MapError::TooScattered(self.budget));
            }
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            varint::put(chunk, varint::way(self.end, from));
            varint::put(chunk, (to - from).into());
        }
        self.end = to;
        Ok(())
    }

    /// No gaps follow. `size` is the disk's, in bytes.
    ///
    /// # Errors
    ///
    /// [`MapError::TooScattered`] if memory would not suffice.
    pub fn finish(mut self, size: u64) -> Result<Gaps, MapError> {
        self.close()?;
        Ok(Gaps {
            unit: self.unit,
            size,
            chunks: self.chunks,
        })
    }
}

/// The gaps of a disk.
#[derive(Debug)]
pub struct Gaps {
    unit: u64,
    size: u64,
    chunks: Vec<Vec<u8>>,
}

impl Gaps {
    /// Bytes of memory they take.
    #[must_use]
    pub fn held(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    /// Every gap as `(offset, length)` in bytes, none behind the disk's end.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut end = 0;
        self.chunks
            .iter()
            .flat_map(|chunk| {
                let mut at = 0;
                std::iter::from_fn(move || {
                    let way = varint::get(chunk, &mut at)?;
                    let length = varint::get(chunk, &mut at)?;
                    Some((way, u64::try_from(length).ok()?))
                })
            })
            .filter_map(move |(way, length)| {
                let from = varint::go(end, way);
                end = from.saturating_add(length);
                let offset = from.saturating_mul(self.unit).min(self.size);
                let to = end.saturating_mul(self.unit).min(self.size);
                (offset < to).then_some((offset, to - offset))
            })
    }
}
