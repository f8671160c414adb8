// SPDX-License-Identifier: Apache-2.0
//! Measures where the time of a transfer goes and how much it moves, from all
//! its threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ironseed_core::image::spent::{Activity, Spent};
use ironseed_core::image::transfer::Amounts;

use crate::clock::Clock;

/// Adds up the time of each activity, and the bytes.
#[derive(Debug)]
pub(super) struct Stopwatch<'a> {
    clock: &'a dyn Clock,
    /// When the transfer began, since boot.
    began: Duration,
    /// Nanoseconds; overflow after 584 years.
    network: AtomicU64,
    hash: AtomicU64,
    unpack: AtomicU64,
    disk: AtomicU64,
    /// Bytes.
    served: AtomicU64,
    unpacked: AtomicU64,
    written: AtomicU64,
    zeroed: AtomicU64,
}

impl<'a> Stopwatch<'a> {
    pub(super) fn new(clock: &'a dyn Clock) -> Self {
        Self {
            clock,
            began: clock.since_boot(),
            network: AtomicU64::new(0),
            hash: AtomicU64::new(0),
            unpack: AtomicU64::new(0),
            disk: AtomicU64::new(0),
            served: AtomicU64::new(0),
            unpacked: AtomicU64::new(0),
            written: AtomicU64::new(0),
            zeroed: AtomicU64::new(0),
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

    /// Time since the transfer began.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.since_boot().saturating_sub(self.began)
    }

    /// So many bytes of the file were read, and unpacked to so many.
    pub(super) fn count_served(&self, served: u64, unpacked: u64) {
        self.served.fetch_add(served, Ordering::Relaxed);
        self.unpacked.fetch_add(unpacked, Ordering::Relaxed);
    }

    /// So many bytes were written to the disk.
    pub(super) fn count_written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes of the disk were zeroed.
    pub(super) fn count_zeroed(&self, bytes: u64) {
        self.zeroed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What was moved so far.
    pub(super) fn amounts(&self) -> Amounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Amounts {
            served: read(&self.served),
            unpacked: read(&self.unpacked),
            written: read(&self.written),
            zeroed: read(&self.zeroed),
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
