// SPDX-License-Identifier: Apache-2.0
//! Foreign input for tests: a small seeded generator, the same on every run.

/// xorshift64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`, which must not be 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    /// Up to `longest` bytes, each one of `alphabet`.
    pub(crate) fn bytes(&mut self, alphabet: &[u8], longest: usize) -> Vec<u8> {
        let length = self.below(longest + 1);
        (0..length)
            .map(|_| alphabet[self.below(alphabet.len())])
            .collect()
    }

    /// As [`Self::bytes`], as text.
    pub(crate) fn text(&mut self, alphabet: &[u8], longest: usize) -> String {
        String::from_utf8_lossy(&self.bytes(alphabet, longest)).into_owned()
    }
}
