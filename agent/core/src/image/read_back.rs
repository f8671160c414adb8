// SPDX-License-Identifier: Apache-2.0
//! Reading back what was written: how much of a disk, and in which pieces.
//!
//! An image has any size, so what was written is remembered as one number per
//! district of the disk. Each block has a value made of its position and its
//! content, and the number of a district is the sum of them: the order in
//! which blocks were written does not matter. A block of zeroes counts nothing,
//! so ranges that the device itself zeroed cost nothing while writing, and are
//! still noticed when anything else is read from them.

use serde::Serialize;

/// How much of what was written is read back (`ironseed.verify`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Nothing.
    #[default]
    Off,
    /// The first and the last district, and one of [`SHARE`] in between.
    Sample,
    /// Everything.
    Full,
}

/// Of so many districts a sample has one.
pub const SHARE: usize = 16;

/// Bytes of the blocks whose values are added up: the smallest sector, so that
/// no image puts less than a block anywhere but at its end.
pub const BLOCK: usize = 512;

/// Bytes of a district, where the disk is not too large for it.
const DISTRICT: u64 = 16 << 20;

/// There are at most so many: 64 KiB of numbers for a disk of any size.
const MOST: u64 = 8192;

/// How a disk is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Districts {
    length: u64,
    count: usize,
}

impl Districts {
    /// The districts of a disk of so many bytes.
    #[must_use]
    pub fn of(size: u64) -> Self {
        let length = size.div_ceil(MOST).next_power_of_two().max(DISTRICT);
        Self {
            length,
            count: usize::try_from(size.div_ceil(length)).unwrap_or_default(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes of each but the last.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The one that a byte of the disk lies in.
    #[must_use]
    pub fn index(&self, offset: u64) -> usize {
        usize::try_from(offset / self.length).unwrap_or(usize::MAX)
    }

    /// The parts of the districts that lie in a range of the disk, and that
    /// are to be read back: first byte and length, in order.
    #[must_use]
    pub fn to_read(&self, from: u64, to: u64, how: Verification) -> Vec<(u64, u64)> {
        if from >= to {
            return Vec::new();
        }
        let (first, last) = (self.index(from), self.index(to - 1));
        let wanted = |index: &usize| match how {
            Verification::Off => false,
            Verification::Sample => {
                *index == first || *index == last || (index - first).is_multiple_of(SHARE)
            }
            Verification::Full => true,
        };
        (first..=last)
            .filter(wanted)
            .map(|index| {
                let start = (index as u64 * self.length).max(from);
                let end = ((index as u64 + 1) * self.length).min(to);
                (start, end - start)
            })
            .collect()
    }
}

/// The value of a block: its position, as a number of blocks, and a hash of
/// its content. `zeroes` is the hash of a block of zeroes, which counts
/// nothing wherever it stands.
#[must_use]
pub fn value(position: u64, hash: u64, zeroes: u64) -> u64 {
    if hash == zeroes {
        return 0;
    }
    // The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit of both
    // decides about every bit of the value, or blocks that changed places
    // would have the same sum.
    let mut mixed = hash ^ position.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn districts_grow_with_the_disk_and_their_number_does_not() {
        let cases = [
            (0, 16 * MIB, 0),
            (512, 16 * MIB, 1),
            (16 * MIB, 16 * MIB, 1),
            (16 * MIB + 512, 16 * MIB, 2),
            (128 << 30, 16 * MIB, 8192),
            ((128 << 30) + 512, 32 * MIB, 4097),
            (20 << 40, 4096 * MIB, 5120),
            (1 << 63, 1 << 50, 8192),
        ];
        for (size, length, count) in cases {
            let districts = Districts::of(size);
            assert_eq!(districts.length(), length, "{size}");
            assert_eq!(districts.count(), count, "{size}");
            if size > 0 {
                assert_eq!(districts.index(size - 1), count - 1, "{size}");
            }
        }
    }

    #[test]
    fn what_is_read_lies_in_the_range_and_everything_is_in_full() {
        let districts = Districts::of(1 << 30);
        let read = |from, to, how| districts.to_read(from, to, how);
        assert_eq!(read(MIB, MIB, Verification::Full), []);
        assert_eq!(read(MIB, 40 * MIB, Verification::Off), []);
        assert_eq!(
            read(MIB, 40 * MIB, Verification::Full),
            [(MIB, 15 * MIB), (16 * MIB, 16 * MIB), (32 * MIB, 8 * MIB)]
        );
        assert_eq!(
            read(MIB, 40 * MIB, Verification::Sample),
            [(MIB, 15 * MIB), (32 * MIB, 8 * MIB)]
        );
        let sample = read(MIB, 1 << 30, Verification::Sample);
        let starts: Vec<u64> = sample.iter().map(|(start, _)| start / MIB).collect();
        assert_eq!(starts, [1, 256, 512, 768, 1008]);
    }

    #[test]
    fn positions_and_contents_count_and_zeroes_do_not() {
        let zeroes = 77;
        assert_eq!(value(5, zeroes, zeroes), 0);
        assert_ne!(value(5, 1, zeroes), value(6, 1, zeroes));
        assert_ne!(value(5, 1, zeroes), value(5, 2, zeroes));
        // Two blocks that changed places.
        for (one, two) in [(1, 2), (1, 1 << 40), (u64::MAX, 3)] {
            let right = value(8, one, zeroes).wrapping_add(value(9, two, zeroes));
            let swapped = value(8, two, zeroes).wrapping_add(value(9, one, zeroes));
            assert_ne!(right, swapped);
        }
    }
}
