// SPDX-License-Identifier: Apache-2.0
//! The file as served, on its way into a decoder.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;

use crate::image::buffers::Piece;

/// Reads pieces where they lie; nothing is copied before the decoder.
pub(in crate::image) struct Input<'a> {
    head: &'a [u8],
    pieces: Option<Receiver<Arc<Piece>>>,
    /// The piece under way, and how much of it was read.
    piece: Option<(Arc<Piece>, usize)>,
    /// Bytes that were read.
    position: u64,
    /// The same, for others to see.
    done: Option<&'a AtomicU64>,
    /// Somebody wanted more than there is.
    at_end: bool,
}

impl<'a> Input<'a> {
    /// A file whose beginning was read before.
    pub(in crate::image) fn new(
        head: &'a [u8],
        pieces: Receiver<Arc<Piece>>,
        done: &'a AtomicU64,
    ) -> Self {
        Self {
            pieces: Some(pieces),
            done: Some(done),
            ..Self::only(head)
        }
    }

    /// Nothing but the beginning of a file.
    pub(super) fn only(head: &'a [u8]) -> Self {
        Self {
            head,
            pieces: None,
            piece: None,
            position: 0,
            done: None,
            at_end: false,
        }
    }

    /// Bytes of the file that were read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Whether somebody wanted more than there is.
    pub(super) fn was_at_end(&self) -> bool {
        self.at_end
    }

    /// The next byte, which stays there.
    pub(super) fn peek(&mut self) -> Option<u8> {
        self.ready().first().copied()
    }

    pub(super) fn skip_zeroes(&mut self) {
        loop {
            let zeroes = self.ready().iter().take_while(|byte| **byte == 0).count();
            if zeroes == 0 {
                return;
            }
            self.consume(zeroes);
        }
    }

    /// Reads the rest for nothing.
    pub(super) fn discard(&mut self) {
        loop {
            match self.ready().len() {
                0 => return,
                length => self.consume(length),
            }
        }
    }

    /// The bytes that come next, waiting for them; none at the end.
    pub(super) fn ready(&mut self) -> &[u8] {
        while self.head.is_empty() && self.piece.is_none() {
            // The next piece comes while nothing is held.
            match self.pieces.as_ref().and_then(|pieces| pieces.recv().ok()) {
                Some(piece) if !piece.bytes().is_empty() => self.piece = Some((piece, 0)),
                Some(_) => (),
                None => {
                    self.at_end = true;
                    return &[];
                }
            }
        }
        match &self.piece {
            Some((piece, done)) if self.head.is_empty() => &piece.bytes()[*done..],
            _ => self.head,
        }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.ready();
        let count = ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.ready())
    }

    fn consume(&mut self, count: usize) {
        self.position += count as u64;
        if self.head.is_empty() {
            let ended = self.piece.as_mut().is_some_and(|(piece, done)| {
                *done += count;
                *done >= piece.bytes().len()
            });
            if ended {
                self.piece = None;
            }
        } else {
            self.head = &self.head[count..];
        }
        if let Some(done) = self.done {
            done.store(self.position, Ordering::Relaxed);
        }
    }
}
