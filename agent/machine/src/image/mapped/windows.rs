// SPDX-License-Identifier: Apache-2.0
//! Which ranges to fetch: neighbours together, long ones in parts.

use std::iter::Peekable;

use ironseed_core::image::extents::{Extents, Map};

/// Ranges so close to each other are fetched together.
const NEAR: u64 = 64 << 10;

/// At most this much is fetched at once.
const FETCH: u64 = 2 << 20;

/// Ranges to fetch, as first byte and length. They are ordered, do not overlap
/// and cover everything that is wanted.
pub(super) struct Windows {
    extents: Peekable<Extents>,
    /// Everything before this byte is done.
    done: u64,
    /// The end of what has been begun.
    end: u64,
}

impl Windows {
    pub(super) fn new(wanted: &Map) -> Self {
        Self {
            extents: wanted.extents().peekable(),
            done: 0,
            end: 0,
        }
    }
}

impl Iterator for Windows {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        while self.end <= self.done {
            let extent = self.extents.next()?;
            self.end = extent.host_end();
            self.done = self.done.max(extent.host);
        }
        let from = self.done;
        while self.end - from < FETCH
            && let Some(next) = self
                .extents
                .next_if(|next| next.host <= self.end.saturating_add(NEAR))
        {
            self.end = self.end.max(next.host_end());
        }
        self.done = self.end.min(from.saturating_add(FETCH));
        Some((from, self.done - from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironseed_core::image::extents::{Extent, MapBuilder, Span};

    const MIB: u64 = 1 << 20;

    fn windows(ranges: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut builder = MapBuilder::new(1, 1 << 20);
        for (guest, (host, bytes)) in (0..).step_by(1 << 30).zip(ranges) {
            let span = Span::Plain(*bytes);
            let host = *host;
            builder.push(Extent { host, guest, span }).expect("room");
        }
        Windows::new(&builder.finish().expect("room")).collect()
    }

    #[test]
    fn neighbours_are_fetched_together_and_long_ranges_in_parts() {
        type Ranges = &'static [(u64, u64)];
        let cases: [(Ranges, Ranges); 6] = [
            (&[], &[]),
            (&[(100, 50)], &[(100, 50)]),
            (
                &[(0, 100), (150, 50), (64 * 1024 + 200, 8), (MIB, 8)],
                &[(0, 64 * 1024 + 208), (MIB, 8)],
            ),
            (
                &[(512, 5 * MIB)],
                &[
                    (512, 2 * MIB),
                    (512 + 2 * MIB, 2 * MIB),
                    (512 + 4 * MIB, MIB),
                ],
            ),
            (
                &[(0, 3 * MIB), (MIB, MIB), (2 * MIB, 2 * MIB)],
                &[(0, 2 * MIB), (2 * MIB, 2 * MIB)],
            ),
            (&[(0, MIB), (MIB, 2 * MIB)], &[(0, 2 * MIB), (2 * MIB, MIB)]),
        ];
        for (ranges, expected) in cases {
            assert_eq!(windows(ranges), expected, "{ranges:?}");
        }
    }
}
