// SPDX-License-Identifier: Apache-2.0
//! A device as a stream of bytes that can be read, written and wound: what
//! `fatfs` works on. It asks for single numbers in turn from a table and from
//! files, so several pieces are kept in memory until others are needed.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use super::{AlignedBuffer, Block};
use crate::block::position::after_seek;

/// Bytes of a piece.
const PIECE: u64 = 64 << 10;
/// Pieces that are kept: both tables, a directory or two, a file, and some
/// that were needed lately.
const KEPT: usize = 8;

/// The stream. What was written is on the device after [`Write::flush`] only.
#[derive(Debug)]
pub struct BlockStream<'a> {
    block: &'a dyn Block,
    position: u64,
    /// The one that was used last comes last.
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    at: u64,
    bytes: AlignedBuffer,
    changed: bool,
}

impl<'a> BlockStream<'a> {
    /// A stream at the beginning of a device.
    #[must_use]
    pub fn new(block: &'a dyn Block) -> Self {
        Self {
            block,
            position: 0,
            pieces: Vec::new(),
        }
    }

    /// The piece that holds the position, and where in it; `None` at the end.
    fn piece(&mut self) -> io::Result<Option<(&mut Piece, usize)>> {
        if self.position >= self.block.size() {
            return Ok(None);
        }
        let at = self.position - self.position % PIECE;
        let known = self.pieces.iter().position(|piece| piece.at == at);
        let piece = match known {
            Some(index) => self.pieces.remove(index),
            None => self.load(at)?,
        };
        self.pieces.push(piece);
        let skip = usize::try_from(self.position - at).map_err(io::Error::other)?;
        Ok(self.pieces.last_mut().map(|piece| (piece, skip)))
    }

    fn load(&mut self, at: u64) -> io::Result<Piece> {
        if self.pieces.len() == KEPT {
            self.store(0)?;
            self.pieces.remove(0);
        }
        let length = (self.block.size() - at).min(PIECE);
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut bytes = AlignedBuffer::new(length);
        self.block.read_at(at, bytes.as_mut())?;
        Ok(Piece {
            at,
            bytes,
            changed: false,
        })
    }

    fn store(&mut self, index: usize) -> io::Result<()> {
        let piece = &mut self.pieces[index];
        if piece.changed {
            self.block.write_at(piece.at, piece.bytes.as_ref())?;
            piece.changed = false;
        }
        Ok(())
    }
}

impl Read for BlockStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((piece, skip)) = self.piece()? else {
            return Ok(0);
        };
        let available = &piece.bytes.as_ref()[skip..];
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Write for BlockStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some((piece, skip)) = self.piece()? else {
            return Ok(0);
        };
        let room = &mut piece.bytes.as_mut()[skip..];
        let count = room.len().min(bytes.len());
        room[..count].copy_from_slice(&bytes[..count]);
        piece.changed = true;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        (0..self.pieces.len()).try_for_each(|index| self.store(index))?;
        self.block.flush()
    }
}

impl Seek for BlockStream<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = after_seek(to, self.position, self.block.size());
        self.position = target.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::FakeDisk;
    use super::*;

    #[test]
    fn it_behaves_like_a_file() {
        const SIZE: usize = (1 << 20) + 4096;
        let file = tempfile::tempfile().expect("a file");
        let disk = FakeDisk::new(file, "/dev/vda", SIZE as u64, 4096).expect("a disk");
        let mut stream = BlockStream::new(&disk);
        let mut expected = vec![0; SIZE];
        let mut seed = 7_u64;
        for _ in 0..600 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let at = usize::try_from(seed % SIZE as u64).expect("small");
            let length = usize::try_from(seed >> 50).expect("small").min(SIZE - at);
            let byte = seed.to_le_bytes()[3];
            stream.seek(SeekFrom::Start(at as u64)).expect("seek");
            if seed & 1 == 0 {
                stream.write_all(&vec![byte; length]).expect("written");
                expected[at..at + length].fill(byte);
            } else {
                let mut found = vec![0; length];
                stream.read_exact(&mut found).expect("read");
                assert!(found == expected[at..at + length]);
            }
            assert!(stream.pieces.len() <= KEPT);
        }
        stream.flush().expect("flushed");
        assert!(disk.content(0, SIZE).expect("content") == expected);
        assert_eq!(stream.seek(SeekFrom::End(0)).expect("seek"), SIZE as u64);
        assert_eq!(stream.read(&mut [0; 4]).expect("the end"), 0);
        assert_eq!(stream.write(&[0; 4]).expect("the end"), 0);
        assert!(stream.seek(SeekFrom::End(-(1 << 40))).is_err());
    }
}
