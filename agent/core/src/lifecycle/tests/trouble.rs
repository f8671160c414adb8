// SPDX-License-Identifier: Apache-2.0
//! Whole lives in trouble: Ironic refuses, is away, cannot be found, or the
//! machine's address changes. Each ends registered, with every result read,
//! and with no wait left.

use std::collections::BTreeMap;
use std::ops::Range;

use super::*;

/// How long a call takes.
const LATENCY: Duration = Duration::from_millis(40);

/// What Ironic does to a call.
#[derive(Debug, Clone)]
enum Trouble {
    /// It answers with this status and this `Retry-After`.
    Status(u16, Option<u64>),
    /// Nothing answers.
    Away,
    /// Its name has no address.
    NoName,
    /// It takes heartbeats but holds the lock, so it does not look.
    Busy,
}

impl Trouble {
    fn refusal(&self) -> Option<Refusal> {
        match self {
            Trouble::Status(status, retry_after) => Some(Refusal {
                retry_after: retry_after.map(seconds),
                ..refusal(*status)
            }),
            Trouble::Away => Some(unreachable()),
            Trouble::NoName => Some(Refusal {
                unresolved: true,
                text: "the name ironic has no address: no answer within 10 s".into(),
                ..unreachable()
            }),
            Trouble::Busy => None,
        }
    }
}

/// Something that happens at a time of its own.
#[derive(Debug, Clone)]
enum Happens {
    /// Ironic gives this step.
    Step(&'static str),
    /// The step that runs ends.
    StepEnds,
    /// The API listens at this address from now on.
    Address(&'static str),
}

/// A life with an Ironic and a clock.
struct World {
    life: Lifecycle,
    troubles: Vec<(Range<u64>, Trouble)>,
    happens: Vec<(u64, Happens)>,
    /// By time, then by order of arrival.
    queue: BTreeMap<(Duration, u64), Input>,
    timers: Vec<(Timer, (Duration, u64))>,
    arrivals: u64,
    now: Duration,
    /// When a heartbeat was accepted, and the URL it named.
    accepted: Vec<(Duration, String)>,
    lookups: Vec<Duration>,
    reports: Vec<Duration>,
    waits: Vec<&'static str>,
    waiting: bool,
    /// Ended commands that Ironic has read.
    read: usize,
}

impl World {
    fn new(inspect: bool, troubles: &[(Range<u64>, Trouble)], happens: &[(u64, Happens)]) -> Self {
        let settings = LifecycleSettings {
            inspect,
            ..settings()
        };
        let mut world = World {
            life: Lifecycle::new(settings, None, 7),
            troubles: troubles.to_vec(),
            happens: happens.to_vec(),
            queue: BTreeMap::new(),
            timers: Vec::new(),
            arrivals: 0,
            now: seconds(10),
            accepted: Vec::new(),
            lookups: Vec::new(),
            reports: Vec::new(),
            waits: Vec::new(),
            waiting: false,
            read: 0,
        };
        world.later(Duration::ZERO, Input::Ready);
        world
    }

    fn later(&mut self, pause: Duration, input: Input) -> (Duration, u64) {
        self.arrivals += 1;
        let key = (self.now + pause, self.arrivals);
        self.queue.insert(key, input);
        key
    }

    fn trouble(&self) -> Option<Trouble> {
        let now = self.now.as_secs();
        let mut found = self.troubles.iter();
        found
            .find(|(when, _)| when.contains(&now))
            .map(|(_, trouble)| trouble.clone())
    }

    fn run(&mut self, until: u64) {
        while let Some((&(at, _), _)) = self.queue.first_key_value() {
            let due = self.happens.first().map(|(when, _)| seconds(*when));
            if let Some(when) = due.filter(|when| *when <= at) {
                self.now = when;
                let (_, what) = self.happens.remove(0);
                self.happen(what);
                continue;
            }
            if at > seconds(until) {
                return;
            }
            let ((at, _), input) = self.queue.pop_first().expect("an input");
            self.now = at;
            let effects = self.life.handle(at, input);
            self.carry_out(effects);
        }
    }

    fn happen(&mut self, what: Happens) {
        let now = self.now;
        let effects = match what {
            Happens::Step(id) => self
                .life
                .command(now, id.into(), "execute_clean_step", step("erase_devices"))
                .expect("taken"),
            Happens::StepEnds => {
                let running = self.life.records().last().expect("a command").id.clone();
                let result = Ok(WorkResult::Step(None));
                self.life.handle(
                    now,
                    Input::WorkEnded {
                        id: running,
                        result,
                    },
                )
            }
            Happens::Address(address) => self.life.handle(now, at(address)),
        };
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Inspect => {
                    self.reports.push(self.now);
                    let answer = self.answer(Some("node-1".to_owned()));
                    self.later(LATENCY, Input::InspectionAnswered(answer));
                }
                Effect::Lookup { .. } => {
                    self.lookups.push(self.now);
                    let answer = self.answer(facts(TOKEN));
                    self.later(LATENCY, Input::LookupAnswered(answer));
                }
                Effect::Listen => {
                    self.later(LATENCY, at("192.0.2.1"));
                }
                Effect::Heartbeat(facts) => self.heartbeat(&facts),
                Effect::Arm(timer, pause) => self.arm(timer, pause),
                Effect::Emit(Event::Waiting(wait)) => {
                    self.waits.push(wait.code());
                    self.waiting = true;
                }
                Effect::Emit(Event::WaitOver) => self.waiting = false,
                Effect::Emit(_) | Effect::Run { .. } | Effect::Save => {}
            }
        }
    }

