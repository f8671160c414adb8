// SPDX-License-Identifier: Apache-2.0
//! Unpacks one compressed unit of a container: a cluster or a grain. The
//! memory for the result is what the unit may be at most, so no data can make
//! it more.

use std::io::Read as _;

use flate2::{Decompress, FlushDecompress, Status};
use ironseed_core::image::container::Compression;

/// Zstandard may look back this far, as a power of two: the largest cluster,
/// with some room.
const ZSTD_WINDOW: u32 = 23;

/// The compressed unit at this byte of the file does not unpack to a unit.
#[derive(Debug)]
pub(super) struct Damaged(pub(super) u64);

/// Unpacks units, one after the other.
pub(super) struct Unpacker {
    method: Method,
    unit: Vec<u8>,
}

enum Method {
    /// Raw deflate.
    Deflate(Decompress),
    /// Deflate with a zlib header and a checksum.
    Zlib(Decompress),
    Zstd,
}

impl Unpacker {
    /// For units of `length` bytes.
    pub(super) fn new(compression: Compression, length: usize) -> Self {
        Self {
            method: match compression {
                Compression::Deflate => Method::Deflate(Decompress::new(false)),
                Compression::Zstd => Method::Zstd,
            },
            unit: vec![0; length],
        }
    }

    /// For grains of `length` bytes, which are zlib streams.
    pub(super) fn zlib(length: usize) -> Self {
        Self {
            method: Method::Zlib(Decompress::new(true)),
            unit: vec![0; length],
        }
    }

    /// Unpacks a unit that is at least `needed` bytes long, and gives so many.
    /// What follows it in `packed` is not looked at.
    pub(super) fn unpack(&mut self, packed: &[u8], needed: usize) -> Option<&[u8]> {
        let length = match &mut self.method {
            Method::Deflate(inflate) => {
                inflate.reset(false);
                let status = inflate
                    .decompress(packed, &mut self.unit, FlushDecompress::Finish)
                    .ok()?;
                let _: Status = status;
                usize::try_from(inflate.total_out()).ok()?
            }
            Method::Zlib(inflate) => {
                inflate.reset(true);
                let status = inflate
                    .decompress(packed, &mut self.unit, FlushDecompress::Finish)
                    .ok()?;
                if status != Status::StreamEnd {
                    return None;
                }
                usize::try_from(inflate.total_out()).ok()?
            }
            Method::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).ok()?;
                decoder.window_log_max(ZSTD_WINDOW).ok()?;
                decoder.read_exact(self.unit.get_mut(..needed)?).ok()?;
                needed
            }
        };
        self.unit.get(..needed).filter(|_| length >= needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, FlushCompress};

    fn deflated(bytes: &[u8], zlib: bool) -> Vec<u8> {
        let mut packed = Vec::with_capacity(bytes.len() + 100);
        Compress::new(flate2::Compression::best(), zlib)
            .compress_vec(bytes, &mut packed, FlushCompress::Finish)
            .expect("memory");
        packed
    }

    fn data() -> Vec<u8> {
        (0..=255).cycle().take(4096).collect()
    }

    fn cases(length: usize) -> Vec<(Unpacker, Vec<u8>)> {
        let data = data();
        vec![
            (
                Unpacker::new(Compression::Deflate, length),
                deflated(&data, false),
            ),
            (
                Unpacker::new(Compression::Zstd, length),
                zstd::bulk::compress(&data, 3).expect("memory"),
            ),
            (Unpacker::zlib(length), deflated(&data, true)),
        ]
    }

    #[test]
    fn a_unit_is_unpacked_and_its_neighbour_left_alone() {
        for (mut unpacker, mut packed) in cases(4096) {
            packed.extend_from_slice(&[0xff; 100]);
            for _ in 0..2 {
                assert_eq!(unpacker.unpack(&packed, 4096), Some(data().as_slice()));
            }
            assert_eq!(unpacker.unpack(&packed, 100), Some(&data()[..100]));
        }
    }

    #[test]
    fn damage_is_noticed_or_harmless_and_never_a_panic() {
        for (mut unpacker, packed) in cases(4096) {
            for bit in 0..packed.len() * 8 {
                let mut damaged = packed.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let _ = unpacker.unpack(&damaged, 4096);
            }
            assert_eq!(unpacker.unpack(&packed[..packed.len() / 2], 4096), None);
            assert_eq!(unpacker.unpack(&[], 4096), None);
            assert_eq!(unpacker.unpack(&packed, 4096), Some(data().as_slice()));
        }
        for (mut larger, packed) in cases(8192) {
            assert_eq!(larger.unpack(&packed, 8192), None);
        }
    }

    #[test]
    fn a_bomb_stays_within_the_unit() {
        let bomb = vec![0; 64 << 20];
        let mut unpacker = Unpacker::zlib(4096);
        assert_eq!(unpacker.unpack(&deflated(&bomb, true), 4096), None);
        let mut unpacker = Unpacker::new(Compression::Deflate, 4096);
        let unit = unpacker.unpack(&deflated(&bomb, false), 4096);
        assert_eq!(unit.map(<[u8]>::len), Some(4096));
        let packed = zstd::bulk::compress(&bomb, 1).expect("memory");
        let mut unpacker = Unpacker::new(Compression::Zstd, 4096);
        assert_eq!(unpacker.unpack(&packed, 4096).map(<[u8]>::len), Some(4096));
    }
}
