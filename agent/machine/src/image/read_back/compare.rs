// SPDX-License-Identifier: Apache-2.0
//! Reads a disk and compares it with what was written.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ironseed_core::fault::Fault;
use ironseed_core::image::read_back::BLOCK;

use super::Sums;
use crate::block::{AlignedBuffer, io_fault, io_fault_at};
use crate::image::Target;
use crate::progress::Meter;

/// Bytes of a request. The boundaries of districts are multiples of it.
const PIECE: u64 = 1 << 20;

/// Requests that are under way at the same time.
const THREADS: usize = 4;

/// A part of the disk to read: first byte and length.
type Part = (u64, u64);

/// Compares a range of a disk, as much of it as was asked for.
pub(in crate::image) fn compare(
    target: Target<'_>,
    written: &Sums,
    (from, to): (u64, u64),
) -> Result<(), Fault> {
    // An image that ends within a block: the block counts as it is now.
    let to = to.next_multiple_of(BLOCK as u64);
    let parts = written.districts().to_read(from, to, target.verify);
    target
        .block
        .forget_cache()
        .map_err(|error| io_fault("reading back", target.name, &error))?;
    let total = parts.iter().map(|(_, length)| length).sum();
    let what = format!("verifying {}", target.name);
    let meter = Meter::new(target.surroundings, what, Some(total));
    let ahead = parts.clone().into_iter().flat_map(pieces);
    let reading = Reading {
        target,
        found: Sums::new(target.block.size()),
        ahead: Mutex::new(Box::new(ahead)),
        meter: Mutex::new(meter),
        failure: Mutex::new(None),
    };
    reading.run();
    if let Some(fault) = take(reading.failure) {
        return Err(fault);
    }
    for (offset, length) in parts {
        let district = written.districts().index(offset);
        if reading.found.of(district) != written.of(district) {
            return Err(Fault::ReadBack {
                device: target.name.to_owned(),
                offset,
                length,
            });
        }
    }
    take(reading.meter).finish();
    Ok(())
}

fn take<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cuts a part into requests.
fn pieces((from, length): Part) -> impl Iterator<Item = Part> + Send {
    (0..length.div_ceil(PIECE)).map(move |index| {
        let done = index * PIECE;
        (from + done, PIECE.min(length - done))
    })
}

/// A disk that is being read by several threads.
struct Reading<'a> {
    target: Target<'a>,
    found: Sums,
    /// The pieces that nobody has taken.
    ahead: Mutex<Box<dyn Iterator<Item = Part> + Send>>,
    meter: Mutex<Meter<'a>>,
    failure: Mutex<Option<Fault>>,
}

impl Reading<'_> {
    fn run(&self) {
        std::thread::scope(|scope| {
            for _ in 1..THREADS {
                let thread = std::thread::Builder::new().name("verify".into());
                // With fewer threads it only takes longer.
                let _ = thread.spawn_scoped(scope, || self.work());
            }
            self.work();
        });
    }

    fn next(&self) -> Option<Part> {
        lock(&self.ahead).next()
    }

    fn work(&self) {
        let length = usize::try_from(PIECE).unwrap_or_default();
        let mut buffer = AlignedBuffer::new(length);
        while let Some(piece) = self.next() {
            if let Err(fault) = self.read(piece, &mut buffer) {
                lock(&self.failure).get_or_insert(fault);
                *lock(&self.ahead) = Box::new(std::iter::empty());
                return;
            }
            lock(&self.meter).add(piece.1);
        }
    }

    fn read(&self, (at, length): Part, buffer: &mut AlignedBuffer) -> Result<(), Fault> {
        let sector = u64::from(self.target.block.sector_size());
        let narrow =
            |bytes: u64| usize::try_from(bytes).map_err(|error| Fault::Internal(error.to_string()));
        let (length, whole) = (narrow(length)?, narrow(length.next_multiple_of(sector))?);
        let sectors = &mut buffer.as_mut()[..whole];
        self.target
            .block
            .read_at(at, sectors)
            .map_err(|error| io_fault_at("reading back", self.target.name, at, &error))?;
        self.found.add(at, &sectors[..length]);
        Ok(())
    }
}
