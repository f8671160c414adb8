// SPDX-License-Identifier: Apache-2.0
//! What a value is replaced by: something of the same length and shape, which
//! depends on the value and a key.

use std::net::{Ipv4Addr, Ipv6Addr};

use sha2::{Digest as _, Sha256};

use super::Key;

/// An endless stream of bytes that depends on key, kind and value.
struct Stream<'a> {
    key: &'a Key,
    seed: Vec<u8>,
    block: [u8; 32],
    used: usize,
    counter: u32,
}

impl<'a> Stream<'a> {
    fn new(key: &'a Key, kind: &str, value: &[u8]) -> Self {
        let mut seed = kind.as_bytes().to_vec();
        seed.push(0);
        seed.extend(value);
        Self {
            key,
            seed,
            block: [0; 32],
            used: 32,
            counter: 0,
        }
    }

    fn byte(&mut self) -> u8 {
        if self.used >= self.block.len() {
            let mut hash = Sha256::new();
            hash.update(self.key.0);
            hash.update(self.counter.to_le_bytes());
            hash.update(&self.seed);
            self.block = hash.finalize().into();
            self.counter = self.counter.wrapping_add(1);
            self.used = 0;
        }
        let byte = self.block.get(self.used).copied().unwrap_or_default();
        self.used += 1;
        byte
    }

    /// One of the bytes, evenly enough for a number on a part.
    fn one_of(&mut self, choices: &[u8]) -> u8 {
        let at = usize::from(self.byte()) % choices.len().max(1);
        choices.get(at).copied().unwrap_or_default()
    }
}

/// A text with each digit and letter replaced by another of its class; a text
/// of hexadecimal digits stays one. Upper and lower case of the same text give
/// upper and lower case of the same replacement.
pub(super) fn text(key: &Key, original: &str) -> String {
    let folded = original.to_ascii_lowercase();
    let digits = folded.strip_prefix("0x").unwrap_or(&folded);
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let letters: &[u8] = if hexadecimal {
        b"abcdef"
    } else {
        b"abcdefghjkmnpqrstuvwxyz"
    };
    let prefix = original.len() - digits.len();
    let mut stream = Stream::new(key, "text", folded.as_bytes());
    original
        .char_indices()
        .map(|(at, c)| match c {
            _ if at < prefix => c,
            '0'..='9' => char::from(stream.one_of(b"0123456789")),
            'a'..='z' => char::from(stream.one_of(letters)),
            'A'..='Z' => char::from(stream.one_of(letters).to_ascii_uppercase()),
            c => c,
        })
        .collect()
}

/// Bytes of which the first `keep_bits` stay: the part that names the maker.
pub(super) fn bytes(key: &Key, kind: &str, original: &[u8], keep_bits: usize) -> Vec<u8> {
    let mut stream = Stream::new(key, kind, original);
    original
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            let kept = keep_bits.saturating_sub(8 * at).min(8);
            let random = stream.byte();
            let mask = 0xff_u8
                .checked_shr(u32::try_from(kept).unwrap_or(8))
                .unwrap_or(0);
            (byte & !mask) | (random & mask)
        })
        .collect()
}

/// A random UUID (version 4), as text and firmware keep them.
pub(super) fn uuid(key: &Key, original: [u8; 16]) -> [u8; 16] {
    let mut random = [0; 16];
    let mut stream = Stream::new(key, "uuid", &original);
    random.fill_with(|| stream.byte());
    *uuid::Builder::from_random_bytes(random)
        .as_uuid()
        .as_bytes()
}

/// An address from the blocks for documentation (RFC 5737). There are only 762
/// of them: `taken` tells which are used.
pub(super) fn ipv4(key: &Key, original: Ipv4Addr, taken: impl Fn(Ipv4Addr) -> bool) -> Ipv4Addr {
    const BLOCKS: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];
    let mut stream = Stream::new(key, "ipv4", &original.octets());
    let mut address = original;
    // Some machine may have more addresses than there are.
    for _ in 0..10_000 {
        let block = BLOCKS[usize::from(stream.byte()) % BLOCKS.len()];
        let host = 1 + stream.byte() % 254;
        address = Ipv4Addr::new(block[0], block[1], block[2], host);
        if !taken(address) {
            break;
        }
    }
    address
}

/// An address of the block for documentation (RFC 3849), link-local if the
/// original is.
pub(super) fn ipv6(key: &Key, original: Ipv6Addr) -> Ipv6Addr {
    let mut octets = [0; 16];
    let mut stream = Stream::new(key, "ipv6", &original.octets());
    octets.fill_with(|| stream.byte());
    if original.is_unicast_link_local() {
        octets[..8].copy_from_slice(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0]);
    } else {
        octets[..8].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0]);
    }
    Ipv6Addr::from(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_stays() {
        let key = Key([7; 32]);
        let replaced = text(&key, "CN-0x7A1b.22");
        assert_eq!(replaced.len(), 12);
        for (before, after) in "CN-0x7A1b.22".chars().zip(replaced.chars()) {
            assert_eq!(before.is_ascii_digit(), after.is_ascii_digit());
            assert_eq!(before.is_ascii_uppercase(), after.is_ascii_uppercase());
            assert_eq!(before.is_ascii_punctuation(), after.is_ascii_punctuation());
        }
        assert_eq!(text(&key, "ABC123").to_lowercase(), text(&key, "abc123"));
        assert!(u64::from_str_radix(&text(&key, "5000c500a1b2c3d4"), 16).is_ok());
        assert_ne!(text(&key, "ABC1234"), text(&Key([8; 32]), "ABC1234"));
        let mac = bytes(&key, "mac", &[0x24, 0x6e, 0x96, 1, 2, 3], 24);
        assert_eq!(mac[..3], [0x24, 0x6e, 0x96]);
        let name = bytes(&key, "wwn", &[0x50, 0, 0xc5, 0xff, 1, 2, 3, 4], 28);
        assert_eq!(
            (name[0], name[1], name[2], name[3] & 0xf0),
            (0x50, 0, 0xc5, 0xf0)
        );
    }

    #[test]
    fn addresses_are_for_documentation() {
        let key = Key([7; 32]);
        let mut taken = std::collections::BTreeSet::new();
        for number in 0..200_u32 {
            let address = ipv4(&key, Ipv4Addr::from(number << 8), |it| taken.contains(&it));
            assert!(address.is_documentation() && taken.insert(address));
        }
        let local = ipv6(&key, "fe80::1".parse().expect("an address"));
        assert!(local.is_unicast_link_local());
    }
}
