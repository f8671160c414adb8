// SPDX-License-Identifier: Apache-2.0
//! Headers, regions, metadata and block tables, sound and hostile.

use super::checksum::crc32c;
use super::*;
use crate::image::container::{self, ContainerError, Kind};
use crate::image::extents::{DiskMap, Extent, Span};
use crate::image::noise::{Noise, put};

const MIB: usize = 1 << 20;
const BLOCK: u64 = 1 << 20;
const REGIONS: usize = 192 << 10;
const METADATA: usize = MIB;
const ITEMS: usize = METADATA + 65_536;
const BLOCKS: usize = 2 * MIB;

/// A GUID as it is stored.
fn guid(text: &str) -> [u8; 16] {
    let number = u128::from_str_radix(&text.replace('-', ""), 16).expect("hexadecimal");
    let mut bytes = number.to_be_bytes();
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

fn sign(file: &mut [u8], at: usize, length: usize) {
    let sum = crc32c(&file[at..at + length], 4);
    put(file, at + 4, &sum.to_le_bytes());
}

/// Makes all checksums right.
fn sign_all(file: &mut [u8]) {
    sign(file, 64 << 10, 4096);
    sign(file, 128 << 10, 4096);
    sign(file, REGIONS, 64 << 10);
}

fn entry(file: &mut [u8], at: usize, text: &str, rest: &[u8]) {
    put(file, at, &guid(text));
    put(file, at + 16, rest);
}

/// A disk of five blocks of 1 MiB, with sectors of 512 bytes; its checksums
/// are right whatever is changed.
fn file(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut file = vec![0; 8 * MIB];
    put(&mut file, 0, b"vhdxfile");
    for (at, sequence) in [(64 << 10, 7_u64), (128 << 10, 6)] {
        put(&mut file, at, b"head");
        put(&mut file, at + 8, &sequence.to_le_bytes());
        put(&mut file, at + 66, &1_u16.to_le_bytes());
    }
    put(&mut file, REGIONS, b"regi");
    put(&mut file, REGIONS + 8, &2_u32.to_le_bytes());
    let place = |at: usize| {
        let mut rest = (at as u64).to_le_bytes().to_vec();
        rest.extend_from_slice(&(1_u32 << 20).to_le_bytes());
        rest.extend_from_slice(&1_u32.to_le_bytes());
        rest
    };
    let table = "2DC27766-F623-4200-9D64-115E9BFD4A08";
    entry(&mut file, REGIONS + 16, table, &place(BLOCKS));
    let metadata = "8B7CA206-4790-4B9A-B8FE-575F050F886E";
    entry(&mut file, REGIONS + 48, metadata, &place(METADATA));
    put(&mut file, METADATA, b"metadata");
    put(&mut file, METADATA + 10, &3_u16.to_le_bytes());
    let items = [
        ("CAA16737-FA36-4D43-B3B6-33F0AA44E76B", 8_u32),
        ("2FA54224-CD1B-4876-B211-5DBED83BF4B8", 8),
        ("8141BF1D-A96F-4709-BA47-F233A8FAAB5F", 4),
    ];
    for (index, (text, length)) in items.into_iter().enumerate() {
        let offset = 65_536 + u32::try_from(index).expect("small") * 8;
        let mut rest = offset.to_le_bytes().to_vec();
        rest.extend_from_slice(&length.to_le_bytes());
        rest.extend_from_slice(&6_u32.to_le_bytes());
        entry(&mut file, METADATA + 32 + index * 32, text, &rest);
    }
    put(&mut file, ITEMS, &(1_u32 << 20).to_le_bytes());
    put(&mut file, ITEMS + 8, &(5 * BLOCK - 512).to_le_bytes());
    put(&mut file, ITEMS + 16, &512_u32.to_le_bytes());
    for (index, entry) in [0, (4 << 20) | 6, 2, (3 << 20) | 6, 3_u64]
        .iter()
        .enumerate()
    {
        put(&mut file, BLOCKS + index * 8, &entry.to_le_bytes());
    }
    change(&mut file);
    sign_all(&mut file);
    file
}

fn read(file: &[u8]) -> Result<DiskMap, ContainerError> {
    container::read(Kind::Vhdx, file)
}

#[test]
fn blocks_become_extents_and_gaps() {
    let map = read(&file(|_| ())).expect("sound");
    assert_eq!(map.size, 5 * BLOCK - 512);
    let plain = |host: u64, guest: u64| Extent {
        host: host << 20,
        guest: guest * BLOCK,
        span: Span::Plain(BLOCK),
    };
    let extents: Vec<Extent> = map.extents.extents().collect();
    assert_eq!(extents, [plain(3, 3), plain(4, 1)]);
    let gaps: Vec<_> = map.gaps.iter().collect();
    assert_eq!(
        gaps,
        [(0, BLOCK), (2 * BLOCK, BLOCK), (4 * BLOCK, BLOCK - 512)]
    );
}

/// After the entries of one chunk the place of its bitmap follows.
#[test]
fn bitmap_entries_are_passed_over() {
    let ratio = 4096;
    let map = read(&file(|f| {
        put(f, ITEMS + 8, &((ratio + 2) * BLOCK).to_le_bytes());
        put(f, BLOCKS + 4096 * 8, &((7_u64 << 20) | 6).to_le_bytes());
        put(f, BLOCKS + 4097 * 8, &((6_u64 << 20) | 6).to_le_bytes());
        put(f, BLOCKS + 4098 * 8, &((5_u64 << 20) | 6).to_le_bytes());
    }))
    .expect("sound");
    let behind: Vec<(u64, u64)> = map
        .extents
        .extents()
        .map(|extent| (extent.host >> 20, extent.guest / BLOCK))
        .collect();
    assert_eq!(behind, [(3, 3), (4, 1), (5, ratio + 1), (6, ratio)]);
}

#[test]
fn the_newer_sound_header_counts() {
    let second_dirty = |f: &mut Vec<u8>| f[(128 << 10) + 50] = 1;
    assert!(read(&file(second_dirty)).is_ok(), "the older one");
    let mut first_damaged = file(second_dirty);
    first_damaged[(64 << 10) + 500] ^= 1;
    assert_eq!(read(&first_damaged).err(), Some(VhdxError::Log.into()));
}

#[test]
fn every_refusal_has_its_name() {
    type Change = fn(&mut Vec<u8>);
    let place = |what, offset| VhdxError::Map(MapError::Offset { what, offset });
    let cases: Vec<(Change, VhdxError)> = vec![
        (|f| f[0] = 0, VhdxError::NotVhdx),
        (|f| f[(64 << 10) + 66] = 2, VhdxError::Version(2)),
        (|f| f[(64 << 10) + 48] = 1, VhdxError::Log),
        (
            |f| {
                f[64 << 10] = 0;
                f[128 << 10] = 0;
            },
            VhdxError::Headers,
        ),
        (|f| f[REGIONS] = 0, VhdxError::Regions),
        (|f| f[REGIONS + 10] = 1, VhdxError::Regions),
        (|f| f[REGIONS + 16] ^= 1, VhdxError::Required("region")),
        (
            |f| f[REGIONS + 8] = 0,
            VhdxError::Missing("block allocation table"),
        ),
        (|f| f[REGIONS + 8] = 1, VhdxError::Missing("metadata")),
        (
            |f| f.copy_within(REGIONS + 16..REGIONS + 48, REGIONS + 48),
            VhdxError::Regions,
        ),
        (
            |f| f[REGIONS + 32] = 1,
            place("region table", (2 << 20) + 1),
        ),
        (
            |f| f[REGIONS + 34] = 0xf0,
            place("region table", 0xf0 << 16),
        ),
        (|f| f[METADATA] = 0, VhdxError::Metadata),
        (|f| f[METADATA + 11] = 0xff, VhdxError::Metadata),
        (
            |f| f[METADATA + 32] ^= 1,
            VhdxError::Required("metadata item"),
        ),
        (|f| f[METADATA + 10] = 1, VhdxError::Metadata),
        (|f| f[METADATA + 50] = 0, VhdxError::Metadata),
        (
            |f| {
                put(
                    f,
                    METADATA + 32,
                    &guid("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C"),
                )
            },
            VhdxError::Parent,
        ),
        (|f| f[ITEMS + 4] = 2, VhdxError::Parent),
        (|f| f[ITEMS + 1] = 1, VhdxError::BlockSize((1 << 20) + 256)),
        (|f| f[ITEMS + 2] = 0, VhdxError::BlockSize(0)),
        (|f| f[ITEMS + 16] = 1, VhdxError::SectorSize(513)),
        (|f| f[ITEMS + 8] = 1, VhdxError::Size(5 * BLOCK - 511)),
        (
            |f| f[ITEMS + 15] = 1,
            VhdxError::Size((1 << 56) + 5 * BLOCK - 512),
        ),
        (
            |f| f[ITEMS + 13] = 1,
            VhdxError::Size((1 << 40) + 5 * BLOCK - 512),
        ),
        (|f| f[BLOCKS] = 4, VhdxError::State(4)),
        (|f| f[BLOCKS] = 7, VhdxError::Parent),
        (|f| f[BLOCKS] = 6, place("block allocation table", 0)),
        (
            |f| f[BLOCKS + 13] = 1,
            place("block allocation table", (1 << 40) + (4 << 20)),
        ),
    ];
    for (index, (change, error)) in cases.into_iter().enumerate() {
        let found = read(&file(change)).err();
        assert_eq!(found, Some(error.into()), "case {index}");
    }
    let mut damaged = file(|_| ());
    damaged[REGIONS + 60_000] ^= 1;
    assert_eq!(read(&damaged).err(), Some(VhdxError::Regions.into()));
}

#[test]
fn noise_never_panics_and_stays_in_bounds() {
    let mut noise = Noise(23);
    let sound = file(|_| ());
    let vital = [
        64 << 10..(64 << 10) + 80,
        REGIONS..REGIONS + 80,
        METADATA..METADATA + 128,
        ITEMS..ITEMS + 24,
        BLOCKS..BLOCKS + 40,
    ];
    let mut read_well = 0;
    for round in 0..300 {
        let mut damaged = sound.clone();
        for _ in 0..=noise.below(3) {
            let part = vital[noise.below(vital.len())].clone();
            let bit = noise.below(part.len() * 8);
            damaged[part.start + bit / 8] ^= 1 << (bit % 8);
        }
        sign_all(&mut damaged);
        if round % 9 == 0 {
            damaged.truncate(noise.below(sound.len()));
        }
        let Ok(map) = read(&damaged) else { continue };
        read_well += 1;
        for extent in map.extents.extents() {
            assert!(extent.guest < map.size);
        }
        let gaps: u64 = map.gaps.iter().map(|(_, length)| length).sum();
        assert!(gaps <= map.size && map.held() < 1 << 20);
    }
    assert!(read_well > 0, "damage that nobody sees is among it");
}
