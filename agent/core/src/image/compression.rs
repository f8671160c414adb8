// SPDX-License-Identifier: Apache-2.0
//! Files that are compressed as a whole: how they are recognised, how much
//! memory their decoder may take, and what can be wrong with them.
//!
//! Ironic has no name for such files: a compressed raw image is declared
//! `raw`, a compressed qcow2 image `qcow2`. So the content decides. What comes
//! out of the decoder is then judged like any other image.

use std::fmt;

use thiserror::Error;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// RFC 1952.
    Gzip,
    /// The .xz file format, version 1.2.1.
    Xz,
    /// RFC 8878.
    Zstd,
}

/// A decoder looks back at most so many bytes, as a power of two: 16 MiB. This
/// is what a decoder needs in memory, whatever the size of the image; with
/// the buffers and the program it stays below 48 MiB. All levels of gzip have
/// a window of 32 KiB, `xz -7` has 16 MiB, `zstd -19` has 8 MiB.
pub const WINDOW_LOG: u32 = 24;

/// Bytes that a decoder may look back, see [`WINDOW_LOG`].
pub const WINDOW: u64 = 1 << WINDOW_LOG;

/// How the file is compressed, by its first bytes; `None`: not at all, as far
/// as they tell.
#[must_use]
pub fn detect(head: &[u8]) -> Option<Codec> {
    match head {
        // Deflate is the only method there is, and three flags are reserved.
        [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Some(Codec::Gzip),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Codec::Xz),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Codec::Zstd),
        // A skippable frame, which pzstd begins its files with.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Codec::Zstd),
        _ => None,
    }
}

impl Codec {
    /// Whether another stream (gzip calls it member, zstd frame) may begin
    /// with this byte.
    #[must_use]
    pub fn may_begin_with(self, byte: u8) -> bool {
        match self {
            Codec::Gzip => byte == 0x1f,
            Codec::Xz => byte == 0xfd,
            Codec::Zstd => byte == 0x28 || (0x50..=0x5f).contains(&byte),
        }
    }

    /// Whether zeroes may stand between and behind streams: the .xz format
    /// allows them, and gzip ignores what a tape drive has filled up.
    #[must_use]
    pub fn may_be_padded(self) -> bool {
        self != Codec::Zstd
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Codec::Gzip => "gzip",
            Codec::Xz => "xz",
            Codec::Zstd => "zstd",
        })
    }
}

/// Why a compressed file cannot be unpacked. Positions are bytes of the file
/// as served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Damage {
    /// What is there is not what the format allows, or its own checksum is wrong.
    #[error("its {codec} stream is damaged before byte {at}")]
    Corrupt {
        /// How the file is compressed.
        codec: Codec,
        /// The decoder has read up to here.
        at: u64,
    },
    /// The file ends within a stream.
    #[error("its {codec} stream is cut off after {at} bytes")]
    CutOff {
        /// How the file is compressed.
        codec: Codec,
        /// Length of the file.
        at: u64,
    },
    /// Something else follows behind the last stream.
    #[error("something that is not {codec} follows its {codec} stream at byte {at}")]
    Trailing {
        /// How the file is compressed.
        codec: Codec,
        /// Where it begins.
        at: u64,
    },
    /// The decoder would need more memory than it may take.
    #[error(
        "unpacking it takes more than {} MiB of memory; compress it again with {}",
        WINDOW >> 20,
        again(*.codec)
    )]
    Window {
        /// How the file is compressed.
        codec: Codec,
    },
    /// What begins the file unpacks to too little to tell what the image is.
    #[error("the first {read} bytes of its {codec} stream unpack to next to nothing")]
    SlowStart {
        /// How the file is compressed.
        codec: Codec,
        /// Bytes that were looked at.
        read: u64,
    },
}

/// What makes a file that this agent can unpack.
fn again(codec: Codec) -> &'static str {
    match codec {
        Codec::Gzip => "'gzip'",
        Codec::Xz => "'xz -7' or less",
        Codec::Zstd => "'zstd -19' or less, without --long and --ultra",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_told_by_the_first_bytes() {
        let cases: [(&[u8], Option<Codec>); 14] = [
            (b"\x1f\x8b\x08\0rest", Some(Codec::Gzip)),
            (b"\x1f\x8b\x08\x1f", Some(Codec::Gzip)),
            (b"\x1f\x8b\x08\x20", None),
            (b"\x1f\x8b\x07\0", None),
            (b"\x1f\x8b\x08", None),
            (b"\xfd7zXZ\0rest", Some(Codec::Xz)),
            (b"\xfd7zXZ\x01", None),
            (b"\x28\xb5\x2f\xfdrest", Some(Codec::Zstd)),
            (b"\x50\x2a\x4d\x18", Some(Codec::Zstd)),
            (b"\x5f\x2a\x4d\x18", Some(Codec::Zstd)),
            (b"\x60\x2a\x4d\x18", None),
            (b"QFI\xfb\0\0\0\x03", None),
            (b"", None),
            (&[0; 64], None),
        ];
        for (head, expected) in cases {
            assert_eq!(detect(head), expected, "{head:x?}");
            if let Some(codec) = expected {
                assert!(codec.may_begin_with(head[0]), "{head:x?}");
            }
        }
    }

    #[test]
    fn refusals_say_what_to_do() {
        let text = Damage::Window { codec: Codec::Zstd }.to_string();
        assert_eq!(
            text,
            "unpacking it takes more than 16 MiB of memory; compress it again with 'zstd -19' or less, without --long and --ultra"
        );
        let text = Damage::CutOff {
            codec: Codec::Xz,
            at: 7,
        };
        assert_eq!(text.to_string(), "its xz stream is cut off after 7 bytes");
    }
}
