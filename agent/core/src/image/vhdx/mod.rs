// SPDX-License-Identifier: Apache-2.0
//! vhdx, read only: fixed and dynamic disks whose log is empty. Differencing
//! disks need another file, and a log that must be replayed means that the
//! file was not closed: both are refused.
//!
//! Source: Microsoft's MS-VHDX.

mod block_table;
mod checksum;
mod header;
mod metadata;
mod region;
mod tables;
#[cfg(test)]
pub(super) mod tests;

pub use header::Header;
pub use metadata::Metadata;
pub use region::Regions;
pub use tables::Tables;

use thiserror::Error;

use super::extents::MapError;

/// Why a vhdx file is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VhdxError {
    /// The mark is another one.
    #[error("it is not a vhdx file")]
    NotVhdx,
    /// It ends within a header or a table.
    #[error("its headers or its tables are cut off")]
    CutOff,
    /// Neither of the two headers is sound.
    #[error("both of its headers are damaged")]
    Headers,
    /// A version other than 1.
    #[error("it has vhdx version {0}; 1 is known")]
    Version(u16),
    /// The log must be replayed first.
    #[error("its log was not replayed; 'qemu-img check -r all' does it")]
    Log,
    /// The region table is damaged.
    #[error("its region table is damaged")]
    Regions,
    /// It requires something that this reader does not know.
    #[error("it requires an unknown {0}")]
    Required(&'static str),
    /// Something that every file has is not there.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// The metadata are damaged.
    #[error("its metadata are damaged")]
    Metadata,
    /// It refers to a parent.
    #[error("it is a differencing disk and needs its parent")]
    Parent,
    /// Blocks of impossible length.
    #[error("its blocks of {0} bytes are out of range")]
    BlockSize(u32),
    /// Sectors of impossible length.
    #[error("its sectors of {0} bytes are out of range")]
    SectorSize(u32),
    /// The size is not whole sectors, larger than possible, or not what the
    /// tables have room for.
    #[error("its size of {0} bytes is out of range")]
    Size(u64),
    /// A state of a block that does not exist.
    #[error("its block allocation table has a block in the unknown state {0}")]
    State(u8),
    /// Its tables are unsound.
    #[error(transparent)]
    Map(#[from] MapError),
}
