// SPDX-License-Identifier: Apache-2.0
//! Puts pieces of an image onto the disk: in large aligned requests of which
//! several are under way, zeroes by the device itself, and the first MiB last.

mod front;
mod pipeline;
mod run;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use ironseed_core::event::Event;
use ironseed_core::fault::Fault;
use ironseed_core::image::read_back::Verification;
use ironseed_core::image::spent::Activity;

use super::Target;
use super::read_back::{self, Sums};
use super::stopwatch::Stopwatch;
use crate::block::{AlignedBuffer, io_fault, io_fault_at};
use front::Front;
use pipeline::{Pipeline, Request, Work};
use run::Run;

/// Zeroes are looked for in blocks of this size at multiples of it: what file
/// systems allocate in.
const BLOCK: usize = 4096;

/// Zeroes shorter than this are written as they are: asking the device costs
/// more, and would break a large request in two.
const SPARSE: u64 = 64 << 10;

/// Bytes that went to the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Bytes that were sent to be written, with what completes sectors.
    pub(super) written: u64,
    /// Bytes that the device was asked to zero.
    pub(super) zeroed: u64,
}

/// A disk that an image is being written to.
///
/// Every byte is put or zeroed at most once, except that what was zeroed may
/// be put later. From the first MiB to the end of the image no byte is left
/// out: reading back relies on it.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    target: Target<'a>,
    stopwatch: &'a Stopwatch<'a>,
    front: Front,
    pipeline: Pipeline<'a>,
    run: Option<Run>,
    /// Consecutive zeroes that wait: first and end.
    zeroes: (u64, u64),
    counts: Counts,
    /// Where the image ends, as far as it is known.
    end: u64,
    /// What was written, if it shall be read back.
    sums: Option<Arc<Sums>>,
}

impl<'a> Writer<'a> {
    /// Takes the disk over: what was bootable or assembled from it, is no more.
    pub(super) fn begin(target: Target<'a>, stopwatch: &'a Stopwatch<'a>) -> Result<Self, Fault> {
        let front = stopwatch
            .measure(Activity::Disk, || Front::claim(target.block, target.image))
            .map_err(|error| io_fault("wiping", target.name, &error))?;
        let sums =
            (target.verify != Verification::Off).then(|| Arc::new(Sums::new(target.block.size())));
        Ok(Self {
            target,
            stopwatch,
            front,
            pipeline: Pipeline::begin(target.block, target.name, sums.clone()),
            run: None,
            zeroes: (0, 0),
            counts: Counts::default(),
            end: 0,
            sums,
        })
    }

    /// What went to the disk so far.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Writes bytes in which long runs of zeroes are likely.
    pub(super) fn put_sparse(&mut self, at: u64, bytes: &[u8]) -> Result<(), Fault> {
        let mut done = 0;
        while done < bytes.len() {
            let (length, is_zero) = stretch(at + done as u64, &bytes[done..]);
            let position = at + done as u64;
            if is_zero {
                self.zero(position, length as u64)?;
            } else {
                self.put(position, &bytes[done..done + length])?;
            }
            done += length;
        }
        Ok(())
    }

    /// Writes bytes.
    pub(super) fn put(&mut self, at: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.reach(at, bytes.len() as u64)?;
        let held_back = self.front.put(at, bytes);
        let (at, bytes) = (at + held_back as u64, &bytes[held_back..]);
        if bytes.is_empty() {
            return Ok(());
        }
        let end = at + bytes.len() as u64;
        if self.zeroes.1 == at && self.zeroes.1 - self.zeroes.0 < SPARSE {
            self.write_short_zeroes()?;
        } else if self.zeroes.0 < end && at < self.zeroes.1 {
            self.write_zeroes()?;
        }
        let mut done = 0;
        self.append(at, bytes.len(), &mut |room| {
            room.copy_from_slice(&bytes[done..done + room.len()]);
            done += room.len();
        })
    }

