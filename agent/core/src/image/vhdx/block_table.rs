// SPDX-License-Identifier: Apache-2.0
//! The block allocation table. After the entries of so many blocks as one
//! sector bitmap describes, the place of that bitmap follows; only
//! differencing disks use it.

use super::{Metadata, VhdxError};
use crate::image::container::inside;
use crate::image::extents::{DiskBuilder, Extent, MapError, Span};

/// Bits of a sector bitmap, a sector each.
const BITMAP: u64 = 1 << 23;

/// The upper bits of an entry are a place in MiB.
const OFFSET_MASK: u64 = !0xf_ffff;

/// Blocks as the table tells them.
#[derive(Debug)]
pub(super) struct BlockTable {
    size: u64,
    block: u64,
    /// Blocks between two bitmap entries.
    ratio: u64,
    disk: DiskBuilder,
}

impl BlockTable {
    pub(super) fn new(metadata: Metadata) -> Self {
        let block = u64::from(metadata.block);
        Self {
            size: metadata.size,
            block,
            ratio: BITMAP * u64::from(metadata.sector) / block,
            disk: DiskBuilder::new(metadata.size, block),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Entries that the disk needs, up to that of its last block.
    pub(super) fn entries(&self) -> u64 {
        let blocks = self.size.div_ceil(self.block);
        blocks + (blocks - 1) / self.ratio
    }

    pub(super) fn entry(
        &mut self,
        index: u64,
        entry: u64,
        file_size: Option<u64>,
    ) -> Result<(), VhdxError> {
        let (chunk, place) = (index / (self.ratio + 1), index % (self.ratio + 1));
        let guest = (chunk * self.ratio + place) * self.block;
        if place == self.ratio || guest >= self.size {
            return Ok(());
        }
        match entry & 7 {
            // Not present, undefined, zero, unmapped.
            0..=3 => self.disk.gap(guest, self.block)?,
            6 => {
                let host = entry & OFFSET_MASK;
                if host == 0 || !inside(file_size, host) {
                    let what = "block allocation table";
                    return Err(MapError::Offset { what, offset: host }.into());
                }
                self.disk.data(Extent {
                    host,
                    guest,
                    span: Span::Plain(self.block),
                })?;
            }
            7 => return Err(VhdxError::Parent),
            other => return Err(VhdxError::State(u8::try_from(other).unwrap_or(u8::MAX))),
        }
        Ok(())
    }

    pub(super) fn into_disk(self) -> DiskBuilder {
        self.disk
    }
}
