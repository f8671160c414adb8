// SPDX-License-Identifier: Apache-2.0
//! How long to wait before a server is asked again.

use std::time::{Duration, SystemTime};

/// A server may ask for so many times the ordinary pause, not more: a machine
/// that waits for hours looks like one that hangs.
const PATIENCE: u32 = 6;

/// The pause before another attempt: the policy's, or what the server asked
/// for within bounds, and up to a tenth more, so that a hundred machines that
/// were cut off together do not come back together. `random` is any number.
#[must_use]
pub fn pause(interval: Duration, asked: Option<Duration>, random: u8) -> Duration {
    let pause = asked.map_or(interval, |asked| {
        asked.clamp(interval, interval.saturating_mul(PATIENCE))
    });
    pause.saturating_add(pause.saturating_mul(u32::from(random)) / (255 * 10))
}

/// What a server asks for by `Retry-After` (RFC 9110 §10.2.3). A date is
/// compared with the server's own `Date`, because the clock of a machine that
/// is being installed may be years off.
#[must_use]
pub fn asked(retry_after: &str, date: Option<&str>) -> Option<Duration> {
    let text = retry_after.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let (then, now) = (time(text)?, time(date?.trim())?);
    Some(then.duration_since(now).unwrap_or_default())
}

fn time(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn servers_may_ask_for_more_within_bounds() {
        let cases = [
            (10, None, 0, 10_000),
            (10, None, 255, 11_000),
            (10, Some(30), 0, 30_000),
            (10, Some(30), 255, 33_000),
            (10, Some(1), 0, 10_000),
            (10, Some(86_400), 0, 60_000),
            (10, Some(u64::MAX), 255, 66_000),
            (0, Some(30), 255, 0),
        ];
        for (interval, asked, random, expected) in cases {
            let found = pause(interval * SECOND, asked.map(Duration::from_secs), random);
            assert_eq!(found.as_millis(), expected, "{interval} {asked:?} {random}");
        }
        assert_eq!(pause(Duration::MAX, Some(SECOND), 255), Duration::MAX);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        let cases = [
            ("120", None, Some(120)),
            (" 7 ", now, Some(7)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", now, Some(30)),
            ("Wed, 21 Oct 2015 07:27:30 GMT", now, Some(0)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", None, None),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some("now"), None),
            ("-1", now, None),
            ("soon", now, None),
            ("", now, None),
        ];
        for (text, date, expected) in cases {
            let found = asked(text, date);
            assert_eq!(found, expected.map(Duration::from_secs), "{text}");
        }
    }
}
