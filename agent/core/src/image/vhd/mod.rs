// SPDX-License-Identifier: Apache-2.0
//! vhd, read only: dynamic disks by their block allocation table, and the
//! footer of fixed disks. Differencing disks need another file and are refused.
//!
//! Source: Microsoft's "Virtual Hard Disk Image Format Specification".

mod footer;
mod tables;
#[cfg(test)]
pub(super) mod tests;

pub use footer::{DiskType, FOOTER_LENGTH, Footer};
pub use tables::{DynamicHeader, Tables};

use thiserror::Error;

use super::extents::MapError;

/// Why a vhd file is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VhdError {
    /// The mark is another one, or there is none.
    #[error("it has no vhd footer")]
    NotVhd,
    /// It ends within the header or a table.
    #[error("its header or its tables are cut off")]
    CutOff,
    /// A version other than 1.0.
    #[error("it has vhd version {0:#x}; 0x10000 is known")]
    Version(u32),
    /// A checksum is wrong.
    #[error("the checksum of its {0} is wrong")]
    Checksum(&'static str),
    /// It refers to a parent.
    #[error("it is a differencing disk and needs its parent")]
    Differencing,
    /// A kind of disk that does not exist.
    #[error("it has the unknown disk type {0}")]
    DiskType(u32),
    /// A fixed disk where a dynamic one is expected, or the other way round.
    #[error("its footer does not belong to a disk of its kind")]
    Kind,
    /// The dynamic header is none.
    #[error("it has no dynamic header where its footer says")]
    NoHeader,
    /// Blocks of impossible length.
    #[error("its blocks of {0} bytes are out of range")]
    BlockSize(u32),
    /// The size is not whole sectors, larger than possible, or not what the
    /// tables or the file have room for.
    #[error("its size of {0} bytes is out of range")]
    Size(u64),
    /// Its tables are unsound.
    #[error(transparent)]
    Map(#[from] MapError),
}
