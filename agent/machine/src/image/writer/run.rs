// SPDX-License-Identifier: Apache-2.0
//! Consecutive bytes that become one request.

use crate::block::AlignedBuffer;

/// Bytes of the largest request. Requests end at multiples of it, so that none
/// is spread over two stripes of a disk array.
pub(super) const RUN: usize = 1 << 20;

/// A buffer that stands for a place on the disk, from a sector's beginning on.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) buffer: AlignedBuffer,
    /// The place on the disk of the buffer's first byte.
    pub(super) base: u64,
    /// Where the bytes begin that were put in; what is before belongs to the
    /// same sector.
    pub(super) from: usize,
    /// Where they end.
    pub(super) to: usize,
    /// Where they must end at the latest.
    limit: usize,
}

impl Run {
    /// A run that begins at a position of the disk.
    pub(super) fn begin(buffer: AlignedBuffer, at: u64, sector: u64) -> Self {
        let base = at / sector * sector;
        let inner = |position: u64| usize::try_from(position).unwrap_or_default();
        let from = inner(at - base);
        Self {
            buffer,
            base,
            from,
            to: from,
            limit: RUN - inner(base % RUN as u64),
        }
    }

    /// The range of the disk that it covers so far.
    pub(super) fn range(&self) -> (u64, u64) {
        (self.base + self.from as u64, self.base + self.to as u64)
    }

    /// Whether the next bytes of the disk still fit.
    pub(super) fn continues_at(&self, at: u64) -> bool {
        self.base + self.to as u64 == at && self.to < self.limit
    }

    /// The room for the next bytes, at most so many.
    pub(super) fn extend(&mut self, wanted: usize) -> &mut [u8] {
        let from = self.to;
        self.to += wanted.min(self.limit - from);
        &mut self.buffer.as_mut()[from..self.to]
    }

    /// The run with its last sector whole: how many bytes that are.
    pub(super) fn whole(&self, sector: usize) -> usize {
        self.to.next_multiple_of(sector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(at: u64, sector: u64) -> Run {
        Run::begin(AlignedBuffer::new(RUN), at, sector)
    }

    #[test]
    fn runs_begin_at_sectors_and_end_at_the_grid() {
        let cases = [
            (1 << 20, 512, 1 << 20, 0, RUN),
            ((1 << 20) + 512, 512, (1 << 20) + 512, 0, RUN - 512),
            ((1 << 20) + 512, 4096, 1 << 20, 512, RUN - 512),
            ((2 << 20) - 1, 4096, (2 << 20) - 4096, 4095, 1),
        ];
        for (at, sector, base, from, room) in cases {
            let mut run = run(at, sector);
            assert_eq!((run.base, run.from), (base, from), "{at}");
            assert_eq!(run.range(), (at, at));
            assert!(run.continues_at(at));
            assert_eq!(run.extend(usize::MAX).len(), room, "{at}");
            assert!(!run.continues_at(at + room as u64), "{at}");
            assert!(run.whole(usize::try_from(sector).expect("small")) <= RUN);
        }
    }

    #[test]
    fn bytes_follow_each_other() {
        let mut run = run(5000, 512);
        run.extend(3).copy_from_slice(b"abc");
        run.extend(2).copy_from_slice(b"de");
        assert_eq!(run.range(), (5000, 5005));
        assert!(run.continues_at(5005));
        assert!(!run.continues_at(5006));
        assert_eq!(&run.buffer.as_ref()[run.from..run.to], b"abcde");
        assert_eq!(run.whole(512), 512);
    }
}
