// SPDX-License-Identifier: Apache-2.0
//! A whole small qcow2 file: header, tables, and where each cluster belongs.

use ironseed_core::image::qcow2::{Extent, Header, L2Table, Qcow2Error, Tables};

/// Gaps of the disk that are looked at; a hostile header makes millions of them.
const GAPS: usize = 10_000;

/// The input is the file.
///
/// # Panics
/// If extents lie outside the file, or extents and gaps do not cover the disk exactly once.
pub fn run(data: &[u8]) {
    let Ok(header) = Header::parse(data) else {
        return;
    };
    let size = data.len() as u64;
    let mut tables = Tables::new(header, Some(size));
    if read(&mut tables, data).is_err() {
        return;
    }
    let gaps: Vec<(u64, u64)> = tables.gaps().take(GAPS).collect();
    let data_bytes = tables.data_bytes();
    let mut extents = tables.into_extents();
    assert!(
        extents.is_sorted_by_key(|extent| extent.host),
        "one pass through the file suffices"
    );
    assert!(
        extents.iter().all(|extent| extent.host < size),
        "extents begin in the file"
    );
    let bits = header.cluster_bits;
    let sum: u64 = extents.iter().map(|extent| extent.guest_bytes(bits)).sum();
    assert_eq!(sum, data_bytes);
    if gaps.len() < GAPS {
        extents.sort_unstable_by_key(|extent| extent.guest);
        assert_covered_once(&header, &extents, &gaps);
    }
}

fn read(tables: &mut Tables, data: &[u8]) -> Result<(), Qcow2Error> {
    let header = *tables.header();
    let l1 = part(data, header.l1_offset, header.l1_bytes());
    for table in tables.read_l1(l1)? {
        let L2Table { offset, .. } = table;
        tables.read_l2(&table, part(data, offset, header.cluster_size()))?;
    }
    Ok(())
}

/// The part of the file, shorter where the file ends.
fn part(data: &[u8], offset: u64, length: u64) -> &[u8] {
    let place = |at: u64| usize::try_from(at).map_or(data.len(), |at| at.min(data.len()));
    &data[place(offset)..place(offset.saturating_add(length))]
}

fn assert_covered_once(header: &Header, extents: &[Extent], gaps: &[(u64, u64)]) {
    let written = extents
        .iter()
        .map(|extent| (extent.guest, extent.guest_bytes(header.cluster_bits)));
    let mut ranges: Vec<(u64, u64)> = written.chain(gaps.iter().copied()).collect();
    ranges.sort_unstable();
    let mut at = 0;
    for (from, length) in ranges {
        assert_eq!(from, at, "no byte is left out or written twice");
        at = from + length;
    }
    let end = header.size.next_multiple_of(header.cluster_size());
    assert!(
        (header.size..=end).contains(&at),
        "the disk of {} bytes ends at {at}",
        header.size
    );
}
