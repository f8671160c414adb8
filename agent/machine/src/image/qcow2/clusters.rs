// SPDX-License-Identifier: Apache-2.0
//! Clusters as they stream by: unpacked where they are compressed, and written
//! where they belong.

use std::io::Read as _;

use flate2::{Decompress, FlushDecompress, Status};
use ironseed_core::image::qcow2::{Compression, Extent, Header, Span};

use super::{PassError, Refusal};
use crate::image::Trouble;
use crate::image::intervals::{Interval, Intervals};
use crate::image::writer::Writer;

/// Zstandard may look back this far, as a power of two: the largest cluster,
/// with some room.
const ZSTD_WINDOW: u32 = 23;

/// Where an extent belongs, and what of a compressed cluster has been seen.
struct Place {
    guest: u64,
    packed: Option<Vec<u8>>,
}

type Waiting = Box<dyn Iterator<Item = Interval<Place>>>;

/// All extents of an image, on their way to the disk.
pub(super) struct Clusters<'a, 'w> {
    header: Header,
    waiting: Intervals<Waiting, Place>,
    writer: &'a mut Writer<'w>,
    cluster: Vec<u8>,
}

impl<'a, 'w> Clusters<'a, 'w> {
    pub(super) fn new(header: Header, extents: Vec<Extent>, writer: &'a mut Writer<'w>) -> Self {
        let bits = header.cluster_bits;
        let waiting: Waiting = Box::new(extents.into_iter().map(move |extent| Interval {
            start: extent.host,
            end: extent.host + extent.host_bytes(bits),
            state: Place {
                guest: extent.guest,
                packed: match extent.span {
                    Span::Clusters(_) => None,
                    Span::Compressed(_) => Some(Vec::new()),
                },
            },
        }));
        Self {
            header,
            waiting: Intervals::new(waiting),
            writer,
            cluster: vec![0; 1 << bits],
        }
    }

    /// Takes the next bytes of the file.
    pub(super) fn feed(&mut self, at: u64, bytes: &[u8]) -> Result<(), PassError> {
        let (header, writer, cluster) = (&self.header, &mut *self.writer, &mut self.cluster);
        self.waiting
            .feed(at, bytes, |interval, offset, piece, done| {
                match &mut interval.state.packed {
                    None => put(header, writer, interval.state.guest + offset, piece)?,
                    Some(packed) => {
                        packed.extend_from_slice(piece);
                        if done {
                            unpack(header.compression, packed, cluster)
                                .ok_or(Refusal::Compressed(interval.start))?;
                            put(header, writer, interval.state.guest, cluster)?;
                        }
                    }
                }
                Ok(())
            })
    }

    /// The file is over, after so many bytes. Its last cluster may be short:
    /// the rest of it reads as zero.
    pub(super) fn finish(mut self, length: u64) -> Result<(), PassError> {
        for interval in self.waiting.rest() {
            if interval.start >= length {
                return Err(Refusal::CutOff("clusters").into());
            }
            let guest = interval.state.guest;
            match interval.state.packed {
                None => {
                    let from = guest + (length - interval.start);
                    let to = (guest + (interval.end - interval.start)).min(self.header.size);
                    self.writer
                        .zero(from.min(to), to - from.min(to))
                        .map_err(|fault| PassError::Trouble(Trouble::Fault(fault)))?;
                }
                Some(packed) => {
                    unpack(self.header.compression, &packed, &mut self.cluster)
                        .ok_or(Refusal::Compressed(interval.start))?;
                    put(&self.header, self.writer, guest, &self.cluster)?;
                }
            }
        }
        Ok(())
    }
}

/// The last cluster may reach behind the end of the disk.
fn put(header: &Header, writer: &mut Writer<'_>, at: u64, bytes: &[u8]) -> Result<(), PassError> {
    let left = usize::try_from(header.size.saturating_sub(at)).unwrap_or(usize::MAX);
    writer
        .put_sparse(at, &bytes[..bytes.len().min(left)])
        .map_err(|fault| PassError::Trouble(Trouble::Fault(fault)))
}

/// Unpacks exactly one cluster; what follows in the last sector is not ours.
fn unpack(compression: Compression, packed: &[u8], cluster: &mut [u8]) -> Option<()> {
    match compression {
        Compression::Deflate => {
            let mut inflate = Decompress::new(false);
            let status = inflate
                .decompress(packed, cluster, FlushDecompress::Finish)
                .ok()?;
            let full = inflate.total_out() == cluster.len() as u64;
            (full && matches!(status, Status::StreamEnd | Status::Ok | Status::BufError))
                .then_some(())
        }
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).ok()?;
            decoder.window_log_max(ZSTD_WINDOW).ok()?;
            decoder.read_exact(cluster).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, FlushCompress};

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(bytes.len() + 100);
        Compress::new(flate2::Compression::best(), false)
            .compress_vec(bytes, &mut packed, FlushCompress::Finish)
            .expect("memory");
        packed
    }

    #[test]
    fn a_cluster_is_unpacked_and_its_neighbour_left_alone() {
        let data: Vec<u8> = (0..=255).cycle().take(4096).collect();
        let cases = [
            (Compression::Deflate, deflated(&data)),
            (
                Compression::Zstd,
                zstd::bulk::compress(&data, 3).expect("memory"),
            ),
        ];
        for (compression, mut packed) in cases {
            packed.extend_from_slice(&[0xff; 100]);
            let mut cluster = vec![0; 4096];
            unpack(compression, &packed, &mut cluster).expect("sound");
            assert_eq!(cluster, data);
        }
    }

    #[test]
    fn damage_is_noticed_or_harmless_and_never_a_panic() {
        let data: Vec<u8> = (0..=255).cycle().take(4096).collect();
        let mut cluster = vec![0; 4096];
        for (compression, packed) in [
            (Compression::Deflate, deflated(&data)),
            (
                Compression::Zstd,
                zstd::bulk::compress(&data, 3).expect("memory"),
            ),
        ] {
            for bit in 0..packed.len() * 8 {
                let mut damaged = packed.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let _ = unpack(compression, &damaged, &mut cluster);
            }
            assert_eq!(
                unpack(compression, &packed[..packed.len() / 2], &mut cluster),
                None
            );
            assert_eq!(unpack(compression, &[], &mut cluster), None);
            let mut larger = vec![0; 8192];
            assert_eq!(unpack(compression, &packed, &mut larger), None);
        }
    }
}
