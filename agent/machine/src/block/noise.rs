// SPDX-License-Identifier: Apache-2.0
//! Random bytes as fast as a disk takes them: xoshiro256** by Blackman and
//! Vigna, seeded by the kernel. They hide what a disk held; they are not keys.

/// A generator.
#[derive(Debug, Clone)]
pub(super) struct Noise([u64; 4]);

impl Noise {
    /// A generator whose sequence nobody can foretell.
    pub(super) fn seeded() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(Self::from_seed(bytes))
    }

    fn from_seed(bytes: [u8; 32]) -> Self {
        let mut state = [0; 4];
        for (word, bytes) in state.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        // The one state that would stay zero forever.
        if state == [0; 4] {
            state[0] = 1;
        }
        Self(state)
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// Fills a buffer whose length is a multiple of eight.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) {
        for word in buffer.as_chunks_mut().0 {
            *word = self.next().to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        let mut seed = [0; 32];
        for (index, word) in [1_u64, 2, 3, 4].iter().enumerate() {
            seed[index * 8..index * 8 + 8].copy_from_slice(&word.to_le_bytes());
        }
        let mut noise = Noise::from_seed(seed);
        let words: Vec<u64> = (0..4).map(|_| noise.next()).collect();
        assert_eq!(words, [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }

    #[test]
    fn two_generators_differ() {
        let bytes = || {
            let mut buffer = [0; 64];
            Noise::seeded().expect("random numbers").fill(&mut buffer);
            buffer
        };
        assert_ne!(bytes(), bytes());
    }
}