    /// Makes a range read as zero.
    pub(super) fn zero(&mut self, at: u64, length: u64) -> Result<(), Fault> {
        self.reach(at, length)?;
        self.front.zero(at, length);
        let (from, to) = (at.max(self.front.length()), at + length);
        if from >= to {
            return Ok(());
        }
        let run = self.run.as_ref().map(Run::range);
        if run.is_some_and(|(first, end)| first < to && from < end) {
            self.submit_run()?;
        }
        if self.zeroes.1 != from {
            self.write_zeroes()?;
            self.zeroes.0 = from;
        }
        self.zeroes.1 = to;
        Ok(())
    }

    /// The image is complete and right: waits for the disk, reads back what
    /// shall be, and writes what was held back. Returns the disk's first bytes.
    pub(super) fn finish(mut self) -> Result<AlignedBuffer, Fault> {
        self.write_zeroes()?;
        self.submit_run()?;
        let block = self.target.block;
        self.stopwatch.measure(Activity::Disk, || {
            self.pipeline.settle_all()?;
            block.flush().map_err(|error| self.fault(&error))
        })?;
        self.counts.written += self.front.length();
        let Counts { written, zeroed } = self.counts();
        // Its buffers are not needed any more.
        drop(self.pipeline);
        let (target, front) = (self.target, self.front);
        if let Some(sums) = &self.sums {
            let range = (front.length(), self.end);
            read_back::compare(target, sums, range)?;
        }
        self.stopwatch
            .measure(Activity::Disk, || front.release(block))
            .map_err(|error| io_fault("writing the front of", target.name, &error))?;
        if self.sums.is_some() {
            check_front(target, &front)?;
        }
        (target.surroundings.observer)(Event::Note(format!(
            "{}: {} MiB written to {}, {} MiB zeroed by it",
            target.image,
            written >> 20,
            target.name,
            zeroed >> 20
        )));
        Ok(front.into_bytes())
    }

    fn fault(&self, error: &io::Error) -> Fault {
        io_fault("writing", self.target.name, error)
    }

    fn sector(&self) -> u64 {
        u64::from(self.target.block.sector_size())
    }

    /// The image reaches this far; the disk must too.
    fn reach(&mut self, at: u64, length: u64) -> Result<(), Fault> {
        let size = self.target.block.size();
        match at.checked_add(length) {
            Some(end) if end <= size => {
                self.end = self.end.max(end);
                Ok(())
            }
            _ => {
                let problem = io::Error::other(format!("the disk ends at byte {size}"));
                Err(io_fault_at("writing", self.target.name, at, &problem))
            }
        }
    }

    /// Puts bytes into runs; `fill` is given the room for the next of them.
    fn append(
        &mut self,
        at: u64,
        length: usize,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), Fault> {
        let mut done = 0;
        while done < length {
            let position = at + done as u64;
            let run = match &mut self.run {
                Some(run) if run.continues_at(position) => run,
                _ => {
                    self.submit_run()?;
                    let buffer = self
                        .stopwatch
                        .measure(Activity::Disk, || self.pipeline.buffer())?;
                    self.run.insert(Run::begin(buffer, position, self.sector()))
                }
            };
            let room = run.extend(length - done);
            done += room.len();
            fill(room);
        }
        Ok(())
    }

    fn submit_run(&mut self) -> Result<(), Fault> {
        let Some(mut run) = self.run.take() else {
            return Ok(());
        };
        self.complete_sectors(&mut run)?;
        let whole = run.whole(self.target.block.sector_size() as usize);
        self.counts.written += whole as u64;
        let request = Request {
            at: run.base,
            length: whole as u64,
            work: Work::Write(run.buffer, run.from..run.to),
        };
        self.stopwatch
            .measure(Activity::Disk, || self.pipeline.submit(request))
    }

