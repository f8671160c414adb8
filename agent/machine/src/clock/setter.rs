// SPDX-License-Identifier: Apache-2.0
//! Setting the clocks of the machine.
//!
//! Apart from [`Clock`](super::Clock): many parts of the agent look at the
//! time, one may change it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_settime};

use super::{TestClock, rtc};
use crate::root::Root;

/// The clocks that can be set: the kernel's, and the one that runs while the
/// machine is off.
pub trait ClockSetter: Send + Sync + std::fmt::Debug {
    /// Steps the kernel's clock to a Unix time.
    ///
    /// # Errors
    /// The kernel's words; `EPERM` without `CAP_SYS_TIME`.
    fn set(&self, date: Duration) -> io::Result<()>;

    /// The Unix time the real-time clock shows; `None` if there is none, or if
    /// it shows no date.
    ///
    /// # Errors
    /// The kernel's words.
    fn rtc(&self) -> io::Result<Option<Duration>>;

    /// Sets the real-time clock, in UTC and whole seconds. Gives whether there
    /// is one.
    ///
    /// # Errors
    /// The kernel's words.
    fn set_rtc(&self, date: Duration) -> io::Result<bool>;
}

/// The clocks of this machine.
#[derive(Debug, Clone)]
pub struct KernelClocks {
    root: Root,
}

impl KernelClocks {
    /// The clocks; the real-time clock is a device below `root`.
    #[must_use]
    pub fn new(root: Root) -> Self {
        Self { root }
    }
}

impl ClockSetter for KernelClocks {
    fn set(&self, date: Duration) -> io::Result<()> {
        clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::from_duration(date))?;
        Ok(())
    }

    fn rtc(&self) -> io::Result<Option<Duration>> {
        rtc::read(&self.root)
    }

    fn set_rtc(&self, date: Duration) -> io::Result<bool> {
        rtc::write(&self.root, date)
    }
}

/// Clocks that only a test sees: the date of a [`TestClock`], and a real-time
/// clock that stands still, if there is one. Clones are the same clocks.
#[derive(Debug, Clone, Default)]
pub struct TestSetter {
    clock: TestClock,
    state: Arc<Mutex<TestState>>,
}

#[derive(Debug, Default)]
struct TestState {
    rtc: Option<Duration>,
    steps: u32,
    refuses: bool,
}

impl TestSetter {
    /// The clocks of a machine with a real-time clock that shows `rtc`.
    #[must_use]
    pub fn new(clock: TestClock, rtc: Option<Duration>) -> Self {
        let state = TestState {
            rtc,
            ..TestState::default()
        };
        Self {
            clock,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// From now on nothing can be set.
    pub fn refuse(&self) {
        self.with(|state| state.refuses = true);
    }

    /// How often the kernel's clock was set.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.with(|state| state.steps)
    }

    fn with<T>(&self, change: impl FnOnce(&mut TestState) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn allowed(&self) -> io::Result<()> {
        if self.with(|state| state.refuses) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(())
    }
}

impl ClockSetter for TestSetter {
    fn set(&self, date: Duration) -> io::Result<()> {
        self.allowed()?;
        self.with(|state| state.steps += 1);
        self.clock.set_date(UNIX_EPOCH + date);
        Ok(())
    }

    fn rtc(&self) -> io::Result<Option<Duration>> {
        Ok(self.with(|state| state.rtc))
    }

    fn set_rtc(&self, date: Duration) -> io::Result<bool> {
        self.allowed()?;
        Ok(self.with(|state| {
            let there = state.rtc.is_some();
            state.rtc = state.rtc.map(|_| Duration::from_secs(date.as_secs()));
            there
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock as _;

    #[test]
    fn a_test_sets_its_own_clocks_only() {
        let clock = TestClock::default();
        let setter = TestSetter::new(clock.clone(), Some(Duration::ZERO));
        let date = Duration::from_millis(1_800_000_000_700);
        setter.set(date).expect("set");
        assert_eq!(clock.now(), UNIX_EPOCH + date);
        assert!(setter.set_rtc(date).expect("set"));
        assert_eq!(
            setter.rtc().expect("read"),
            Some(Duration::from_secs(1_800_000_000))
        );
        setter.refuse();
        assert!(setter.set(Duration::ZERO).is_err());
        assert!(setter.set_rtc(Duration::ZERO).is_err());
        assert_eq!(setter.steps(), 1);
        let without = TestSetter::new(clock, None);
        assert!(!without.set_rtc(date).expect("no failure"));
    }
}
