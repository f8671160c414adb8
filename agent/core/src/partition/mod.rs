// SPDX-License-Identifier: Apache-2.0
//! Partition tables as bytes: read, repair, and one more partition for the
//! config drive. Nothing here opens a disk; what shall be written comes out as
//! [`Patch`]es.

pub mod config_drive;
pub mod create;
pub mod fat;
pub mod file_system;
mod gpt;
pub mod label;
pub mod layout;
mod mbr;
mod relay;

pub use gpt::{Gpt, GptEntry};
pub use mbr::{Mbr, MbrEntry, disk_identifier};
pub use relay::{Relaid, made_for, relay};

use thiserror::Error;

/// So many bytes of a disk's beginning are enough to read its table.
pub const HEAD: usize = 1 << 20;

/// Bytes to write at a place of the disk. Both are multiples of the sector size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// First byte on the disk.
    pub offset: u64,
    /// What to write.
    pub bytes: Vec<u8>,
}

/// A partition that is in use, in bytes of its disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Number, from 1.
    pub number: u32,
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
    /// Name in the table; MBR has none.
    pub name: Option<String>,
}

/// The partition table of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Table {
    /// A GUID partition table.
    Gpt(Gpt),
    /// A master boot record.
    Mbr(Mbr),
}

/// Why a table cannot be read, or changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// There is no table.
    #[error("there is none")]
    Missing,
    /// The table was made for other sectors.
    #[error("it is made for sectors of {found} bytes, but the disk has sectors of {real} bytes")]
    SectorSize {
        /// What the table was made for.
        found: u32,
        /// What the disk has.
        real: u32,
    },
    /// The table contradicts itself.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// A partition cannot be expressed in the disk's sectors.
    #[error(
        "partition {number} does not begin at a multiple of {sector} bytes, the disk's sectors"
    )]
    Unaligned {
        /// Its number, from 1.
        number: u32,
        /// Bytes of the disk's sectors.
        sector: u32,
    },
    /// A partition begins where the table itself must be.
    #[error(
        "partition {number} begins where the table of a disk with sectors of {sector} bytes lies"
    )]
    InTheWay {
        /// Its number, from 1.
        number: u32,
        /// Bytes of the disk's sectors.
        sector: u32,
    },
    /// Logical partitions are not converted to other sectors.
    #[error(
        "partition {0} is an extended one, whose logical partitions cannot be converted to the disk's sectors; use a GPT"
    )]
    Extended(u32),
    /// There is no place for one more partition.
    #[error("there is no room for another partition: {0}")]
    NoRoom(String),
}

impl Table {
    /// Reads the table from the first [`HEAD`] bytes of a disk of `size` bytes.
    ///
    /// # Errors
    ///
    /// [`TableError::Missing`] without a table, otherwise what is wrong with it.
    pub fn read(head: &[u8], sector: u32, size: u64) -> Result<Self, TableError> {
        let mbr = Mbr::read(head, sector, size)?;
        if let Some(gpt) = Gpt::read(head, sector, size)? {
            return Ok(Table::Gpt(gpt));
        }
        if mbr.is_protective() {
            return Err(other_sectors(head, sector)
                .unwrap_or(TableError::Damaged("the GPT header is missing")));
        }
        Ok(Table::Mbr(mbr))
    }

    /// The partitions in use, in the order of the table.
    #[must_use]
    pub fn partitions(&self) -> Vec<Partition> {
        match self {
            Table::Gpt(gpt) => gpt.partitions(),
            Table::Mbr(mbr) => mbr.partitions(),
        }
    }
}

/// What a partition's type says of its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// EFI system partition.
    Esp,
    /// The root file system, by a type of its own (Discoverable Partitions
    /// Specification).
    Root,
    /// Anything else.
    Other,
}

impl Table {
    /// What the type of a partition says of its use.
    #[must_use]
    pub fn role(&self, number: u32) -> Role {
        match self {
            Table::Gpt(gpt) => gpt.role(number),
            Table::Mbr(mbr) => mbr.role(number),
        }
    }
}

/// A GPT header where a disk of other sectors would have it.
fn other_sectors(head: &[u8], real: u32) -> Option<TableError> {
    [512_u32, 4096]
        .into_iter()
        .filter(|found| *found != real)
        .find(|found| {
            let at = *found as usize;
            head.get(at..at + 8) == Some(gpt::SIGNATURE)
        })
        .map(|found| TableError::SectorSize { found, real })
}

#[cfg(test)]
mod tests;
