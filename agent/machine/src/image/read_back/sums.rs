// SPDX-License-Identifier: Apache-2.0
//! What was written, as one number per district of the disk.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ironseed_core::fault::Fault;
use ironseed_core::image::read_back::{BLOCK, Districts, value};
use twox_hash::XxHash3_64;

/// Blocks that are put together from several pieces. Every format puts whole
/// blocks everywhere but at the end of the image, so there are a handful.
const EDGES: usize = 4096;

/// The sums of all districts.
#[derive(Debug)]
pub(in crate::image) struct Sums {
    districts: Districts,
    sums: Vec<AtomicU64>,
    /// The hash of a block of zeroes.
    zeroes: u64,
    /// What each block counted that was written in part, by its number.
    edges: Mutex<BTreeMap<u64, u64>>,
}

impl Sums {
    /// Nothing is written yet on a disk of so many bytes.
    pub(in crate::image) fn new(size: u64) -> Self {
        let districts = Districts::of(size);
        Self {
            districts,
            sums: (0..districts.count()).map(|_| AtomicU64::new(0)).collect(),
            zeroes: XxHash3_64::oneshot(&[0; BLOCK]),
            edges: Mutex::default(),
        }
    }

    /// How the disk is divided.
    pub(super) fn districts(&self) -> Districts {
        self.districts
    }

    /// The number of a district.
    pub(super) fn of(&self, district: usize) -> u64 {
        let sum = self.sums.get(district);
        sum.map_or(0, |sum| sum.load(Ordering::Relaxed))
    }

    /// Adds all blocks that lie as a whole in bytes at a position of the disk.
    pub(in crate::image) fn add(&self, at: u64, bytes: &[u8]) {
        let odd = at.next_multiple_of(BLOCK as u64) - at;
        let whole = usize::try_from(odd).ok().and_then(|odd| bytes.get(odd..));
        let first = (at + odd) / BLOCK as u64;
        // One district's values are added at once: other threads add to the
        // same number.
        let per_district = self.districts.length() / BLOCK as u64;
        let (mut start, mut sum) = (first, 0_u64);
        for (position, block) in (first..).zip(whole.unwrap_or_default().chunks_exact(BLOCK)) {
            if position.is_multiple_of(per_district) {
                self.count(start, std::mem::take(&mut sum));
                start = position;
            }
            let hash = XxHash3_64::oneshot(block);
            sum = sum.wrapping_add(value(position, hash, self.zeroes));
        }
        self.count(start, sum);
    }

    /// Counts the blocks that a range ends or begins within. `content` is what
    /// the sectors around it are now, from `base` on.
    pub(in crate::image) fn edges(
        &self,
        base: u64,
        content: &[u8],
        range: Range<usize>,
    ) -> Result<(), Fault> {
        let (first, last) = (range.start / BLOCK * BLOCK, range.end / BLOCK * BLOCK);
        if first < range.start {
            self.edge(base, content, first)?;
        }
        if last < range.end && (last > first || first == range.start) {
            self.edge(base, content, last)?;
        }
        Ok(())
    }

    fn edge(&self, base: u64, content: &[u8], from: usize) -> Result<(), Fault> {
        let block = content
            .get(from..from + BLOCK)
            .ok_or_else(|| Fault::Internal("a sector is cut off".into()))?;
        let position = (base + from as u64) / BLOCK as u64;
        let value = value(position, XxHash3_64::oneshot(block), self.zeroes);
        let mut edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        let before = edges.insert(position, value).unwrap_or(0);
        if edges.len() > EDGES {
            return Err(Fault::Internal(
                "the image is put together from too many odd pieces to be read back".into(),
            ));
        }
        self.count(position, value.wrapping_sub(before));
        Ok(())
    }

    fn count(&self, position: u64, value: u64) {
        let district = self.districts.index(position * BLOCK as u64);
        if let Some(sum) = self.sums.get(district) {
            sum.fetch_add(value, Ordering::Relaxed);
        }
    }
}
