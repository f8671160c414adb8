// SPDX-License-Identifier: Apache-2.0
//! Maps give back what was put in, in order, and stay small.

use super::*;
use crate::image::noise::Noise;

const CLUSTER: u64 = 65_536;
const GIB: u64 = 1 << 30;
const MIB: usize = 1 << 20;

fn plain(host: u64, guest: u64, bytes: u64) -> Extent {
    Extent {
        host,
        guest,
        span: Span::Plain(bytes),
    }
}

fn packed(host: u64, guest: u64, sectors: u32) -> Extent {
    Extent {
        host,
        guest,
        span: Span::Packed(sectors),
    }
}

fn map(extents: &[Extent], unit: u64) -> Map {
    let mut builder = MapBuilder::new(unit, 1 << 30);
    for extent in extents {
        builder.push(*extent).expect("room");
    }
    builder.finish().expect("room")
}

#[test]
fn extents_come_back_in_the_order_of_the_file() {
    let extents = [
        plain(10 * CLUSTER, 0, CLUSTER),
        plain(11 * CLUSTER, CLUSTER, CLUSTER),
        packed(5 * CLUSTER + 77, 2 * CLUSTER, 3),
        plain(512, 9 * CLUSTER, CLUSTER),
        plain(1 << 60, 1 << 61, CLUSTER),
        packed(5 * CLUSTER + 1000, 3 * CLUSTER, 200),
    ];
    let found: Vec<Extent> = map(&extents, CLUSTER).extents().collect();
    assert_eq!(
        found,
        [
            extents[3],
            extents[2],
            extents[5],
            plain(10 * CLUSTER, 0, 2 * CLUSTER),
            extents[4],
        ]
    );
    let one = plain(77, 0, 12345);
    assert_eq!(Map::of(one).extents().collect::<Vec<_>>(), [one]);
}

#[test]
fn any_extents_come_back_from_any_number_of_batches() {
    let mut noise = Noise(3);
    let mut extents: Vec<Extent> = (0..100_000_u64)
        .map(|guest| {
            let host = noise.next() >> (4 + noise.next() % 40);
            match noise.next() % 3 {
                0 => packed(
                    host,
                    guest * CLUSTER,
                    1 + u32::try_from(host % 300).expect("small"),
                ),
                1 => plain(host, guest * CLUSTER, CLUSTER),
                _ => plain(host / CLUSTER * CLUSTER, guest * CLUSTER, CLUSTER),
            }
        })
        .collect();
    let map = map(&extents, CLUSTER);
    assert!(map.extents().is_sorted_by_key(|extent| extent.host));
    // Neighbours may have become one.
    let mut found: Vec<Extent> = map.extents().flat_map(clusters).collect();
    found.sort_unstable();
    extents.sort_unstable();
    assert!(found == extents);
}

fn clusters(extent: Extent) -> Vec<Extent> {
    match extent.span {
        Span::Packed(_) => vec![extent],
        Span::Plain(bytes) => (0..bytes)
            .step_by(65_536)
            .map(|at| plain(extent.host + at, extent.guest + at, CLUSTER))
            .collect(),
    }
}

#[test]
fn gaps_come_back_and_grow_together() {
    let mut builder = GapsBuilder::new(512, 1 << 20);
    for (at, length) in [(0, 512), (512, 1024), (4096, 512), (2048, 512), (9728, 512)] {
        builder.push(at, length).expect("room");
    }
    let gaps = builder.finish(10_000).expect("room");
    let found: Vec<_> = gaps.iter().collect();
    assert_eq!(found, [(0, 1536), (4096, 512), (2048, 512), (9728, 272)]);
}

#[test]
fn many_gaps_come_back() {
    let mut noise = Noise(5);
    let expected: Vec<(u64, u64)> = (0..200_000)
        .map(|_| ((noise.next() >> 20) * 512, (1 + noise.next() % 1000) * 512))
        .collect();
    let mut builder = GapsBuilder::new(512, 1 << 24);
    for (at, length) in &expected {
        builder.push(*at, *length).expect("room");
    }
    let gaps = builder.finish(u64::MAX).expect("room");
    assert!(gaps.iter().eq(expected));
}

