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

/// Records an event unless it is in the timeline already: a process that begins again does not
/// make the machine's first time undone.
///
/// # Errors
/// The file cannot be written.
pub fn record_first(event: &str) -> Result<(), TimelineError> {
    let text = std::fs::read_to_string(FILE).unwrap_or_default();
    if has(&text, event) {
        return Ok(());
    }
    record(event)
}

fn has(timeline: &str, event: &str) -> bool {
    timeline
        .lines()
        .any(|line| line.split(' ').next() == Some(event))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_a_timeline() {
        let text = "init 2861\nagent-restart 6350\n";
        assert!(has(text, "init") && has(text, "agent-restart"));
        assert!(!has(text, "agent") && !has("", "init"));
    }
}
