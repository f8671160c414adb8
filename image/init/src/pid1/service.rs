// SPDX-License-Identifier: Apache-2.0
//! When each of PID 1's three processes runs, waits to be started again, or stays away. Pure:
//! times (CLOCK_BOOTTIME) are arguments.

use std::time::Duration;

use nix::unistd::Pid;

use crate::backoff::BackOff;

/// Which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `/usr/bin/ironseed-agent run`.
    Agent,
    /// `init console`.
    Console,
    /// `init modules`.
    Modules,
}

impl Kind {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "the agent",
            Self::Console => "the console process",
            Self::Modules => "the process that loads modules",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Runs { pid: Pid, since: Duration },
    Waits { until: Duration },
    Away,
}

/// One process that PID 1 keeps running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Which one.
    pub kind: Kind,
    state: State,
    back_off: BackOff,
    starts: u32,
}

impl Service {
    /// A process that is due at once.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            state: State::Waits {
                until: Duration::ZERO,
            },
            back_off: BackOff::default(),
            starts: 0,
        }
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<Pid> {
        match self.state {
            State::Runs { pid, .. } => Some(pid),
            State::Waits { .. } | State::Away => None,
        }
    }

    /// When it has to be started, if it waits for that.
    pub fn due(&self) -> Option<Duration> {
        match self.state {
            State::Waits { until } => Some(until),
            State::Runs { .. } | State::Away => None,
        }
    }

    /// How often it was started.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// It was started.
    pub fn started(&mut self, pid: Pid, now: Duration) {
        self.starts = self.starts.saturating_add(1);
        self.state = State::Runs { pid, since: now };
    }

    /// It ended, or could not be started. Gives its life and the wait before the next start.
    pub fn ended(&mut self, now: Duration) -> (Duration, Duration) {
        let life = match self.state {
            State::Runs { since, .. } => now.saturating_sub(since),
            State::Waits { .. } | State::Away => Duration::ZERO,
        };
        let wait = self.back_off.after(life);
        self.state = State::Waits { until: now + wait };
        (life, wait)
    }

    /// It is not to be started again.
    pub fn stay_away(&mut self) {
        self.state = State::Away;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_life_of_crashes() {
        let mut agent = Service::new(Kind::Agent);
        assert_eq!(agent.due(), Some(s(0)));
        agent.started(Pid::from_raw(50), s(3));
        assert_eq!((agent.pid(), agent.due()), (Some(Pid::from_raw(50)), None));
        assert_eq!(agent.ended(s(4)), (s(1), s(1)));
        assert_eq!((agent.pid(), agent.due()), (None, Some(s(5))));
        // The start itself fails.
        assert_eq!(agent.ended(s(5)), (s(0), s(2)));
        assert_eq!(agent.due(), Some(s(7)));
        agent.started(Pid::from_raw(51), s(7));
        assert_eq!(agent.starts(), 2);
        assert_eq!(agent.ended(s(100)), (s(93), s(1)));
    }

    #[test]
    fn away_is_for_good() {
        let mut agent = Service::new(Kind::Agent);
        agent.started(Pid::from_raw(50), s(3));
        agent.ended(s(4));
        agent.stay_away();
        assert_eq!((agent.pid(), agent.due()), (None, None));
    }
}
