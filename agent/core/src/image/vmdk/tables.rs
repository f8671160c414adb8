// SPDX-License-Identifier: Apache-2.0
//! Grain directory and grain tables of a `monolithicSparse` file.

use super::header::TABLE_ENTRIES;
use super::{Header, VmdkError};
use crate::image::container::{Container, ContainerError, inside};
use crate::image::extents::{
    DiskBuilder, DiskMap, Extent, Map, MapBuilder, MapError, SECTOR, Span, TABLES_BUDGET,
};
use crate::image::numbers::u32_le;

const ENTRY: u64 = 4;
const TABLE: u64 = TABLE_ENTRIES * ENTRY;

/// A table entry that means "reads as zero", where the header allows it.
const ZERO_GRAIN: u32 = 1;

/// What is known of a file's tables so far.
#[derive(Debug)]
pub struct Tables {
    header: Header,
    /// Length of the file, where known.
    file_size: Option<u64>,
    disk: DiskBuilder,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The directory is wanted; tables turn up.
    Directory(Map, MapBuilder),
    /// Tables are wanted.
    Tables(Map),
    Done,
}

impl Tables {
    /// Nothing is known yet but the header. `file_size` is the length of the
    /// file in bytes, where the server told it.
    ///
    /// # Errors
    ///
    /// [`VmdkError::Map`] if the directory lies behind the file's end,
    /// [`VmdkError::Stream`] for a `streamOptimized` file.
    pub fn new(header: Header, file_size: Option<u64>) -> Result<Self, VmdkError> {
        let Some(offset) = header.directory.filter(|_| !header.stream) else {
            return Err(VmdkError::Stream);
        };
        if !inside(file_size, offset) {
            let what = "header";
            return Err(MapError::Offset { what, offset }.into());
        }
        let directory = Map::of(Extent {
            host: offset,
            guest: 0,
            span: Span::Plain(header.directory_entries() * ENTRY),
        });
        Ok(Self {
            header,
            file_size,
            disk: DiskBuilder::new(header.size, header.grain),
            stage: Stage::Directory(directory, MapBuilder::new(TABLE, TABLES_BUDGET)),
        })
    }

    fn table(&mut self, index: u64, sector: u32) -> Result<(), MapError> {
        let span = self.header.table_span();
        if sector == 0 {
            let left = self.header.size.saturating_sub(index * span);
            return self.disk.gap(index * span, left.min(span));
        }
        let host = self.offset("grain directory", sector)?;
        match &mut self.stage {
            Stage::Directory(_, tables) => tables.push(Extent {
                host,
                guest: index * TABLE,
                span: Span::Plain(TABLE),
            }),
            _ => Ok(()),
        }
    }

    fn grain(&mut self, index: u64, sector: u32) -> Result<(), MapError> {
        let grain = self.header.grain;
        let Some(guest) = index
            .checked_mul(grain)
            .filter(|guest| *guest < self.header.size)
        else {
            return Ok(());
        };
        if sector == 0 || (self.header.zero_grains && sector == ZERO_GRAIN) {
            return self.disk.gap(guest, grain);
        }
        let host = self.offset("grain table", sector)?;
        self.disk.data(Extent {
            host,
            guest,
            span: Span::Plain(grain),
        })
    }

    fn offset(&self, what: &'static str, sector: u32) -> Result<u64, MapError> {
        let offset = u64::from(sector) * SECTOR;
        match inside(self.file_size, offset) {
            true => Ok(offset),
            false => Err(MapError::Offset { what, offset }),
        }
    }
}

impl Container for Tables {
    fn wanted(&self) -> Option<&Map> {
        match &self.stage {
            Stage::Directory(map, _) | Stage::Tables(map) => Some(map),
            Stage::Done => None,
        }
    }

    fn take(&mut self, address: u64, bytes: &[u8]) -> Result<(), ContainerError> {
        let directory = matches!(self.stage, Stage::Directory(..));
        for (index, word) in (address / ENTRY..).zip(bytes.chunks_exact(4)) {
            let sector = u32_le(word, 0).unwrap_or_default();
            if directory {
                self.table(index, sector)?;
            } else {
                self.grain(index, sector)?;
            }
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<(), ContainerError> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Directory(_, tables) => Stage::Tables(tables.finish()?),
            Stage::Tables(_) | Stage::Done => Stage::Done,
        };
        Ok(())
    }

    fn size(&self) -> Option<u64> {
        Some(self.header.size)
    }

    fn finish(self: Box<Self>) -> Result<DiskMap, ContainerError> {
        match self.stage {
            Stage::Done => Ok(self.disk.finish()?),
            _ => Err(ContainerError::Unfinished),
        }
    }
}
