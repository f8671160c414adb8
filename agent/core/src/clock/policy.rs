// SPDX-License-Identifier: Apache-2.0
//! When the clock is asked about, how long that may take, and what follows.

use std::time::Duration;

use super::Skew;
use crate::event::Event;
use crate::fault::Fault;
use crate::lifecycle::Backoff;

/// How long NTP servers have to answer. One on the same network needs a
/// millisecond, one at the other end of the world less than half a second.
pub const ANSWER_LIMIT: Duration = Duration::from_millis(1500);

/// A question that got no answer is asked again after this time: UDP loses
/// packets, most of all the first one to a neighbour that is not yet known.
pub const ASK_AGAIN: Duration = Duration::from_millis(500);

/// How long others have after the first usable answer.
pub const OTHERS: Duration = Duration::from_millis(300);

/// How long Ironic has to answer with a date.
pub const DATE_LIMIT: Duration = Duration::from_secs(3);

/// How long the boot waits for the clock before it talks to Ironic by TLS. It
/// does not wait where certificates are not verified, and goes on afterwards.
pub const BOOT_LIMIT: Duration = Duration::from_secs(2);

/// Pauses while the clock is not set, to be spread by chance: after a power cut
/// ten thousand machines ask at once.
pub const PAUSES: Backoff = Backoff {
    first: Duration::from_secs(5),
    growth: 2.0,
    at_least: Duration::from_secs(5),
    at_most: Duration::from_secs(300),
};

/// A clock that is less wrong than this by NTP is left alone (`STEPT` of RFC
/// 5905); nobody here needs it more exact.
const STEP: Duration = Duration::from_millis(128);

/// The same for a date in whole seconds.
const STEP_BY_DATE: Duration = Duration::from_secs(2);

/// A clock that is more wrong than this is a fault of the machine: a crystal
/// drifts by seconds in a week, an empty battery loses years.
const FAULT: Duration = Duration::from_secs(60);

/// Where the time comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An NTP server.
    Ntp(String),
    /// The header `Date` of an answer from this URL.
    HttpDate(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Ntp(server) => write!(f, "the NTP server {server}"),
            Source::HttpDate(url) => write!(f, "the date in the answer of {url}"),
        }
    }
}

/// Whether the clock is stepped.
#[must_use]
pub fn steps(skew: Skew, source: &Source) -> bool {
    match source {
        Source::Ntp(_) => skew.size > STEP,
        Source::HttpDate(_) => skew.size > STEP_BY_DATE,
    }
}

/// What is told of a skew. `stepped`: the clock has been set right. A skew that
/// no crystal explains is a fault of the machine, corrected or not.
#[must_use]
pub fn tell(skew: Skew, source: &Source, stepped: bool) -> Event {
    if skew.size > FAULT {
        let fault = Fault::ClockSkew {
            skew,
            by: source.to_string(),
            corrected: stepped,
        };
        return if stepped {
            Event::Corrected(fault)
        } else {
            Event::Failed(fault)
        };
    }
    Event::Note(if stepped {
        format!("the clock was {skew} and is set by {source}")
    } else {
        format!("the clock is right: {skew} by {source}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_decides_what_is_worth_a_step() {
        let ntp = Source::Ntp("192.0.2.1".into());
        let date = Source::HttpDate("http://192.0.2.2:6385".into());
        for (milliseconds, by_ntp, by_date) in [
            (0, false, false),
            (128, false, false),
            (129, true, false),
            (2_000, true, false),
            (2_001, true, true),
            (60_001, true, true),
        ] {
            for behind in [false, true] {
                let skew = Skew {
                    behind,
                    size: Duration::from_millis(milliseconds),
                };
                assert_eq!(steps(skew, &ntp), by_ntp, "{skew}");
                assert_eq!(steps(skew, &date), by_date, "{skew}");
            }
        }
    }

    #[test]
    fn a_skew_is_told_with_its_size_and_what_to_do() {
        let source = Source::Ntp("192.0.2.1 (from DHCP)".into());
        let skew = |milliseconds| Skew {
            behind: true,
            size: Duration::from_millis(milliseconds),
        };
        let advice = "next: replace the mainboard's battery; a clock that is off by whole hours runs in local time instead of UTC";
        for (milliseconds, stepped, expected) in [
            (
                12,
                false,
                "the clock is right: 0.012 s behind by the NTP server 192.0.2.1 (from DHCP)".into(),
            ),
            (
                30_000,
                true,
                "the clock was 30 s behind and is set by the NTP server 192.0.2.1 (from DHCP)"
                    .into(),
            ),
            (
                11_520_000,
                true,
                format!(
                    "corrected: the clock was 3 h 12 min behind, says the NTP server 192.0.2.1 (from DHCP) [clock-skew]; {advice}"
                ),
            ),
            (
                11_520_000,
                false,
                format!(
                    "failed: the clock is 3 h 12 min behind, says the NTP server 192.0.2.1 (from DHCP) [clock-skew]; {advice}"
                ),
            ),
        ] {
            let expected: String = expected;
            let event = tell(skew(milliseconds), &source, stepped);
            assert_eq!(event.to_string(), expected);
        }
    }

    #[test]
    fn asking_ends_before_the_boot_goes_on() {
        assert!(ANSWER_LIMIT < BOOT_LIMIT);
        assert!(ASK_AGAIN * 2 < ANSWER_LIMIT);
        assert!(OTHERS < ANSWER_LIMIT);
    }
}
