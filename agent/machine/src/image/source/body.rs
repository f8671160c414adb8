// SPDX-License-Identifier: Apache-2.0
//! The body of an answer while it arrives.

use bytes::{Buf as _, Bytes};
use reqwest::Response;

use super::answer::ends_with_connection;
use crate::image::net::{Failure, Net};

/// An answer under way.
pub(super) struct Body {
    answer: Response,
    /// What arrived and was not handed out yet.
    rest: Bytes,
    /// Which byte of the file comes next.
    at: u64,
}

impl Body {
    /// The body of an answer that begins at this byte of the file.
    pub(super) fn new(answer: Response, at: u64) -> Self {
        Self {
            answer,
            rest: Bytes::new(),
            at,
        }
    }

    /// Which byte of the file comes next.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Waits for more bytes, after all before were taken; false at the end.
    pub(super) fn fetch(&mut self, net: &Net<'_>) -> Result<bool, Failure> {
        // The client uses its buffer again when nobody holds a piece of it any
        // more; a fresh one each time costs more than the transfer itself.
        self.rest = Bytes::new();
        let bytes = net.chunk(&mut self.answer)?;
        let is_more = bytes.is_some();
        self.rest = bytes.unwrap_or_default();
        Ok(is_more)
    }

    /// Whether the end of this body may be a broken connection.
    pub(super) fn may_be_cut(&self) -> bool {
        ends_with_connection(self.answer.headers())
    }

    /// Leaves out what lies before a byte of the file.
    pub(super) fn skip_to(&mut self, position: u64) {
        let ahead = position.saturating_sub(self.at);
        let there = self.rest.len();
        let count = usize::try_from(ahead).map_or(there, |ahead| ahead.min(there));
        self.rest.advance(count);
        self.at += count as u64;
    }

    /// Hands out what arrived, as much as fits.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.rest.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        self.at += count as u64;
        count
    }
}
