// SPDX-License-Identifier: Apache-2.0
//! Ten thousand agents and one Ironic, simulated event by event: no clock, no
//! sleeping, the same figures every time.
//!
//! The agents are the real life cycle; upstream's rules stand beside it for
//! comparison. Ironic is a queue with a capacity.

pub(crate) mod ironic;
pub(crate) mod report;
pub(crate) mod upstream;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::time::Duration;

use ironseed_core::image_request::Secret;
use ironseed_core::lifecycle::{
    Effect, Input, Lifecycle, LifecycleSettings, LookupFacts, Random, Refusal, Timer,
};

use ironic::{Ironic, Request, Verdict};
use report::Report;
use upstream::Upstream;

/// What Ironic says about the rhythm of heartbeats (its default).
pub(crate) const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(300);

const TOKEN: &str = "0123456789012345678901234567890123456789012";

/// Whose rules the agents follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// This project's life cycle.
    Ironseed,
    /// The original agent's rules (contract §6.3, §7, §10).
    Upstream,
}

/// One thing to simulate.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// What happens.
    pub(crate) name: &'static str,
    /// How many agents there are.
    pub(crate) agents: u32,
    /// Power comes back within this time, evenly.
    pub(crate) power: Duration,
    /// The firmware takes this long until the agent runs, evenly.
    pub(crate) firmware: Range<Duration>,
    /// Whether each agent reports its inventory first.
    pub(crate) inspect: bool,
    /// What Ironic can do.
    pub(crate) ironic: Ironic,
    /// How long it is looked at.
    pub(crate) until: Duration,
}

/// What an agent does next, as an event.
#[derive(Debug)]
enum Event {
    /// Hand this to the agent.
    Input(Box<Input>),
    /// A timer of the agent, unless it was armed again since.
    Timer(Timer, u32),
    /// Ironic has told its version; the call behind it is sent.
    VersionKnown(Request),
}

enum Rules {
    Ironseed(Box<Lifecycle>),
    Upstream(Upstream),
}

struct Agent {
    rules: Rules,
    version_known: bool,
    armed: [u32; 3],
}

/// Runs a scenario with all agents following one policy.
pub(crate) fn simulate(scenario: &Scenario, policy: Policy) -> Report {
    let mut world = World {
        events: BinaryHeap::new(),
        payloads: Vec::new(),
        free: Vec::new(),
        agents: Vec::new(),
        ironic: scenario.ironic.clone(),
        report: Report::new(scenario),
        arrivals: 0,
    };
    let mut random = Random::new(0x1905_5eed);
    for number in 0..scenario.agents {
        let agent = Agent::new(scenario, policy, number);
        world.agents.push(agent);
        let ready = random.between(Duration::ZERO, scenario.power)
            + random.between(scenario.firmware.start, scenario.firmware.end);
        world.later(ready, number, Event::Input(Box::new(Input::Ready)));
    }
    world.run(scenario.until);
    world.report
}

struct World {
    /// Time, order of arrival, agent, place in `payloads`.
    events: BinaryHeap<Reverse<(Duration, u64, u32, usize)>>,
    payloads: Vec<Option<Event>>,
    free: Vec<usize>,
    agents: Vec<Agent>,
    ironic: Ironic,
    report: Report,
    arrivals: u64,
}

