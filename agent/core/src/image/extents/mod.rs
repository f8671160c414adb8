// SPDX-License-Identifier: Apache-2.0
//! Pieces of a container file and where on the disk they belong, for images of
//! any size in a few MiB of memory.

mod disk;
mod gaps;
mod map;
#[cfg(test)]
mod tests;
mod varint;

pub use disk::{DiskBuilder, DiskMap};
pub use gaps::{Gaps, GapsBuilder};
pub use map::{Extents, Map, MapBuilder};

use thiserror::Error;

/// Compressed pieces are measured in sectors of so many bytes.
pub const SECTOR: u64 = 512;

/// Memory in bytes that the map of an image may take: its extents and its
/// gaps. Together with the tables that are being read (`TABLES_BUDGET`, and
/// 2 MiB under way) it keeps the agent below 48 MiB.
pub const DISK_BUDGET: usize = 12 << 20;

/// Memory in bytes that the list of tables still to be read may take.
pub const TABLES_BUDGET: usize = 4 << 20;

/// Consecutive bytes of the file that belong to consecutive bytes of the disk,
/// or one compressed unit: a cluster, or a grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    /// First byte in the file.
    pub host: u64,
    /// First byte on the disk.
    pub guest: u64,
    /// How many.
    pub span: Span,
}

/// What an extent holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// So many bytes as they are.
    Plain(u64),
    /// One unit, compressed into at most the bytes up to the end of so many
    /// sectors; the one that the extent begins in is the first.
    Packed(u32),
}

impl Extent {
    /// The byte of the file behind the last one, at most: a compressed unit
    /// may be shorter.
    #[must_use]
    pub fn host_end(&self) -> u64 {
        match self.span {
            Span::Plain(bytes) => self.host.saturating_add(bytes),
            Span::Packed(sectors) => {
                (self.host - self.host % SECTOR).saturating_add(u64::from(sectors) * SECTOR)
            }
        }
    }

    /// Bytes on the disk, with units of so many bytes. The last ones may lie
    /// behind its end.
    #[must_use]
    pub fn guest_bytes(&self, unit: u64) -> u64 {
        match self.span {
            Span::Plain(bytes) => bytes,
            Span::Packed(_) => unit,
        }
    }

    /// Takes the next extent in, if it goes on where this one ends.
    fn absorb(&mut self, next: &Extent) -> bool {
        let (Span::Plain(mine), Span::Plain(theirs)) = (self.span, next.span) else {
            return false;
        };
        if self.host.checked_add(mine) != Some(next.host)
            || self.guest.checked_add(mine) != Some(next.guest)
        {
            return false;
        }
        match mine.checked_add(theirs) {
            Some(sum) => {
                self.span = Span::Plain(sum);
                true
            }
            None => false,
        }
    }
}

/// Why the map of a container cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MapError {
    /// An offset is not aligned, or lies outside the file.
    #[error("its {what} refers to byte {offset}, which is impossible")]
    Offset {
        /// Which table.
        what: &'static str,
        /// The offset.
        offset: u64,
    },
    /// More pieces than memory is meant to hold.
    #[error(
        "it is so scattered that the map of its pieces needs more than {} KiB of memory; \
         'qemu-img convert' makes a tidy copy of it", .0 >> 10
    )]
    TooScattered(usize),
}
