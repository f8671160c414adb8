// SPDX-License-Identifier: Apache-2.0
//! CRC-32C, which headers and region tables are protected by (RFC 3720 §B.4).
//! A few kilobytes are summed once per image, so that bit by bit is quick
//! enough.

/// The polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The sum of `bytes`, with the four bytes of the sum itself, at `own`, taken
/// as zero.
pub(super) fn crc32c(bytes: &[u8], own: usize) -> u32 {
    let mut sum = !0_u32;
    for (at, byte) in bytes.iter().enumerate() {
        let byte = if (own..own + 4).contains(&at) {
            0
        } else {
            *byte
        };
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (POLYNOMIAL & 0_u32.wrapping_sub(sum & 1));
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720 §B.4 gives these, and the check value of the polynomial.
    #[test]
    fn known_sums_come_out() {
        let ascending: Vec<u8> = (0..32).collect();
        for (bytes, sum) in [
            (&b"123456789"[..], 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
        ] {
            assert_eq!(crc32c(bytes, usize::MAX - 4), sum);
        }
        assert_eq!(
            crc32c(&[0; 32], 4),
            crc32c(
                &[
                    0, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                    0, 0, 0, 0, 0, 0
                ],
                4
            )
        );
    }
}
