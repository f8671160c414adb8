// SPDX-License-Identifier: Apache-2.0
//! qcow2, read only: header, tables, and where each cluster belongs.
//!
//! Source: QEMU's `docs/interop/qcow2.rst`. The header and both levels of
//! tables come from a tenant and are believed only after every offset has been
//! checked. Snapshots, refcounts, backing files and external data files are
//! not followed.

mod header;
mod tables;
#[cfg(test)]
pub(super) mod tests;

pub use header::{HEADER_LENGTH, Header};
pub use tables::Tables;

use thiserror::Error;

use super::extents::MapError;

/// Why a qcow2 file is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Qcow2Error {
    /// The magic number is another one.
    #[error("it is not a qcow2 file")]
    NotQcow2,
    /// It ends within the header or a table.
    #[error("its header or its tables are cut off")]
    CutOff,
    /// A version other than 2 and 3.
    #[error("it has qcow2 version {0}; 2 and 3 are known")]
    Version(u32),
    /// It refers to a backing file.
    #[error("it needs a backing file")]
    BackingFile,
    /// It keeps its data elsewhere.
    #[error("it needs an external data file")]
    DataFile,
    /// The writer marked it as damaged.
    #[error("it is marked as corrupt")]
    Corrupt,
    /// Incompatible features this reader does not know.
    #[error("it uses unknown incompatible features ({0:#x})")]
    Features(u64),
    /// Clusters that are allocated in parts.
    #[error(
        "it has extended second-level entries; \
         'qemu-img convert -O qcow2 -o extended_l2=off' makes a copy without them"
    )]
    ExtendedL2,
    /// Encrypted content.
    #[error("it is encrypted")]
    Encrypted,
    /// Clusters smaller than 512 bytes or larger than 2 MiB.
    #[error("its clusters of 2^{0} bytes are out of range")]
    ClusterSize(u32),
    /// A compression this reader does not know.
    #[error("it uses the unknown compression {0}")]
    Compression(u8),
    /// The first-level table is too small for the disk, or absurdly large.
    #[error("its first-level table of {entries} entries does not fit a disk of {size} bytes")]
    L1Size {
        /// Entries the header tells.
        entries: u32,
        /// Virtual size in bytes.
        size: u64,
    },
    /// Its tables are unsound.
    #[error(transparent)]
    Map(#[from] MapError),
}
