// SPDX-License-Identifier: Apache-2.0
//! The region table: where metadata and block allocation table are.

use super::VhdxError;
use super::checksum::crc32c;
use crate::image::extents::MapError;
use crate::image::numbers::{u32_le, u64_le};

/// Bytes of a region table.
pub(super) const LENGTH: usize = 64 << 10;
const CHECKSUM: usize = 4;
const ENTRIES: usize = 16;
const ENTRY: usize = 32;

/// As many entries as fit.
const COUNT_LIMIT: u32 = 2047;

/// Regions begin behind the headers, in whole MiB.
const ALIGNMENT: u64 = 1 << 20;

const BLOCK_TABLE: u128 = 0x2dc2_7766_f623_4200_9d64_115e_9bfd_4a08;
const METADATA: u128 = 0x8b7c_a206_4790_4b9a_b8fe_575f_050f_886e;

/// A range of the file: first byte and length.
pub(super) type Range = (u64, u64);

/// Where the regions are that a reader needs, each as first byte and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Regions {
    /// The block allocation table.
    pub block_table: (u64, u64),
    /// The metadata.
    pub metadata: (u64, u64),
}

impl Regions {
    /// Reads a region table.
    ///
    /// # Errors
    ///
    /// The first reason not to read the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, VhdxError> {
        let bytes = bytes.get(..LENGTH).ok_or(VhdxError::CutOff)?;
        let word = |at| u32_le(bytes, at).ok_or(VhdxError::Regions);
        let sound = bytes.starts_with(b"regi") && word(CHECKSUM)? == crc32c(bytes, CHECKSUM);
        let count = word(8)?;
        if !sound || count > COUNT_LIMIT {
            return Err(VhdxError::Regions);
        }
        let (mut block_table, mut metadata) = (None, None);
        let entries = bytes[ENTRIES..].chunks_exact(ENTRY);
        for entry in entries.take(count as usize) {
            let place = match guid(entry, 0) {
                Some(BLOCK_TABLE) => &mut block_table,
                Some(METADATA) => &mut metadata,
                _ if u32_le(entry, 28).unwrap_or(1) & 1 == 0 => continue,
                _ => return Err(VhdxError::Required("region")),
            };
            if place.replace(range(entry)?).is_some() {
                return Err(VhdxError::Regions);
            }
        }
        Ok(Self {
            block_table: block_table.ok_or(VhdxError::Missing("block allocation table"))?,
            metadata: metadata.ok_or(VhdxError::Missing("metadata"))?,
        })
    }
}

fn range(entry: &[u8]) -> Result<Range, VhdxError> {
    let offset = u64_le(entry, 16).ok_or(VhdxError::Regions)?;
    let length = u64::from(u32_le(entry, 24).ok_or(VhdxError::Regions)?);
    let aligned = offset.is_multiple_of(ALIGNMENT) && length.is_multiple_of(ALIGNMENT);
    if !aligned || length == 0 || !(ALIGNMENT..1 << 60).contains(&offset) {
        let what = "region table";
        return Err(MapError::Offset { what, offset }.into());
    }
    Ok((offset, length))
}

/// A GUID as the specification writes it. Its first three parts are stored
/// with the least byte first.
pub(super) fn guid(bytes: &[u8], at: usize) -> Option<u128> {
    let mut all: [u8; 16] = *bytes.get(at..)?.first_chunk()?;
    all[..4].reverse();
    all[4..6].reverse();
    all[6..8].reverse();
    Some(u128::from_be_bytes(all))
}
