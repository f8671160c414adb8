// SPDX-License-Identifier: Apache-2.0
//! The memory of a pass: a fixed number of buffers that go round. Whoever
//! wants to run ahead waits until one comes back.

use std::sync::mpsc::{Receiver, Sender, channel};

/// Bytes of a buffer.
pub(super) const BUFFER: usize = 512 << 10;
/// Buffers for the file as served. Hashing and unpacking share them.
pub(super) const SERVED: usize = 8;
/// Buffers for what is unpacked.
pub(super) const UNPACKED: usize = 6;

/// The most that the buffers of a pass may take in memory.
const LIMIT: usize = 8 << 20;
const _: () = assert!(BUFFER * (SERVED + UNPACKED) <= LIMIT);

/// Empty buffers.
pub(super) struct Pool {
    empty: Receiver<Vec<u8>>,
    home: Sender<Vec<u8>>,
    /// Buffers that were not made yet.
    unmade: usize,
}

/// Bytes of a file, in a buffer that goes back to its pool by itself.
pub(super) struct Piece {
    /// Position of the first byte.
    pub(super) at: u64,
    bytes: Vec<u8>,
    home: Sender<Vec<u8>>,
}

impl Pool {
    pub(super) fn new(buffers: usize) -> Self {
        let (home, empty) = channel();
        Self {
            empty,
            home,
            unmade: buffers,
        }
    }

    /// A piece of [`BUFFER`] bytes, as soon as there is one. Small files never
    /// need all buffers, so they are made when they are needed first.
    pub(super) fn take(&mut self, at: u64) -> Piece {
        let bytes = match self.empty.try_recv() {
            Ok(bytes) => bytes,
            Err(_) if self.unmade > 0 => {
                self.unmade -= 1;
                vec![0; BUFFER]
            }
            // The pool holds a sender itself, so that this ends with a buffer.
            Err(_) => self.empty.recv().unwrap_or_default(),
        };
        Piece {
            at,
            bytes,
            home: self.home.clone(),
        }
    }
}

impl Piece {
    /// What is in it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Room to be filled.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Keeps the first bytes only.
    pub(super) fn shorten(&mut self, length: usize) {
        self.bytes.truncate(length);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.resize(BUFFER, 0);
        // Without a pool the pass is over, and so is the buffer.
        let _ = self.home.send(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_holder_lets_go() {
        let mut pool = Pool::new(2);
        let first = Arc::new(pool.take(0));
        let shared = Arc::clone(&first);
        let mut second = pool.take(7);
        second.room()[0] = 1;
        second.shorten(1);
        assert_eq!((second.at, second.bytes()), (7, &[1][..]));
        drop(first);
        assert!(pool.empty.try_recv().is_err(), "it is still held");
        drop(shared);
        drop(pool.take(0));
        drop(second);
        let again = pool.take(9);
        assert_eq!(again.bytes().len(), BUFFER);
        assert_eq!(pool.unmade, 0);
    }
}
