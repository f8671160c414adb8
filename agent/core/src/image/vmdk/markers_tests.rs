// SPDX-License-Identifier: Apache-2.0
//! Streams, sound and hostile.

use super::tests::{DIRECTORY, GRAIN, GRAINS, TABLES, head};
use super::*;
use crate::image::noise::{Noise, put};

/// Everything that a stream tells of the disk.
fn stream(file: &[u8], step: usize) -> Result<Vec<(u64, u64, Vec<u8>)>, VmdkError> {
    let mut markers = Markers::new(Header::parse(file)?);
    let mut pieces = Vec::new();
    let mut at = 0;
    for bytes in file.chunks(step) {
        markers.feed(at, bytes, |piece| {
            pieces.push(match piece {
                Piece::Zero(at, length) => (at, length, Vec::new()),
                Piece::Grain(at, host, packed) => (at, host, packed.to_vec()),
            });
            Ok::<_, VmdkError>(())
        })?;
        at += bytes.len() as u64;
    }
    if let Some((at, length)) = markers.finish(file.len() as u64)? {
        pieces.push((at, length, Vec::new()));
    }
    Ok(pieces)
}

fn grain(file: &mut Vec<u8>, sector: u64, packed: &[u8]) {
    file.extend_from_slice(&sector.to_le_bytes());
    file.extend_from_slice(&u32::try_from(packed.len()).expect("small").to_le_bytes());
    file.extend_from_slice(packed);
    file.resize(file.len().next_multiple_of(512), 0);
}

fn marker(file: &mut Vec<u8>, sectors: u64, kind: u32) {
    let mut marker = [0; 512];
    put(&mut marker, 0, &sectors.to_le_bytes());
    put(&mut marker, 12, &kind.to_le_bytes());
    file.extend_from_slice(&marker);
}

/// A stream of three grains with its tables at the end.
fn three_grains(sectors: [u64; 3]) -> Vec<u8> {
    let mut file = head(true, |h| put(h, 56, &u64::MAX.to_le_bytes()));
    for (sector, length) in sectors.into_iter().zip([10, 500, 5000]) {
        grain(&mut file, sector, &vec![7; length]);
    }
    marker(&mut file, 4, 1);
    file.extend_from_slice(&[0xee; 2048]);
    marker(&mut file, 0, 0);
    file
}

#[test]
fn a_stream_tells_the_same_whatever_the_pieces() {
    let file = three_grains([128, 256, 131_072 - 128]);
    let expected = vec![
        (0, GRAIN, Vec::new()),
        (GRAIN, 65_536, vec![7; 10]),
        (2 * GRAIN, 66_048, vec![7; 500]),
        (3 * GRAIN, 1020 * GRAIN, Vec::new()),
        (1023 * GRAIN, 66_560, vec![7; 5000]),
    ];
    for step in [1, 11, 511, 512, 513, 4096, 65_535, 65_548, 1 << 20] {
        assert_eq!(stream(&file, step).as_ref(), Ok(&expected), "{step}");
    }
}

#[test]
fn a_stream_that_goes_back_or_stops_is_refused() {
    for (sectors, wrong) in [
        ([128, 128, 256], 128),
        ([256, 128, 384], 128),
        ([128, 256, 131_072], 131_072),
        ([1, 256, 384], 1),
        ([u64::MAX, 256, 384], u64::MAX),
    ] {
        let found = stream(&three_grains(sectors), 4096);
        assert_eq!(found, Err(VmdkError::Order(wrong)));
    }
    let file = three_grains([128, 256, 384]);
    for length in (65_536..file.len()).step_by(256) {
        assert_eq!(stream(&file[..length], 4096), Err(VmdkError::CutOff));
    }
    let mut long = file.clone();
    put(&mut long, 65_544, &(80_000_u32).to_le_bytes());
    assert_eq!(stream(&long, 4096), Err(VmdkError::Marker(65_536)));
    let mut unknown = file;
    let at = unknown.len() - 512;
    unknown[at + 12] = 4;
    let found = stream(&unknown, 4096);
    assert_eq!(found, Err(VmdkError::Marker(at as u64)));
}

/// As QEMU writes it: directory and tables in front, no end marker.
fn with_tables_in_front() -> Vec<u8> {
    let mut file = head(true, |_| ());
    put(&mut file, DIRECTORY, &22_u32.to_le_bytes());
    put(&mut file, DIRECTORY + 4, &26_u32.to_le_bytes());
    for index in [1, 2, 700] {
        let sector = u32::try_from(file.len() / 512).expect("small");
        put(&mut file, TABLES + index * 4, &sector.to_le_bytes());
        grain(&mut file, index as u64 * 128, &[7; 600]);
    }
    file
}

#[test]
fn grains_are_compared_with_the_tables_in_front() {
    let file = with_tables_in_front();
    for step in [3, 4096, 1 << 20] {
        assert_eq!(stream(&file, step).map(|pieces| pieces.len()), Ok(6));
    }
    let cut = &file[..file.len() - 1024];
    assert_eq!(stream(cut, 4096), Err(VmdkError::Grains));
    let mut other = file.clone();
    other[TABLES + 8] ^= 2;
    assert_eq!(stream(&other, 4096), Err(VmdkError::Grains));
    // Tables elsewhere tell nothing; then there must be an end.
    let mut elsewhere = file;
    elsewhere[DIRECTORY] = 23;
    assert_eq!(stream(&elsewhere, 4096), Err(VmdkError::CutOff));
    marker(&mut elsewhere, 0, 0);
    assert_eq!(stream(&elsewhere, 4096).map(|pieces| pieces.len()), Ok(6));
}

#[test]
fn noise_never_panics_and_stays_in_bounds() {
    let mut noise = Noise(12);
    let streams = [three_grains([128, 256, 384]), with_tables_in_front()];
    for _ in 0..2000 {
        let mut damaged = streams[noise.below(2)].clone();
        if noise.below(2) == 0 {
            noise.damage_front(&mut damaged, TABLES + 4096);
        } else {
            let mut back = damaged.split_off(GRAINS);
            noise.damage(&mut back);
            damaged.extend_from_slice(&back);
        }
        if let Ok(pieces) = stream(&damaged, 4096) {
            let size = Header::parse(&damaged).expect("it was read").size;
            assert!(pieces.iter().all(|(at, ..)| *at < size));
        }
    }
}
