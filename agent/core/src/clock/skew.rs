// SPDX-License-Identifier: Apache-2.0
//! How wrong a clock is, in words for people.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Seconds of the units, largest first. A year is one of the Julian calendar.
const UNITS: [(u64, &str); 5] = [
    (31_557_600, "years"),
    (86_400, "d"),
    (3_600, "h"),
    (60, "min"),
    (1, "s"),
];

/// The difference between a clock and the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    /// The clock shows an earlier time than it is.
    pub behind: bool,
    /// By how much.
    pub size: Duration,
}

impl Skew {
    /// How wrong a clock is that shows `shown` when it is `date`.
    #[must_use]
    pub fn of(shown: Duration, date: Duration) -> Self {
        Self {
            behind: shown < date,
            size: shown.abs_diff(date),
        }
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.behind { "behind" } else { "ahead" };
        let seconds = self.size.as_secs();
        if seconds < 10 {
            return write!(f, "{:.3} s {side}", self.size.as_secs_f64());
        }
        let largest = UNITS.iter().position(|(unit, _)| seconds >= *unit);
        let units = UNITS.iter().skip(largest.unwrap_or_default()).take(2);
        let mut rest = seconds;
        for (unit, name) in units {
            let count = rest / unit;
            rest %= unit;
            match (count, *name) {
                (0, _) => {}
                (1, "years") => f.write_str("1 year ")?,
                (count, name) => write!(f, "{count} {name} ")?,
            }
        }
        f.write_str(side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_has_its_two_largest_units() {
        let cases = [
            (0, "0.000 s ahead"),
            (-1, "0.001 s behind"),
            (2_345, "2.345 s ahead"),
            (-75_900, "1 min 15 s behind"),
            (11_520_000, "3 h 12 min ahead"),
            (-11_520_000, "3 h 12 min behind"),
            (-3_600_000, "1 h behind"),
            (86_400_000 * 9, "9 d ahead"),
            (-31_557_600_000, "1 year behind"),
            (-31_557_600_000 * 27 - 86_400_000 * 3, "27 years 3 d behind"),
        ];
        let date = Duration::from_secs(1_800_000_000);
        for (milliseconds, expected) in cases {
            let size = Duration::from_millis(i64::unsigned_abs(milliseconds));
            let shown = if milliseconds < 0 {
                date - size
            } else {
                date + size
            };
            assert_eq!(Skew::of(shown, date).to_string(), expected);
        }
    }
}
