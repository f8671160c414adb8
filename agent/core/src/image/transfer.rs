// SPDX-License-Identifier: Apache-2.0
//! The profile of a transfer: what was moved, how fast, and what was slow.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rate;
use super::spent::Spent;

/// How an image came onto a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferProfile {
    /// Ironic's id of the image.
    pub image: String,
    /// The disk.
    pub device: String,
    /// What was moved.
    pub amounts: Amounts,
    /// From the first request to the last byte on the disk.
    pub elapsed: Duration,
    /// Where the time went.
    pub spent: Spent,
}

/// How many bytes a transfer moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// Bytes of the file as the server has it, once for each time the file was read.
    pub served: u64,
    /// Bytes that a compressed file unpacked to, counted like those; zero if
    /// the file was not compressed.
    pub unpacked: u64,
    /// Bytes that were written to the disk.
    pub written: u64,
    /// Bytes of the disk that were made to read as zero without writing them.
    pub zeroed: u64,
}

impl TransferProfile {
    /// Bytes per second that reached the disk, written or zeroed: what somebody
    /// sees who waits for the deployment.
    #[must_use]
    pub fn rate(&self) -> u64 {
        let bytes = self.amounts.written.saturating_add(self.amounts.zeroed);
        rate::average(bytes, self.elapsed)
    }

    /// One sentence about what decided how long it took.
    #[must_use]
    pub fn verdict(&self) -> String {
        match self.spent.bottleneck(self.elapsed) {
            Some(part) => part.to_string(),
            None => "no part was the slowest: none took half of the time".to_owned(),
        }
    }

    /// As Ironic gets it beside the step's result.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        json!({
            "image": self.image,
            "device": self.device,
            "served_bytes": self.amounts.served,
            "unpacked_bytes": self.amounts.unpacked,
            "written_bytes": self.amounts.written,
            "zeroed_bytes": self.amounts.zeroed,
            "elapsed_ms": milliseconds(self.elapsed),
            "bytes_per_second": self.rate(),
            "spent_ms": {
                "network": milliseconds(self.spent.network),
                "hash": milliseconds(self.spent.hash),
                "unpack": milliseconds(self.spent.unpack),
                "disk": milliseconds(self.spent.disk),
            },
            "bottleneck": self.spent.bottleneck(self.elapsed).map(|part| part.activity),
            "verdict": self.verdict(),
        })
    }
}

impl fmt::Display for TransferProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        let amounts = &self.amounts;
        write!(
            f,
            "{} on {}: {} MiB served, ",
            self.image,
            self.device,
            mib(amounts.served)
        )?;
        if amounts.unpacked > 0 {
            write!(f, "{} MiB unpacked, ", mib(amounts.unpacked))?;
        }
        write!(
            f,
            "{} MiB written, {} MiB zeroed in {:.1} s, {}; {}; {}",
            mib(amounts.written),
            mib(amounts.zeroed),
            self.elapsed.as_secs_f64(),
            rate::megabytes(self.rate()),
            self.spent.in_percent(self.elapsed),
            self.verdict()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> TransferProfile {
        TransferProfile {
            image: "debian".into(),
            device: "/dev/sda".into(),
            amounts: Amounts {
                served: 100 << 20,
                unpacked: 0,
                written: 150 << 20,
                zeroed: 50 << 20,
            },
            elapsed: Duration::from_secs(4),
            spent: Spent {
                network: Duration::from_millis(2840),
                hash: Duration::from_millis(100),
                unpack: Duration::ZERO,
                disk: Duration::from_millis(900),
            },
        }
    }

    #[test]
    fn it_is_one_line_for_people() {
        let mut profile = profile();
        assert_eq!(
            profile.to_string(),
            "debian on /dev/sda: 100 MiB served, 150 MiB written, 50 MiB zeroed in 4.0 s, 52.4 MB/s; \
             network 71 %, hash 3 %, disk 23 %; \
             the network was the slowest part: 71 % of the time was spent waiting for it"
        );
        profile.amounts.unpacked = 200 << 20;
        profile.spent.network = Duration::ZERO;
        profile.spent.unpack = Duration::from_secs(1);
        assert_eq!(
            profile.to_string(),
            "debian on /dev/sda: 100 MiB served, 200 MiB unpacked, 150 MiB written, 50 MiB zeroed in 4.0 s, 52.4 MB/s; \
             network 0 %, hash 3 %, unpack 25 %, disk 23 %; \
             no part was the slowest: none took half of the time"
        );
    }

    #[test]
    fn it_is_numbers_for_programs() {
        assert_eq!(
            profile().to_json(),
            json!({
                "image": "debian",
                "device": "/dev/sda",
                "served_bytes": 104_857_600,
                "unpacked_bytes": 0,
                "written_bytes": 157_286_400,
                "zeroed_bytes": 52_428_800,
                "elapsed_ms": 4000,
                "bytes_per_second": 52_428_800,
                "spent_ms": {"network": 2840, "hash": 100, "unpack": 0, "disk": 900},
                "bottleneck": "network",
                "verdict": "the network was the slowest part: 71 % of the time was spent waiting for it",
            })
        );
        let mut quick = profile();
        quick.elapsed = Duration::ZERO;
        assert_eq!(quick.to_json()["bottleneck"], Value::Null);
        assert_eq!(quick.to_json()["bytes_per_second"], 0);
    }

    #[test]
    fn it_is_kept_as_it_was() {
        let text = serde_json::to_string(&profile()).expect("text");
        assert_eq!(
            serde_json::from_str::<TransferProfile>(&text).expect("the same"),
            profile()
        );
    }
}