impl World {
    fn later(&mut self, at: Duration, agent: u32, event: Event) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.payloads.push(None);
            self.payloads.len() - 1
        });
        self.payloads[place] = Some(event);
        self.arrivals += 1;
        self.events.push(Reverse((at, self.arrivals, agent, place)));
    }

    fn run(&mut self, until: Duration) {
        while let Some(Reverse((now, _, agent, place))) = self.events.pop() {
            if now > until {
                return;
            }
            self.free.push(place);
            let Some(event) = self.payloads[place].take() else {
                continue;
            };
            match event {
                Event::Input(input) => self.input(now, agent, *input),
                Event::VersionKnown(request) => self.send(now, agent, request),
                Event::Timer(timer, armed) => {
                    if self.agent(agent).armed[slot(timer)] == armed {
                        self.input(now, agent, Input::TimerExpired(timer));
                    }
                }
            }
        }
    }

    fn agent(&mut self, agent: u32) -> &mut Agent {
        &mut self.agents[agent as usize]
    }

    fn input(&mut self, now: Duration, agent: u32, input: Input) {
        let effects = match &mut self.agent(agent).rules {
            Rules::Ironseed(life) => life.handle(now, input),
            Rules::Upstream(upstream) => upstream.handle(now, input),
        };
        for effect in effects {
            match effect {
                Effect::Inspect => self.send(now, agent, Request::Inspection),
                Effect::Lookup { .. } => self.ask(now, agent, Request::Lookup),
                Effect::Heartbeat(_) => self.ask(now, agent, Request::Heartbeat),
                Effect::Listen => {
                    let listening = Input::ApiListening {
                        callback_url: "https://192.0.2.1:9999".into(),
                        certificate: None,
                    };
                    // A key is made.
                    self.later(
                        now + Duration::from_millis(20),
                        agent,
                        Event::Input(Box::new(listening)),
                    );
                }
                Effect::Arm(timer, pause) => {
                    let armed = &mut self.agent(agent).armed[slot(timer)];
                    *armed += 1;
                    let armed = *armed;
                    self.later(now + pause, agent, Event::Timer(timer, armed));
                }
                Effect::Emit(_) | Effect::Run { .. } | Effect::Save => {}
            }
        }
    }

    /// A call that needs to know Ironic's version first.
    fn ask(&mut self, now: Duration, agent: u32, request: Request) {
        if self.agent(agent).version_known {
            return self.send(now, agent, request);
        }
        let (at, verdict) = self.ironic.ask(now, Request::Version);
        self.report.asked(now, Request::Version, verdict);
        let upstream = matches!(self.agent(agent).rules, Rules::Upstream(_));
        match verdict {
            Verdict::Served => {
                self.agent(agent).version_known = true;
                self.later(at, agent, Event::VersionKnown(request));
            }
            // Upstream goes on with the oldest version it knows.
            _ if upstream => self.later(at, agent, Event::VersionKnown(request)),
            verdict => self.later(at, agent, Event::Input(Box::new(answer(request, verdict)))),
        }
    }

    fn send(&mut self, now: Duration, agent: u32, request: Request) {
        let (at, verdict) = self.ironic.ask(now, request);
        self.report.asked(now, request, verdict);
        if request == Request::Heartbeat && verdict == Verdict::Served {
            self.report.heartbeat(at, agent);
        }
        self.later(at, agent, Event::Input(Box::new(answer(request, verdict))));
    }
}

fn slot(timer: Timer) -> usize {
    match timer {
        Timer::Inspection => 0,
        Timer::Lookup => 1,
        Timer::Heartbeat => 2,
    }
}

fn answer(request: Request, verdict: Verdict) -> Input {
    let refusal = |status| Refusal {
        url: String::new(),
        status,
        text: String::new(),
        unresolved: false,
        retry_after: None,
    };
    let refused = match verdict {
        Verdict::Served => None,
        Verdict::Overloaded => Some(refusal(Some(503))),
        Verdict::Away => Some(refusal(None)),
    };
    match (request, refused) {
        (Request::Inspection, None) => Input::InspectionAnswered(Ok(Some("node".into()))),
        (Request::Inspection, Some(refusal)) => Input::InspectionAnswered(Err(refusal)),
        (Request::Lookup | Request::Version, None) => Input::LookupAnswered(Ok(LookupFacts {
            node: std::iter::once(("uuid".to_owned(), "node".into())).collect(),
            heartbeat_timeout: HEARTBEAT_TIMEOUT,
            token: Some(Secret::new(TOKEN)),
        })),
        (Request::Lookup | Request::Version, Some(refusal)) => Input::LookupAnswered(Err(refusal)),
        (Request::Heartbeat, None) => Input::HeartbeatAnswered(Ok(())),
        (Request::Heartbeat, Some(refusal)) => Input::HeartbeatAnswered(Err(refusal)),
    }
}

impl Agent {
    fn new(scenario: &Scenario, policy: Policy, number: u32) -> Self {
        // Seeds of neighbours must not be neighbours (Knuth's multiplier).
        let seed = (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let rules = match policy {
            Policy::Upstream => Rules::Upstream(Upstream::new(scenario.inspect, seed)),
            Policy::Ironseed => {
                let settings = LifecycleSettings {
                    has_api: true,
                    inspect: scenario.inspect,
                    inspection_waits: false,
                    lookup_interval: Duration::from_secs(1),
                    token: None,
                    ignore_bootloader_failure: false,
                };
                Rules::Ironseed(Box::new(Lifecycle::new(settings, None, seed)))
            }
        };
        Self {
            rules,
            version_known: false,
            armed: [0; 3],
        }
    }
}
