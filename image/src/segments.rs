// SPDX-License-Identifier: Apache-2.0
//! An initramfs of two segments: a plain cpio with what is compressed already
//! (modules, firmware), then a zstd-compressed one with everything else. The kernel
//! unpacks them one after the other over each other.
//!
//! The plain one must be first: Ironic unpacks a ramdisk that begins with zstd's magic
//! and puts the expanded file into its ISO.

use thiserror::Error;

use crate::cpio::{self, CpioError, Entry};

/// Compression level; with one thread, so that the bytes do not depend on the machine.
const LEVEL: i32 = 19;
/// Where the second segment may begin: four would do for the kernel, a sector makes
/// the boundary visible in a hex dump and to loaders that read by sector.
const ALIGNMENT: usize = 512;
/// Magic of a zstd frame (RFC 8878, 3.1.1).
const ZSTD_MAGIC: &[u8; 4] = b"\x28\xb5\x2f\xfd";
/// More than any image needs; a damaged frame must not ask for all memory.
const MAX_UNPACKED: usize = 512 << 20;

/// A segment that cannot be written or read.
#[derive(Debug, Error)]
pub enum SegmentError {
    /// The compressor failed.
    #[error("cannot compress the second segment")]
    Compress(#[source] std::io::Error),
    /// What follows the first segment is neither padding nor zstd.
    #[error("the second segment does not begin with zstd's magic")]
    NotZstd,
    /// The zstd frame is damaged.
    #[error("cannot unpack the second segment")]
    Unpack(#[source] std::io::Error),
    /// A cpio inside is damaged.
    #[error("segment {number} is no cpio archive")]
    Archive {
        /// 1 or 2.
        number: u8,
        /// What is wrong with it.
        #[source]
        source: CpioError,
    },
}

/// A finished initramfs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initramfs {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// Length of the first segment with its padding.
    pub plain_len: usize,
}

/// Joins the two segments. The result is padded to four bytes, so that a segment with
/// per-node settings can be appended.
///
/// # Errors
/// If the compressor fails.
pub fn join(plain: &[Entry], compressed: &[Entry]) -> Result<Initramfs, SegmentError> {
    let mut bytes = cpio::write(plain);
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    let plain_len = bytes.len();
    let archive = cpio::write(compressed);
    bytes.extend(zstd::bulk::compress(&archive, LEVEL).map_err(SegmentError::Compress)?);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    Ok(Initramfs { bytes, plain_len })
}

/// The entries of both segments, read back from the file's bytes.
///
/// # Errors
/// If the file does not consist of a plain and a zstd-compressed cpio.
pub fn split(bytes: &[u8]) -> Result<(Vec<Entry>, Vec<Entry>), SegmentError> {
    let (plain, end) =
        cpio::read(bytes).map_err(|source| SegmentError::Archive { number: 1, source })?;
    let rest = bytes.get(end..).unwrap_or_default();
    let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
    let frame = &rest[zeros..];
    if !frame.starts_with(ZSTD_MAGIC) {
        return Err(SegmentError::NotZstd);
    }
    // The bulk reader refuses what follows a frame, and padding does.
    let len = zstd::zstd_safe::find_frame_compressed_size(frame)
        .map_err(|_| SegmentError::Unpack(std::io::ErrorKind::UnexpectedEof.into()))?;
    let frame = frame.get(..len).unwrap_or_default();
    let archive = zstd::bulk::decompress(frame, MAX_UNPACKED).map_err(SegmentError::Unpack)?;
    let (compressed, _) =
        cpio::read(&archive).map_err(|source| SegmentError::Archive { number: 2, source })?;
    Ok((plain, compressed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> (Vec<Entry>, Vec<Entry>) {
        let modules = vec![
            Entry::directory("usr"),
            Entry::file("usr/a.ko.xz", 0o644, vec![9; 1000]),
        ];
        (
            modules,
            vec![Entry::file("init", 0o755, b"text ".repeat(500))],
        )
    }

    #[test]
    fn both_segments_come_back() {
        let (plain, compressed) = parts();
        let initramfs = join(&plain, &compressed).unwrap();
        assert!(initramfs.bytes.starts_with(cpio::MAGIC));
        assert!(initramfs.plain_len.is_multiple_of(512) && initramfs.bytes.len().is_multiple_of(4));
        assert!(initramfs.bytes[initramfs.plain_len..].starts_with(ZSTD_MAGIC));
        assert!(
            initramfs.bytes.len() < initramfs.plain_len + 500,
            "the second segment is compressed"
        );
        assert_eq!(
            split(&initramfs.bytes).unwrap(),
            (plain.clone(), compressed.clone())
        );
        assert_eq!(
            join(&plain, &compressed).unwrap(),
            initramfs,
            "the same input gives the same bytes"
        );
    }

    #[test]
    fn other_files_are_refused() {
        let (plain, compressed) = parts();
        let good = join(&plain, &compressed).unwrap();
        assert!(matches!(
            split(b"\x28\xb5\x2f\xfd"),
            Err(SegmentError::Archive { number: 1, .. })
        ));
        assert!(matches!(
            split(&good.bytes[..good.plain_len]),
            Err(SegmentError::NotZstd)
        ));
        for len in good.plain_len + 4..good.bytes.len() - 4 {
            assert!(split(&good.bytes[..len]).is_err(), "cut to {len} bytes");
        }
    }
}
