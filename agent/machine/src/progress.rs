// SPDX-License-Identifier: Apache-2.0
//! How long work tells what it does: to an observer, about twice a second.

use std::time::Duration;

use ironseed_core::event::{Event, Milestone, Progress};

use crate::clock::Clock;

/// Is told what happens, from several threads.
pub type Observer<'a> = dyn Fn(Event) + Sync + 'a;

/// What long work needs beside its subject.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Measures rates and limits.
    pub clock: &'a dyn Clock,
    /// Is told what happens.
    pub observer: &'a Observer<'a>,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("clock and observer")
    }
}

impl Surroundings<'_> {
    /// Tells that a point in time worth keeping is reached.
    pub(crate) fn reached(&self, name: &str) {
        let at_ms = u64::try_from(self.clock.since_boot().as_millis()).unwrap_or(u64::MAX);
        (self.observer)(Event::Reached(Milestone {
            name: name.into(),
            at_ms,
        }));
    }
}

/// Progress is told this often.
const INTERVAL: Duration = Duration::from_millis(500);

/// Counts bytes and tells the observer now and then.
#[derive(Debug)]
pub struct Meter<'a> {
    surroundings: Surroundings<'a>,
    what: String,
    done: u64,
    total: Option<u64>,
    /// Since boot.
    began: Duration,
    told: Duration,
}

impl<'a> Meter<'a> {
    /// Work begins. `what` is a gerund and its subject, `total` in bytes.
    #[must_use]
    pub fn new(surroundings: Surroundings<'a>, what: String, total: Option<u64>) -> Self {
        let now = surroundings.clock.since_boot();
        Self {
            surroundings,
            what,
            done: 0,
            total,
            began: now,
            told: now,
        }
    }

    /// So many more bytes are done.
    pub fn add(&mut self, bytes: u64) {
        self.done += bytes;
        let now = self.surroundings.clock.since_boot();
        if now.saturating_sub(self.told) >= INTERVAL {
            self.told = now;
            self.tell(now);
        }
    }

    /// The work is done.
    pub fn finish(self) {
        self.tell(self.surroundings.clock.since_boot());
    }

    fn tell(&self, now: Duration) {
        (self.surroundings.observer)(Event::Progress(Progress {
            what: self.what.clone(),
            done: self.done,
            total: self.total,
            elapsed: now.saturating_sub(self.began),
            spent: None,
        }));
    }
}
