// SPDX-License-Identifier: Apache-2.0
//! What the targets of containers share: a whole small file is read, and its map describes the disk.

use ironseed_core::image::container::{Kind, read};

/// Pieces that are looked at; a hostile header makes millions of them.
const PIECES: usize = 10_000;

/// Panics if extents lie outside the file, or extents and gaps do not cover the disk exactly once.
pub(crate) fn check(kind: Kind, data: &[u8]) {
    let Ok(map) = read(kind, data) else {
        return;
    };
    let extents: Vec<_> = map.extents.extents().take(PIECES).collect();
    let gaps: Vec<(u64, u64)> = map.gaps.iter().take(PIECES).collect();
    assert!(
        extents.is_sorted_by_key(|extent| extent.host),
        "one pass through the file suffices"
    );
    let size = data.len() as u64;
    assert!(
        extents.iter().all(|extent| extent.host < size),
        "extents begin in the file"
    );
    if extents.len() == PIECES || gaps.len() == PIECES {
        return;
    }
    let written = extents
        .iter()
        .map(|extent| (extent.guest, extent.guest_bytes(map.unit)));
    assert_eq!(
        written.clone().map(|(_, bytes)| bytes).sum::<u64>(),
        map.data
    );
    let mut ranges: Vec<(u64, u64)> = written.chain(gaps).collect();
    ranges.sort_unstable();
    let mut at = 0;
    for (from, length) in ranges {
        assert_eq!(from, at, "no byte is left out or written twice");
        at = from + length;
    }
    let end = map.size.next_multiple_of(map.unit);
    assert!(
        (map.size..=end).contains(&at),
        "the disk of {} bytes ends at {at}",
        map.size
    );
}
