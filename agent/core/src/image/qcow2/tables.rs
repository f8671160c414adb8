// SPDX-License-Identifier: Apache-2.0
//! First and second-level tables, fed in any order, and the map they make.

use super::{Header, Qcow2Error};
use crate::image::container::{Compression, Container, ContainerError, inside};
use crate::image::extents::{
    DiskBuilder, DiskMap, Extent, Map, MapBuilder, MapError, Span, TABLES_BUDGET,
};
use crate::image::numbers::u64_be;

/// Offset bits of table entries.
const OFFSET_MASK: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const READS_AS_ZERO: u64 = 1;
const ENTRY: u64 = 8;

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
    /// The first-level table is wanted; second-level tables turn up.
    First(Map, MapBuilder),
    /// Second-level tables are wanted.
    Second(Map),
    Done,
}

impl Tables {
    /// Nothing is known yet but the header. `file_size` is the length of the
    /// file in bytes, where the server told it.
    ///
    /// # Errors
    ///
    /// [`Qcow2Error::Map`] if the first-level table lies behind the file's end.
    pub fn new(header: Header, file_size: Option<u64>) -> Result<Self, Qcow2Error> {
        let stage = if header.l1_entries == 0 {
            Stage::Done
        } else {
            if !inside(file_size, header.l1_offset) {
                return Err(impossible("header", header.l1_offset).into());
            }
            let l1 = Map::of(Extent {
                host: header.l1_offset,
                guest: 0,
                span: Span::Plain(header.l1_bytes()),
            });
            Stage::First(l1, MapBuilder::new(header.cluster_size(), TABLES_BUDGET))
        };
        Ok(Self {
            header,
            file_size,
            disk: DiskBuilder::new(header.size, header.cluster_size()),
            stage,
        })
    }

    #[cfg(test)]
    pub(super) fn with_budget(mut self, budget: usize) -> Self {
        self.disk = DiskBuilder::with_budget(self.header.size, self.header.cluster_size(), budget);
        self
    }

    /// An entry of the first-level table, `index` counted from the disk's
    /// beginning: a second-level table, or nothing but zeroes.
    fn first(&mut self, index: u64, entry: u64) -> Result<(), MapError> {
        let guest = index * self.header.l2_span();
        let offset = entry & OFFSET_MASK;
        if offset == 0 {
            let left = self.header.size.saturating_sub(guest);
            return self.disk.gap(guest, left.min(self.header.l2_span()));
        }
        self.check_offset("first-level table", offset)?;
        let cluster = self.header.cluster_size();
        let table = Extent {
            host: offset,
            guest: index * cluster,
            span: Span::Plain(cluster),
        };
        match &mut self.stage {
            Stage::First(_, tables) => tables.push(table),
            _ => Ok(()),
        }
    }

    /// An entry of a second-level table.
    fn second(&mut self, index: u64, entry: u64) -> Result<(), MapError> {
        let cluster = self.header.cluster_size();
        let Some(guest) = index
            .checked_mul(cluster)
            .filter(|guest| *guest < self.header.size)
        else {
            return Ok(());
        };
        if entry & COMPRESSED != 0 {
            let extent = self.compressed(entry, guest)?;
            return self.disk.data(extent);
        }
        let host = entry & OFFSET_MASK;
        if host == 0 || (self.header.zero_flag && entry & READS_AS_ZERO != 0) {
            return self.disk.gap(guest, cluster);
        }
        self.check_offset("second-level table", host)?;
        self.disk.data(Extent {
            host,
            guest,
            span: Span::Plain(cluster),
        })
    }

    /// The offset takes the low bits, the number of further 512-byte sectors
    /// the bits above up to 61 (qcow2.rst, "Compressed Clusters Descriptor").
    fn compressed(&self, entry: u64, guest: u64) -> Result<Extent, MapError> {
        let offset_bits = 62 - (self.header.cluster_bits - 8);
        let host = entry & ((1 << offset_bits) - 1);
        let sectors = ((entry & (COMPRESSED - 1)) >> offset_bits) + 1;
        let wrong = impossible("second-level table", host);
        if host == 0 || !inside(self.file_size, host) {
            return Err(wrong);
        }
        let sectors = u32::try_from(sectors).map_err(|_| wrong)?;
        Ok(Extent {
            host,
            guest,
            span: Span::Packed(sectors),
        })
    }

    fn check_offset(&self, what: &'static str, offset: u64) -> Result<(), MapError> {
        if offset.is_multiple_of(self.header.cluster_size()) && inside(self.file_size, offset) {
            Ok(())
        } else {
            Err(impossible(what, offset))
        }
    }
}

impl Container for Tables {
    fn wanted(&self) -> Option<&Map> {
        match &self.stage {
            Stage::First(map, _) | Stage::Second(map) => Some(map),
            Stage::Done => None,
        }
    }

    fn take(&mut self, address: u64, bytes: &[u8]) -> Result<(), ContainerError> {
        let at_first = matches!(self.stage, Stage::First(..));
        for (index, word) in (address / ENTRY..).zip(bytes.chunks_exact(8)) {
            let entry = u64_be(word, 0).unwrap_or_default();
            if at_first {
                self.first(index, entry)?;
            } else {
                self.second(index, entry)?;
            }
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<(), ContainerError> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::First(_, tables) => Stage::Second(tables.finish()?),
            Stage::Second(_) | Stage::Done => Stage::Done,
        };
        Ok(())
    }

    fn compression(&self) -> Compression {
        self.header.compression
    }

    fn may_end_short(&self) -> bool {
        true
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

fn impossible(what: &'static str, offset: u64) -> MapError {
    MapError::Offset { what, offset }
}
