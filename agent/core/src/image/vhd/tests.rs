// SPDX-License-Identifier: Apache-2.0
//! Footers, headers and tables, sound and hostile.

use super::footer::checksum;
use super::*;
use crate::image::container::{self, ContainerError, Kind};
use crate::image::extents::{DiskMap, Extent, Span};
use crate::image::noise::{Noise, put};

const BLOCK: u64 = 2 << 20;
const BITMAP: u64 = 512;

/// A sound footer of a dynamic disk of five blocks and a bit, changed; its
/// checksum is right all the same.
pub(in crate::image) fn footer(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut footer = vec![0; FOOTER_LENGTH];
    put(&mut footer, 0, b"conectix");
    put(&mut footer, 12, &0x1_0000_u32.to_be_bytes());
    put(&mut footer, 16, &512_u64.to_be_bytes());
    put(&mut footer, 48, &(5 * BLOCK + 1024).to_be_bytes());
    put(&mut footer, 60, &3_u32.to_be_bytes());
    change(&mut footer);
    let sum = checksum(&footer, 64);
    put(&mut footer, 64, &sum.to_be_bytes());
    footer
}

fn header(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut header = vec![0; 1024];
    put(&mut header, 0, b"cxsparse");
    put(&mut header, 16, &1536_u64.to_be_bytes());
    put(&mut header, 24, &0x1_0000_u32.to_be_bytes());
    put(&mut header, 28, &6_u32.to_be_bytes());
    put(&mut header, 32, &0x20_0000_u32.to_be_bytes());
    change(&mut header);
    let sum = checksum(&header, 36);
    put(&mut header, 36, &sum.to_be_bytes());
    header
}

#[test]
fn every_refusal_has_its_name() {
    let size = 5 * BLOCK + 1024;
    let sound = Footer {
        size,
        disk_type: DiskType::Dynamic(512),
    };
    assert_eq!(Footer::parse(&footer(|_| ())), Ok(sound));
    let fixed = footer(|f| f[63] = 2);
    let fixed = Footer::parse(&fixed).map(|footer| footer.disk_type);
    assert_eq!(fixed, Ok(DiskType::Fixed));
    type Change = fn(&mut [u8]);
    let place = |offset| {
        VhdError::Map(MapError::Offset {
            what: "footer",
            offset,
        })
    };
    let cases: [(Change, VhdError); 9] = [
        (|f| f[0] = 0, VhdError::NotVhd),
        (|f| f[13] = 2, VhdError::Version(0x2_0000)),
        (|f| f[63] = 4, VhdError::Differencing),
        (|f| f[63] = 5, VhdError::DiskType(5)),
        (|f| f[16..24].fill(0xff), place(u64::MAX)),
        (|f| f[22..24].fill(0), place(0)),
        (|f| f[48..56].fill(0), VhdError::Size(0)),
        (|f| f[55] = 1, VhdError::Size(5 * BLOCK + 1025)),
        (
            |f| f[48] = 0x40,
            VhdError::Size((1 << 62) + 5 * BLOCK + 1024),
        ),
    ];
    for (change, error) in cases {
        assert_eq!(Footer::parse(&footer(change)), Err(error));
    }
    let mut damaged = footer(|_| ());
    damaged[500] ^= 1;
    assert_eq!(Footer::parse(&damaged), Err(VhdError::Checksum("footer")));
    assert_eq!(Footer::parse(&damaged[..511]), Err(VhdError::CutOff));
}

#[test]
fn every_refusal_of_the_dynamic_header_has_its_name() {
    type Change = fn(&mut [u8]);
    let cases: [(Change, VhdError); 6] = [
        (|h| h[0] = 0, VhdError::NoHeader),
        (|h| h[27] = 1, VhdError::Version(0x1_0001)),
        (|h| h[33] = 0x30, VhdError::BlockSize(0x30_0000)),
        (|h| h[32..36].fill(0), VhdError::BlockSize(0)),
        (|h| h[32] = 0x40, VhdError::BlockSize(0x4020_0000)),
        (
            |h| h[23] = 1,
            VhdError::Map(MapError::Offset {
                what: "dynamic header",
                offset: 1537,
            }),
        ),
    ];
    for (change, error) in cases {
        assert_eq!(DynamicHeader::parse(&header(change)), Err(error));
    }
    let mut damaged = header(|_| ());
    damaged[1000] ^= 1;
    let error = VhdError::Checksum("dynamic header");
    assert_eq!(DynamicHeader::parse(&damaged), Err(error));
}

