// SPDX-License-Identifier: Apache-2.0
//! Where the time of a transfer went.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a transfer waits for or works on. The activities run side by side, so
/// that their times may add up to more than the transfer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
