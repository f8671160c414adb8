// SPDX-License-Identifier: Apache-2.0
//! The time since the kernel started.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// CLOCK_BOOTTIME: counts from the start of the kernel, never steps. Cannot fail on Linux; would
/// be 0 if it did.
pub fn boottime() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map(Duration::from)
        .unwrap_or_default()
}
