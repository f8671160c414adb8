// SPDX-License-Identifier: Apache-2.0
//! A disk whose first bytes are still held back in memory, as one thing.

use std::io;

use crate::block::{AlignedBuffer, Block};

/// A disk and what its beginning is going to be.
#[derive(Debug)]
pub(super) struct Front<'a> {
    pub(super) block: &'a dyn Block,
    /// Its first bytes, which are not on the disk yet; a multiple of its
    /// sectors, may be empty.
    pub(super) first: &'a mut [u8],
}

impl Front<'_> {
    /// The part of a range that is held back.
    fn held(&self, at: u64, length: usize) -> std::ops::Range<usize> {
        let limit = self.first.len();
        let from = usize::try_from(at).map_or(limit, |from| from.min(limit));
        from..from.saturating_add(length).min(limit)
    }

    /// Fills the buffer from any place.
    pub(super) fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let held = self.held(at, buffer.len());
        let (memory, disk) = buffer.split_at_mut(held.len());
        let behind = at + held.len() as u64;
        memory.copy_from_slice(&self.first[held]);
        if disk.is_empty() {
            return Ok(());
        }
        let bytes = crate::block::read_range(self.block, behind, disk.len())?;
        disk.copy_from_slice(&bytes);
        Ok(())
    }

    /// Writes whole sectors.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let held = self.held(at, bytes.len());
        let (memory, disk) = bytes.split_at(held.len());
        let behind = at + held.len() as u64;
        self.first[held].copy_from_slice(memory);
        if disk.is_empty() {
            return Ok(());
        }
        let mut aligned = AlignedBuffer::new(disk.len());
        aligned.as_mut().copy_from_slice(disk);
        self.block.write_at(behind, aligned.as_ref())
    }

    /// Makes whole sectors zero.
    pub(super) fn zero(&mut self, at: u64, length: u64) -> io::Result<()> {
        let held = self.held(at, usize::try_from(length).unwrap_or(usize::MAX));
        let in_memory = held.len() as u64;
        self.first[held].fill(0);
        match length - in_memory {
            0 => Ok(()),
            rest => self.block.zero(at + in_memory, rest),
        }
    }
}
