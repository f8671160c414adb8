// SPDX-License-Identifier: Apache-2.0
//! First and second-level tables, fed in any order, and the extents they make.

use super::{Extent, Gaps, Header, Qcow2Error, Span, u64_at};

/// Offset bits of table entries.
const OFFSET_MASK: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const READS_AS_ZERO: u64 = 1;

/// So many extents are held in memory, 24 bytes each.
const EXTENT_LIMIT: usize = 2_000_000;

/// A second-level table that must still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct L2Table {
    /// First byte in the file. A table is one cluster long.
    pub offset: u64,
    /// First byte of the disk that it describes.
    pub guest: u64,
}

/// What is known of a file's tables so far.
#[derive(Debug)]
pub struct Tables {
    header: Header,
    /// Length of the file, where known.
    file_size: Option<u64>,
    extents: Vec<Extent>,
    extent_limit: usize,
}

impl Tables {
    /// Nothing is known yet but the header. `file_size` is the length of the
    /// file in bytes, where the server told it.
    #[must_use]
    pub fn new(header: Header, file_size: Option<u64>) -> Self {
        Self {
            header,
            file_size,
            extents: Vec::new(),
            extent_limit: EXTENT_LIMIT,
        }
    }

    #[cfg(test)]
    pub(super) fn with_extent_limit(mut self, limit: usize) -> Self {
        self.extent_limit = limit;
        self
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the first-level table: which second-level tables there are, in
    /// the order of their place in the file.
    ///
    /// # Errors
    ///
    /// [`Qcow2Error::CutOff`] if `bytes` are fewer than [`Header::l1_bytes`],
    /// [`Qcow2Error::Offset`] for an impossible entry.
    pub fn read_l1(&self, bytes: &[u8]) -> Result<Vec<L2Table>, Qcow2Error> {
        let mut tables = Vec::new();
        for index in 0..self.header.l1_entries {
            let entry = u64_at(bytes, index as usize * 8).ok_or(Qcow2Error::CutOff)?;
            let offset = entry & OFFSET_MASK;
            if offset == 0 {
                continue;
            }
            self.check_offset("first-level table", offset)?;
            tables.push(L2Table {
                offset,
                guest: u64::from(index) * self.header.l2_span(),
            });
        }
        tables.sort_unstable();
        Ok(tables)
    }

    /// Reads one second-level table.
    ///
    /// # Errors
    ///
    /// [`Qcow2Error::CutOff`] if `bytes` are fewer than a cluster,
    /// [`Qcow2Error::Offset`] for an impossible entry,
    /// [`Qcow2Error::TooScattered`] if memory would not suffice.
    pub fn read_l2(&mut self, table: &L2Table, bytes: &[u8]) -> Result<(), Qcow2Error> {
        let cluster = self.header.cluster_size();
        let left = self.header.size.saturating_sub(table.guest);
        let entries = left.min(self.header.l2_span()).div_ceil(cluster);
        for (index, guest) in (0..entries).map(|index| (index, table.guest + index * cluster)) {
            let at = usize::try_from(index * 8).map_err(|_| Qcow2Error::CutOff)?;
            let entry = u64_at(bytes, at).ok_or(Qcow2Error::CutOff)?;
            if let Some(extent) = self.extent(entry, guest)? {
                self.add(extent)?;
            }
        }
        Ok(())
    }

    fn extent(&self, entry: u64, guest: u64) -> Result<Option<Extent>, Qcow2Error> {
        if entry & COMPRESSED != 0 {
            return self.compressed(entry, guest).map(Some);
        }
        let host = entry & OFFSET_MASK;
        if host == 0 || (self.header.zero_flag && entry & READS_AS_ZERO != 0) {
            return Ok(None);
        }
        self.check_offset("second-level table", host)?;
        Ok(Some(Extent {
            host,
            guest,
            span: Span::Clusters(1),
        }))
    }

    /// The offset takes the low bits, the number of further 512-byte sectors
    /// the bits above up to 61 (qcow2.rst, "Compressed Clusters Descriptor").
    fn compressed(&self, entry: u64, guest: u64) -> Result<Extent, Qcow2Error> {
        let offset_bits = 62 - (self.header.cluster_bits - 8);
        let host = entry & ((1 << offset_bits) - 1);
        let sectors = ((entry & (COMPRESSED - 1)) >> offset_bits) + 1;
        let bytes = sectors * 512 - host % 512;
        let wrong = Qcow2Error::Offset {
            what: "second-level table",
            offset: host,
        };
        if host == 0 || !self.inside(host) || host.checked_add(bytes).is_none() {
            return Err(wrong);
        }
        let bytes = u32::try_from(bytes).map_err(|_| wrong)?;
        Ok(Extent {
            host,
            guest,
            span: Span::Compressed(bytes),
        })
    }

    fn check_offset(&self, what: &'static str, offset: u64) -> Result<(), Qcow2Error> {
        if offset.is_multiple_of(self.header.cluster_size()) && self.inside(offset) {
            Ok(())
        } else {
            Err(Qcow2Error::Offset { what, offset })
        }
    }

    fn inside(&self, offset: u64) -> bool {
        self.file_size.is_none_or(|size| offset < size)
    }

    fn add(&mut self, extent: Extent) -> Result<(), Qcow2Error> {
        let bits = self.header.cluster_bits;
        if let Some(last) = self.extents.last_mut()
            && last.absorb(&extent, bits)
        {
            return Ok(());
        }
        if self.extents.len() >= self.extent_limit {
            return Err(Qcow2Error::TooScattered(self.extent_limit));
        }
        self.extents.push(extent);
        Ok(())
    }

    /// Orders the extents by their place on the disk, and gives the ranges in
    /// between: they read as zero.
    pub fn gaps(&mut self) -> Gaps<'_> {
        self.extents.sort_unstable_by_key(|extent| extent.guest);
        Gaps::new(&self.extents, self.header.cluster_bits, self.header.size)
    }

    /// Bytes of the disk that data is written to.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        let bits = self.header.cluster_bits;
        self.extents
            .iter()
            .map(|extent| extent.guest_bytes(bits))
            .fold(0, u64::saturating_add)
    }

    /// All extents, in the order of their place in the file.
    #[must_use]
    pub fn into_extents(mut self) -> Vec<Extent> {
        self.extents
            .sort_unstable_by_key(|extent| (extent.host, extent.guest));
        self.extents
    }
}
