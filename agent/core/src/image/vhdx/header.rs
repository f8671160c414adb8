// SPDX-License-Identifier: Apache-2.0
//! The two headers, of which the newer sound one counts.

use super::VhdxError;
use super::checksum::crc32c;
use crate::image::numbers::{u16_le, u32_le, u64_le};

/// Bytes of a header that the checksum covers.
const LENGTH: usize = 4096;
const CHECKSUM: usize = 4;

/// What a header tells a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The header with the higher number is the newer one.
    pub sequence: u64,
    /// Version of the format.
    pub version: u16,
    /// Whether there are log entries to be replayed.
    pub has_log: bool,
}

impl Header {
    /// Reads one header; `None` if it is unsound.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..LENGTH)?;
        if !bytes.starts_with(b"head") || u32_le(bytes, CHECKSUM)? != crc32c(bytes, CHECKSUM) {
            return None;
        }
        Some(Self {
            sequence: u64_le(bytes, 8)?,
            version: u16_le(bytes, 66)?,
            has_log: bytes.get(48..64)?.iter().any(|byte| *byte != 0),
        })
    }

    /// The newer of both headers, if the disk can be read as it is.
    ///
    /// # Errors
    ///
    /// The first reason not to read the file.
    pub fn choose(first: &[u8], second: &[u8]) -> Result<Self, VhdxError> {
        let newest = [Self::parse(first), Self::parse(second)]
            .into_iter()
            .flatten()
            .max_by_key(|header| header.sequence)
            .ok_or(VhdxError::Headers)?;
        if newest.version != 1 {
            return Err(VhdxError::Version(newest.version));
        }
        if newest.has_log {
            return Err(VhdxError::Log);
        }
        Ok(newest)
    }
}
