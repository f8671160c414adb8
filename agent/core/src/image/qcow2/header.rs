// SPDX-License-Identifier: Apache-2.0
//! The header, and every refusal it can give reason to.

use super::Qcow2Error;
use crate::image::container::Compression;
use crate::image::extents::MapError;
use crate::image::numbers::{u32_be, u64_be};

const MAGIC: u32 = 0x5146_49fb;

/// Bytes of the header that are looked at.
pub const HEADER_LENGTH: usize = 112;

/// QEMU allows a first-level table of 32 MiB; a quarter of that is 512 TiB at
/// the usual cluster size.
const L1_LIMIT: u64 = 8 << 20;

const FEATURE_CORRUPT: u64 = 1 << 1;
const FEATURE_DATA_FILE: u64 = 1 << 2;
const FEATURE_COMPRESSION: u64 = 1 << 3;
const FEATURE_EXTENDED_L2: u64 = 1 << 4;
/// Dirty refcounts (bit 0) do not matter to a reader of data.
const FEATURES_KNOWN: u64 = 0b1111;

/// A header that passed every check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Size of the disk in bytes.
    pub size: u64,
    /// A cluster is 2 to this power bytes: 9 to 21.
    pub cluster_bits: u32,
    /// First byte of the first-level table in the file.
    pub l1_offset: u64,
    /// Entries of the first-level table that the disk needs.
    pub l1_entries: u32,
    /// How compressed clusters are compressed.
    pub compression: Compression,
    /// Whether entries can say "reads as zero" (version 3).
    pub zero_flag: bool,
}

impl Header {
    /// Reads the header from the file's first [`HEADER_LENGTH`] bytes or more.
    ///
    /// # Errors
    ///
    /// The first reason not to read the file.
    pub fn parse(head: &[u8]) -> Result<Self, Qcow2Error> {
        let long = |at| u64_be(head, at).ok_or(Qcow2Error::CutOff);
        let word = |at| u32_be(head, at).ok_or(Qcow2Error::CutOff);
        if word(0)? != MAGIC {
            return Err(Qcow2Error::NotQcow2);
        }
        let version = word(4)?;
        if !matches!(version, 2 | 3) {
            return Err(Qcow2Error::Version(version));
        }
        if long(8)? != 0 || word(16)? != 0 {
            return Err(Qcow2Error::BackingFile);
        }
        let cluster_bits = word(20)?;
        if !(9..=21).contains(&cluster_bits) {
            return Err(Qcow2Error::ClusterSize(cluster_bits));
        }
        if word(32)? != 0 {
            return Err(Qcow2Error::Encrypted);
        }
        let compression = match version {
            2 => Compression::Deflate,
            _ => features(long(72)?, word(100)?, head.get(104).copied())?,
        };
        let header = Self {
            size: long(24)?,
            cluster_bits,
            l1_offset: long(40)?,
            l1_entries: l1_entries(long(24)?, cluster_bits, word(36)?)?,
            compression,
            zero_flag: version >= 3,
        };
        header.check_l1_offset()?;
        Ok(header)
    }

    /// Bytes of a cluster.
    #[must_use]
    pub fn cluster_size(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Bytes of the disk that one second-level table describes.
    #[must_use]
    pub fn l2_span(&self) -> u64 {
        span(self.cluster_bits)
    }

    /// Bytes of the first-level table.
    #[must_use]
    pub fn l1_bytes(&self) -> u64 {
        u64::from(self.l1_entries) * 8
    }

    fn check_l1_offset(&self) -> Result<(), Qcow2Error> {
        let offset = self.l1_offset;
        let aligned = offset.is_multiple_of(self.cluster_size());
        let inside = offset.checked_add(self.l1_bytes()).is_some();
        if self.l1_entries > 0 && (offset == 0 || !aligned || !inside) {
            return Err(Qcow2Error::Map(MapError::Offset {
                what: "header",
                offset,
            }));
        }
        Ok(())
    }
}

/// A table fills one cluster with entries of eight bytes, a cluster each.
fn span(cluster_bits: u32) -> u64 {
    1 << (cluster_bits - 3 + cluster_bits)
}

fn l1_entries(size: u64, cluster_bits: u32, told: u32) -> Result<u32, Qcow2Error> {
    let needed = size.div_ceil(span(cluster_bits));
    u32::try_from(needed)
        .ok()
        .filter(|needed| *needed <= told && u64::from(*needed) * 8 <= L1_LIMIT)
        .ok_or(Qcow2Error::L1Size {
            entries: told,
            size,
        })
}

fn features(
    incompatible: u64,
    header_length: u32,
    compression: Option<u8>,
) -> Result<Compression, Qcow2Error> {
    if incompatible & FEATURE_DATA_FILE != 0 {
        return Err(Qcow2Error::DataFile);
    }
    if incompatible & FEATURE_EXTENDED_L2 != 0 {
        return Err(Qcow2Error::ExtendedL2);
    }
    if incompatible & !FEATURES_KNOWN != 0 {
        return Err(Qcow2Error::Features(incompatible & !FEATURES_KNOWN));
    }
    if incompatible & FEATURE_CORRUPT != 0 {
        return Err(Qcow2Error::Corrupt);
    }
    if incompatible & FEATURE_COMPRESSION == 0 {
        return Ok(Compression::Deflate);
    }
    match compression.filter(|_| header_length > 104) {
        Some(0) => Ok(Compression::Deflate),
        Some(1) => Ok(Compression::Zstd),
        Some(other) => Err(Qcow2Error::Compression(other)),
        None => Err(Qcow2Error::CutOff),
    }
}