    fn answer<T>(&self, good: T) -> Result<T, Refusal> {
        match self.trouble().and_then(|trouble| trouble.refusal()) {
            Some(refusal) => Err(refusal),
            None => Ok(good),
        }
    }

    fn heartbeat(&mut self, facts: &HeartbeatFacts) {
        assert_eq!(facts.token.as_ref().map(Secret::expose), Some(TOKEN));
        let answer = self.answer(());
        if answer.is_ok() {
            self.accepted.push((self.now, facts.callback_url.clone()));
            if !matches!(self.trouble(), Some(Trouble::Busy)) {
                let ended = |record: &&CommandRecord| record.state != CommandState::Running;
                self.read = self.life.records().iter().filter(ended).count();
                self.later(LATENCY * 2, Input::CommandsRead);
            }
        }
        self.later(LATENCY, Input::HeartbeatAnswered(answer));
    }

    fn arm(&mut self, timer: Timer, pause: Duration) {
        self.timers.retain(|(armed, key)| {
            if *armed == timer {
                self.queue.remove(key);
            }
            *armed != timer
        });
        let key = self.later(pause, Input::TimerExpired(timer));
        self.timers.push((timer, key));
    }

    /// Seconds from a time to the next accepted heartbeat.
    fn resumed_after(&self, time: u64) -> Option<u64> {
        let mut later = self.accepted.iter().map(|(at, _)| *at);
        let next = later.find(|at| *at >= seconds(time))?;
        Some((next - seconds(time)).as_secs())
    }
}

fn at(address: &str) -> Input {
    Input::ApiListening {
        callback_url: format!("https://{address}:9999"),
        certificate: Some(address.to_owned()),
    }
}

const HOUR: u64 = 3600;

