// SPDX-License-Identifier: Apache-2.0
//! The stages: headers and regions, metadata, block allocation table.

use super::block_table::BlockTable;
use super::region::{self, Range};
use super::{Header, Metadata, Regions, VhdxError};
use crate::image::container::{Container, ContainerError, inside};
use crate::image::extents::{DiskBuilder, DiskMap, Extent, Map, MapError, Span};
use crate::image::numbers::u64_le;

/// Two headers, then the first of two region tables, each in 64 KiB.
const FRONT: u64 = 64 << 10;
const FRONT_LENGTH: u64 = 3 * FRONT;

/// The metadata of known items fit: the table and all items together are
/// allowed 1 MiB by the specification.
const METADATA_LIMIT: u64 = 1 << 20;

const ENTRY: u64 = 8;

/// What is known of a file's tables so far.
#[derive(Debug)]
pub struct Tables {
    file_size: Option<u64>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Headers and region table are wanted.
    Front(Map, Vec<u8>),
    /// The metadata are wanted; the place of the block table is known.
    Metadata(Map, Vec<u8>, Range),
    /// The block table is wanted.
    Blocks(Map, BlockTable),
    Done(DiskBuilder),
    /// An error ended it.
    Lost,
}

impl Tables {
    /// Nothing is known yet but the mark.
    ///
    /// # Errors
    ///
    /// [`VhdxError::NotVhdx`] if that is missing.
    pub fn new(head: &[u8], file_size: Option<u64>) -> Result<Self, VhdxError> {
        if !head.starts_with(b"vhdxfile") {
            return Err(VhdxError::NotVhdx);
        }
        Ok(Self {
            file_size,
            stage: Stage::Front(range((FRONT, FRONT_LENGTH)), Vec::new()),
        })
    }

    fn metadata(&self, front: &[u8]) -> Result<Stage, VhdxError> {
        let step = region::LENGTH;
        let part = |index: usize| {
            front
                .get(index * step..(index + 1) * step)
                .unwrap_or_default()
        };
        Header::choose(part(0), part(1))?;
        let regions = Regions::parse(part(2))?;
        for (offset, _) in [regions.metadata, regions.block_table] {
            if !inside(self.file_size, offset) {
                let what = "region table";
                return Err(MapError::Offset { what, offset }.into());
            }
        }
        let (offset, length) = regions.metadata;
        let map = range((offset, length.min(METADATA_LIMIT)));
        Ok(Stage::Metadata(map, Vec::new(), regions.block_table))
    }
}

fn blocks(metadata: &[u8], (offset, length): Range) -> Result<Stage, VhdxError> {
    let metadata = Metadata::parse(metadata)?;
    let table = BlockTable::new(metadata);
    let needed = table.entries() * ENTRY;
    if needed > length {
        return Err(VhdxError::Size(metadata.size));
    }
    Ok(Stage::Blocks(range((offset, needed)), table))
}

impl Container for Tables {
    fn wanted(&self) -> Option<&Map> {
        match &self.stage {
            Stage::Front(map, _) | Stage::Metadata(map, ..) | Stage::Blocks(map, _) => Some(map),
            Stage::Done(_) | Stage::Lost => None,
        }
    }

    fn take(&mut self, address: u64, bytes: &[u8]) -> Result<(), ContainerError> {
        match &mut self.stage {
            Stage::Front(_, found) | Stage::Metadata(_, found, _) => found.extend_from_slice(bytes),
            Stage::Blocks(_, table) => {
                for (index, word) in (address / ENTRY..).zip(bytes.chunks_exact(8)) {
                    let entry = u64_le(word, 0).unwrap_or_default();
                    table.entry(index, entry, self.file_size)?;
                }
            }
            Stage::Done(_) | Stage::Lost => {}
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<(), ContainerError> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Lost) {
            Stage::Front(_, front) => self.metadata(&front)?,
            Stage::Metadata(_, metadata, block_table) => blocks(&metadata, block_table)?,
            Stage::Blocks(_, table) => Stage::Done(table.into_disk()),
            done => done,
        };
        Ok(())
    }

    fn size(&self) -> Option<u64> {
        match &self.stage {
            Stage::Blocks(_, table) => Some(table.size()),
            _ => None,
        }
    }

    fn finish(self: Box<Self>) -> Result<DiskMap, ContainerError> {
        match self.stage {
            Stage::Done(disk) => Ok(disk.finish()?),
            _ => Err(ContainerError::Unfinished),
        }
    }
}

fn range((host, length): Range) -> Map {
    Map::of(Extent {
        host,
        guest: 0,
        span: Span::Plain(length),
    })
}
