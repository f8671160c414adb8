// SPDX-License-Identifier: Apache-2.0
//! The medium of a disk for tests: what a write does to it, and what a loss of
//! power undoes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::unistd::{Whence, lseek};

use super::trouble::Lie;

/// What a request does to the medium.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    Bytes(&'a [u8]),
    Zeroes(u64),
}

impl Change<'_> {
    pub(super) fn length(&self) -> u64 {
        match self {
            Change::Bytes(bytes) => bytes.len() as u64,
            Change::Zeroes(length) => *length,
        }
    }

    /// Does it, or what a lying disk does instead.
    pub(super) fn apply(self, file: &File, offset: u64, lie: Option<Lie>) -> io::Result<()> {
        if lie == Some(Lie::Lost) {
            return Ok(());
        }
        match self {
            Change::Bytes(bytes) => file.write_all_at(bytes, offset)?,
            // What is a hole stays one, so that a large disk costs no memory.
            Change::Zeroes(length) if is_hole(file, offset, length)? => {}
            Change::Zeroes(length) => {
                let zeroes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
                file.write_all_at(&zeroes, offset)?;
            }
        }
        if lie == Some(Lie::Flipped) {
            let middle = offset + self.length() / 2;
            let mut byte = [0];
            file.read_exact_at(&mut byte, middle)?;
            file.write_all_at(&[byte[0] ^ 0x10], middle)?;
        }
        Ok(())
    }
}

/// What the medium held before a write.
#[derive(Debug)]
enum Before {
    Bytes(Vec<u8>),
    /// Nothing but zeroes, so many; they take no memory.
    Hole(u64),
}

/// What the medium held before each write since the last flush.
#[derive(Debug, Default)]
pub(super) struct Unflushed(Vec<(u64, Before)>);

impl Unflushed {
    /// A range is about to change.
    pub(super) fn remember(&mut self, file: &File, offset: u64, length: u64) -> io::Result<()> {
        let before = if is_hole(file, offset, length)? {
            Before::Hole(length)
        } else {
            let mut old = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            file.read_exact_at(&mut old, offset)?;
            Before::Bytes(old)
        };
        self.0.push((offset, before));
        Ok(())
    }

    /// Undoes those writes whose number is lost, the latest first.
    pub(super) fn lose(&mut self, file: &File, lost: impl Fn(usize) -> bool) -> io::Result<()> {
        let all = std::mem::take(&mut self.0);
        for (number, (offset, before)) in all.into_iter().enumerate().rev() {
            match before {
                _ if !lost(number) => {}
                Before::Bytes(old) => file.write_all_at(&old, offset)?,
                Before::Hole(length) => punch(file, offset, length)?,
            }
        }
        Ok(())
    }

    /// Everything is on the medium.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn is_hole(file: &File, offset: u64, length: u64) -> io::Result<bool> {
    let from = i64::try_from(offset).map_err(io::Error::other)?;
    match lseek(file, from, Whence::SeekData) {
        Ok(data) => Ok(u64::try_from(data).is_ok_and(|data| data >= offset + length)),
        Err(Errno::ENXIO) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn punch(file: &File, offset: u64, length: u64) -> io::Result<()> {
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    let narrow = |number| i64::try_from(number).map_err(io::Error::other);
    Ok(fallocate(file, flags, narrow(offset)?, narrow(length)?)?)
}
