// SPDX-License-Identifier: Apache-2.0
//! Ethernet link modes as `linux/ethtool.h` numbers them
//! (`enum ethtool_link_mode_bit_indices`).

/// First and last bit of a run of link modes, and their speed in Mbit/s. Bits
/// that are no speeds (pause, ports, FEC) are in no run.
const SPEEDS: &[(usize, usize, u32)] = &[
    (0, 1, 10),
    (2, 3, 100),
    (4, 5, 1000),
    (12, 12, 10_000),
    (15, 15, 2500),
    (17, 17, 1000),
    (18, 20, 10_000),
    (21, 22, 20_000),
    (23, 26, 40_000),
    (27, 30, 56_000),
    (31, 33, 25_000),
    (34, 35, 50_000),
    (36, 39, 100_000),
    (40, 40, 50_000),
    (41, 41, 1000),
    (42, 46, 10_000),
    (47, 47, 2500),
    (48, 48, 5000),
    (52, 56, 50_000),
    (57, 61, 100_000),
    (62, 66, 200_000),
    (67, 67, 100),
    (68, 68, 1000),
    (69, 73, 400_000),
    (75, 79, 100_000),
    (80, 84, 200_000),
    (85, 89, 400_000),
    (90, 91, 100),
    (92, 92, 10),
    (93, 98, 800_000),
    (99, 102, 10),
    (103, 108, 200_000),
    (109, 114, 400_000),
    (115, 120, 800_000),
];

/// The highest speed in a mask of link modes, in Mbit/s; `None` if it names no
/// speed that is known.
#[must_use]
pub fn highest_speed(mask: &[u32]) -> Option<u32> {
    let has = |bit: usize| {
        mask.get(bit / 32)
            .is_some_and(|word| word >> (bit % 32) & 1 == 1)
    };
    SPEEDS
        .iter()
        .filter(|(first, last, _)| (*first..=*last).any(has))
        .map(|(_, _, speed)| *speed)
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_speed_is_found() {
        let mask = |bits: &[usize]| {
            let mut words = vec![0_u32; 4];
            for bit in bits {
                words[bit / 32] |= 1 << (bit % 32);
            }
            words
        };
        for (bits, expected) in [
            (&[0, 1, 2, 3, 5, 6, 7, 13][..], Some(1000)),
            (&[17, 31, 10], Some(25_000)),
            (&[12, 41], Some(10_000)),
            (&[6, 13, 74], None),
            (&[62], Some(200_000)),
            (&[], None),
        ] {
            assert_eq!(highest_speed(&mask(bits)), expected, "{bits:?}");
        }
        assert_eq!(highest_speed(&[]), None);
    }

    #[test]
    fn runs_are_in_order_and_apart() {
        let apart = SPEEDS.windows(2).all(|pair| pair[0].1 < pair[1].0);
        assert!(apart);
    }
}
