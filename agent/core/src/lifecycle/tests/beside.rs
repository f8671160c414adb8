// SPDX-License-Identifier: Apache-2.0
//! Lives in which the inspection data wait for LLDP neighbours and lookup goes
//! on beside them.

use super::*;

/// A life whose report waits for the neighbours of two ports.
fn listening_for_neighbours(has_api: bool) -> (Lifecycle, Vec<Effect>) {
    let settings = LifecycleSettings {
        has_api,
        inspect: true,
        inspection_waits: true,
        ..settings()
    };
    let mut life = Lifecycle::new(settings, None, 1);
    let effects = life.handle(seconds(5), Input::Ready);
    assert!(has(&effects, |e| *e == Effect::Inspect));
    let told = life.handle(seconds(5), awaited(&["eno1", "eno2"]));
    assert!(has(&told, |e| matches!(e, Effect::Emit(Event::Waiting(_)))));
    (life, effects)
}

fn awaited(ports: &[&str]) -> Input {
    let ports: Vec<String> = ports.iter().map(|name| (*name).to_owned()).collect();
    Input::InspectionWaits((!ports.is_empty()).then_some(Wait::LldpNeighbours { ports }))
}

fn looks_up(effects: &[Effect]) -> bool {
    has(effects, |effect| matches!(effect, Effect::Lookup { .. }))
}

fn inspected(uuid: &str) -> Input {
    Input::InspectionAnswered(Ok(Some(uuid.into())))
}

#[test]
fn registration_does_not_wait_for_the_neighbours() {
    let (mut life, effects) = listening_for_neighbours(true);
    assert!(has(&effects, |e| *e == Effect::Lookup { node_uuid: None }));
    assert_eq!(life.phase(), Phase::Inspection);
    assert_eq!(
        life.wait(),
        Some(&Wait::LldpNeighbours {
            ports: vec!["eno1".into(), "eno2".into()]
        })
    );
    let effects = life.handle(seconds(6), Input::LookupAnswered(Ok(facts(TOKEN))));
    assert!(has(&effects, |e| *e == Effect::Listen));
    assert!(beats(&life.handle(seconds(7), listening())));
    life.handle(seconds(8), Input::HeartbeatAnswered(Ok(())));
    assert_eq!(life.phase(), Phase::Serving);
    assert_eq!(life.wait().map(Wait::code), Some("lldp-neighbours"));

    let effects = life.handle(seconds(30), awaited(&["eno2"]));
    let left = Wait::LldpNeighbours {
        ports: vec!["eno2".into()],
    };
    assert_eq!(effects, [Effect::Emit(Event::Waiting(left))]);
    life.handle(seconds(35), awaited(&[]));
    assert_eq!(life.wait(), None);
    // Another node than lookup found cannot become the one of the heartbeats.
    let effects = life.handle(seconds(36), inspected("node-2"));
    assert!(!looks_up(&effects), "{effects:?}");
    assert!(has(&effects, |e| *e == Effect::Save));
    assert_eq!(life.phase(), Phase::Serving);
    assert!(life.saved().inspected);
    assert_eq!(life.saved().node_uuid.as_deref(), Some("node-1"));
}

#[test]
fn a_command_that_runs_is_not_disturbed_by_the_answer_to_the_report() {
    let (mut life, _) = listening_for_neighbours(true);
    life.handle(seconds(6), Input::LookupAnswered(Ok(facts(TOKEN))));
    life.handle(seconds(7), listening());
    life.handle(seconds(8), Input::HeartbeatAnswered(Ok(())));
    life.command(
        seconds(20),
        "c1".into(),
        "execute_clean_step",
        step("erase_devices"),
    )
    .expect("taken");
    for answer in [Err(refusal(404)), Ok(Some("node-1".into()))] {
        let effects = life.handle(seconds(36), Input::InspectionAnswered(answer));
        assert!(!looks_up(&effects) && !beats(&effects), "{effects:?}");
        assert_eq!(life.phase(), Phase::Working);
    }
}

/// A machine that Ironic knows only through the data it waits for, or accepts
/// only after it: lookup fails until then, and is repeated at once with the
/// node that the answer names.
#[test]
fn a_machine_that_only_the_report_makes_known_is_looked_up_right_after_it() {
    let (mut life, _) = listening_for_neighbours(true);
    let effects = life.handle(seconds(6), Input::LookupAnswered(Err(refusal(404))));
    assert!(armed(&effects, Timer::Lookup).is_some());
    assert_eq!(life.wait().map(Wait::code), Some("node-unknown"));
    let effects = life.handle(seconds(35), inspected("node-1"));
    assert!(has(&effects, |e| *e
        == Effect::Lookup {
            node_uuid: Some("node-1".into())
        }));
    assert_eq!(life.phase(), Phase::Lookup);
    // The timer of the lookup before does not make a second one.
    let effects = life.handle(seconds(36), Input::TimerExpired(Timer::Lookup));
    assert_eq!(effects, []);
    let effects = life.handle(seconds(37), Input::LookupAnswered(Ok(facts(TOKEN))));
    assert!(has(&effects, |e| *e == Effect::Listen));
    let effects = life.handle(seconds(38), Input::TimerExpired(Timer::Lookup));
    assert_eq!(effects, []);
}

