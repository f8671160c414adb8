// SPDX-License-Identifier: Apache-2.0
//! Measures where the time of a transfer goes, from all its threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ironseed_core::image::spent::{Activity, Spent};

use crate::clock::Clock;

/// Adds up the time of each activity.
#[derive(Debug)]
pub(super) struct Stopwatch<'a> {
    clock: &'a dyn Clock,
    /// Nanoseconds; overflow after 584 years.
    network: AtomicU64,
    hash: AtomicU64,
    unpack: AtomicU64,
    disk: AtomicU64,
}

impl<'a> Stopwatch<'a> {
    pub(super) fn new(clock: &'a dyn Clock) -> Self {
        Self {
            clock,
            network: AtomicU64::new(0),
            hash: AtomicU64::new(0),
            unpack: AtomicU64::new(0),
            disk: AtomicU64::new(0),
        }
    }

    /// Does some work and counts how long it took.
    pub(super) fn measure<T>(&self, activity: Activity, work: impl FnOnce() -> T) -> T {
        let began = self.clock.since_boot();
        let result = work();
        let took = self.clock.since_boot().saturating_sub(began);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.counter(activity)
            .fetch_add(nanoseconds, Ordering::Relaxed);
        result
    }

    /// What was measured so far.
    pub(super) fn spent(&self) -> Spent {
        let read = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        Spent {
            network: read(&self.network),
            hash: read(&self.hash),
            unpack: read(&self.unpack),
            disk: read(&self.disk),
        }
    }

    fn counter(&self, activity: Activity) -> &AtomicU64 {
        match activity {
            Activity::Network => &self.network,
            Activity::Hash => &self.hash,
            Activity::Unpack => &self.unpack,
            Activity::Disk => &self.disk,
        }
    }
}
