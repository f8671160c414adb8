// SPDX-License-Identifier: Apache-2.0
//! Extents as they stream by: unpacked where they are compressed, and written
//! where they belong.

use ironseed_core::image::container::Compression;
use ironseed_core::image::extents::{DiskMap, Extents, Span};
use ironseed_core::image::spent::Activity;

use super::{PassError, Refusal};
use crate::image::Trouble;
use crate::image::intervals::{Interval, Intervals};
use crate::image::stopwatch::Stopwatch;
use crate::image::unpack::{Damaged, Unpacker};
use crate::image::writer::Writer;

/// Compressed units wait for their last byte in this much memory beside two of
/// them: neighbours share a sector, so that several may be under way.
const WAITING: usize = 64 << 10;

/// Where an extent belongs, and what of a compressed unit has been seen.
struct Place {
    guest: u64,
    packed: Option<Vec<u8>>,
}

/// Extents with their places; all memory there is for them is the map's.
struct Places(Extents);

impl Iterator for Places {
    type Item = Interval<Place>;

    fn next(&mut self) -> Option<Interval<Place>> {
        let extent = self.0.next()?;
        Some(Interval {
            start: extent.host,
            end: extent.host_end(),
            state: Place {
                guest: extent.guest,
                packed: match extent.span {
                    Span::Plain(_) => None,
                    Span::Packed(_) => Some(Vec::new()),
                },
            },
        })
    }
}

/// All extents of an image, on their way to the disk.
pub(super) struct ExtentsWriter<'a, 'w> {
    waiting: Intervals<Places, Place>,
    disk: Disk<'a, 'w>,
    /// Bytes of compressed units that are not complete.
    held: usize,
    limit: usize,
}

/// Where they go.
struct Disk<'a, 'w> {
    size: u64,
    unit: u64,
    unpacker: Unpacker,
    stopwatch: &'a Stopwatch<'a>,
    writer: &'a mut Writer<'w>,
}

impl<'a, 'w> ExtentsWriter<'a, 'w> {
    pub(super) fn new(
        map: &DiskMap,
        compression: Compression,
        stopwatch: &'a Stopwatch<'a>,
        writer: &'a mut Writer<'w>,
    ) -> Self {
        // Only formats with units of at most 2 MiB compress them.
        let unit = usize::try_from(map.unit).unwrap_or(0).min(2 << 20);
        Self {
            waiting: Intervals::new(Places(map.extents.extents())),
            disk: Disk {
                size: map.size,
                unit: map.unit,
                unpacker: Unpacker::new(compression, unit),
                stopwatch,
                writer,
            },
            held: 0,
            limit: 2 * unit + WAITING,
        }
    }

    /// Takes the next bytes of the file.
    pub(super) fn feed(&mut self, at: u64, bytes: &[u8]) -> Result<(), PassError> {
        let Self {
            waiting,
            disk,
            held,
            limit,
        } = self;
        waiting.feed(at, bytes, |interval, offset, piece, done| {
            let guest = interval.state.guest;
            let Some(packed) = &mut interval.state.packed else {
                return disk.put(guest + offset, piece);
            };
            if done && packed.is_empty() {
                return disk.unpack(interval.start, guest, piece);
            }
            *held += piece.len();
            if *held > *limit {
                return Err(Refusal::Overlap.into());
            }
            packed.extend_from_slice(piece);
            if !done {
                return Ok(());
            }
            *held -= packed.len();
            disk.unpack(interval.start, guest, packed)
        })
    }

    /// The file is over, after so many bytes. If its last piece may be short,
    /// the rest of it reads as zero.
    pub(super) fn finish(mut self, length: u64, may_end_short: bool) -> Result<(), PassError> {
        for interval in self.waiting.rest() {
            if interval.start >= length || !may_end_short {
                return Err(Refusal::CutOff("data").into());
            }
            let guest = interval.state.guest;
            match interval.state.packed {
                None => {
                    let from = guest.saturating_add(length - interval.start);
                    let to = guest.saturating_add(interval.end - interval.start);
                    self.disk.zero(from, to)?;
                }
                Some(packed) => self.disk.unpack(interval.start, guest, &packed)?,
            }
        }
        Ok(())
    }
}

impl Disk<'_, '_> {
    /// The last unit may reach behind the end of the disk.
    fn put(&mut self, at: u64, bytes: &[u8]) -> Result<(), PassError> {
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        self.writer
            .put_sparse(at, &bytes[..bytes.len().min(left)])
            .map_err(trouble)
    }

    fn zero(&mut self, from: u64, to: u64) -> Result<(), PassError> {
        let to = to.min(self.size);
        match from < to {
            true => self.writer.zero(from, to - from).map_err(trouble),
            false => Ok(()),
        }
    }

    fn unpack(&mut self, host: u64, guest: u64, packed: &[u8]) -> Result<(), PassError> {
        let unit = usize::try_from(self.unit).unwrap_or(usize::MAX);
        let left = usize::try_from(self.size.saturating_sub(guest)).unwrap_or(usize::MAX);
        let unpacker = &mut self.unpacker;
        let unit = self
            .stopwatch
            .measure(Activity::Unpack, || unpacker.unpack(packed, unit))
            .ok_or(Damaged(host))?;
        self.writer
            .put_sparse(guest, &unit[..unit.len().min(left)])
            .map_err(trouble)
    }
}

fn trouble(fault: ironseed_core::fault::Fault) -> PassError {
    PassError::Trouble(Trouble::Fault(fault))
}
