// SPDX-License-Identifier: Apache-2.0
//! Extents in a few bytes each, read out in the order of their place in the
//! file.
//!
//! Extents come in the order of tables, in which neighbours on the disk follow
//! each other. They are collected into batches; a full batch is ordered by
//! place in the file and each extent is noted as its distance from the one
//! before. Reading out merges the batches.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::{Extent, MapError, Span, varint};

/// Extents of a batch, 32 bytes each before they are packed.
const BATCH: usize = 1 << 15;

/// What the allocator and the list of batches take for each of them.
const PER_BATCH: usize = 32;

/// One unit as it is; the way from the last extent's end in units.
const ONE: u128 = 0;
/// Several units as they are; the way in units, then how many.
const SEVERAL: u128 = 1;
/// The same, the way in bytes.
const UNEVEN: u128 = 2;
/// A compressed unit; the way in bytes, then its sectors.
const PACKED: u128 = 3;

/// Collects extents.
#[derive(Debug)]
pub struct MapBuilder {
    unit: u64,
    budget: usize,
    pending: Vec<Extent>,
    batches: Vec<Box<[u8]>>,
    held: usize,
}

impl MapBuilder {
    /// For extents whose place on the disk and whose plain length are
    /// multiples of `unit` bytes, in at most `budget` bytes of memory.
    #[must_use]
    pub fn new(unit: u64, budget: usize) -> Self {
        Self {
            unit: unit.max(1),
            budget,
            pending: Vec::new(),
            batches: Vec::new(),
            held: 0,
        }
    }

    /// Bytes of memory that full batches take.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// Adds an extent.
    ///
    /// # Errors
    ///
    /// [`MapError::TooScattered`] if memory would not suffice.
    pub fn push(&mut self, extent: Extent) -> Result<(), MapError> {
        if let Some(last) = self.pending.last_mut()
            && last.absorb(&extent)
        {
            return Ok(());
        }
        if self.pending.len() == BATCH {
            self.pack()?;
        }
        self.pending.push(extent);
        Ok(())
    }

    /// No extents follow.
    ///
    /// # Errors
    ///
    /// [`MapError::TooScattered`] if memory would not suffice.
    pub fn finish(mut self) -> Result<Map, MapError> {
        self.pack()?;
        Ok(Map {
            unit: self.unit,
            held: self.held,
            batches: self.batches.into(),
        })
    }

    fn pack(&mut self) -> Result<(), MapError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.pending.sort_unstable();
        let mut writer = BatchWriter {
            unit: self.unit,
            bytes: Vec::with_capacity(self.pending.len() * 4),
            host: 0,
            guest: 0,
        };
        let mut extents = self.pending.drain(..);
        let mut last = extents.next();
        for extent in extents {
            if let Some(last) = &mut last
                && !last.absorb(&extent)
            {
                writer.put(last);
                *last = extent;
            }
        }
        if let Some(last) = last {
            writer.put(&last);
        }
        let batch = writer.bytes.into_boxed_slice();
        self.held += batch.len() + PER_BATCH;
        if self.held > self.budget {
            return Err(MapError::TooScattered(self.budget));
        }
        self.batches.push(batch);
        Ok(())
    }
}

/// Packs one batch.
struct BatchWriter {
    unit: u64,
    bytes: Vec<u8>,
    /// Ends of the last extent.
    host: u64,
    guest: u64,
}

