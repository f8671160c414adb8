// SPDX-License-Identifier: Apache-2.0
//! The header of a swap area (kernel `include/linux/swap.h`, `union swap_header`).

use super::Piece;

/// Bytes of a page. Kernels with larger pages do not take the area; those of
/// x86-64 and of the common distributions for aarch64 do.
const PAGE: usize = 4096;
/// Smaller areas are refused by the kernel's tools.
pub const SMALLEST: u64 = 10 * PAGE as u64;

/// An empty area over a partition of `size` bytes.
#[must_use]
pub fn header(size: u64, uuid: [u8; 16], label: &str) -> Piece {
    let mut page = vec![0; PAGE];
    // The page behind the last is counted in 32 bits; what lies beyond is not used.
    let last = u32::try_from((size / PAGE as u64).saturating_sub(1)).unwrap_or(u32::MAX);
    let label = label.as_bytes();
    let label = &label[..label.len().min(15)];
    // Version 1 of the format; no page is bad.
    page[1024..1028].copy_from_slice(&1_u32.to_le_bytes());
    page[1028..1032].copy_from_slice(&last.to_le_bytes());
    page[1036..1052].copy_from_slice(&uuid);
    page[1052..1052 + label.len()].copy_from_slice(label);
    page[PAGE - 10..].copy_from_slice(b"SWAPSPACE2");
    Piece::Bytes {
        offset: 0,
        bytes: page,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_one_page() {
        let Piece::Bytes { offset, bytes } = header(64 << 20, [9; 16], "a label that is too long")
        else {
            panic!("a header has bytes");
        };
        assert_eq!((offset, bytes.len()), (0, PAGE));
        assert_eq!(bytes[1028..1032], (16_384_u32 - 1).to_le_bytes());
        assert_eq!(&bytes[1036..1052], [9; 16]);
        assert_eq!(&bytes[1052..1068], b"a label that is\0");
        assert_eq!(&bytes[PAGE - 10..], b"SWAPSPACE2");
        let Piece::Bytes { bytes, .. } = header(u64::MAX, [0; 16], "") else {
            panic!("a header has bytes");
        };
        assert_eq!(bytes[1028..1032], [0xff; 4]);
    }
}
