// SPDX-License-Identifier: Apache-2.0
//! The last 512 bytes of every vhd; a dynamic disk also begins with them.

use super::VhdError;
use crate::image::extents::{MapError, SECTOR};
use crate::image::numbers::{u32_be, u64_be};

/// Bytes of a footer.
pub const FOOTER_LENGTH: usize = 512;

const MARK: &[u8] = b"conectix";
const CHECKSUM: usize = 64;

/// The format ends at 2040 GiB; offsets in sectors of 32 bits end at 2 TiB.
const SIZE_LIMIT: u64 = 1 << 41;

/// Whether the file is the disk, or tables tell where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskType {
    /// All bytes but the footer are the disk's.
    Fixed,
    /// A table tells the places of blocks; the header is at this byte.
    Dynamic(u64),
}

/// A footer that passed every check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footer {
    /// Size of the disk in bytes.
    pub size: u64,
    /// How the disk is stored.
    pub disk_type: DiskType,
}

impl Footer {
    /// Reads a footer, or its copy at the beginning of a dynamic disk.
    ///
    /// # Errors
    ///
    /// The first reason not to read the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, VhdError> {
        if !bytes.starts_with(MARK) {
            return Err(VhdError::NotVhd);
        }
        let bytes = bytes.get(..FOOTER_LENGTH).ok_or(VhdError::CutOff)?;
        let long = |at| u64_be(bytes, at).ok_or(VhdError::CutOff);
        let word = |at| u32_be(bytes, at).ok_or(VhdError::CutOff);
        let version = word(12)?;
        if version != 0x1_0000 {
            return Err(VhdError::Version(version));
        }
        if word(CHECKSUM)? != checksum(bytes, CHECKSUM) {
            return Err(VhdError::Checksum("footer"));
        }
        let header = long(16)?;
        let disk_type = match word(60)? {
            2 => DiskType::Fixed,
            3 => DiskType::Dynamic(dynamic_header(header)?),
            4 => return Err(VhdError::Differencing),
            other => return Err(VhdError::DiskType(other)),
        };
        let size = long(48)?;
        if size == 0 || !size.is_multiple_of(SECTOR) || size > SIZE_LIMIT {
            return Err(VhdError::Size(size));
        }
        Ok(Self { size, disk_type })
    }
}

fn dynamic_header(offset: u64) -> Result<u64, VhdError> {
    if offset.is_multiple_of(SECTOR) && (SECTOR..SIZE_LIMIT).contains(&offset) {
        return Ok(offset);
    }
    let what = "footer";
    Err(MapError::Offset { what, offset }.into())
}

/// The complement of the sum of all bytes but the checksum's own.
pub(super) fn checksum(bytes: &[u8], own: usize) -> u32 {
    let mut sum = 0_u32;
    for (at, byte) in bytes.iter().enumerate() {
        if !(own..own + 4).contains(&at) {
            sum = sum.wrapping_add(u32::from(*byte));
        }
    }
    !sum
}