#[test]
fn every_life_in_trouble_ends_well() {
    use Happens::{Step, StepEnds};
    use Trouble::{Away, Busy, NoName, Status};
    type Row<'a> = (
        &'a str,
        bool,
        &'a [(Range<u64>, Trouble)],
        &'a [(u64, Happens)],
        // The waits that were told.
        &'a [&'a str],
        // From this time on, the next accepted heartbeat comes this soon.
        (u64, u64),
    );
    let rows: [Row<'_>; 13] = [
        ("nothing wrong", true, &[], &[], &[], (10, 1)),
        (
            "409 to the inspection, then to lookup, then to heartbeats",
            true,
            &[
                (0..20, Status(409, None)),
                (20..60, Status(409, None)),
                (60..90, Status(409, None)),
            ],
            &[],
            &["node-locked"],
            (90, 65),
        ),
        (
            "409 to heartbeats",
            false,
            &[(150..220, Status(409, None))],
            &[],
            &["node-locked"],
            (220, 11),
        ),
        (
            "503 in bursts, with a pause that the proxy asks for",
            true,
            &[
                (0..15, Status(503, Some(20))),
                (30..50, Status(503, None)),
                (110..140, Status(503, Some(5))),
            ],
            &[],
            &["ironic-unavailable"],
            (140, 180),
        ),
        (
            "a proxy that wants an hour is asked again in minutes",
            false,
            &[(0..30, Status(503, Some(HOUR)))],
            &[],
            &["ironic-unavailable"],
            (30, 181),
        ),
        (
            "429 does not lose the report",
            true,
            &[(0..30, Status(429, Some(1)))],
            &[],
            &["ironic-unavailable"],
            (30, 10),
        ),
        (
            "the conductor restarts in the middle of a step that ends meanwhile",
            false,
            &[(100..160, Away), (160..180, Status(503, None))],
            &[(90, Step("c1")), (130, StepEnds)],
            &["ironic-unreachable", "ironic-unavailable"],
            (180, 61),
        ),
        (
            "Ironic is away for an hour, and a step ends in it",
            false,
            &[(100..100 + HOUR, Away)],
            &[(90, Step("c1")), (1000, StepEnds)],
            &["ironic-unreachable"],
            (100 + HOUR, 61),
        ),
        (
            "Ironic is away for an hour before it knows the machine",
            true,
            &[(0..HOUR, Away)],
            &[],
            &["ironic-unreachable"],
            (HOUR, 32),
        ),
        (
            "away for an hour, and busy with the node when it is back",
            false,
            &[(100..100 + HOUR, Away), (100 + HOUR..130 + HOUR, Busy)],
            &[(90, Step("c1")), (1000, StepEnds)],
            &["ironic-unreachable"],
            (130 + HOUR, 100),
        ),
        (
            "the name server goes away and comes back",
            false,
            &[(0..40, NoName), (300..900, NoName)],
            &[],
            &["ironic-name-unresolved", "ironic-name-unresolved"],
            (900, 61),
        ),
        (
            "a switch port that forwards after 60 s",
            true,
            &[(0..70, Away)],
            &[],
            &["ironic-unreachable"],
            (70, 32),
        ),
        (
            "restored from a backup, Ironic does not know the node for a while",
            false,
            &[(200..800, Status(404, None))],
            &[],
            &["heartbeat-refused"],
            (800, 61),
        ),
    ];
    for (name, inspect, troubles, happens, waits, (from, within)) in rows {
        let mut world = World::new(inspect, troubles, happens);
        world.run(2 * HOUR);
        assert_eq!(world.waits, waits, "{name}");
        assert!(!world.waiting && world.life.wait().is_none(), "{name}");
        let resumed = world.resumed_after(from);
        assert!(
            resumed.is_some_and(|after| after <= within),
            "{name}: {resumed:?}"
        );
        assert_eq!(world.read, world.life.records().len(), "{name}");
        assert_eq!(
            world.life.token().map(Secret::expose),
            Some(TOKEN),
            "{name}"
        );
        assert!(world.life.saved().inspected == inspect, "{name}");
        // Afterwards everything goes its ordinary way, to the end.
        let late = world
            .accepted
            .iter()
            .filter(|(at, _)| *at > seconds(HOUR + 1800));
        assert!((8..25).contains(&late.count()), "{name}");
    }
}

/// An outage of an hour asks less and less often, and never faster than the
/// contract's 5 s.
#[test]
fn a_long_outage_is_not_hammered_at() {
    let mut world = World::new(false, &[(100..100 + HOUR, Trouble::Away)], &[]);
    let mut pauses = Vec::new();
    world.run(99);
    let sent = |world: &World| world.timers.iter().map(|(_, key)| *key).max();
    let mut last = sent(&world);
    for second in 100..100 + HOUR {
        world.run(second);
        let next = sent(&world);
        if next != last {
            pauses.extend(next.map(|(at, _)| at - world.now));
            last = next;
        }
    }
    assert!(
        pauses
            .iter()
            .all(|pause| (seconds(5)..=seconds(180)).contains(pause)),
        "{pauses:?}"
    );
    // 8 in the first minutes, then one in 45 s on average.
    assert!(
        (60..130).contains(&pauses.len()),
        "{} attempts",
        pauses.len()
    );
}

/// The lease gives another address in the middle of a step: Ironic is told at
/// once, with the certificate for it, and the result arrives.
#[test]
fn a_new_address_is_announced_at_once() {
    use Happens::{Address, Step, StepEnds};
    let cases: [(&str, Vec<(u64, Happens)>); 3] = [
        ("in peace", vec![(400, Address("192.0.2.77"))]),
        (
            "during a step",
            vec![
                (390, Step("c1")),
                (400, Address("192.0.2.77")),
                (420, StepEnds),
            ],
        ),
        (
            "as a step ends",
            vec![
                (390, Step("c1")),
                (400, StepEnds),
                (400, Address("192.0.2.77")),
            ],
        ),
    ];
    for (name, happens) in cases {
        let mut world = World::new(false, &[], &happens);
        world.run(HOUR);
        let new = "https://192.0.2.77:9999";
        let first = world.accepted.iter().find(|(_, url)| url == new);
        let first = first.map(|(at, _)| *at).expect(name);
        assert!(
            (seconds(400)..=seconds(402)).contains(&first),
            "{name}: {first:?}"
        );
        let old_after = world
            .accepted
            .iter()
            .any(|(at, url)| *at > first && url != new);
        assert!(!old_after, "{name}");
        assert_eq!(world.read, world.life.records().len(), "{name}");
        assert!(!world.waiting, "{name}");
    }
}

