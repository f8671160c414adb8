// SPDX-License-Identifier: Apache-2.0
//! How long work tells what it does: to an observer, about twice a second.

use std::time::Duration;

use ironseed_core::event::{Event, Milestone, Progress};
use ironseed_core::image::rate::SmoothedRate;
use ironseed_core::image::spent::Spent;

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
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

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
    rate: SmoothedRate,
    spent: Option<Spent>,
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
            rate: SmoothedRate::default(),
            spent: None,
        }
    }

    /// So many more bytes are done.
    pub fn add(&mut self, bytes: u64) {
        self.done += bytes;
        self.tell_if_due();
    }

    /// So many bytes are done in all, and the time went there.
    pub(crate) fn reach(&mut self, done: u64, spent: Spent) {
        self.done = self.done.max(done);
        self.spent = Some(spent);
        self.tell_if_due();
    }

    /// The work is done.
    pub fn finish(mut self) {
        let now = self.surroundings.clock.since_boot();
        self.tell(now);
    }

    fn tell_if_due(&mut self) {
        let now = self.surroundings.clock.since_boot();
        if now.saturating_sub(self.told) >= INTERVAL {
            self.told = now;
            self.tell(now);
        }
    }

    fn tell(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.began);
        self.rate.update(self.done, elapsed);
        (self.surroundings.observer)(Event::Progress(Progress {
            what: self.what.clone(),
            done: self.done,
            total: self.total,
            elapsed,
            rate: self.rate.per_second(),
            remaining: self
                .total
                .and_then(|total| self.rate.remaining(self.done, total)),
            spent: self.spent,
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::clock::TestClock;

    #[test]
    fn progress_tells_rate_rest_and_where_the_time_went() {
        let clock = TestClock::default();
        let told = Mutex::new(Vec::new());
        let observer = |event| match event {
            Event::Progress(progress) => told.lock().expect("events").push(progress),
            other => panic!("{other}"),
        };
        let surroundings = Surroundings {
            clock: &clock,
            observer: &observer,
        };
        let mut meter = Meter::new(surroundings, "writing".into(), Some(4000));
        meter.reach(100, Spent::default());
        clock.advance(Duration::from_secs(1));
        let spent = Spent {
            network: Duration::from_millis(300),
            ..Spent::default()
        };
        meter.reach(1000, spent);
        meter.reach(900, spent);
        clock.advance(Duration::from_secs(1));
        meter.add(1000);
        meter.finish();
        let told = told.into_inner().expect("events");
        let seen: Vec<_> = told
            .iter()
            .map(|event| {
                (
                    event.done,
                    event.rate,
                    event.remaining.map(|left| left.as_secs()),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (1000, 1000, Some(3)),
                (2000, 1000, Some(2)),
                (2000, 1000, Some(2))
            ]
        );
        assert!(told.iter().all(|event| event.spent == Some(spent)));
    }
}
