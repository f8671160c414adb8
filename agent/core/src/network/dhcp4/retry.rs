// SPDX-License-Identifier: Apache-2.0
//! How patient the client is.
//!
//! RFC 2131 §4.1 suggests 4, 8, 16 … 64 s between messages. A server in a rack
//! that just powered on waits for its switch port to forward; a lost DISCOVER
//! must not cost 4 s. So the first messages follow each other quickly, and the
//! client never gives up.

use std::time::Duration;

/// Waits after the first, second, … message, in milliseconds; the last one
/// goes on for ever. A switch port that takes 30 s to forward is found at most
/// 8 s later, and 10,000 silent machines send 1,250 messages per second.
const WAITS_MS: [u64; 5] = [500, 1000, 2000, 4000, 8000];

/// How often an offer is asked for before the server counts as silent.
pub const REQUEST_ATTEMPTS: u32 = 4;

/// How often the old address is asked for after the link came back.
pub const VERIFY_ATTEMPTS: u32 = 2;

/// From this DISCOVER on the answers shall be broadcast: some relays and
/// switches do not deliver an answer to an address that nobody has yet.
pub const BROADCAST_FROM: u32 = 3;

/// The shortest time between two messages that prolong a lease (RFC 2131
/// §4.4.5).
const RENEW_MIN: Duration = Duration::from_secs(60);

/// The wait after message number `attempt` (1 is the first), shortened or
/// lengthened by up to a quarter by `random`, so that machines that powered on
/// together do not ask together.
#[must_use]
pub fn after(attempt: u32, random: u32) -> Duration {
    let position = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let base = WAITS_MS[position.min(WAITS_MS.len() - 1)];
    let half = base / 2;
    let jitter = half * u64::from(random) / u64::from(u32::MAX);
    Duration::from_millis(base - base / 4 + jitter)
}

/// The pause before the client starts again after `naks` refusals in a row:
/// none at first, then as between messages, so that a server that offers and
/// refuses is not asked at the speed of the network.
#[must_use]
pub fn after_nak(naks: u32, random: u32) -> Duration {
    match naks {
        0 | 1 => Duration::ZERO,
        more => after(more - 1, random),
    }
}

/// The wait before the lease is asked to be prolonged once more: half of what
/// is left until `limit`, but a minute at least, and never beyond the limit.
#[must_use]
pub fn renewal(now: Duration, limit: Duration) -> Duration {
    let left = limit.saturating_sub(now);
    left.min((left / 2).max(RENEW_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_stay_within_a_quarter() {
        let cases = [
            (1, 0, 375),
            (1, u32::MAX, 625),
            (2, u32::MAX / 2, 999),
            (3, 0, 1500),
            (4, u32::MAX, 5000),
            (5, 0, 6000),
            (9, u32::MAX, 10000),
            (u32::MAX, 0, 6000),
            (0, 0, 375),
        ];
        for (attempt, random, expected) in cases {
            let wait = after(attempt, random);
            assert_eq!(wait, Duration::from_millis(expected), "{attempt} {random}");
        }
    }

    #[test]
    fn refusals_slow_the_client_down() {
        assert_eq!(after_nak(1, 7), Duration::ZERO);
        assert_eq!(after_nak(2, 0), Duration::from_millis(375));
        assert_eq!(after_nak(40, 0), Duration::from_millis(6000));
    }

    #[test]
    fn renewals_approach_the_limit() {
        let seconds = Duration::from_secs;
        assert_eq!(renewal(seconds(0), seconds(1000)), seconds(500));
        assert_eq!(renewal(seconds(900), seconds(1000)), seconds(60));
        assert_eq!(renewal(seconds(980), seconds(1000)), seconds(20));
        assert_eq!(renewal(seconds(1001), seconds(1000)), seconds(0));
    }
}
