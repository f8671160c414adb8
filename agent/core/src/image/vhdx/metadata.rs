// SPDX-License-Identifier: Apache-2.0
//! Metadata: sizes of disk, blocks and sectors.

use super::VhdxError;
use super::region::guid;
use crate::image::numbers::{u16_le, u32_le, u64_le};

/// The table comes first, the items behind it.
const TABLE_LENGTH: usize = 64 << 10;
const ENTRY: usize = 32;
const COUNT_LIMIT: u16 = 2047;

const FILE_PARAMETERS: u128 = 0xcaa1_6737_fa36_4d43_b3b6_33f0_aa44_e76b;
const DISK_SIZE: u128 = 0x2fa5_4224_cd1b_4876_b211_5dbe_d83b_f4b8;
const DISK_ID: u128 = 0xbeca_12ab_b2e6_4523_93ef_c309_e000_c746;
const LOGICAL_SECTOR: u128 = 0x8141_bf1d_a96f_4709_ba47_f233_a8fa_ab5f;
const PHYSICAL_SECTOR: u128 = 0xcda3_48c7_445d_4471_9cc9_e988_5251_c556;
const PARENT: u128 = 0xa8d3_5f2d_b30b_454d_abf7_d3d8_4834_ab0c;

const FLAG_REQUIRED: u32 = 1 << 2;
const HAS_PARENT: u32 = 1 << 1;

/// The format ends at 64 TiB.
const SIZE_LIMIT: u64 = 64 << 40;

/// What the metadata say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Size of the disk in bytes.
    pub size: u64,
    /// Bytes of a block.
    pub block: u32,
    /// Bytes of a sector of the disk: 512 or 4096.
    pub sector: u32,
}

impl Metadata {
    /// Reads the metadata region from its beginning.
    ///
    /// # Errors
    ///
    /// The first reason not to read the file.
    pub fn parse(region: &[u8]) -> Result<Self, VhdxError> {
        let items = Items::find(region)?;
        let (block, flags) = (
            items.word(items.parameters, 0)?,
            items.word(items.parameters, 4)?,
        );
        if flags & HAS_PARENT != 0 {
            return Err(VhdxError::Parent);
        }
        if !block.is_power_of_two() || !(1 << 20..=256 << 20).contains(&block) {
            return Err(VhdxError::BlockSize(block));
        }
        let sector = items.word(items.sector, 0)?;
        if !matches!(sector, 512 | 4096) {
            return Err(VhdxError::SectorSize(sector));
        }
        let size = items.size.and_then(|at| u64_le(region, at));
        let size = size.ok_or(VhdxError::Metadata)?;
        if size == 0 || !size.is_multiple_of(u64::from(sector)) || size > SIZE_LIMIT {
            return Err(VhdxError::Size(size));
        }
        Ok(Self {
            size,
            block,
            sector,
        })
    }
}

/// Where the items are, counted from the beginning of the region.
struct Items<'a> {
    region: &'a [u8],
    parameters: Option<usize>,
    size: Option<usize>,
    sector: Option<usize>,
}

impl<'a> Items<'a> {
    fn find(region: &'a [u8]) -> Result<Self, VhdxError> {
        let table = region.get(..TABLE_LENGTH).ok_or(VhdxError::CutOff)?;
        let count = u16_le(table, 10).ok_or(VhdxError::Metadata)?;
        if !table.starts_with(b"metadata") || count > COUNT_LIMIT {
            return Err(VhdxError::Metadata);
        }
        let mut items = Self {
            region,
            parameters: None,
            size: None,
            sector: None,
        };
        for entry in table[ENTRY..].chunks_exact(ENTRY).take(count.into()) {
            items.note(entry)?;
        }
        Ok(items)
    }

    fn note(&mut self, entry: &[u8]) -> Result<(), VhdxError> {
        let offset = u32_le(entry, 16).and_then(|offset| usize::try_from(offset).ok());
        let flags = u32_le(entry, 24).unwrap_or(FLAG_REQUIRED);
        let place = match guid(entry, 0) {
            Some(FILE_PARAMETERS) => &mut self.parameters,
            Some(DISK_SIZE) => &mut self.size,
            Some(LOGICAL_SECTOR) => &mut self.sector,
            Some(DISK_ID | PHYSICAL_SECTOR) => return Ok(()),
            Some(PARENT) => return Err(VhdxError::Parent),
            _ if flags & FLAG_REQUIRED == 0 => return Ok(()),
            _ => return Err(VhdxError::Required("metadata item")),
        };
        let offset = offset.filter(|offset| *offset >= TABLE_LENGTH);
        if place.is_some() || offset.is_none() {
            return Err(VhdxError::Metadata);
        }
        *place = offset;
        Ok(())
    }

    fn word(&self, item: Option<usize>, at: usize) -> Result<u32, VhdxError> {
        let word = item.and_then(|item| u32_le(self.region, item.checked_add(at)?));
        word.ok_or(VhdxError::Metadata)
    }
}
