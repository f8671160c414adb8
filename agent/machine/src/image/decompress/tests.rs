// SPDX-License-Identifier: Apache-2.0
//! Decoders on their own: every cut and every flipped bit of small files.

use std::io::Write as _;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::sync_channel;

use super::super::buffers::{Pool, SERVED, UNPACKED};
use super::*;
use crate::clock::TestClock;

const CODECS: [Codec; 3] = [Codec::Gzip, Codec::Xz, Codec::Zstd];

fn content() -> Vec<u8> {
    (0..600_u32).flat_map(|n| (n * n).to_le_bytes()).collect()
}

fn compressed(codec: Codec) -> Vec<u8> {
    let bytes = content();
    match codec {
        Codec::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(&bytes).expect("memory");
            encoder.finish().expect("memory")
        }
        Codec::Xz => liblzma::encode_all(&*bytes, 1).expect("memory"),
        Codec::Zstd => {
            let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 1).expect("memory");
            encoder.include_checksum(true).expect("memory");
            encoder.write_all(&bytes).expect("memory");
            encoder.finish().expect("memory")
        }
    }
}

/// Unpacks a file that comes in pieces of this length.
fn unpack(codec: Codec, file: &[u8], length: usize) -> Result<Vec<u8>, Damage> {
    let clock = TestClock::default();
    let watch = Stopwatch::new(&clock);
    let (to_unpack, pieces) = sync_channel(file.len().max(1));
    let mut pool = Pool::new(SERVED.max(file.len() / length + 1));
    let (head, rest) = file.split_at(length.min(file.len()));
    for part in rest.chunks(length) {
        let mut piece = pool.take(0);
        piece.room()[..part.len()].copy_from_slice(part);
        piece.shorten(part.len());
        to_unpack.send(std::sync::Arc::new(piece)).expect("sent");
    }
    drop(to_unpack);
    let done = AtomicU64::new(0);
    let (to_consumer, unpacked) = sync_channel(UNPACKED);
    let output = Pieces::new(Pool::new(UNPACKED), to_consumer);
    let result = all(codec, Input::new(head, pieces, &done), output, &watch);
    assert_eq!(
        done.into_inner(),
        file.len() as u64,
        "the file is read to its end"
    );
    let bytes: Vec<u8> = unpacked
        .iter()
        .flat_map(|piece| piece.bytes().to_vec())
        .collect();
    result.map(|()| bytes)
}

#[test]
fn pieces_of_any_length_make_the_same() {
    for codec in CODECS {
        let file = compressed(codec);
        for length in [101, 500, file.len() - 1, file.len()] {
            assert_eq!(unpack(codec, &file, length), Ok(content()), "{codec}");
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    for codec in CODECS {
        let file = compressed(codec);
        for length in 1..file.len() {
            let found = unpack(codec, &file[..length], 1 << 20);
            let at = length as u64;
            assert_eq!(found, Err(Damage::CutOff { codec, at }), "{codec} {length}");
        }
    }
}

#[test]
fn every_flipped_bit_is_noticed_or_harmless() {
    for codec in CODECS {
        let file = compressed(codec);
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // What is unpacked all the same is right: only fields that say
            // nothing about the content were changed.
            if let Ok(found) = unpack(codec, &damaged, 1 << 20) {
                assert_eq!(found, content(), "{codec}, bit {bit}");
            }
        }
    }
}
