// SPDX-License-Identifier: Apache-2.0
//! The beginning of the machine's timeline: `/run/ironseed/timeline`, a line `NAME MILLISECONDS`
//! (CLOCK_BOOTTIME) per event. The agent reads it and puts its own phases behind.
//!
//! Names: `init` (first instruction of PID 1), `mounts`, `agent` (first start), `agent-restart`
//! (each further one), `coldplug` (devices settled).

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use crate::clock;

const FILE: &str = "/run/ironseed/timeline";

/// An event that could not be written down.
#[derive(Debug, thiserror::Error)]
#[error("writing {event} to {FILE}")]
pub struct TimelineError {
    event: String,
    source: std::io::Error,
}

/// Records that `event` happened now.
///
/// # Errors
/// The file cannot be written.
pub fn record(event: &str) -> Result<(), TimelineError> {
    record_at(event, clock::boottime())
}

/// Records an event of the given time.
///
/// # Errors
/// The file cannot be written.
pub fn record_at(event: &str, time: Duration) -> Result<(), TimelineError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(FILE)
        .and_then(|mut file| file.write_all(format!("{event} {}\n", time.as_millis()).as_bytes()))
        .map_err(|source| TimelineError {
            event: event.to_owned(),
            source,
        })
}
