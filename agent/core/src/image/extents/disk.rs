// SPDX-License-Identifier: Apache-2.0
//! The whole disk: every byte of it is part of an extent or of a gap.

use super::{DISK_BUDGET, Extent, Gaps, GapsBuilder, Map, MapBuilder, MapError};

/// Collects what tables say of a disk.
#[derive(Debug)]
pub struct DiskBuilder {
    size: u64,
    unit: u64,
    budget: usize,
    data: u64,
    extents: MapBuilder,
    gaps: GapsBuilder,
}

impl DiskBuilder {
    /// A disk of `size` bytes, in units of `unit` bytes.
    #[must_use]
    pub fn new(size: u64, unit: u64) -> Self {
        Self::with_budget(size, unit, DISK_BUDGET)
    }

    /// The same, with another limit of memory in bytes.
    #[must_use]
    pub fn with_budget(size: u64, unit: u64, budget: usize) -> Self {
        Self {
            size,
            unit,
            budget,
            data: 0,
            extents: MapBuilder::new(unit, budget),
            gaps: GapsBuilder::new(unit, budget),
        }
    }

    /// Some of the file belongs to some of the disk.
    ///
    /// # Errors
    ///
    /// [`MapError::TooScattered`] if memory would not suffice.
    pub fn data(&mut self, extent: Extent) -> Result<(), MapError> {
        self.data = self.data.saturating_add(extent.guest_bytes(self.unit));
        self.extents.push(extent)?;
        self.check()
    }

    /// Some of the disk reads as zero.
    ///
    /// # Errors
    ///
    /// [`MapError::TooScattered`] if memory would not suffice.
    pub fn gap(&mut self, at: u64, length: u64) -> Result<(), MapError> {
        self.gaps.push(at, length)?;
        self.check()
    }

    fn check(&self) -> Result<(), MapError> {
        if self.extents.held() + self.gaps.held() > self.budget {
            return Err(MapError::TooScattered(self.budget));
        }
        Ok(())
    }

    /// All tables were read.
    ///
    /// # Errors
    ///
    /// [`MapError::TooScattered`] if memory would not suffice.
    pub fn finish(self) -> Result<DiskMap, MapError> {
        let map = DiskMap {
            size: self.size,
            unit: self.unit,
            data: self.data,
            extents: self.extents.finish()?,
            gaps: self.gaps.finish(self.size)?,
        };
        if map.held() > self.budget {
            return Err(MapError::TooScattered(self.budget));
        }
        Ok(map)
    }
}

/// Where everything on a disk comes from.
#[derive(Debug)]
pub struct DiskMap {
    /// Size of the disk in bytes.
    pub size: u64,
    /// Bytes of a unit, a compressed one for instance.
    pub unit: u64,
    /// Bytes of the disk that data is written to. A unit at the disk's end
    /// counts whole.
    pub data: u64,
    /// What comes from the file.
    pub extents: Map,
    /// What reads as zero.
    pub gaps: Gaps,
}

impl DiskMap {
    /// Bytes of memory it takes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.extents.held() + self.gaps.held()
    }
}
