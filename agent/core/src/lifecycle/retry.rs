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

    /// After the first few heartbeats that were not accepted: 5 s, as in the
    /// contract, then doubling up to half a minute.
    pub const HEARTBEAT: Backoff = Backoff {
        first: Duration::from_secs(5),
        growth: 2.0,
        at_least: Duration::from_secs(5),
        at_most: Duration::from_secs(30),
    };

    /// The pause after this many failed attempts, counted from 1.
    #[must_use]
    pub fn pause(&self, failures: u32) -> Duration {
        let exponent = f64::from(failures.saturating_sub(1).min(32));
        let seconds = self.first.as_secs_f64() * self.growth.powf(exponent);
        Duration::from_secs_f64(seconds.min(self.at_most.as_secs_f64())).max(self.at_least)
    }
}

impl Random {
    /// A pause of which no two machines have the same: between half of the
    /// pause, but not less than it may be, and the pause; where that leaves no
    /// room, up to half more. So a wave of machines that failed together is
    /// spread by its first retry, and the bounds of the back-off hold.
    pub fn spread(&mut self, backoff: Backoff, failures: u32) -> Duration {
        let pause = backoff.pause(failures);
        let low = (pause / 2).max(backoff.at_least);
        let high = pause.max(low + low / 2).min(backoff.at_most.max(low));
        self.between(low, high)
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

    /// Contract §6.3: each pause stays within 5 and 30 s.
    #[test]
    fn no_two_machines_pause_alike() {
        let expected = [
            (5000, 7500),
            (5000, 7500),
            (5000, 7500),
            (6000, 12_000),
            (12_000, 24_000),
            (15_000, 30_000),
        ];
        for (failures, (low, high)) in (1..).zip(expected) {
            let pauses: Vec<u128> = (1..500)
                .map(|seed| Random::new(seed * 0x9e37_79b9).spread(Backoff::INSPECTION, failures))
                .map(|pause| pause.as_millis())
                .collect();
            let (least, most) = (pauses.iter().min(), pauses.iter().max());
            let quarter = (high - low) / 4;
            assert!(
                least.is_some_and(|least| (low..low + quarter).contains(least)),
                "{failures}: {least:?}"
            );
            assert!(
                most.is_some_and(|most| (high - quarter..=high).contains(most)),
                "{failures}: {most:?}"
            );
        }
    }
}