/// A file with these places of blocks, in sectors.
fn file(header: &[u8], places: [u32; 6]) -> Vec<u8> {
    let mut file = footer(|_| ());
    file.extend_from_slice(header);
    for place in places {
        file.extend_from_slice(&place.to_be_bytes());
    }
    file.resize(16 << 20, 0);
    file
}

fn read(file: &[u8]) -> Result<DiskMap, ContainerError> {
    container::read(Kind::Vhd, file)
}

#[test]
fn blocks_become_extents_and_gaps() {
    let none = u32::MAX;
    let places = [none, 4101, 4, none, none, 8198];
    let map = read(&file(&header(|_| ()), places)).expect("sound");
    let plain = |sector: u64, index: u64| Extent {
        host: sector * 512 + BITMAP,
        guest: index * BLOCK,
        span: Span::Plain(BLOCK),
    };
    let extents: Vec<Extent> = map.extents.extents().collect();
    assert_eq!(extents, [plain(4, 2), plain(4101, 1), plain(8198, 5)]);
    let gaps: Vec<_> = map.gaps.iter().collect();
    assert_eq!(gaps, [(0, BLOCK), (3 * BLOCK, 2 * BLOCK)]);
}

#[test]
fn tables_that_cannot_be_right_are_refused() {
    let impossible = |what, offset| Some(MapError::Offset { what, offset }.into());
    let sound = header(|_| ());
    let found = read(&file(&sound, [u32::MAX - 1; 6])).err();
    let behind = (u64::from(u32::MAX) - 1) * 512 + 512;
    assert_eq!(found, impossible("block allocation table", behind));
    let found = read(&file(&sound, [0; 6])).err();
    assert_eq!(found, impossible("block allocation table", 512));
    let far = header(|h| h[20] = 1);
    let found = read(&file(&far, [4; 6])).err();
    let error = VhdError::Map(MapError::Offset {
        what: "dynamic header",
        offset: (1 << 24) + 1536,
    });
    assert_eq!(found, Some(error.into()));
    let few = header(|h| h[31] = 5);
    let found = read(&file(&few, [4; 6])).err();
    assert_eq!(found, Some(VhdError::Size(5 * BLOCK + 1024).into()));
    let cut = &file(&sound, [4; 6])[..1540];
    assert!(read(cut).is_err());
    let fixed = footer(|f| f[63] = 2);
    assert_eq!(read(&fixed).err(), Some(VhdError::Kind.into()));
}

/// Checksums are made right again, so that damage gets past them.
#[test]
fn noise_never_panics_and_stays_in_bounds() {
    let mut noise = Noise(17);
    for round in 0..500 {
        let mut damaged = file(&header(|_| ()), [4, 4101, 8198, u32::MAX, 4, 12_000]);
        damaged.truncate(64 << 10);
        let mut front = damaged[..1560].to_vec();
        noise.damage(&mut front);
        damaged.splice(..front.len(), front);
        if round % 4 != 0 {
            let sum = checksum(&damaged[..512], 64);
            put(&mut damaged, 64, &sum.to_be_bytes());
            let sum = checksum(&damaged[512..1536], 36);
            put(&mut damaged, 512 + 36, &sum.to_be_bytes());
        }
        damaged.resize(1 << (14 + noise.below(10)), 0);
        let Ok(map) = read(&damaged) else { continue };
        for extent in map.extents.extents() {
            assert!(extent.guest < map.size);
        }
        let gaps: u64 = map.gaps.iter().map(|(_, length)| length).sum();
        assert!(gaps <= map.size && map.held() < 1 << 20);
    }
}
