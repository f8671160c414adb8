// SPDX-License-Identifier: Apache-2.0
//! The parts of a block device's content that tell what is on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Bytes;

/// Bytes of a page of stored content.
const PAGE: usize = 4096;

/// Parts of a block device, read where partition tables and file systems keep
/// their signatures. Pages of zeroes are not stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceContent {
    /// Size of the device in bytes.
    size: u64,
    /// What was read: first byte and length.
    ranges: Vec<(u64, u64)>,
    /// Pages that hold something, by the position of their first byte; zeroes
    /// at their ends are left out.
    pages: BTreeMap<u64, Bytes>,
}

impl DeviceContent {
    /// A device of `size` bytes of which nothing was read yet.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self {
            size,
            ..Self::default()
        }
    }

    /// Size of the device in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What was read: first byte and length, in order.
    #[must_use]
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.ranges
    }

    /// The ranges (first byte, length) that are worth reading on a device of
    /// `size` bytes, in order and without overlap.
    ///
    /// Partition tables, md, LVM, LUKS, ext, XFS and FAT lie in the first 24 KiB,
    /// ISO 9660 at 32 KiB, btrfs, GFS2 and the swap space of large pages around
    /// 64 KiB, VMFS at 1 and 2 MiB; md metadata 0.90 at a multiple of 64 KiB
    /// near the end, md 1.0 and the GPT backup in the last 24 KiB.
    #[must_use]
    pub fn ranges_to_read(size: u64) -> Vec<(u64, u64)> {
        let tail = 24 << 10;
        let md_0_90 = (size & !0xffff).saturating_sub(64 << 10);
        let wanted = [
            (0, 24 << 10),
            (32 << 10, 4096),
            (60 << 10, 12 << 10),
            (1 << 20, 4096),
            (2 << 20, 4096),
            (md_0_90, 4096),
            (size.saturating_sub(tail), tail),
        ];
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (wanted_first, length) in wanted {
            let read_up_to = ranges.last().map_or(0, |(first, length)| first + length);
            let first = wanted_first.max(read_up_to);
            let end = (wanted_first + length).min(size);
            if end > first {
                ranges.push((first, end - first));
            }
        }
        ranges
    }

    /// Puts in what was read at a position.
    pub fn insert(&mut self, position: u64, bytes: &[u8]) {
        let mut at = position;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (page, after) = rest.split_at(rest.len().min(PAGE));
            if let Some(last) = page.iter().rposition(|byte| *byte != 0) {
                self.pages.insert(at, Bytes(page[..=last].to_vec()));
            }
            at += page.len() as u64;
            rest = after;
        }
        match self.ranges.last_mut() {
            Some((first, length)) if *first + *length == position => {
                *length += bytes.len() as u64;
            }
            _ => self.ranges.push((position, bytes.len() as u64)),
        }
    }

    /// The bytes of a range, if all of it was read.
    #[must_use]
    pub fn read(&self, position: u64, length: usize) -> Option<Vec<u8>> {
        let end = position.checked_add(length as u64)?;
        self.ranges
            .iter()
            .find(|(first, count)| *first <= position && end <= first + count)?;
        let mut bytes = vec![0; length];
        let from = position.saturating_sub(PAGE as u64);
        for (first, page) in self.pages.range(from..end) {
            // Where the page begins in the answer, or the answer in the page.
            let into = usize::try_from(first.saturating_sub(position)).ok()?;
            let skip = usize::try_from(position.saturating_sub(*first)).ok()?;
            let source = page.0.get(skip..).unwrap_or_default();
            let target = bytes.get_mut(into..).unwrap_or_default();
            let count = source.len().min(target.len());
            target[..count].copy_from_slice(&source[..count]);
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_comes_back() {
        let mut content = DeviceContent::new(1 << 30);
        let bytes: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
        content.insert(512, &bytes);
        content.insert(1 << 20, &[0; 4096]);
        assert_eq!(content.read(512, 10_000), Some(bytes.clone()));
        assert_eq!(content.read(4600, 5), Some(bytes[4088..4093].to_vec()));
        assert_eq!(content.read(1 << 20, 4096), Some(vec![0; 4096]));
        assert_eq!(content.read(0, 512), None);
        assert_eq!(content.read(10_000, 1000), None);
        assert_eq!(content.read(u64::MAX, 2), None);
    }

    #[test]
    fn ranges_stay_inside_and_apart() {
        for size in [
            0,
            1,
            512,
            73_000,
            1 << 20,
            (1 << 20) + 10,
            2 << 20,
            (2 << 20) + 4096,
            1 << 40,
        ] {
            let ranges = DeviceContent::ranges_to_read(size);
            let mut end = 0;
            for (first, length) in &ranges {
                assert!(*first >= end && *length > 0, "{size}: {ranges:?}");
                end = first + length;
            }
            assert!(end <= size, "{size}: {ranges:?}");
            assert!(
                size == 0 || end == size,
                "the end is read: {size}: {ranges:?}"
            );
        }
    }
}
