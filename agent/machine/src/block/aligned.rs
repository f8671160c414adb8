// SPDX-License-Identifier: Apache-2.0
//! Memory that direct I/O accepts.

/// Direct I/O needs the alignment of the device's sectors, 4096 bytes at most;
/// a page is right for all (open(2), `O_DIRECT`).
const ALIGNMENT: usize = 4096;

/// Zeroed memory that begins at a page.
#[derive(Debug)]
pub struct AlignedBuffer {
    storage: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    /// So many zeroes.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let storage = vec![0; length + ALIGNMENT];
        let start = storage.as_ptr().align_offset(ALIGNMENT);
        Self {
            storage,
            start,
            length,
        }
    }
}

/// Whether direct I/O accepts these bytes where they are.
pub(super) fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().align_offset(ALIGNMENT) == 0
}

impl AsRef<[u8]> for AlignedBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.storage[self.start..self.start + self.length]
    }
}

impl AsMut<[u8]> for AlignedBuffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.storage[self.start..self.start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_at_a_page() {
        for length in [0, 1, 512, 4096, 1 << 20] {
            let mut buffer = AlignedBuffer::new(length);
            assert!(is_aligned(buffer.as_ref()));
            assert_eq!(buffer.as_mut().len(), length);
        }
    }
}
