// SPDX-License-Identifier: Apache-2.0
//! Where the time of a transfer went, and what was the slowest part of it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a transfer waits for or works on. The activities run side by side, so
/// that their times may add up to more than the transfer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// Waiting for bytes from the server.
    Network,
    /// Computing the digest of the file as served.
    Hash,
    /// Unpacking a compressed file or compressed clusters.
    Unpack,
    /// Waiting for the disk.
    Disk,
}

/// Time spent on each activity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Waiting for bytes from the server.
    pub network: Duration,
    /// Computing the digest of the file as served.
    pub hash: Duration,
    /// Unpacking a compressed file or compressed clusters.
    pub unpack: Duration,
    /// Waiting for the disk.
    pub disk: Duration,
}

/// The part of a transfer that decided how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bottleneck {
    /// The activity that took most of the time.
    pub activity: Activity,
    /// How much of the time it took, in percent.
    pub percent: u64,
}

/// Below this share of the time, in percent, no activity held the others up:
/// the time went by between them.
const HELD_UP: u64 = 50;

impl Spent {
    /// How much of the elapsed time an activity took, in percent; 100 at most,
    /// though several requests to a disk may wait at the same time.
    #[must_use]
    pub fn percent(&self, activity: Activity, elapsed: Duration) -> u64 {
        let time = match activity {
            Activity::Network => self.network,
            Activity::Hash => self.hash,
            Activity::Unpack => self.unpack,
            Activity::Disk => self.disk,
        };
        let share = (time.as_nanos() * 100 + elapsed.as_nanos() / 2)
            .checked_div(elapsed.as_nanos())
            .unwrap_or(0);
        u64::try_from(share).map_or(100, |share| share.min(100))
    }

    /// Every activity with its share of the elapsed time, in the order of the
    /// bytes' way.
    fn shares(&self, elapsed: Duration) -> [Bottleneck; 4] {
        [
            Activity::Network,
            Activity::Hash,
            Activity::Unpack,
            Activity::Disk,
        ]
        .map(|activity| Bottleneck {
            activity,
            percent: self.percent(activity, elapsed),
        })
    }

    /// What held the transfer up; `None` if nothing took at least half of the
    /// elapsed time. Of equals the earlier on the bytes' way counts: the later
    /// ones may have waited for it.
    #[must_use]
    pub fn bottleneck(&self, elapsed: Duration) -> Option<Bottleneck> {
        self.shares(elapsed)
            .into_iter()
            .rev()
            .max_by_key(|part| part.percent)
            .filter(|part| part.percent >= HELD_UP)
    }

    /// The shares as half a sentence: `network 71 %, hash 12 %, disk 9 %`.
    /// Unpacking is left out where nothing was unpacked.
    #[must_use]
    pub fn in_percent(&self, elapsed: Duration) -> String {
        let parts: Vec<String> = self
            .shares(elapsed)
            .iter()
            .filter(|part| part.activity != Activity::Unpack || !self.unpack.is_zero())
            .map(|part| format!("{} {} %", part.activity, part.percent))
            .collect();
        parts.join(", ")
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Activity::Network => "network",
            Activity::Hash => "hash",
            Activity::Unpack => "unpack",
            Activity::Disk => "disk",
        })
    }
}

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (part, spent) = match self.activity {
            Activity::Network => ("the network", "waiting for it"),
            Activity::Hash => ("the digest", "computing it"),
            Activity::Unpack => ("decompression", "unpacking"),
            Activity::Disk => ("the disk", "waiting for it"),
        };
        write!(
            f,
            "{part} was the slowest part: {} % of the time was spent {spent}",
            self.percent
        )
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "network {:.1} s, hash {:.1} s, unpack {:.1} s, disk {:.1} s",
            self.network.as_secs_f64(),
            self.hash.as_secs_f64(),
            self.unpack.as_secs_f64(),
            self.disk.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(network: u64, hash: u64, unpack: u64, disk: u64) -> Spent {
        Spent {
            network: Duration::from_millis(network),
            hash: Duration::from_millis(hash),
            unpack: Duration::from_millis(unpack),
            disk: Duration::from_millis(disk),
        }
    }

    #[test]
    fn the_slowest_part_is_named() {
        let cases = [
            (
                spent(7100, 1200, 0, 900),
                10_000,
                Some("the network was the slowest part: 71 % of the time was spent waiting for it"),
            ),
            (
                spent(500, 9960, 0, 900),
                10_000,
                Some("the digest was the slowest part: 100 % of the time was spent computing it"),
            ),
            (
                spent(500, 1200, 8800, 900),
                10_000,
                Some("decompression was the slowest part: 88 % of the time was spent unpacking"),
            ),
            (
                // Four requests wait at a time.
                spent(500, 1200, 0, 39_000),
                10_000,
                Some("the disk was the slowest part: 100 % of the time was spent waiting for it"),
            ),
            (
                spent(5000, 5000, 5000, 5000),
                10_000,
                Some("the network was the slowest part: 50 % of the time was spent waiting for it"),
            ),
            (spent(4900, 4900, 4900, 4900), 10_000, None),
            (spent(0, 0, 0, 0), 10_000, None),
            (spent(5, 0, 0, 0), 0, None),
        ];
        for (spent, elapsed, expected) in cases {
            let found = spent.bottleneck(Duration::from_millis(elapsed));
            let text = found.map(|part| part.to_string());
            assert_eq!(text.as_deref(), expected, "{spent}");
        }
    }

    #[test]
    fn shares_are_told_of_what_took_place() {
        let second = Duration::from_secs(1);
        assert_eq!(
            spent(714, 15, 0, 4000).in_percent(second),
            "network 71 %, hash 2 %, disk 100 %"
        );
        assert_eq!(
            spent(0, 0, 1, 0).in_percent(second),
            "network 0 %, hash 0 %, unpack 0 %, disk 0 %"
        );
        let ages = Spent {
            network: Duration::MAX,
            ..Spent::default()
        };
        assert_eq!(
            ages.percent(Activity::Network, Duration::from_nanos(1)),
            100
        );
    }
}
