// SPDX-License-Identifier: Apache-2.0
//! Headers and tables, sound and hostile.

use super::*;
use crate::image::container::{self, Compression, Container as _, ContainerError, Kind};
use crate::image::extents::{DiskMap, Extent, MapError, Span};
use crate::image::noise::Noise;

/// A sound version 3 header of a disk of 1 GiB with 64 KiB clusters, changed.
pub(in crate::image) fn header(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut head = vec![0; HEADER_LENGTH];
    put32(&mut head, 0, 0x5146_49fb);
    put32(&mut head, 4, 3);
    put32(&mut head, 20, 16);
    put64(&mut head, 24, 1 << 30);
    put32(&mut head, 36, 2);
    put64(&mut head, 40, 0x30000);
    put32(&mut head, 96, 4);
    put32(&mut head, 100, 112);
    change(&mut head);
    head
}

fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

fn put64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
}

#[test]
fn a_sound_header_is_read() {
    let parsed = Header::parse(&header(|_| ())).expect("sound");
    assert_eq!(parsed.size, 1 << 30);
    assert_eq!(parsed.l1_entries, 2);
    assert_eq!(parsed.l1_offset, 0x30000);
    assert_eq!(parsed.compression, Compression::Deflate);
    let zstd = header(|h| {
        h[79] = 8;
        h[104] = 1;
    });
    assert_eq!(
        Header::parse(&zstd).map(|h| h.compression),
        Ok(Compression::Zstd)
    );
}

#[test]
fn every_refusal_has_its_name() {
    type Change = fn(&mut Vec<u8>);
    let cases: [(Change, Qcow2Error); 16] = [
        (|h| h[0] = 0, Qcow2Error::NotQcow2),
        (|h| h.truncate(60), Qcow2Error::CutOff),
        (|h| h[7] = 1, Qcow2Error::Version(1)),
        (|h| h[7] = 4, Qcow2Error::Version(4)),
        (|h| h[15] = 104, Qcow2Error::BackingFile),
        (|h| h[19] = 9, Qcow2Error::BackingFile),
        (|h| h[23] = 8, Qcow2Error::ClusterSize(8)),
        (|h| h[23] = 22, Qcow2Error::ClusterSize(22)),
        (|h| h[35] = 1, Qcow2Error::Encrypted),
        (|h| h[79] = 0b110, Qcow2Error::DataFile),
        (|h| h[79] = 0b10, Qcow2Error::Corrupt),
        (|h| h[79] = 0b1_0000, Qcow2Error::ExtendedL2),
        (|h| h[79] = 0b10_0001, Qcow2Error::Features(0b10_0000)),
        (
            |h| {
                h[79] = 8;
                h[104] = 2;
            },
            Qcow2Error::Compression(2),
        ),
        (
            |h| put64(h, 24, 1 << 62),
            Qcow2Error::L1Size {
                entries: 2,
                size: 1 << 62,
            },
        ),
        (
            |h| put64(h, 40, 0x30200),
            Qcow2Error::Map(MapError::Offset {
                what: "header",
                offset: 0x30200,
            }),
        ),
    ];
    for (change, error) in cases {
        assert_eq!(Header::parse(&header(change)), Err(error));
    }
}

/// A file with the first-level table at 0x30000 and one second-level table at
/// 0x40000.
fn file(l1: &[u64], l2: &[u64]) -> Vec<u8> {
    let mut file = vec![0; 0x10_0000];
    file[..HEADER_LENGTH].copy_from_slice(&header(|_| ()));
    for (at, entries) in [(0x30000, l1), (0x40000, l2)] {
        for (index, entry) in entries.iter().enumerate() {
            put64(&mut file, at + index * 8, *entry);
        }
    }
    file
}

fn read(file: &[u8]) -> Result<DiskMap, ContainerError> {
    container::read(Kind::Qcow2, file)
}

#[test]
fn tables_become_extents_and_gaps() {
    let map = read(&file(
        &[0, (1 << 63) | 0x40000],
        &[
            (1 << 63) | 0x50000,
            (1 << 63) | 0x60000,
            0x70001,
            (1 << 62) | (3 << 54) | 0x80100,
            (1 << 63) | 0x70000,
        ],
    ))
    .expect("sound");
    let base = 512 << 20;
    assert_eq!(
        map.gaps.iter().collect::<Vec<_>>(),
        [
            (0, base),
            (base + 0x20000, 0x10000),
            (base + 0x50000, base - 0x50000)
        ]
    );
    assert_eq!(map.data, 4 * 65536);
    let extents: Vec<Extent> = map.extents.extents().collect();
    assert_eq!(
        extents,
        [
            Extent {
                host: 0x50000,
                guest: base,
                span: Span::Plain(0x20000)
            },
            Extent {
                host: 0x70000,
                guest: base + 0x40000,
                span: Span::Plain(0x10000)
            },
            Extent {
                host: 0x80100,
                guest: base + 0x30000,
                span: Span::Packed(4)
            },
        ]
    );
    assert_eq!(extents[2].host_end(), 0x80800);
}