/// Ironic refuses an address that differs from the one it has (contract §10).
/// That is told, and over as soon as the old address is back.
#[test]
fn a_new_address_that_ironic_refuses_is_a_named_wait() {
    let refused = [(400..1000, Trouble::Status(400, None))];
    let happens = [
        (400, Happens::Address("192.0.2.77")),
        (1000, Happens::Address("192.0.2.1")),
    ];
    let mut world = World::new(false, &refused, &happens);
    world.run(999);
    assert_eq!(world.waits, ["heartbeat-refused"]);
    assert!(world.life.wait().is_some());
    world.run(1002);
    assert_eq!(world.life.wait(), None);
    assert_eq!(world.resumed_after(1000), Some(0));
}

#[test]
fn a_heartbeat_under_way_does_not_swallow_a_new_address() {
    let mut life = serving();
    assert!(beats(
        &life.handle(seconds(100), Input::TimerExpired(Timer::Heartbeat))
    ));
    let effects = life.handle(seconds(101), at("192.0.2.77"));
    assert!(!beats(&effects), "one is under way");
    // It named the old address, and Ironic may well have refused it.
    for answer in [Ok(()), Err(refusal(400))] {
        let effects = life.handle(seconds(102), Input::HeartbeatAnswered(answer));
        assert_eq!(armed(&effects, Timer::Heartbeat), Some(seconds(1)));
        let effects = life.handle(seconds(103), Input::TimerExpired(Timer::Heartbeat));
        let told = has(&effects, |effect| {
            matches!(effect, Effect::Heartbeat(facts) if facts.callback_url.contains("192.0.2.77")
                && facts.certificate.as_deref() == Some("192.0.2.77"))
        });
        assert!(told, "{effects:?}");
        life.handle(seconds(104), at("192.0.2.77"));
    }
}

#[test]
fn a_missing_address_is_named_until_there_is_one() {
    let mut life = Lifecycle::new(settings(), None, 1);
    life.handle(seconds(5), Input::Ready);
    life.handle(seconds(6), Input::LookupAnswered(Ok(facts(TOKEN))));
    let effects = life.handle(seconds(7), Input::NoCallbackAddress("no route".into()));
    assert!(has(&effects, |e| matches!(
        e,
        Effect::Emit(Event::Waiting(_))
    )));
    assert_eq!(life.wait().map(Wait::code), Some("no-callback-address"));
    let effects = life.handle(seconds(90), listening());
    assert!(beats(&effects));
    assert_eq!(life.wait(), None);
}

/// After a restart nobody knows whether Ironic has read the results: it is made
/// to look, as often as after a command.
#[test]
fn results_of_the_process_before_are_forced_on_ironic() {
    let mut life = serving();
    life.command(
        seconds(20),
        "c1".into(),
        "execute_clean_step",
        step("erase_devices"),
    )
    .expect("taken");
    let mut next = Lifecycle::new(settings(), Some(life.saved()), 2);
    next.handle(seconds(50), Input::Ready);
    next.handle(seconds(51), Input::LookupAnswered(Ok(facts("******"))));
    assert!(beats(&next.handle(seconds(52), listening())));
    let effects = next.handle(seconds(53), Input::HeartbeatAnswered(Ok(())));
    assert!(armed(&effects, Timer::Heartbeat).is_some_and(|pause| pause < seconds(5)));
    next.handle(seconds(54), Input::CommandsRead);
    next.handle(seconds(58), Input::TimerExpired(Timer::Heartbeat));
    let effects = next.handle(seconds(59), Input::HeartbeatAnswered(Ok(())));
    assert!(armed(&effects, Timer::Heartbeat).is_some_and(|pause| pause >= seconds(90)));
}

/// Failed heartbeats do not use up the ones that make Ironic look.
#[test]
fn an_outage_does_not_use_up_forced_heartbeats() {
    let mut life = serving();
    life.command(
        seconds(20),
        "c1".into(),
        "execute_clean_step",
        step("erase_devices"),
    )
    .expect("taken");
    let result = Ok(WorkResult::Step(None));
    life.handle(
        seconds(30),
        Input::WorkEnded {
            id: "c1".into(),
            result,
        },
    );
    let mut now = 30;
    for _ in 0..50 {
        let answer = Input::HeartbeatAnswered(Err(unreachable()));
        life.handle(seconds(now + 1), answer);
        now += 60;
        assert!(beats(
            &life.handle(seconds(now), Input::TimerExpired(Timer::Heartbeat))
        ));
    }
    let effects = life.handle(seconds(now + 1), Input::HeartbeatAnswered(Ok(())));
    assert!(armed(&effects, Timer::Heartbeat).is_some_and(|pause| pause < seconds(5)));
}
