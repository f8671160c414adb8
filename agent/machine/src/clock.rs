// SPDX-License-Identifier: Apache-2.0
//! What time it is.
//!
//! Two clocks for two questions. How long something takes is measured by the
//! time since boot, which never jumps and counts while the machine sleeps.
//! What date it is matters only to certificates and logs; the date of a server
//! whose battery is empty is wrong by years and is set while the agent runs.
//!
//! [`ntp`] and [`http_date`] ask what time it is, [`setter`] sets the kernel's
//! clock and the real-time clock. Whom to believe is decided in
//! [`ironseed_core::clock`].

pub mod http_date;
pub mod ntp;
mod own_time;
mod rtc;
pub mod setter;

pub use setter::{ClockSetter, KernelClocks, TestSetter};

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};

/// A source of time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Time since the machine started (`CLOCK_BOOTTIME`).
    fn since_boot(&self) -> Duration;

    /// The date.
    fn now(&self) -> SystemTime;
}

/// The kernel's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn since_boot(&self) -> Duration {
        // The call cannot fail for this clock (clock_gettime(2)).
        clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that stands still until a test moves it. Clones show the same time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<(Duration, SystemTime)>>);

impl TestClock {
    /// A clock that shows these times.
    #[must_use]
    pub fn new(since_boot: Duration, now: SystemTime) -> Self {
        Self(Arc::new(Mutex::new((since_boot, now))))
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.0 += by;
        times.1 += by;
    }

    /// Corrects the date, as an NTP client does; the time since boot goes on.
    pub fn set_date(&self, now: SystemTime) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.1 = now;
    }

    fn times(&self) -> (Duration, SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TestClock {
    /// Five seconds after the start of a machine that believes it is 1970.
    fn default() -> Self {
        Self::new(Duration::from_secs(5), SystemTime::UNIX_EPOCH)
    }
}

impl Clock for TestClock {
    fn since_boot(&self) -> Duration {
        self.times().0
    }

    fn now(&self) -> SystemTime {
        self.times().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_moves_its_clock() {
        let clock = TestClock::default();
        let shown = clock.clone();
        clock.advance(Duration::from_secs(2));
        assert_eq!(shown.since_boot(), Duration::from_secs(7));
        let year = Duration::from_secs(31_536_000);
        clock.set_date(SystemTime::UNIX_EPOCH + year);
        assert_eq!(shown.now(), SystemTime::UNIX_EPOCH + year);
        assert_eq!(shown.since_boot(), Duration::from_secs(7));
    }

    #[test]
    fn the_kernels_clock_runs() {
        let before = SystemClock.since_boot();
        assert!(before > Duration::ZERO);
        assert!(SystemClock.since_boot() >= before);
        assert!(SystemClock.now() > SystemTime::UNIX_EPOCH);
    }
}
