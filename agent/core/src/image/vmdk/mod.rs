// SPDX-License-Identifier: Apache-2.0
//! vmdk, read only: the two subformats that keep a disk in one file, written
//! by tables (`monolithicSparse`) or by markers (`streamOptimized`).
//!
//! Source: VMware's "Virtual Disk Format 5.0". Header, descriptor and tables
//! come from a tenant: every offset is checked, and no file name in the
//! descriptor is ever followed.

mod descriptor;
mod header;
mod ledger;
mod markers;
#[cfg(test)]
mod markers_tests;
mod tables;
#[cfg(test)]
pub(super) mod tests;

pub use descriptor::Descriptor;
pub use header::Header;
pub use markers::{Markers, Piece};
pub use tables::Tables;

use thiserror::Error;

use super::extents::MapError;

/// Why a vmdk file is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VmdkError {
    /// The magic number is another one.
    #[error("it is not a sparse vmdk file")]
    NotSparse,
    /// A text that names other files.
    #[error(
        "it is only the descriptor of a vmdk; the subformats monolithicSparse and \
         streamOptimized have everything in one file"
    )]
    OnlyDescriptor,
    /// It ends within the header, the descriptor, a table or a grain.
    #[error("it is cut off")]
    CutOff,
    /// A version other than 1, 2 and 3.
    #[error("it has vmdk version {0}; 1, 2 and 3 are known")]
    Version(u32),
    /// Flags this reader does not know, or that contradict each other.
    #[error("it uses unknown or contradictory flags ({0:#x})")]
    Flags(u32),
    /// A file that is not read by its tables.
    #[error("it is streamOptimized, which is read by its markers")]
    Stream,
    /// Line ends were changed, as by a transfer in text mode.
    #[error("it was damaged by a transfer as text")]
    Newlines,
    /// Grains of impossible length.
    #[error("its grains of {0} sectors are out of range")]
    GrainSize(u64),
    /// Tables of another length than 512 entries.
    #[error("its grain tables have {0} entries instead of 512")]
    TableSize(u32),
    /// No disk, or one larger than any.
    #[error("its capacity of {0} sectors is out of range")]
    Capacity(u64),
    /// Another compression than deflate.
    #[error("it uses the unknown compression {0}")]
    Compression(u16),
    /// The descriptor does not follow the header.
    #[error("its descriptor does not lie at its beginning")]
    DescriptorPlace,
    /// The descriptor says something that it must not.
    #[error("its descriptor is not acceptable: {0}")]
    Descriptor(String),
    /// Grains come out of order, or twice.
    #[error("its grain at sector {0} of the disk is out of order")]
    Order(u64),
    /// A marker that makes no sense.
    #[error("its marker at byte {0} is damaged")]
    Marker(u64),
    /// What the tables tell is not what is there.
    #[error("its grains are not those of its grain tables")]
    Grains,
    /// Its tables are unsound.
    #[error(transparent)]
    Map(#[from] MapError),
}
