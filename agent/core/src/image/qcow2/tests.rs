// SPDX-License-Identifier: Apache-2.0
//! Headers and tables, sound and hostile.

use super::*;

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

/// A small generator of noise: xorshift64*.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
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
    let cases: [(Change, Qcow2Error); 15] = [
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
        (|h| h[79] = 0b1_0001, Qcow2Error::Features(0b1_0000)),
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
            Qcow2Error::Offset {
                what: "header",
                offset: 0x30200,
            },
        ),
    ];
    for (change, error) in cases {
        assert_eq!(Header::parse(&header(change)), Err(error));
    }
}

fn tables(file_size: Option<u64>) -> Tables {
    Tables::new(Header::parse(&header(|_| ())).expect("sound"), file_size)
}

fn first_table() -> L2Table {
    L2Table {
        offset: 0x40000,
        guest: 0,
    }
}

#[test]
fn tables_become_extents_and_gaps() {
    let mut tables = tables(Some(1 << 30));
    let mut l1 = vec![0; 16];
    put64(&mut l1, 8, (1 << 63) | 0x40000);
    let list = tables.read_l1(&l1).expect("sound");
    assert_eq!(
        list,
        [L2Table {
            offset: 0x40000,
            guest: 512 << 20
        }]
    );
    let mut l2 = vec![0; 65536];
    for (index, entry) in [
        (1 << 63) | 0x50000,
        (1 << 63) | 0x60000,
        0x70001,
        (1 << 62) | (3 << 54) | 0x80100,
        (1 << 63) | 0x70000,
    ]
    .into_iter()
    .enumerate()
    {
        put64(&mut l2, index * 8, entry);
    }
    tables.read_l2(&list[0], &l2).expect("sound");
    let base = 512 << 20;
    assert_eq!(
        tables.gaps().collect::<Vec<_>>(),
        [
            (0, base),
            (base + 0x20000, 0x10000),
            (base + 0x50000, base - 0x50000)
        ]
    );
    assert_eq!(tables.data_bytes(), 4 * 65536);
    assert_eq!(
        tables.into_extents(),
        [
            Extent {
                host: 0x50000,
                guest: base,
                span: Span::Clusters(2)
            },
            Extent {
                host: 0x70000,
                guest: base + 0x40000,
                span: Span::Clusters(1)
            },
            Extent {
                host: 0x80100,
                guest: base + 0x30000,
                span: Span::Compressed(4 * 512 - 0x100)
            },
        ]
    );
}

#[test]
fn an_empty_image_is_one_gap() {
    let mut tables = tables(None);
    assert_eq!(tables.gaps().collect::<Vec<_>>(), [(0, 1 << 30)]);
}

#[test]
fn tables_behind_the_end_of_the_file_are_refused() {
    let mut tables = tables(Some(0x50000));
    let mut l1 = vec![0; 16];
    put64(&mut l1, 0, 0x50000);
    assert_eq!(
        tables.read_l1(&l1),
        Err(Qcow2Error::Offset {
            what: "first-level table",
            offset: 0x50000
        })
    );
    assert_eq!(tables.read_l1(&l1[..8]).err(), tables.read_l1(&l1).err());
    let mut l2 = vec![0; 65536];
    for entry in [0x50000, 0x40200, (1 << 62) | 0x50001, 1 << 62] {
        put64(&mut l2, 0, entry);
        assert!(tables.read_l2(&first_table(), &l2).is_err(), "{entry:#x}");
    }
}

#[test]
fn scattered_images_are_refused_before_memory_is_gone() {
    let mut tables = tables(None).with_extent_limit(3);
    let mut l2 = vec![0; 65536];
    for index in 0..8 {
        put64(&mut l2, index * 8, (20 - index as u64) << 16);
    }
    assert_eq!(
        tables.read_l2(&first_table(), &l2),
        Err(Qcow2Error::TooScattered(3))
    );
}

#[test]
fn noise_never_panics_and_stays_in_bounds() {
    let mut noise = Noise(42);
    for round in 0..20_000 {
        let mut head = header(|_| ());
        for _ in 0..1 + round % 4 {
            let bit = usize::try_from(noise.next() % (HEADER_LENGTH as u64 * 8)).expect("small");
            head[bit / 8] ^= 1 << (bit % 8);
        }
        if round % 7 == 0 {
            head.truncate(usize::try_from(noise.next() % 112).expect("small"));
        }
        let Ok(parsed) = Header::parse(&head) else {
            continue;
        };
        assert!(parsed.l1_bytes() <= 8 << 20);
        let mut tables = Tables::new(parsed, (round % 2 == 0).then_some(1 << 40));
        let mut l2 = vec![0; 64];
        for at in (0..64).step_by(8) {
            put64(&mut l2, at, noise.next() >> (noise.next() % 64));
        }
        let table = L2Table {
            offset: 0,
            guest: noise.next() % (parsed.size + 1),
        };
        let _ = tables.read_l1(&l2);
        let _ = tables.read_l2(&table, &l2);
        for (at, length) in tables.gaps() {
            assert!(length > 0 && at + length <= parsed.size);
        }
        for extent in tables.into_extents() {
            assert!(extent.guest < parsed.size);
        }
    }
}