#[test]
fn an_answer_to_the_report_during_a_lookup_waits_for_it() {
    let (mut life, _) = listening_for_neighbours(true);
    assert!(!looks_up(&life.handle(seconds(6), inspected("node-1"))));
    assert_eq!(life.phase(), Phase::Lookup);
    life.handle(seconds(7), Input::LookupAnswered(Err(refusal(404))));
    let effects = life.handle(seconds(9), Input::TimerExpired(Timer::Lookup));
    assert!(has(&effects, |e| *e
        == Effect::Lookup {
            node_uuid: Some("node-1".into())
        }));
}

/// Ironic holds the node's lock for either call while the other one comes.
#[test]
fn either_call_may_meet_the_others_lock() {
    let (mut life, _) = listening_for_neighbours(true);
    let effects = life.handle(seconds(6), Input::LookupAnswered(Err(refusal(409))));
    assert!(armed(&effects, Timer::Lookup).is_some());
    assert_eq!(life.wait(), Some(&Wait::NodeLocked));
    let effects = life.handle(seconds(35), Input::InspectionAnswered(Err(refusal(409))));
    assert!(armed(&effects, Timer::Inspection).is_some_and(|pause| pause >= seconds(5)));
    // Registration goes on; the report's own wait is told then.
    life.handle(seconds(36), Input::TimerExpired(Timer::Lookup));
    let effects = life.handle(seconds(37), Input::LookupAnswered(Ok(facts(TOKEN))));
    assert!(has(&effects, |e| *e == Effect::Listen));
    assert_eq!(life.wait(), Some(&Wait::NodeLocked));
    let effects = life.handle(seconds(40), Input::TimerExpired(Timer::Inspection));
    assert_eq!(effects, [Effect::Inspect]);
    life.handle(seconds(41), inspected("node-1"));
    assert_eq!(life.wait(), None);
    // A heartbeat that meets the lock is repeated soon.
    life.handle(seconds(42), listening());
    let effects = life.handle(seconds(43), Input::HeartbeatAnswered(Err(refusal(409))));
    assert!(armed(&effects, Timer::Heartbeat).is_some_and(|pause| pause <= seconds(10)));
}

#[test]
fn a_lost_token_stays_the_end_whatever_becomes_of_the_report() {
    let (mut life, _) = listening_for_neighbours(true);
    life.handle(seconds(6), Input::LookupAnswered(Ok(facts("******"))));
    assert_eq!(life.phase(), Phase::Stopped);
    let effects = life.handle(seconds(35), inspected("node-1"));
    assert!(!looks_up(&effects), "{effects:?}");
    assert_eq!(life.phase(), Phase::Stopped);
}

#[test]
fn managed_inspection_without_api_waits_for_the_neighbours_alone() {
    let (mut life, effects) = listening_for_neighbours(false);
    assert!(!looks_up(&effects));
    life.handle(seconds(35), awaited(&[]));
    let effects = life.handle(seconds(36), inspected("node-1"));
    assert!(!looks_up(&effects));
    assert_eq!(life.wait().map(Wait::code), Some("power-off-by-ironic"));
}

/// The agent's process ended after lookup and before the report.
#[test]
fn an_agent_restart_reports_what_the_one_before_did_not() {
    let (mut life, _) = listening_for_neighbours(true);
    life.handle(seconds(6), Input::LookupAnswered(Ok(facts(TOKEN))));
    let stored = serde_json::to_string(&life.saved()).expect("json");
    let restored: Saved = serde_json::from_str(&stored).expect("state");
    let settings = LifecycleSettings {
        inspect: true,
        inspection_waits: true,
        ..settings()
    };
    let mut next = Lifecycle::new(settings, Some(restored), 2);
    let effects = next.handle(seconds(50), Input::Ready);
    assert!(has(&effects, |e| *e == Effect::Inspect));
    assert!(has(&effects, |e| *e
        == Effect::Lookup {
            node_uuid: Some("node-1".into())
        }));
    let effects = next.handle(seconds(51), Input::LookupAnswered(Ok(facts("******"))));
    assert!(has(&effects, |e| *e == Effect::Listen));
    assert_eq!(next.token().map(Secret::expose), Some(TOKEN));
}
