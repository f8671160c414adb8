// SPDX-License-Identifier: Apache-2.0
//! How fast a transfer is, smoothed, and how long it will still take.

use std::time::Duration;

/// After so long a rate that has changed counts for half.
const HALF_LIFE: Duration = Duration::from_secs(4);

/// A rate that follows changes, but not every hiccup.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SmoothedRate {
    /// Bytes that were done, and when, at the last look.
    seen: (u64, Duration),
    /// Bytes per second.
    rate: Option<f64>,
}

impl SmoothedRate {
    /// Takes in how much is done since the beginning.
    pub fn update(&mut self, done: u64, elapsed: Duration) {
        let (before, at) = self.seen;
        let passed = elapsed.saturating_sub(at).as_secs_f64();
        if passed <= 0.0 {
            return;
        }
        self.seen = (done, elapsed);
        let now = float(done.saturating_sub(before)) / passed;
        self.rate = Some(match self.rate {
            None => now,
            Some(rate) => {
                let kept = 0.5_f64.powf(passed / HALF_LIFE.as_secs_f64());
                rate * kept + now * (1.0 - kept)
            }
        });
    }

    /// Bytes per second; zero as long as nothing was measured.
    #[must_use]
    pub fn per_second(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is never negative, and a cast from a float saturates"
        )]
        let rate = self.rate.unwrap_or(0.0) as u64;
        rate
    }

    /// How long the rest takes at this rate; `None` while nothing moves.
    #[must_use]
    pub fn remaining(&self, done: u64, total: u64) -> Option<Duration> {
        let rate = self.rate.filter(|rate| *rate >= 1.0)?;
        let left = float(total.saturating_sub(done));
        Duration::try_from_secs_f64(left / rate).ok()
    }
}

/// Bytes per second over the whole time; zero if no time has passed.
#[must_use]
pub fn average(bytes: u64, elapsed: Duration) -> u64 {
    let rate = (u128::from(bytes) * 1_000_000_000)
        .checked_div(elapsed.as_nanos())
        .unwrap_or(0);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// A rate for people: `26.2 MB/s`.
#[must_use]
pub fn megabytes(per_second: u64) -> String {
    format!("{:.1} MB/s", float(per_second) / 1e6)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a rate for people needs no exactness"
)]
fn float(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_steady_rate_is_told_as_it_is() {
        let mut rate = SmoothedRate::default();
        assert_eq!(rate.per_second(), 0);
        assert_eq!(rate.remaining(0, 100), None);
        for second in 1..=10 {
            rate.update(second * 50 * MB, after(second));
            assert_eq!(rate.per_second(), 50 * MB);
        }
        assert_eq!(rate.remaining(500 * MB, 600 * MB), Some(after(2)));
        assert_eq!(rate.remaining(700 * MB, 600 * MB), Some(after(0)));
    }

    #[test]
    fn a_changed_rate_counts_for_half_after_four_seconds() {
        let mut rate = SmoothedRate::default();
        rate.update(100 * MB, after(1));
        rate.update(100 * MB, after(5));
        assert_eq!(rate.per_second(), 50 * MB);
        // The same in small steps.
        let mut fine = SmoothedRate::default();
        fine.update(100 * MB, after(1));
        for step in 1..=8 {
            fine.update(100 * MB, after(1) + Duration::from_millis(step * 500));
        }
        let found = fine.per_second();
        assert!((49 * MB..=51 * MB).contains(&found), "{found}");
    }

    #[test]
    fn a_stall_has_no_end_in_sight() {
        let mut rate = SmoothedRate::default();
        rate.update(MB, after(1));
        rate.update(MB, after(10_000));
        assert_eq!(rate.per_second(), 0);
        assert_eq!(rate.remaining(MB, 2 * MB), None);
    }

    #[test]
    fn a_clock_that_stands_still_changes_nothing() {
        let mut rate = SmoothedRate::default();
        rate.update(MB, Duration::ZERO);
        assert_eq!(rate, SmoothedRate::default());
        rate.update(2 * MB, after(1));
        let before = rate;
        rate.update(9 * MB, after(1));
        assert_eq!(rate, before);
    }

    #[test]
    fn averages_are_exact_and_never_overflow() {
        let cases = [
            (0, after(1), 0),
            (100, Duration::ZERO, 0),
            (100, Duration::from_millis(500), 200),
            (u64::MAX, Duration::from_nanos(1), u64::MAX),
        ];
        for (bytes, elapsed, expected) in cases {
            assert_eq!(average(bytes, elapsed), expected);
        }
    }
}