impl BatchWriter {
    fn put(&mut self, extent: &Extent) {
        let distance = extent.host.abs_diff(self.host);
        let even = distance.is_multiple_of(self.unit);
        let (kind, more) = match extent.span {
            Span::Packed(sectors) => (PACKED, Some(u64::from(sectors))),
            Span::Plain(bytes) if !even => (UNEVEN, Some(bytes / self.unit)),
            Span::Plain(bytes) if bytes == self.unit => (ONE, None),
            Span::Plain(bytes) => (SEVERAL, Some(bytes / self.unit)),
        };
        let way = match kind {
            ONE | SEVERAL => {
                varint::way(0, distance / self.unit) | u128::from(extent.host < self.host)
            }
            _ => varint::way(self.host, extent.host),
        };
        let moves = extent.guest != self.guest;
        varint::put(
            &mut self.bytes,
            (way << 3) | (kind << 1) | u128::from(moves),
        );
        if moves {
            let way = varint::way(self.guest / self.unit, extent.guest / self.unit);
            varint::put(&mut self.bytes, way);
        }
        if let Some(more) = more {
            varint::put(&mut self.bytes, more.into());
        }
        self.host = extent.host_end();
        self.guest = extent.guest.saturating_add(extent.guest_bytes(self.unit));
    }
}

/// Extents of a file; copies share the memory.
#[derive(Debug, Clone)]
pub struct Map {
    unit: u64,
    held: usize,
    batches: Arc<[Box<[u8]>]>,
}

impl Map {
    /// The map of one extent.
    #[must_use]
    pub fn of(extent: Extent) -> Self {
        let mut writer = BatchWriter {
            unit: 1,
            bytes: Vec::new(),
            host: 0,
            guest: 0,
        };
        writer.put(&extent);
        Self {
            unit: 1,
            held: writer.bytes.len() + PER_BATCH,
            batches: [writer.bytes.into_boxed_slice()].into(),
        }
    }

    /// Bytes of memory it takes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// All extents, in the order of their place in the file.
    #[must_use]
    pub fn extents(&self) -> Extents {
        let mut extents = Extents {
            map: self.clone(),
            cursors: vec![Cursor::default(); self.batches.len()],
            next: BinaryHeap::with_capacity(self.batches.len()),
        };
        for batch in 0..self.batches.len() {
            extents.read(batch);
        }
        extents
    }
}

/// How far a batch was read.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    at: usize,
    host: u64,
    guest: u64,
}

/// Extents in the order of their place in the file.
#[derive(Debug)]
pub struct Extents {
    map: Map,
    cursors: Vec<Cursor>,
    /// The next extent of each batch.
    next: BinaryHeap<Reverse<(Extent, usize)>>,
}

impl Extents {
    fn read(&mut self, batch: usize) {
        let unit = self.map.unit;
        if let (Some(cursor), Some(bytes)) =
            (self.cursors.get_mut(batch), self.map.batches.get(batch))
            && let Some(extent) = cursor.read(bytes, unit)
        {
            self.next.push(Reverse((extent, batch)));
        }
    }
}

impl Cursor {
    fn read(&mut self, bytes: &[u8], unit: u64) -> Option<Extent> {
        let head = varint::get(bytes, &mut self.at)?;
        let (way, kind) = (head >> 3, (head >> 1) & 3);
        let host = match kind {
            ONE | SEVERAL => {
                let bytes = (way >> 1) * u128::from(unit);
                varint::go(self.host, (bytes << 1) | (way & 1))
            }
            _ => varint::go(self.host, way),
        };
        let guest = match head & 1 {
            0 => self.guest,
            _ => varint::go(self.guest / unit, varint::get(bytes, &mut self.at)?) * unit,
        };
        let span = match kind {
            ONE => Span::Plain(unit),
            PACKED => Span::Packed(u32::try_from(varint::get(bytes, &mut self.at)?).ok()?),
            _ => Span::Plain(u64::try_from(varint::get(bytes, &mut self.at)?).ok()? * unit),
        };
        let extent = Extent { host, guest, span };
        self.host = extent.host_end();
        self.guest = guest.saturating_add(extent.guest_bytes(unit));
        Some(extent)
    }
}

impl Iterator for Extents {
    type Item = Extent;

    fn next(&mut self) -> Option<Extent> {
        let Reverse((extent, batch)) = self.next.pop()?;
        self.read(batch);
        Some(extent)
    }
}
