// SPDX-License-Identifier: Apache-2.0
//! Puts pieces of an image onto the disk: in large aligned requests, zeroes
//! by the device itself, and the first MiB last.

use std::io;

use ironseed_core::fault::Fault;
use ironseed_core::image::spent::Activity;

use super::Target;
use super::stopwatch::Stopwatch;
use crate::block::{AlignedBuffer, io_fault, sectors, wipe};

/// What is held back until the end. It holds boot code, partition table and
/// the boot sectors of the first partition where one begins that early.
pub(super) const FIRST: u64 = 1 << 20;

/// Bytes of one request.
const RUN: usize = 4 << 20;

/// Zeroes shorter than this are written as they are: asking the device costs
/// more.
const SPARSE: usize = 64 << 10;

/// A disk that an image is being written to.
pub(super) struct Writer<'a> {
    target: Target<'a>,
    stopwatch: &'a Stopwatch<'a>,
    first: AlignedBuffer,
    /// Consecutive bytes that wait to be written: where they begin, how many.
    run: AlignedBuffer,
    run_at: u64,
    run_length: usize,
    /// Consecutive zeroes that wait.
    zeroes: (u64, u64),
}

impl<'a> Writer<'a> {
    /// Takes the disk over: what was bootable or assembled from it, is no more.
    pub(super) fn begin(target: Target<'a>, stopwatch: &'a Stopwatch<'a>) -> Result<Self, Fault> {
        wipe::wipe_ends(target.block).map_err(|error| io_fault("wiping", target.name, &error))?;
        let first = FIRST.min(target.block.size());
        let first = usize::try_from(first).map_err(|error| Fault::Internal(error.to_string()))?;
        Ok(Self {
            target,
            stopwatch,
            first: AlignedBuffer::new(first),
            run: AlignedBuffer::new(RUN),
            run_at: 0,
            run_length: 0,
            zeroes: (0, 0),
        })
    }

    /// Writes bytes in which long runs of zeroes are likely.
    pub(super) fn put_sparse(&mut self, at: u64, bytes: &[u8]) -> Result<(), Fault> {
        let mut at = at;
        for piece in bytes.chunks(SPARSE) {
            if piece.len() == SPARSE && is_zero(piece) {
                self.zero(at, piece.len() as u64)?;
            } else {
                self.put(at, piece)?;
            }
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Writes bytes.
    pub(super) fn put(&mut self, at: u64, bytes: &[u8]) -> Result<(), Fault> {
        let (mut at, mut bytes) = (at, bytes);
        if let Ok(from) = usize::try_from(at)
            && from < self.first.as_ref().len()
        {
            let count = bytes.len().min(self.first.as_ref().len() - from);
            self.first.as_mut()[from..from + count].copy_from_slice(&bytes[..count]);
            at += count as u64;
            bytes = &bytes[count..];
        }
        while !bytes.is_empty() {
            if at != self.run_at + self.run_length as u64 || self.run_length == RUN {
                self.write_run()?;
                self.run_at = at;
            }
            let count = bytes.len().min(RUN - self.run_length);
            let place = self.run_length..self.run_length + count;
            self.run.as_mut()[place].copy_from_slice(&bytes[..count]);
            self.run_length += count;
            at += count as u64;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Makes a range read as zero.
    pub(super) fn zero(&mut self, at: u64, length: u64) -> Result<(), Fault> {
        let first = self.first.as_ref().len() as u64;
        let (from, to) = (at.max(first), at + length);
        if at < first {
            let range = (at, to.min(first));
            if let (Ok(from), Ok(to)) = (usize::try_from(range.0), usize::try_from(range.1)) {
                self.first.as_mut()[from..to].fill(0);
            }
        }
        if from >= to {
            return Ok(());
        }
        if self.zeroes.1 != from {
            self.write_zeroes()?;
            self.zeroes.0 = from;
        }
        self.zeroes.1 = to;
        Ok(())
    }

    /// The image is complete and right: writes what was held back. Returns the
    /// disk's first bytes.
    pub(super) fn finish(mut self) -> Result<AlignedBuffer, Fault> {
        self.write_run()?;
        self.write_zeroes()?;
        let Target {
            block,
            name,
            observer,
        } = self.target;
        sectors::adapt(block, name, self.first.as_mut(), observer)?;
        block
            .flush()
            .and_then(|()| block.write_at(0, self.first.as_ref()))
            .and_then(|()| block.flush())
            .map_err(|error| self.fault(&error))?;
        Ok(self.first)
    }

    fn fault(&self, error: &io::Error) -> Fault {
        io_fault("writing", self.target.name, error)
    }

    fn sector(&self) -> u64 {
        u64::from(self.target.block.sector_size())
    }

    fn write_run(&mut self) -> Result<(), Fault> {
        let length = std::mem::take(&mut self.run_length);
        if length == 0 {
            return Ok(());
        }
        let sector = self.sector();
        let end = self.run_at + length as u64;
        let whole = self.run_at.is_multiple_of(sector) && end.is_multiple_of(sector);
        let bytes = &self.run.as_ref()[..length];
        let written = self.stopwatch.measure(Activity::Disk, || {
            if whole {
                self.target.block.write_at(self.run_at, bytes)
            } else {
                self.write_over_part_of_sectors(self.run_at, bytes)
            }
        });
        written.map_err(|error| self.fault(&error))
    }

    /// Where clusters are smaller than sectors, or an image ends within one:
    /// the rest of the sectors stays as it is.
    fn write_over_part_of_sectors(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let sector = self.sector();
        let from = at / sector * sector;
        let to = (at + bytes.len() as u64).next_multiple_of(sector);
        let length = usize::try_from(to - from).map_err(io::Error::other)?;
        let skip = usize::try_from(at - from).map_err(io::Error::other)?;
        let mut whole = AlignedBuffer::new(length);
        self.target.block.read_at(from, whole.as_mut())?;
        whole.as_mut()[skip..skip + bytes.len()].copy_from_slice(bytes);
        self.target.block.write_at(from, whole.as_ref())
    }

    fn write_zeroes(&mut self) -> Result<(), Fault> {
        let (from, to) = std::mem::take(&mut self.zeroes);
        if from == to {
            return Ok(());
        }
        let sector = self.sector();
        let inner = (from.next_multiple_of(sector), to / sector * sector);
        let zeroed = if inner.0 >= inner.1 {
            self.write_zero_edge(from, to)
        } else {
            self.target
                .block
                .zero(inner.0, inner.1 - inner.0)
                .and_then(|()| self.write_zero_edge(from, inner.0))
                .and_then(|()| self.write_zero_edge(inner.1, to))
        };
        zeroed.map_err(|error| self.fault(&error))
    }

    fn write_zero_edge(&self, from: u64, to: u64) -> io::Result<()> {
        if from == to {
            return Ok(());
        }
        let length = usize::try_from(to - from).map_err(io::Error::other)?;
        self.write_over_part_of_sectors(from, &vec![0; length])
    }
}

/// Whole blocks are looked at before deciding, which the compiler turns into
/// wide instructions.
fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .chunks(512)
        .all(|block| block.iter().fold(0, |all, byte| all | byte) == 0)
}
