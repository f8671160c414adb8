// SPDX-License-Identifier: Apache-2.0
//! Dynamic header and block allocation table.

use super::footer::checksum;
use super::{DiskType, Footer, VhdError};
use crate::image::container::{Container, ContainerError, inside};
use crate::image::extents::{DiskBuilder, DiskMap, Extent, Map, MapError, SECTOR, Span};
use crate::image::numbers::{u32_be, u64_be};

const MARK: &[u8] = b"cxsparse";
const HEADER_LENGTH: usize = 1024;
const CHECKSUM: usize = 36;
const ENTRY: u64 = 4;
const NOT_ALLOCATED: u32 = u32::MAX;

/// Blocks are 2 MiB; writers that use others stay in these bounds.
const BLOCKS: std::ops::RangeInclusive<u32> = 4096..=256 << 20;

/// The header of a dynamic disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamicHeader {
    /// First byte of the block allocation table.
    pub table: u64,
    /// Entries that the table has room for.
    pub entries: u32,
    /// Bytes of a block, without the bitmap before it.
    pub block: u32,
}

impl DynamicHeader {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// The first reason not to read the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, VhdError> {
        if !bytes.starts_with(MARK) {
            return Err(VhdError::NoHeader);
        }
        let bytes = bytes.get(..HEADER_LENGTH).ok_or(VhdError::CutOff)?;
        let word = |at| u32_be(bytes, at).ok_or(VhdError::CutOff);
        if word(24)? != 0x1_0000 {
            return Err(VhdError::Version(word(24)?));
        }
        if word(CHECKSUM)? != checksum(bytes, CHECKSUM) {
            return Err(VhdError::Checksum("dynamic header"));
        }
        let block = word(32)?;
        if !block.is_power_of_two() || !BLOCKS.contains(&block) {
            return Err(VhdError::BlockSize(block));
        }
        let table = u64_be(bytes, 16).ok_or(VhdError::CutOff)?;
        if !table.is_multiple_of(SECTOR) || table > 1 << 41 {
            return Err(impossible("dynamic header", table).into());
        }
        Ok(Self {
            table,
            entries: word(28)?,
            block,
        })
    }
}

/// What is known of a file's tables so far.
#[derive(Debug)]
pub struct Tables {
    size: u64,
    file_size: Option<u64>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The header is wanted.
    Header(Map, Vec<u8>),
    /// The table is wanted.
    Table(Map, Blocks),
    Done(DiskBuilder),
    /// An error ended it.
    Lost,
}

/// Blocks as the table tells them.
#[derive(Debug)]
struct Blocks {
    block: u64,
    /// Bytes of the bitmap before each block. It tells which sectors were
    /// written; the others are zero in the file as well.
    bitmap: u64,
    disk: DiskBuilder,
}

impl Tables {
    /// Nothing is known yet but the footer's copy at the beginning.
    ///
    /// # Errors
    ///
    /// [`VhdError::Kind`] if it is not a dynamic disk's, [`VhdError::Map`] if
    /// the header lies behind the file's end.
    pub fn new(footer: Footer, file_size: Option<u64>) -> Result<Self, VhdError> {
        let DiskType::Dynamic(offset) = footer.disk_type else {
            return Err(VhdError::Kind);
        };
        if !inside(file_size, offset) {
            return Err(impossible("footer", offset).into());
        }
        let header = range(offset, HEADER_LENGTH as u64);
        Ok(Self {
            size: footer.size,
            file_size,
            stage: Stage::Header(header, Vec::new()),
        })
    }

    fn blocks(&self, header: &[u8]) -> Result<Stage, VhdError> {
        let header = DynamicHeader::parse(header)?;
        let block = u64::from(header.block);
        let needed = self.size.div_ceil(block);
        if needed > u64::from(header.entries) {
            return Err(VhdError::Size(self.size));
        }
        if !inside(self.file_size, header.table) {
            return Err(impossible("dynamic header", header.table).into());
        }
        let blocks = Blocks {
            block,
            bitmap: (block / SECTOR).div_ceil(8).next_multiple_of(SECTOR),
            disk: DiskBuilder::new(self.size, block),
        };
        Ok(Stage::Table(range(header.table, needed * ENTRY), blocks))
    }
}

impl Blocks {
    fn entry(&mut self, index: u64, sector: u32, file_size: Option<u64>) -> Result<(), MapError> {
        let guest = index * self.block;
        if sector == NOT_ALLOCATED {
            return self.disk.gap(guest, self.block);
        }
        let host = u64::from(sector) * SECTOR + self.bitmap;
        if sector == 0 || !inside(file_size, host) {
            return Err(impossible("block allocation table", host));
        }
        self.disk.data(Extent {
            host,
            guest,
            span: Span::Plain(self.block),
        })
    }
}

impl Container for Tables {
    fn wanted(&self) -> Option<&Map> {
        match &self.stage {
            Stage::Header(map, _) | Stage::Table(map, _) => Some(map),
            Stage::Done(_) | Stage::Lost => None,
        }
    }

    fn take(&mut self, address: u64, bytes: &[u8]) -> Result<(), ContainerError> {
        match &mut self.stage {
            Stage::Header(_, header) => header.extend_from_slice(bytes),
            Stage::Table(_, blocks) => {
                for (index, word) in (address / ENTRY..).zip(bytes.chunks_exact(4)) {
                    let sector = u32_be(word, 0).unwrap_or(NOT_ALLOCATED);
                    blocks.entry(index, sector, self.file_size)?;
                }
            }
            Stage::Done(_) | Stage::Lost => {}
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<(), ContainerError> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Lost) {
            Stage::Header(_, header) => self.blocks(&header)?,
            Stage::Table(_, blocks) => Stage::Done(blocks.disk),
            done => done,
        };
        Ok(())
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn finish(self: Box<Self>) -> Result<DiskMap, ContainerError> {
        match self.stage {
            Stage::Done(disk) => Ok(disk.finish()?),
            _ => Err(ContainerError::Unfinished),
        }
    }
}

fn range(host: u64, length: u64) -> Map {
    Map::of(Extent {
        host,
        guest: 0,
        span: Span::Plain(length),
    })
}

fn impossible(what: &'static str, offset: u64) -> MapError {
    MapError::Offset { what, offset }
}
