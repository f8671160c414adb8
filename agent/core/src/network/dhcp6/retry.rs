// SPDX-License-Identifier: Apache-2.0
//! How patient the client is.
//!
//! RFC 8415 §7.6 delays the first message by up to a second and then waits 1,
//! 2, 4 … 3600 s. A server in a rack that just powered on waits for its switch
//! port to forward, and a lost message must not cost minutes: the first
//! messages follow each other as those of DHCPv4 do, and the client never gives
//! up. A server that finds this too much says so (option 82), and is obeyed.

use std::time::Duration;

use crate::network::dhcp4::retry;

/// How often an advertised address is asked for before the server counts as
/// silent.
pub const REQUEST_ATTEMPTS: u32 = 4;

/// How often it is asked whether the address fits the network the port is on
/// now. Without an answer it is kept (RFC 8415 §18.2.3).
pub const CONFIRM_ATTEMPTS: u32 = 4;

/// How often a server is told that somebody else has the address.
pub const DECLINE_ATTEMPTS: u32 = 3;

/// How long a better ADVERTISE is waited for after the first one. The RFC
/// waits for a second after the SOLICIT (§18.2.1); servers on the same network
/// answer within milliseconds of each other.
pub const BETTER_OFFER: Duration = Duration::from_millis(100);

/// The first and the longest wait between two RENEWs or REBINDs (RFC 8415
/// §7.6, `REN_TIMEOUT` and `REN_MAX_RT`).
const RENEW_FIRST: Duration = Duration::from_secs(10);
const RENEW_MAX: Duration = Duration::from_secs(600);

/// The wait after message number `attempt` (1 is the first), as in
/// [`retry::after`]. From the fifth message on, a server's own limit counts
/// instead of 8 s.
#[must_use]
pub fn after(attempt: u32, limit: Option<Duration>, random: u32) -> Duration {
    match limit {
        Some(limit) if attempt > 4 => {
            let doubled = 8_u64.saturating_mul(1 << (attempt - 5).min(20));
            jittered(Duration::from_secs(doubled).min(limit), random)
        }
        _ => retry::after(attempt, random),
    }
}

/// The wait after RENEW or REBIND number `attempt`, and never beyond what is
/// left.
#[must_use]
pub fn renewal(attempt: u32, left: Duration, random: u32) -> Duration {
    let doubled = RENEW_FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(20));
    jittered(doubled.min(RENEW_MAX), random).min(left)
}

/// Shortened or lengthened by up to a tenth (RFC 8415 §15).
fn jittered(wait: Duration, random: u32) -> Duration {
    let fifth = wait / 5;
    let share = f64::from(random) / f64::from(u32::MAX);
    wait - wait / 10 + fifth.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let seconds = Duration::from_secs;
        let middle = u32::MAX / 2;
        let about = |got: Duration, wanted: Duration| {
            assert!(got.abs_diff(wanted) < Duration::from_millis(10), "{got:?}");
        };
        about(after(1, None, middle), Duration::from_millis(500));
        about(after(9, None, middle), seconds(8));
        about(
            after(1, Some(seconds(60)), middle),
            Duration::from_millis(500),
        );
        about(after(6, Some(seconds(60)), middle), seconds(16));
        about(after(99, Some(seconds(60)), middle), seconds(60));
        about(after(99, Some(seconds(60)), 0), seconds(54));
        about(renewal(1, seconds(999), middle), seconds(10));
        about(renewal(3, seconds(999), middle), seconds(40));
        about(renewal(u32::MAX, seconds(999), middle), seconds(600));
        assert_eq!(renewal(3, seconds(7), middle), seconds(7));
    }
}
