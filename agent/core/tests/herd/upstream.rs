// SPDX-License-Identifier: Apache-2.0
//! The original agent's rules, as the contract writes them down (§6.3, §7,
//! §10), with the service manager that starts it again (§1).

use std::time::Duration;

use ironseed_core::lifecycle::{Effect, HeartbeatFacts, Input, Random, Timer};

/// Inspection: waits between its five attempts.
const INSPECTION_WAITS: [u64; 4] = [5, 5, 6, 12];

/// The service manager starts an agent again that ended.
const RESTART: Duration = Duration::from_secs(30);

/// Lookup is given up after this long, and the agent ends.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(600);

/// One agent.
#[derive(Debug)]
pub(crate) struct Upstream {
    random: Random,
    inspect: bool,
    inspected: bool,
    failures: usize,
    lookup_began: Option<Duration>,
    lookups: u32,
}

impl Upstream {
    pub(crate) fn new(inspect: bool, seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            inspect,
            inspected: false,
            failures: 0,
            lookup_began: None,
            lookups: 0,
        }
    }

    pub(crate) fn handle(&mut self, now: Duration, input: Input) -> Vec<Effect> {
        match input {
            Input::Ready => self.begin(now),
            Input::InspectionAnswered(Ok(_)) => {
                self.inspected = true;
                self.lookup(now)
            }
            Input::InspectionAnswered(Err(_)) => self.inspection_failed(),
            Input::LookupAnswered(Ok(_)) => vec![Effect::Listen],
            Input::LookupAnswered(Err(_)) => self.lookup_failed(now),
            Input::ApiListening { .. } => vec![heartbeat()],
            Input::HeartbeatAnswered(Ok(())) => {
                let limit = super::HEARTBEAT_TIMEOUT;
                self.next_beat(limit.mul_f64(0.3), limit.mul_f64(0.6))
            }
            Input::HeartbeatAnswered(Err(_)) => {
                self.next_beat(Duration::from_secs(5), Duration::from_secs(10))
            }
            Input::TimerExpired(Timer::Inspection) => self.begin(now),
            Input::TimerExpired(Timer::Lookup) => self.lookup(now),
            Input::TimerExpired(Timer::Heartbeat) => vec![heartbeat()],
            _ => Vec::new(),
        }
    }

    fn begin(&mut self, now: Duration) -> Vec<Effect> {
        match self.inspect && !self.inspected {
            true => vec![Effect::Inspect],
            false => self.lookup(now),
        }
    }

    fn inspection_failed(&mut self) -> Vec<Effect> {
        let pause = INSPECTION_WAITS.get(self.failures).copied();
        self.failures += 1;
        let pause = pause.map_or_else(
            || {
                self.failures = 0;
                RESTART
            },
            Duration::from_secs,
        );
        vec![Effect::Arm(Timer::Inspection, pause)]
    }

    fn lookup(&mut self, now: Duration) -> Vec<Effect> {
        self.lookup_began.get_or_insert(now);
        vec![Effect::Lookup { node_uuid: None }]
    }

    fn lookup_failed(&mut self, now: Duration) -> Vec<Effect> {
        self.lookups += 1;
        if now > self.lookup_began.unwrap_or(now) + LOOKUP_TIMEOUT {
            (self.lookup_began, self.lookups, self.inspected) = (None, 0, false);
            return vec![Effect::Arm(Timer::Inspection, RESTART)];
        }
        let second = Duration::from_secs(1);
        let high = second * 2_u32.pow(self.lookups.min(7) - 1).min(60);
        let pause = self.random.between(second, high);
        vec![Effect::Arm(Timer::Lookup, pause)]
    }

    fn next_beat(&mut self, low: Duration, high: Duration) -> Vec<Effect> {
        let pause = self.random.between(low, high);
        vec![Effect::Arm(Timer::Heartbeat, pause)]
    }
}

fn heartbeat() -> Effect {
    Effect::Heartbeat(HeartbeatFacts {
        node_uuid: String::new(),
        callback_url: String::new(),
        token: None,
        certificate: None,
    })
}
