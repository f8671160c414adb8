// SPDX-License-Identifier: Apache-2.0
//! Ranges of a file that somebody waits for while the file streams by.

use std::iter::Peekable;

/// So many ranges may overlap. Compressed clusters share sectors, and ranges
/// end with a sector: the shortest clusters take eight bytes.
const OVERLAP: usize = 64;

/// A range of the file with what is known of it so far.
#[derive(Debug)]
pub(super) struct Interval<T> {
    /// First byte.
    pub(super) start: u64,
    /// The byte behind the last.
    pub(super) end: u64,
    /// Whatever its owner wants.
    pub(super) state: T,
}

/// Too many ranges lie on top of each other.
#[derive(Debug)]
pub(super) struct Overlap;

/// Ranges ordered by their first byte.
pub(super) struct Intervals<I: Iterator<Item = Interval<T>>, T> {
    waiting: Peekable<I>,
    active: Vec<Interval<T>>,
}

impl<T, I: Iterator<Item = Interval<T>>> Intervals<I, T> {
    pub(super) fn new(intervals: I) -> Self {
        Self {
            waiting: intervals.peekable(),
            active: Vec::new(),
        }
    }

    /// Shows the next bytes of the file to everybody who waits for some of
    /// them: `take(interval, offset within it, bytes, whether it is complete)`.
    pub(super) fn feed<E: From<Overlap>>(
        &mut self,
        at: u64,
        bytes: &[u8],
        mut take: impl FnMut(&mut Interval<T>, u64, &[u8], bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = at + bytes.len() as u64;
        loop {
            // Ranges begin one by one, so that those which end within these
            // bytes make room for those which begin behind them.
            let next = self.waiting.next_if(|interval| interval.start < end);
            let done = next.is_none();
            if let Some(interval) = next {
                if self.active.len() == OVERLAP {
                    self.serve(at, bytes, interval.start, &mut take)?;
                }
                if self.active.len() == OVERLAP {
                    return Err(Overlap.into());
                }
                self.active.push(interval);
            }
            if done {
                return self.serve(at, bytes, end, &mut take);
            }
        }
    }

    /// Serves the ranges that end before `until` completely, and at the end of
    /// the bytes all others as far as they go.
    fn serve<E>(
        &mut self,
        at: u64,
        bytes: &[u8],
        until: u64,
        take: &mut impl FnMut(&mut Interval<T>, u64, &[u8], bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = at + bytes.len() as u64;
        let mut index = 0;
        while index < self.active.len() {
            let interval = &mut self.active[index];
            if interval.end > until && until < end {
                index += 1;
                continue;
            }
            let (from, to) = (interval.start.max(at), interval.end.min(end));
            let complete = interval.end <= end;
            if from < to || complete {
                let piece = slice(bytes, from.min(to) - at, to - at);
                take(interval, from.min(to) - interval.start, piece, complete)?;
            }
            if complete {
                self.active.swap_remove(index);
            } else {
                index += 1;
            }
        }
        Ok(())
    }

    /// Whether nobody waits any more.
    pub(super) fn is_done(&mut self) -> bool {
        self.active.is_empty() && self.waiting.peek().is_none()
    }

    /// What is left when the file is over.
    pub(super) fn rest(self) -> impl Iterator<Item = Interval<T>> {
        self.active.into_iter().chain(self.waiting)
    }
}

fn slice(bytes: &[u8], from: u64, to: u64) -> &[u8] {
    match (usize::try_from(from), usize::try_from(to)) {
        (Ok(from), Ok(to)) => bytes.get(from..to).unwrap_or_default(),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything a range was given, after the file passed in pieces of `step`.
    fn run(ranges: &[(u64, u64)], step: usize) -> Result<Vec<(u64, Vec<u8>)>, Overlap> {
        let file: Vec<u8> = (0..200).collect();
        let mut ranges = ranges.to_vec();
        ranges.sort_unstable();
        let mut intervals = Intervals::new(ranges.into_iter().map(|(start, end)| Interval {
            start,
            end,
            state: Vec::new(),
        }));
        let mut complete = Vec::new();
        let mut at = 0;
        for piece in file.chunks(step) {
            intervals.feed(at, piece, |interval, offset, bytes, done| {
                assert_eq!(offset, interval.state.len() as u64);
                interval.state.extend_from_slice(bytes);
                if done {
                    complete.push((interval.start, interval.state.clone()));
                }
                Ok::<_, Overlap>(())
            })?;
            at += piece.len() as u64;
        }
        complete.sort();
        Ok(complete)
    }

    #[test]
    fn every_range_gets_its_bytes_whatever_the_pieces() {
        let ranges = [
            (0, 10),
            (5, 30),
            (30, 31),
            (100, 180),
            (100, 180),
            (199, 200),
        ];
        for step in 1..=200 {
            let found = run(&ranges, step).expect("few overlaps");
            assert_eq!(found.len(), ranges.len());
            for (range, (start, bytes)) in ranges.iter().zip(&found) {
                assert_eq!(range.0, *start);
                let expected: Vec<u8> = (range.0..range.1)
                    .map(|byte| u8::try_from(byte).expect("small"))
                    .collect();
                assert_eq!(*bytes, expected);
            }
        }
    }

    #[test]
    fn many_short_ranges_fit_into_one_piece() {
        let ranges: Vec<(u64, u64)> = (0..200).map(|at| (at, at + 1)).collect();
        assert_eq!(run(&ranges, 200).expect("no overlaps").len(), 200);
    }

    #[test]
    fn a_pile_of_ranges_is_refused() {
        let pile = [(10, 20); OVERLAP + 1];
        assert!(run(&pile, 7).is_err());
        assert!(run(&pile[..OVERLAP], 7).is_ok());
    }

    #[test]
    fn ranges_behind_the_end_are_left_over() {
        let ranges = [(190, 250), (300, 310)];
        let mut intervals = Intervals::new(ranges.into_iter().map(|(start, end)| Interval {
            start,
            end,
            state: (),
        }));
        let fed: Result<(), Overlap> = intervals.feed(0, &[0; 200], |_, _, _, _| Ok(()));
        assert!(fed.is_ok());
        let rest: Vec<u64> = intervals.rest().map(|interval| interval.start).collect();
        assert_eq!(rest, [190, 300]);
    }
}
