// SPDX-License-Identifier: Apache-2.0
//! Sums do not depend on the order, and depend on everything else.

use super::*;

const DISTRICT: u64 = 16 << 20;

fn sums(pieces: &[(u64, &[u8])]) -> Vec<u64> {
    let sums = Sums::new(4 * DISTRICT);
    for (at, bytes) in pieces {
        sums.add(*at, bytes);
    }
    (0..sums.districts().count())
        .map(|index| sums.of(index))
        .collect()
}

fn bytes(length: usize) -> Vec<u8> {
    (1..=251).cycle().take(length).collect()
}

#[test]
fn the_order_and_the_cuts_do_not_matter() {
    let bytes = bytes(8192);
    let at = DISTRICT - 4096;
    let whole = sums(&[(at, &bytes)]);
    assert_eq!(
        whole.iter().map(|sum| *sum != 0).collect::<Vec<_>>(),
        [true, true, false, false]
    );
    let cut = sums(&[(at + 5120, &bytes[5120..]), (at, &bytes[..5120])]);
    assert_eq!(whole, cut);
}

#[test]
fn every_bit_and_every_place_matters() {
    let right = bytes(1024);
    let sum = sums(&[(0, &right)]);
    for bit in 0..right.len() * 8 {
        let mut wrong = right.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(sums(&[(0, &wrong)]), sum, "bit {bit}");
    }
    let (one, two) = right.split_at(512);
    assert_ne!(sums(&[(0, two), (512, one)]), sum);
    assert_ne!(sums(&[(512, &right)]), sum);
    assert_ne!(sums(&[(0, one)]), sum);
}

#[test]
fn zeroes_count_nothing() {
    assert_eq!(sums(&[(0, &[0; 8192])]), [0; 4]);
}

#[test]
fn only_whole_blocks_are_added() {
    let right = bytes(2048);
    assert_eq!(
        sums(&[(100, &right[..1500])]),
        sums(&[(512, &right[412..1436])])
    );
    assert_eq!(sums(&[(100, &right[..500])]), [0; 4]);
}

#[test]
fn blocks_in_pieces_count_once() {
    let right = bytes(1024);
    let whole = sums(&[(0, &right)]);
    let sums = Sums::new(DISTRICT);
    let mut content = vec![0; 1024];
    for range in [700..1024, 0..300, 300..700] {
        content[range.clone()].copy_from_slice(&right[range.clone()]);
        sums.edges(0, &content, range.clone()).expect("few");
        sums.add(range.start as u64, &right[range]);
    }
    assert_eq!(sums.of(0), whole[0]);
}
