// SPDX-License-Identifier: Apache-2.0
//! What time it is, and whom to believe (contract §1, §23).
//!
//! ```text
//! setting, leases ── servers() ──► Server …          Ironic's header `Date`
//!                                     │ machine::clock        │ machine::clock
//!                        48 bytes ── ntp::read()       date::read()
//!                                     │                       │
//!                                  Sample …                   ▼
//!                                     └── select::choose() ► Sample ── Skew ──► step or leave
//! ```
//!
//! The clock of a server that lay in a warehouse may be wrong by decades. Then
//! every certificate is "not yet valid" or "expired", the agent's own one too.
//! So the clock is stepped once, by NTP where a server answers, else by the
//! date in Ironic's answers within bounds ([`date`]).
//!
//! Dates are Unix times as `Duration`s since 1970. Moments are durations since
//! the machine started (`CLOCK_BOOTTIME`): that clock does not jump when the
//! date is corrected, so an exchange that is under way meanwhile stays right.

pub mod calendar;
pub mod certificate;
pub mod date;
pub mod ntp;
pub mod policy;
pub mod select;
pub mod servers;
pub mod skew;

use std::time::Duration;

pub use servers::{Server, ServerOrigin, servers};
pub use skew::Skew;

/// What one source said about the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When the answer came; time since boot.
    pub at: Duration,
    /// The Unix time at that moment.
    pub date: Duration,
    /// How far off that may be: half the way there and back, and what the
    /// source says of its own distance to the truth.
    pub error: Duration,
}

impl Sample {
    /// The Unix time at another moment since boot; moments before the answer
    /// count as the answer's.
    #[must_use]
    pub fn date_at(&self, now: Duration) -> Duration {
        self.date + now.saturating_sub(self.at)
    }
}

/// A source that did not help, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The server's name or address, or the URL.
    pub source: String,
    /// What happened.
    pub problem: String,
}

/// The sources that did not help, in one line.
#[must_use]
pub fn tell_tried(tried: &[Tried]) -> String {
    if tried.is_empty() {
        return "there is neither an NTP server nor a URL of Ironic to ask".to_owned();
    }
    let told: Vec<String> = tried
        .iter()
        .map(|one| format!("{}: {}", one.source, one.problem))
        .collect();
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_ages_with_the_machine() {
        let sample = Sample {
            at: Duration::from_secs(10),
            date: Duration::from_secs(1_800_000_000),
            error: Duration::ZERO,
        };
        for (now, expected) in [(10, 1_800_000_000), (15, 1_800_000_005), (9, 1_800_000_000)] {
            let date = sample.date_at(Duration::from_secs(now));
            assert_eq!(date, Duration::from_secs(expected), "{now}");
        }
    }

    #[test]
    fn every_source_says_why_it_did_not_help() {
        let tried = |source: &str, problem: &str| Tried {
            source: source.into(),
            problem: problem.into(),
        };
        let both = [
            tried("192.0.2.1", "no answer within 2.0 s"),
            tried("ntp.example", "the name cannot be resolved"),
        ];
        assert_eq!(
            tell_tried(&both),
            "192.0.2.1: no answer within 2.0 s; ntp.example: the name cannot be resolved"
        );
        assert!(tell_tried(&[]).contains("neither an NTP server nor"));
    }
}