    /// Where clusters are smaller than sectors, or an image ends within one:
    /// the rest of the sectors stays as it is.
    fn complete_sectors(&self, run: &mut Run) -> Result<(), Fault> {
        let sector = self.target.block.sector_size() as usize;
        if run.from > 0 {
            let old = self.read_sector(run.base)?;
            run.buffer.as_mut()[..run.from].copy_from_slice(&old.as_ref()[..run.from]);
        }
        let whole = run.whole(sector);
        if whole > run.to {
            let last = whole - sector;
            let old = self.read_sector(run.base + last as u64)?;
            let rest = &old.as_ref()[run.to - last..];
            run.buffer.as_mut()[run.to..whole].copy_from_slice(rest);
        }
        if let Some(sums) = &self.sums {
            let content = &run.buffer.as_ref()[..whole];
            sums.edges(run.base, content, run.from..run.to)?;
        }
        Ok(())
    }

    fn read_sector(&self, at: u64) -> Result<AlignedBuffer, Fault> {
        self.stopwatch.measure(Activity::Disk, || {
            self.pipeline.settle(at, at + self.sector())?;
            let mut sector = AlignedBuffer::new(self.target.block.sector_size() as usize);
            self.target
                .block
                .read_at(at, sector.as_mut())
                .map_err(|error| io_fault_at("reading", self.target.name, at, &error))?;
            Ok(sector)
        })
    }

    fn write_zeroes(&mut self) -> Result<(), Fault> {
        let (from, to) = self.zeroes;
        let follows_run = self.run.as_ref().is_some_and(|run| run.continues_at(from));
        if to - from < SPARSE && follows_run {
            return self.write_short_zeroes();
        }
        self.zeroes = (0, 0);
        let sector = self.sector();
        let (first, end) = (from.next_multiple_of(sector), to / sector * sector);
        if first >= end {
            return self.append_zeroes(from, to);
        }
        self.append_zeroes(from, first)?;
        self.append_zeroes(end, to)?;
        self.counts.zeroed += end - first;
        let request = Request {
            at: first,
            length: end - first,
            work: Work::Zero,
        };
        self.stopwatch
            .measure(Activity::Disk, || self.pipeline.submit(request))
    }

    /// Zeroes that are not worth a request of their own go with the data.
    fn write_short_zeroes(&mut self) -> Result<(), Fault> {
        let (from, to) = std::mem::take(&mut self.zeroes);
        self.append_zeroes(from, to)
    }

    fn append_zeroes(&mut self, from: u64, to: u64) -> Result<(), Fault> {
        let length = usize::try_from(to - from);
        let length = length.map_err(|error| Fault::Internal(error.to_string()))?;
        self.append(from, length, &mut |room| room.fill(0))
    }
}

/// A disk whose front is not what was written may boot something: it shall not.
fn check_front(target: Target<'_>, front: &Front) -> Result<(), Fault> {
    let block = target.block;
    match front.is_on(block) {
        Ok(true) => Ok(()),
        Ok(false) => {
            front
                .mark(block)
                .map_err(|error| io_fault("writing the front of", target.name, &error))?;
            Err(Fault::ReadBack {
                device: target.name.to_owned(),
                offset: 0,
                length: front.length(),
            })
        }
        Err(error) => Err(io_fault_at("reading back", target.name, 0, &error)),
    }
}

/// How many of the first bytes belong together, and whether they are zeroes:
/// whole blocks at their places on the disk.
fn stretch(at: u64, bytes: &[u8]) -> (usize, bool) {
    let into = usize::try_from(at % BLOCK as u64).unwrap_or_default();
    let odd = (BLOCK - into) % BLOCK;
    let mut length = 0;
    let mut is_zero = None;
    if odd > 0 {
        length = odd.min(bytes.len());
        is_zero = Some(self::is_zero(&bytes[..length]));
    }
    for block in bytes[length..].chunks(BLOCK) {
        let zero = self::is_zero(block);
        if *is_zero.get_or_insert(zero) != zero {
            break;
        }
        length += block.len();
    }
    (length, is_zero == Some(true))
}

/// Whole pieces are looked at before deciding, which the compiler turns into
/// wide instructions.
fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .chunks(512)
        .all(|block| block.iter().fold(0, |all, byte| all | byte) == 0)
}
