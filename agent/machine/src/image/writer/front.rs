// SPDX-License-Identifier: Apache-2.0
//! The front of the disk, which decides whether anything boots from it.
//!
//! It changes by single sectors that a disk writes whole or not at all: first
//! the old system's first sector becomes a marker that says what happens here,
//! and as the very last one the new system's first sector takes its place.
//! Whenever the power fails in between, the disk does not boot and says why.

use std::io;

use ironseed_core::image::unfinished;

use crate::block::{AlignedBuffer, Block};

/// What is held back until the end. It holds boot code, partition table and
/// the boot sectors of the first partition where one begins that early.
const FIRST: u64 = 1 << 20;

/// The first MiB of the image, in memory, and who stands in its place.
#[derive(Debug)]
pub(super) struct Front {
    bytes: AlignedBuffer,
    marker: AlignedBuffer,
}

impl Front {
    /// Takes the disk over: nothing of what was bootable, or recognised at one
    /// of its ends, is left.
    pub(super) fn claim(block: &dyn Block, image: &str) -> io::Result<Self> {
        let size = block.size();
        let length = usize::try_from(FIRST.min(size)).map_err(io::Error::other)?;
        let mut marker = AlignedBuffer::new(block.sector_size() as usize);
        marker.as_mut()[..unfinished::LENGTH].copy_from_slice(&unfinished::marker(image));
        let front = Self {
            bytes: AlignedBuffer::new(length),
            marker,
        };
        front.mark(block)?;
        let sector = front.sector() as u64;
        let tail = size.saturating_sub(FIRST).max(sector) / sector * sector;
        block.zero(sector, length as u64 - sector)?;
        block.zero(tail, size - tail)?;
        block.flush()?;
        Ok(front)
    }

    /// Makes the disk unbootable, whatever stands at its front.
    pub(super) fn mark(&self, block: &dyn Block) -> io::Result<()> {
        block.write_at(0, self.marker.as_ref())?;
        block.flush()
    }

    /// Everything else is on the medium: makes the disk bootable.
    pub(super) fn release(&self, block: &dyn Block) -> io::Result<()> {
        let (first, rest) = self.bytes.as_ref().split_at(self.sector());
        if !rest.is_empty() {
            // The first sector of a page-aligned buffer may leave the rest
            // without alignment; the device copies it then.
            block.write_at(first.len() as u64, rest)?;
            block.flush()?;
        }
        block.write_at(0, first)?;
        block.flush()
    }

    /// Whether the disk gives back what was written to its front.
    pub(super) fn is_on(&self, block: &dyn Block) -> io::Result<bool> {
        block.forget_cache()?;
        let mut found = AlignedBuffer::new(self.bytes.as_ref().len());
        block.read_at(0, found.as_mut())?;
        Ok(found.as_ref() == self.bytes.as_ref())
    }

    /// Bytes that are held back.
    pub(super) fn length(&self) -> u64 {
        self.bytes.as_ref().len() as u64
    }

    /// Takes what belongs to the front; returns how many bytes that are.
    pub(super) fn put(&mut self, at: u64, bytes: &[u8]) -> usize {
        let Some(room) = self.room(at) else {
            return 0;
        };
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        count
    }

    /// Zeroes what belongs to the front.
    pub(super) fn zero(&mut self, at: u64, length: u64) {
        if let Some(room) = self.room(at) {
            let count = usize::try_from(length).unwrap_or(usize::MAX);
            let count = count.min(room.len());
            room[..count].fill(0);
        }
    }

    /// The bytes.
    pub(super) fn into_bytes(self) -> AlignedBuffer {
        self.bytes
    }

    fn room(&mut self, at: u64) -> Option<&mut [u8]> {
        self.bytes.as_mut().get_mut(usize::try_from(at).ok()?..)
    }

    fn sector(&self) -> usize {
        self.marker.as_ref().len()
    }
}
