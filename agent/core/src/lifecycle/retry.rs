// SPDX-License-Identifier: Apache-2.0
//! How long to wait before trying again, as values.

use std::time::Duration;

/// A small generator for jitter (xorshift64*). Not for secrets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts from any number.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A time between two bounds, both included as far as rounding allows.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40;
        #[expect(clippy::cast_precision_loss, reason = "24 bits fit a double exactly")]
        let part = bits as f64 / f64::from(1 << 24);
        low + high.saturating_sub(low).mul_f64(part)
    }
}

/// A growing pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The first pause, before growth.
    pub first: Duration,
    /// What each further pause is multiplied with.
    pub growth: f64,
    /// No pause is shorter.
    pub at_least: Duration,
    /// No pause is longer.
    pub at_most: Duration,
}

impl Backoff {
    /// Between inspection attempts: 1.5 s doubling, within 5 to 30 s (contract §6.3).
    pub const INSPECTION: Backoff = Backoff {
        first: Duration::from_millis(1500),
        growth: 2.0,
        at_least: Duration::from_secs(5),
        at_most: Duration::from_secs(30),
    };

    /// Upper bound of the pause between lookups: 1 s doubling up to a minute (contract §7).
    pub const LOOKUP: Backoff = Backoff {
        first: Duration::from_secs(1),
        growth: 2.0,
        at_least: Duration::ZERO,
        at_most: Duration::from_secs(60),
    };

    /// The pause after this many failed attempts, counted from 1.
    #[must_use]
    pub fn pause(&self, failures: u32) -> Duration {
        let exponent = f64::from(failures.saturating_sub(1).min(32));
        let seconds = self.first.as_secs_f64() * self.growth.powf(exponent);
        Duration::from_secs_f64(seconds.min(self.at_most.as_secs_f64())).max(self.at_least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inspection_pauses_are_the_contracts() {
        let pauses: Vec<u64> = (1..=6)
            .map(|n| Backoff::INSPECTION.pause(n).as_secs())
            .collect();
        assert_eq!(pauses, [5, 5, 6, 12, 24, 30]);
        assert_eq!(Backoff::LOOKUP.pause(1000), Duration::from_secs(60));
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_moves() {
        let mut random = Random::new(7);
        let (low, high) = (Duration::from_secs(5), Duration::from_secs(10));
        let times: Vec<Duration> = (0..1000).map(|_| random.between(low, high)).collect();
        assert!(times.iter().all(|time| (low..=high).contains(time)));
        assert!(times.iter().any(|time| *time < Duration::from_secs(6)));
        assert!(times.iter().any(|time| *time > Duration::from_secs(9)));
    }
}
