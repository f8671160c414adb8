// SPDX-License-Identifier: Apache-2.0
//! Numbers of boot entries: which are free, and in which order they are tried.

use std::collections::BTreeSet;

/// The lowest numbers that no entry has, as many as wanted; `None` if there
/// are not so many.
pub(super) fn free_numbers(taken: &BTreeSet<u16>, wanted: usize) -> Option<Vec<u16>> {
    let free: Vec<u16> = (0..=u16::MAX)
        .filter(|number| !taken.contains(number))
        .take(wanted)
        .collect();
    (free.len() == wanted).then_some(free)
}

/// New entries first, then the others in the order they had. A number appears
/// once, and only if it has an entry: firmware that meets a number without one
/// may rebuild the whole order.
pub(super) fn boot_order(new: &[u16], before: &[u16], kept: &BTreeSet<u16>) -> Vec<u16> {
    let mut seen = BTreeSet::new();
    let others = before.iter().filter(|number| kept.contains(number));
    new.iter()
        .chain(others)
        .copied()
        .filter(|number| seen.insert(*number))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_numbers_are_taken() {
        let taken = BTreeSet::from([0, 1, 3]);
        assert_eq!(free_numbers(&taken, 3), Some(vec![2, 4, 5]));
        assert_eq!(free_numbers(&taken, 0), Some(vec![]));
        let mut all: BTreeSet<u16> = (0..=u16::MAX).collect();
        assert_eq!(free_numbers(&all, 1), None);
        all.remove(&0xfffe);
        assert_eq!(free_numbers(&all, 1), Some(vec![0xfffe]));
        assert_eq!(free_numbers(&all, 2), None);
    }

    #[test]
    fn others_keep_their_order_without_gaps_and_repetitions() {
        let kept = BTreeSet::from([1, 4, 7]);
        for (new, before, expected) in [
            (vec![0], vec![4, 1, 7], vec![0, 4, 1, 7]),
            (vec![2, 0], vec![7, 0, 7, 9, 1, 2], vec![2, 0, 7, 1]),
            (vec![0], vec![], vec![0]),
            (vec![], vec![9], vec![]),
        ] {
            assert_eq!(boot_order(&new, &before, &kept), expected, "{before:?}");
        }
    }
}
