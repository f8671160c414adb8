// SPDX-License-Identifier: Apache-2.0
//! One partition of a disk as something `fatfs` can read, and cannot write.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;

use crate::block::position::after_seek;

/// Bytes read at once: `fatfs` asks for single numbers.
const BLOCK: usize = 16 << 10;

/// How many requests one file system may cost. An EFI system partition with a
/// thousand files needs some ten thousands; one whose directories go round in
/// circles would need more and more.
const REQUESTS: u32 = 4_000_000;

/// A range of a file.
#[derive(Debug)]
pub(super) struct Slice {
    file: File,
    offset: u64,
    length: u64,
    position: u64,
    /// The block that was read last, and its position in the slice.
    block: Vec<u8>,
    block_at: u64,
    requests_left: u32,
}

impl Slice {
    /// A range of `length` bytes from `offset` on.
    pub(super) fn new(file: File, offset: u64, length: u64) -> Self {
        Self {
            file,
            offset,
            length,
            position: 0,
            block: Vec::new(),
            block_at: 0,
            requests_left: REQUESTS,
        }
    }

    /// What is left of the block that holds the position; empty at the end.
    fn available(&mut self) -> io::Result<&[u8]> {
        let block_at = self.position - self.position % BLOCK as u64;
        if self.block.is_empty() || self.block_at != block_at {
            self.load(block_at)?;
        }
        let skip = usize::try_from(self.position - block_at).unwrap_or(BLOCK);
        Ok(self.block.get(skip..).unwrap_or_default())
    }

    fn load(&mut self, block_at: u64) -> io::Result<()> {
        let left = self.length.saturating_sub(block_at).min(BLOCK as u64);
        let mut block = vec![0; usize::try_from(left).unwrap_or(BLOCK)];
        let from = self
            .offset
            .checked_add(block_at)
            .ok_or(ErrorKind::InvalidInput)?;
        self.file.read_exact_at(&mut block, from)?;
        self.block = block;
        self.block_at = block_at;
        Ok(())
    }
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.requests_left = self
            .requests_left
            .checked_sub(1)
            .ok_or_else(|| io::Error::other("the file system has no end"))?;
        let available = self.available()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Slice {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = after_seek(to, self.position, self.length);
        self.position = target
            .filter(|position| *position <= self.length)
            .ok_or_else(|| io::Error::other("the file system is larger than its partition"))?;
        Ok(self.position)
    }
}

/// `fatfs` wants to be able to write; it never has a reason to here.
impl Write for Slice {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(size: usize, offset: u64, length: u64) -> Slice {
        let mut file = tempfile::tempfile().expect("a file");
        let bytes: Vec<u8> = (0_u8..251).cycle().take(size).collect();
        file.write_all(&bytes).expect("write");
        Slice::new(file, offset, length)
    }

    #[test]
    fn only_the_range_is_seen() {
        let mut slice = slice(50_000, 100, 40_000);
        let mut all = Vec::new();
        slice.read_to_end(&mut all).expect("read");
        let expected: Vec<u8> = (0_u8..251).cycle().skip(100).take(40_000).collect();
        assert_eq!(all, expected);
        assert_eq!(slice.seek(SeekFrom::End(-2)).expect("seek"), 39_998);
        let mut tail = Vec::new();
        slice.read_to_end(&mut tail).expect("read");
        assert_eq!(tail, expected[39_998..]);
        for beyond in [
            SeekFrom::Start(40_001),
            SeekFrom::End(1),
            SeekFrom::Current(-40_001),
        ] {
            assert!(slice.seek(beyond).is_err(), "{beyond:?}");
        }
        assert!(slice.write(&[1]).is_err());
    }

    #[test]
    fn a_disk_that_ends_early_and_endless_reading_are_errors() {
        let mut short = slice(1000, 500, 1000);
        assert!(short.read(&mut [0; 4]).is_err());
        let mut endless = slice(1000, 0, 1000);
        endless.requests_left = 2;
        assert!(endless.read(&mut [0; 4]).is_ok());
        assert!(endless.read(&mut [0; 4]).is_ok());
        assert!(endless.read(&mut [0; 4]).is_err());
    }
}
