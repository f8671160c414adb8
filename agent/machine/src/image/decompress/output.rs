// SPDX-License-Identifier: Apache-2.0
//! What comes out of a decoder: pieces for the consumer, or the first bytes of
//! the image for whoever wants to know what it is.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use ironseed_core::image::compression::Damage;

use crate::image::buffers::{Piece, Pool};

/// Whether a decoder shall go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    More,
    Enough,
}

/// Where unpacked bytes go.
pub(super) trait Output {
    /// Room for the next bytes, never none of it; `None` if no more are wanted.
    fn room(&mut self) -> Option<&mut [u8]>;

    /// So many bytes of the room were filled.
    fn filled(&mut self, count: usize);
}

/// What a decoder did: bytes that it made, and whether its stream is over.
pub(super) struct Made {
    pub(super) bytes: usize,
    pub(super) over: bool,
}

/// Lets a decoder fill the output until its stream is over.
pub(super) fn pour(
    output: &mut dyn Output,
    mut decode: impl FnMut(&mut [u8]) -> Result<Made, Damage>,
) -> Result<Flow, Damage> {
    loop {
        let Some(room) = output.room() else {
            return Ok(Flow::Enough);
        };
        let made = decode(room)?;
        output.filled(made.bytes);
        if made.over {
            return Ok(Flow::More);
        }
    }
}

/// Pieces for the consumer, as full as can be.
pub(in crate::image) struct Pieces {
    pool: Pool,
    consumer: SyncSender<Arc<Piece>>,
    piece: Option<(Piece, usize)>,
    at: u64,
    unwanted: bool,
}

impl Pieces {
    pub(in crate::image) fn new(pool: Pool, consumer: SyncSender<Arc<Piece>>) -> Self {
        Self {
            pool,
            consumer,
            piece: None,
            at: 0,
            unwanted: false,
        }
    }

    /// Hands the last piece over.
    pub(super) fn finish(&mut self) {
        if let Some((mut piece, length)) = self.piece.take()
            && length > 0
        {
            piece.shorten(length);
            self.at += length as u64;
            self.unwanted |= self.consumer.send(Arc::new(piece)).is_err();
        }
    }
}

impl Output for Pieces {
    fn room(&mut self) -> Option<&mut [u8]> {
        if self.unwanted {
            return None;
        }
        let (pool, at) = (&mut self.pool, self.at);
        let (piece, length) = self.piece.get_or_insert_with(|| (pool.take(at), 0));
        Some(&mut piece.room()[*length..])
    }

    fn filled(&mut self, count: usize) {
        if let Some((piece, length)) = &mut self.piece {
            *length += count;
            if *length >= piece.bytes().len() {
                self.finish();
            }
        }
    }
}

/// The first bytes of the image.
pub(super) struct First {
    bytes: Vec<u8>,
    length: usize,
}

impl First {
    pub(super) fn new(length: usize) -> Self {
        Self {
            bytes: vec![0; length],
            length: 0,
        }
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.truncate(self.length);
        self.bytes
    }
}

impl Output for First {
    fn room(&mut self) -> Option<&mut [u8]> {
        let room = &mut self.bytes[self.length..];
        (!room.is_empty()).then_some(room)
    }

    fn filled(&mut self, count: usize) {
        self.length += count;
    }
}