#[test]
fn an_empty_image_is_one_gap() {
    let map = read(&file(&[0, 0], &[])).expect("sound");
    assert_eq!(map.gaps.iter().collect::<Vec<_>>(), [(0, 1 << 30)]);
}

#[test]
fn tables_behind_the_end_of_the_file_are_refused() {
    let impossible = |what, offset| Some(MapError::Offset { what, offset }.into());
    for offset in [0x10_0000, 0x40200, 1 << 55] {
        let found = read(&file(&[offset], &[])).err();
        assert_eq!(found, impossible("first-level table", offset));
    }
    for (entry, offset) in [
        (0x10_0000, 0x10_0000),
        (0x40200, 0x40200),
        ((1 << 62) | 0x10_0001, 0x10_0001),
        (1 << 62, 0),
    ] {
        let found = read(&file(&[0x40000], &[entry])).err();
        assert_eq!(found, impossible("second-level table", offset));
    }
    let sound = file(&[0x40000], &[]);
    assert_eq!(
        read(&sound[..0x30000]).err(),
        Some(
            Qcow2Error::Map(MapError::Offset {
                what: "header",
                offset: 0x30000
            })
            .into()
        )
    );
    assert_eq!(read(&sound[..0x30008]).err(), Some(ContainerError::CutOff));
    assert_eq!(read(&sound[..0x4fff8]).err(), Some(ContainerError::CutOff));
}

/// Nothing is followed from a second-level table on, and no table is read more
/// often than there are entries for it.
#[test]
fn tables_that_refer_to_each_other_come_to_an_end() {
    let map = read(&file(
        &[0x40000, 0x40000],
        &[0x40000, 0x30000, (1 << 62) | 0x40000],
    ))
    .expect("strange, but with an end");
    let hosts: Vec<u64> = map.extents.extents().map(|extent| extent.host).collect();
    assert_eq!(
        hosts,
        [0x30000, 0x30000, 0x40000, 0x40000, 0x40000, 0x40000]
    );
    let looping = read(&file(&[0x30000, 0x30000], &[])).expect("an end");
    assert_eq!(looping.data, 4 * 65536);
}

#[test]
fn scattered_images_are_refused_before_memory_is_gone() {
    let header = Header::parse(&header(|_| ())).expect("sound");
    let tables = Tables::new(header, None).expect("sound");
    let mut tables = tables.with_budget(1000);
    let mut l1 = vec![0; 16];
    put64(&mut l1, 0, 0x40000);
    tables.take(0, &l1).expect("sound");
    tables.advance().expect("sound");
    let mut l2 = vec![0; 65536];
    for index in 0..8192 {
        put64(&mut l2, index * 8, (20_000 - index as u64) << 16);
    }
    tables.take(0, &l2).expect("not packed yet");
    tables.advance().expect("sound");
    assert_eq!(
        Box::new(tables).finish().err(),
        Some(MapError::TooScattered(1000).into())
    );
}

#[test]
fn noise_never_panics_and_stays_in_bounds() {
    let mut noise = Noise(42);
    for round in 0..20_000 {
        let mut head = header(|_| ());
        noise.damage(&mut head);
        let Ok(parsed) = Header::parse(&head) else {
            continue;
        };
        assert!(parsed.l1_bytes() <= 8 << 20);
        let file_size = (round % 2 == 0).then_some(1 << 40);
        let Ok(mut tables) = Tables::new(parsed, file_size) else {
            continue;
        };
        let mut entries = vec![0; 64];
        while tables.wanted().is_some() {
            for at in (0..64).step_by(8) {
                put64(&mut entries, at, noise.next() >> (noise.next() % 64));
            }
            let _ = tables.take(noise.next() % (parsed.l1_bytes() + 1) / 8 * 8, &entries);
            tables.advance().expect("a few tables");
        }
        let map = Box::new(tables).finish().expect("small");
        for (at, length) in map.gaps.iter() {
            assert!(length > 0 && at + length <= parsed.size);
        }
        for extent in map.extents.extents() {
            assert!(extent.guest < parsed.size);
        }
    }
}
