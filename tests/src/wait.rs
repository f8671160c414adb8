// SPDX-License-Identifier: Apache-2.0
//! The one way to wait in the lab: poll a condition until a deadline. The deadlines are generous,
//! because they only decide how long a failure takes to show.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;

/// How often conditions are looked at.
const POLL: Duration = Duration::from_millis(500);

/// What one look at a condition found.
#[derive(Debug)]
pub enum Probe<T> {
    /// It holds, with this result.
    Ready(T),
    /// It does not hold yet; the text says what was seen instead.
    NotYet(String),
}

/// Polls `probe` until it is ready.
///
/// # Errors
/// [`Error::Timeout`] with what was seen last, or the error of the probe.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<Probe<T>, Error>,
) -> Result<T, Error> {
    let start = Instant::now();
    loop {
        match probe()? {
            Probe::Ready(value) => return Ok(value),
            Probe::NotYet(last) if start.elapsed() >= limit => {
                return Err(Error::Timeout {
                    what: what.to_owned(),
                    limit,
                    last,
                });
            }
            Probe::NotYet(_) => thread::sleep(POLL),
        }
    }
}
