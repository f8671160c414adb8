// SPDX-License-Identifier: Apache-2.0
//! How long the agent's own certificate is valid (contract §9).
//!
//! Ironic keeps the certificate of the first heartbeat and answers 400 to any
//! other for as long as the node is up. So it cannot be made again each time
//! the clock is stepped: it must be valid before the step and after it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::date::Bounds;

/// From `now` on (contract §9).
const LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// A certificate that ends within this time is as good as ended.
const MARGIN: Duration = Duration::from_secs(86_400);

/// The time in which a certificate is valid; Unix times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// From then on.
    pub not_before: Duration,
    /// Until then.
    pub not_after: Duration,
}

impl Validity {
    /// The validity of a certificate that is made `now`, and allows peers a
    /// clock that is late by `skew` (`auto_tls_allowed_clock_skew`).
    ///
    /// While nobody has confirmed the clock, it covers every date at which this
    /// program may run besides the clock's own: the key dies with this boot, so
    /// nothing is won by an early end.
    #[must_use]
    pub fn plan(now: Duration, skew: Duration, confirmed: bool, bounds: Bounds) -> Self {
        let (first, last) = if confirmed {
            (now, now)
        } else {
            (now.min(bounds.earliest), now.max(bounds.latest))
        };
        Self {
            not_before: first.saturating_sub(skew),
            not_after: last.saturating_add(LIFETIME),
        }
    }

    /// Whether a certificate can still be used.
    #[must_use]
    pub fn is_good_at(&self, now: Duration) -> bool {
        self.not_before <= now && now.saturating_add(MARGIN) < self.not_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_certificate_outlives_the_step_of_the_clock() {
        let bounds = Bounds::of_this_build();
        let hour = Duration::from_secs(3600);
        let real = bounds.earliest + 400 * DAY;
        let year_2001 = Duration::from_secs(1_000_000_000);
        let year_2090 = Duration::from_secs(3_800_000_000);
        // Made at, confirmed, looked at, good.
        for (made, confirmed, at, good) in [
            (Duration::ZERO, false, Duration::ZERO, true),
            (Duration::ZERO, false, real, true),
            (year_2001, false, year_2001, true),
            (year_2001, false, real, true),
            (year_2090, false, year_2090, true),
            (year_2090, false, real, true),
            (real, false, real - 300 * DAY, true),
            (real, true, real, true),
            (real, true, real - hour, true),
            (real, true, real - hour - hour, false),
            (real, true, real + 28 * DAY, true),
            (real, true, real + 29 * DAY, false),
            (year_2001, true, real, false),
        ] {
            let validity = Validity::plan(made, hour, confirmed, bounds);
            assert_eq!(validity.is_good_at(at), good, "{made:?} {confirmed} {at:?}");
        }
    }
}
