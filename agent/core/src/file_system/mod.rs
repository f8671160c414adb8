// SPDX-License-Identifier: Apache-2.0
//! File systems as bytes: what a new one consists of, and what an existing one
//! is called. Nothing here opens a disk; what shall be written comes out as
//! [`Piece`]s.

pub mod ext4;
pub mod identity;
pub mod swap;

/// Something to write into a partition. Positions and lengths are bytes from
/// the partition's beginning and multiples of 4096.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes {
        /// Where they begin.
        offset: u64,
        /// What to write.
        bytes: Vec<u8>,
    },
    /// Zeroes.
    Zero {
        /// Where they begin.
        offset: u64,
        /// How many.
        length: u64,
    },
}
