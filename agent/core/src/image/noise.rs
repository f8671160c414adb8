// SPDX-License-Identifier: Apache-2.0
//! Generated damage for the tests of every format.

/// A small generator of noise: xorshift64*.
pub(super) struct Noise(pub(super) u64);

impl Noise {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).expect("below a usize")
    }

    /// Flips up to four bits, and sometimes cuts the end off.
    pub(super) fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let bit = self.below(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        if self.below(7) == 0 {
            let length = self.below(bytes.len());
            bytes.truncate(length);
        }
    }

    /// Damages the first bytes; if their end is cut off, nothing follows.
    pub(super) fn damage_front(&mut self, bytes: &mut Vec<u8>, length: usize) {
        let mut back = bytes.split_off(length);
        self.damage(bytes);
        if bytes.len() == length {
            bytes.append(&mut back);
        }
    }
}

pub(super) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
