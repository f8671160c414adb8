// SPDX-License-Identifier: Apache-2.0
//! Pieces of the file and where on the disk they belong.

/// Consecutive bytes of the file that belong to consecutive bytes of the disk,
/// or one compressed cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// First byte in the file.
    pub host: u64,
    /// First byte on the disk.
    pub guest: u64,
    /// How many.
    pub span: Span,
}

/// What an extent holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// So many whole clusters as they are.
    Clusters(u32),
    /// One cluster, compressed into at most so many bytes.
    Compressed(u32),
}

impl Extent {
    /// Bytes in the file, at most: a compressed cluster may be shorter.
    #[must_use]
    pub fn host_bytes(&self, cluster_bits: u32) -> u64 {
        match self.span {
            Span::Clusters(clusters) => u64::from(clusters) << cluster_bits,
            Span::Compressed(bytes) => u64::from(bytes),
        }
    }

    /// Bytes on the disk. The last ones may lie behind its end.
    #[must_use]
    pub fn guest_bytes(&self, cluster_bits: u32) -> u64 {
        match self.span {
            Span::Clusters(clusters) => u64::from(clusters) << cluster_bits,
            Span::Compressed(_) => 1 << cluster_bits,
        }
    }

    /// Takes the next extent in, if it goes on where this one ends.
    pub(super) fn absorb(&mut self, next: &Extent, cluster_bits: u32) -> bool {
        let (Span::Clusters(mine), Span::Clusters(theirs)) = (self.span, next.span) else {
            return false;
        };
        let bytes = u64::from(mine) << cluster_bits;
        let Some(sum) = mine.checked_add(theirs) else {
            return false;
        };
        if self.host + bytes != next.host || self.guest + bytes != next.guest {
            return false;
        }
        self.span = Span::Clusters(sum);
        true
    }
}

/// The ranges of the disk, `(offset, length)`, that no extent covers: they read
/// as zero. Extents come ordered by their place on the disk.
#[derive(Debug)]
pub struct Gaps<'a> {
    extents: std::slice::Iter<'a, Extent>,
    cluster_bits: u32,
    size: u64,
    at: u64,
}

impl<'a> Gaps<'a> {
    pub(super) fn new(extents: &'a [Extent], cluster_bits: u32, size: u64) -> Self {
        Self {
            extents: extents.iter(),
            cluster_bits,
            size,
            at: 0,
        }
    }
}

impl Iterator for Gaps<'_> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        while self.at < self.size {
            let from = self.at;
            let to = match self.extents.next() {
                Some(extent) => {
                    self.at = extent.guest + extent.guest_bytes(self.cluster_bits);
                    extent.guest.min(self.size)
                }
                None => {
                    self.at = self.size;
                    self.size
                }
            };
            if to > from {
                return Some((from, to - from));
            }
        }
        None
    }
}
