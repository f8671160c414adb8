// SPDX-License-Identifier: Apache-2.0
//! The header, and every refusal it can give reason to.

use super::{Descriptor, VmdkError};
use crate::image::extents::SECTOR;
use crate::image::numbers::{u16_le, u32_le, u64_le};

const MAGIC: &[u8] = b"KDMV";
const TEXT: &[u8] = b"# Disk DescriptorFile";

const FLAG_NEWLINES: u32 = 1;
const FLAG_ZERO_GRAINS: u32 = 1 << 2;
const FLAG_COMPRESSED: u32 = 1 << 16;
const FLAG_MARKERS: u32 = 1 << 17;
/// The second bit says that there is a second directory, which nobody needs.
const FLAGS_KNOWN: u32 = FLAG_NEWLINES | 2 | FLAG_ZERO_GRAINS | FLAG_COMPRESSED | FLAG_MARKERS;

/// Place of a directory that is told by a footer at the file's end.
const AT_END: u64 = u64::MAX;

/// Entries of a grain table.
pub(super) const TABLE_ENTRIES: u64 = 512;

/// A grain may have so many sectors: 2 MiB. Usual are 64 KiB.
const GRAIN_LIMIT: u64 = 4096;

/// The grain directory has at most so many entries: 32 TiB at the usual grain.
const DIRECTORY_LIMIT: u64 = 1 << 20;

/// A header that passed every check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Size of the disk in bytes.
    pub size: u64,
    /// Bytes of a grain.
    pub grain: u64,
    /// First byte of the grain directory; none if a footer tells it.
    pub directory: Option<u64>,
    /// First byte of the first grain, or of the first marker.
    pub overhead: u64,
    /// Whether table entries can say "reads as zero".
    pub zero_grains: bool,
    /// Whether grains are compressed and have markers: `streamOptimized`.
    pub stream: bool,
}

impl Header {
    /// Reads header and descriptor from the file's beginning.
    ///
    /// # Errors
    ///
    /// The first reason not to read the file.
    pub fn parse(head: &[u8]) -> Result<Self, VmdkError> {
        if head.starts_with(TEXT) {
            return Err(VmdkError::OnlyDescriptor);
        }
        if !head.starts_with(MAGIC) {
            return Err(VmdkError::NotSparse);
        }
        let long = |at| u64_le(head, at).ok_or(VmdkError::CutOff);
        let word = |at| u32_le(head, at).ok_or(VmdkError::CutOff);
        let version = word(4)?;
        if !(1..=3).contains(&version) {
            return Err(VmdkError::Version(version));
        }
        let flags = word(8)?;
        let newlines = head.get(73..77).ok_or(VmdkError::CutOff)?;
        if flags & FLAG_NEWLINES != 0 && newlines != b"\n \r\n" {
            return Err(VmdkError::Newlines);
        }
        let stream = stream(flags, u16_le(head, 77).ok_or(VmdkError::CutOff)?)?;
        let grain = long(20)?;
        if !grain.is_power_of_two() || grain > GRAIN_LIMIT {
            return Err(VmdkError::GrainSize(grain));
        }
        if word(44)? != 512 {
            return Err(VmdkError::TableSize(word(44)?));
        }
        let capacity = long(12)?;
        if capacity == 0 || capacity.div_ceil(grain * TABLE_ENTRIES) > DIRECTORY_LIMIT {
            return Err(VmdkError::Capacity(capacity));
        }
        Descriptor::parse(head, long(28)?, long(36)?)?.check(stream, capacity)?;
        let directory = match long(56)? {
            AT_END if stream => None,
            sector => Some(bytes("header", sector)?),
        };
        Ok(Self {
            size: capacity * SECTOR,
            grain: grain * SECTOR,
            directory,
            overhead: bytes("header", long(64)?)?,
            zero_grains: flags & FLAG_ZERO_GRAINS != 0,
            stream,
        })
    }

    /// Bytes of the disk that one grain table describes.
    #[must_use]
    pub fn table_span(&self) -> u64 {
        self.grain * TABLE_ENTRIES
    }

    /// Entries of the grain directory.
    #[must_use]
    pub fn directory_entries(&self) -> u64 {
        self.size.div_ceil(self.table_span())
    }
}

/// Compression and markers come together or not at all.
fn stream(flags: u32, compression: u16) -> Result<bool, VmdkError> {
    let both = FLAG_COMPRESSED | FLAG_MARKERS;
    if flags & !FLAGS_KNOWN != 0 {
        return Err(VmdkError::Flags(flags));
    }
    match (flags & both, compression) {
        (0, 0) => Ok(false),
        (found, 1) if found == both => Ok(true),
        (found, other) if found == 0 || found == both => Err(VmdkError::Compression(other)),
        _ => Err(VmdkError::Flags(flags)),
    }
}

/// Offsets are counted in sectors and must be possible in bytes.
fn bytes(what: &'static str, sector: u64) -> Result<u64, VmdkError> {
    sector
        .checked_mul(SECTOR)
        .filter(|offset| (SECTOR..1 << 60).contains(offset))
        .ok_or_else(|| {
            let offset = sector.saturating_mul(SECTOR);
            crate::image::extents::MapError::Offset { what, offset }.into()
        })
}
