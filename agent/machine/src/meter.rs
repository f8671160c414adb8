// SPDX-License-Identifier: Apache-2.0
//! What a piece of work takes of this process: time of processors, and time.

use std::time::Duration;

use ironseed_core::inspection::Cost;
use nix::time::{ClockId, clock_gettime};

/// Measures from its start on.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    cpu: Duration,
    elapsed: Duration,
}

impl Meter {
    /// Starts to measure.
    #[must_use]
    pub fn start() -> Self {
        Self {
            cpu: clock(ClockId::CLOCK_PROCESS_CPUTIME_ID),
            elapsed: clock(ClockId::CLOCK_BOOTTIME),
        }
    }

    /// What was taken since the start, by all threads of the process.
    #[must_use]
    pub fn read(&self) -> Cost {
        let since = |id: ClockId, start: Duration| {
            u64::try_from(clock(id).saturating_sub(start).as_millis()).unwrap_or(u64::MAX)
        };
        Cost {
            cpu_ms: since(ClockId::CLOCK_PROCESS_CPUTIME_ID, self.cpu),
            elapsed_ms: since(ClockId::CLOCK_BOOTTIME, self.elapsed),
        }
    }
}

/// Neither clock can fail (clock_gettime(2)).
fn clock(id: ClockId) -> Duration {
    clock_gettime(id).map_or(Duration::ZERO, Duration::from)
}
