// SPDX-License-Identifier: Apache-2.0
//! The date in an HTTP answer (RFC 9110 section 6.6.1), as the last resort.
//!
//! Nobody signs it where there is no TLS, and where there is, the peer's
//! certificate was verified at a time that the peer's own certificate names.
//! So it is only believed within bounds that do not come from the network: it
//! is later than this program, and not by a generation.

use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::Sample;
use super::calendar::CalendarTime;

/// The compiler that this workspace needs (`rust-version`) did not exist
/// earlier, and so did not this program: 1 April 2026.
const OLDEST_BUILD: u64 = 1_775_001_600;

/// Hardware that still boots an image of this age does not exist.
const AT_MOST_AFTER_BUILD: Duration = Duration::from_secs(25 * 31_557_600);

/// A date is cut to whole seconds, so on average it is half a second later.
const HALF: Duration = Duration::from_millis(500);

/// The dates that are possible while this program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// When the program was built, Unix time.
    pub earliest: Duration,
    /// The latest date that is believed, Unix time.
    pub latest: Duration,
}

impl Bounds {
    /// The bounds of this program. The image builder says when it was built
    /// (`SOURCE_DATE_EPOCH`); without that the age of the compiler counts.
    #[must_use]
    pub fn of_this_build() -> Self {
        Self::from(option_env!("SOURCE_DATE_EPOCH"))
    }

    fn from(build: Option<&str>) -> Self {
        let seconds = build.and_then(|text| text.parse().ok()).unwrap_or_default();
        let earliest = Duration::from_secs(OLDEST_BUILD.max(seconds));
        Self {
            earliest,
            latest: earliest.saturating_add(AT_MOST_AFTER_BUILD),
        }
    }

    /// Whether a date is possible.
    #[must_use]
    pub fn contain(&self, date: Duration) -> bool {
        (self.earliest..=self.latest).contains(&date)
    }
}

/// Why the date of an answer is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DateRefused {
    /// The server sends none.
    #[error("the answer has no date")]
    Absent,
    /// It is no date of HTTP.
    #[error("the answer's date cannot be read")]
    Unreadable,
    /// It cannot be.
    #[error("the answer is dated {}, which is not between {} and {}", day(.date), day(&.bounds.earliest), day(&.bounds.latest))]
    OutOfBounds {
        /// Unix time.
        date: Duration,
        /// What would have been possible.
        bounds: Bounds,
    },
}

/// `2026-04-01`.
fn day(date: &Duration) -> String {
    let date = CalendarTime::from_unix(*date);
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

/// The time by the header `Date` of an answer. `asked` and `answered` are when
/// question and answer passed this machine, since boot.
///
/// # Errors
/// [`DateRefused`] if the header says nothing that could be believed.
pub fn read(
    header: Option<&str>,
    asked: Duration,
    answered: Duration,
    bounds: Bounds,
) -> Result<Sample, DateRefused> {
    let header = header.ok_or(DateRefused::Absent)?;
    let date = httpdate::parse_http_date(header)
        .ok()
        .and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok())
        .ok_or(DateRefused::Unreadable)?;
    if !bounds.contain(date) {
        return Err(DateRefused::OutOfBounds { date, bounds });
    }
    let one_way = answered.saturating_sub(asked) / 2;
    Ok(Sample {
        at: answered,
        date: date + HALF + one_way,
        error: HALF + one_way,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_never_older_than_its_compiler() {
        for (build, expected) in [
            (None, OLDEST_BUILD),
            (Some("0"), OLDEST_BUILD),
            (Some("yesterday"), OLDEST_BUILD),
            (Some("-1"), OLDEST_BUILD),
            (Some("1800000000"), 1_800_000_000),
        ] {
            let bounds = Bounds::from(build);
            assert_eq!(bounds.earliest, Duration::from_secs(expected), "{build:?}");
            assert!(bounds.contain(bounds.earliest) && bounds.contain(bounds.latest));
            assert!(!bounds.contain(bounds.earliest - HALF));
            assert!(!bounds.contain(bounds.latest + HALF));
        }
        let absurd = Bounds::from(Some("18446744073709551615"));
        assert!(absurd.contain(absurd.latest));
    }

    #[test]
    fn only_possible_dates_are_believed() {
        let bounds = Bounds::from(Some("1800000000"));
        let asked = Duration::from_secs(20);
        let answered = asked + Duration::from_millis(200);
        let with = |header| read(header, asked, answered, bounds);
        let sample = with(Some("Fri, 15 Jan 2027 08:00:10 GMT")).expect("a date");
        let expected = Duration::from_millis(1_800_000_010_600);
        assert_eq!((sample.at, sample.date), (answered, expected));
        assert_eq!(sample.error, Duration::from_millis(600));
        assert_eq!(with(None), Err(DateRefused::Absent));
        for unreadable in ["", "now", "Fri, 99 Jan 2027 08:00:10 GMT", "1800000010"] {
            let refused = with(Some(unreadable));
            assert_eq!(refused, Err(DateRefused::Unreadable), "{unreadable}");
        }
        for (header, told) in [
            ("Fri, 15 Jan 2027 07:59:59 GMT", "dated 2027-01-15"),
            ("Thu, 01 Jan 1970 00:00:00 GMT", "dated 1970-01-01"),
            ("Mon, 01 Jan 2080 00:00:00 GMT", "dated 2080-01-01"),
        ] {
            let refused = with(Some(header)).expect_err("impossible").to_string();
            assert!(refused.contains(told), "{refused}");
            assert!(
                refused.contains("between 2027-01-15 and 2052-01-15"),
                "{refused}"
            );
        }
    }
}