/// Bytes that the map of a disk takes; `cluster` tells what one is.
fn held(clusters: u64, mut cluster: impl FnMut(u64) -> Option<Extent>) -> usize {
    let mut disk = DiskBuilder::new(clusters * CLUSTER, CLUSTER);
    for index in 0..clusters {
        match cluster(index) {
            Some(extent) => disk.data(extent),
            None => disk.gap(index * CLUSTER, CLUSTER),
        }
        .expect("room");
    }
    let map = disk.finish().expect("room");
    assert!(map.held() <= DISK_BUDGET);
    let covered: u64 = map.gaps.iter().map(|(_, length)| length).sum();
    assert_eq!(covered + map.data, map.size);
    map.held()
}

/// Measured were, in this order, 38 bytes, 4.7 MiB, 6.9 MiB, 0.34 MiB and
/// 104 KiB; the limits leave some room.
#[test]
fn large_disks_take_few_bytes() {
    let hundred_gib = 100 * GIB / CLUSTER;
    let in_order = held(hundred_gib, |index| {
        Some(plain(GIB + index * CLUSTER, index * CLUSTER, CLUSTER))
    });
    assert!(in_order < 100, "in order: {in_order}");

    let mut noise = Noise(1);
    let mut at = GIB;
    let compressed = held(hundred_gib, |index| {
        let host = at;
        let length = 20_000 + noise.next() % 20_000;
        at += length;
        let sectors = at.div_ceil(512) - host / 512;
        Some(packed(host, index * CLUSTER, u32::try_from(sectors).ok()?))
    });
    assert!(compressed < 5 * MIB, "compressed: {compressed}");

    let mut places: Vec<u64> = (0..hundred_gib).collect();
    for index in (1..places.len()).rev() {
        places.swap(index, noise.below(index + 1));
    }
    let scattered = held(hundred_gib, |index| {
        let place = places.get(usize::try_from(index).ok()?)?;
        Some(plain(GIB + place * CLUSTER, index * CLUSTER, CLUSTER))
    });
    assert!(scattered < 8 * MIB, "scattered: {scattered}");

    let alternating = held(hundred_gib / 10, |index| {
        let host = GIB + index / 2 * CLUSTER;
        (index % 2 == 0).then(|| plain(host, index * CLUSTER, CLUSTER))
    });
    assert!(alternating < MIB, "alternating: {alternating}");

    let mut disk = DiskBuilder::new(10_240 * GIB, CLUSTER);
    for index in 0..10_240 {
        let data = plain((index + 1) * CLUSTER, index * GIB, CLUSTER);
        disk.data(data).expect("room");
        disk.gap(index * GIB + CLUSTER, GIB - CLUSTER)
            .expect("room");
    }
    let sparse = disk.finish().expect("room").held();
    assert!(sparse < 128 << 10, "10 TiB sparse: {sparse}");
}

#[test]
fn what_is_too_scattered_is_refused_before_memory_is_gone() {
    let mut noise = Noise(9);
    let budget = 1 << 20;
    let mut disk = DiskBuilder::with_budget(1 << 50, CLUSTER, budget);
    let refused = (0..1_u64 << 34).find_map(|index| {
        let host = (noise.next() >> 30) * CLUSTER;
        disk.data(plain(host, index * CLUSTER, CLUSTER)).err()
    });
    assert_eq!(refused, Some(MapError::TooScattered(budget)));
    let mut gaps = DiskBuilder::with_budget(1 << 60, 512, budget);
    let refused = (0..1 << 34).find_map(|index| gaps.gap(index * 1024, 512).err());
    assert_eq!(refused, Some(MapError::TooScattered(budget)));
    // Neither is a limit of its own: together they take no more.
    let mut both = DiskBuilder::with_budget(1 << 60, 512, budget);
    let refused = (0..1 << 34).find_map(|index| {
        let data = plain((index ^ 5) * 4096, index * 1024, 512);
        let pushed = both.data(data);
        pushed
            .and_then(|()| both.gap(index * 1024 + 512, 512))
            .err()
    });
    assert_eq!(refused, Some(MapError::TooScattered(budget)));
    assert!(both.finish().is_err());
}
