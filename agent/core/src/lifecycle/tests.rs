// SPDX-License-Identifier: Apache-2.0
//! Whole lives of a node, and the corners of each part.

mod beside;
mod trouble;

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::*;
use crate::plan::WrittenImage;
use crate::steps::{self, StepPhase};

const TOKEN: &str = "0123456789012345678901234567890123456789012";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn settings() -> LifecycleSettings {
    LifecycleSettings {
        has_api: true,
        inspect: false,
        inspection_waits: false,
        lookup_interval: seconds(1),
        token: None,
        ignore_bootloader_failure: false,
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn facts(token: &str) -> LookupFacts {
    LookupFacts {
        node: object(json!({"uuid": "node-1"})),
        heartbeat_timeout: seconds(300),
        token: Some(Secret::new(token)),
    }
}

fn refusal(status: u16) -> Refusal {
    Refusal {
        url: "http://ironic".into(),
        status: Some(status),
        text: "words".into(),
        unresolved: false,
        retry_after: None,
    }
}

fn unreachable() -> Refusal {
    Refusal {
        url: "http://ironic".into(),
        status: None,
        text: "connection refused".into(),
        unresolved: false,
        retry_after: None,
    }
}

fn listening() -> Input {
    Input::ApiListening {
        callback_url: "https://192.0.2.1:9999".into(),
        certificate: Some("PEM".into()),
    }
}

/// A life that is registered and whose first heartbeat was accepted at 10 s.
fn serving() -> Lifecycle {
    let mut life = Lifecycle::new(settings(), None, 1);
    life.handle(seconds(5), Input::Ready);
    life.handle(seconds(6), Input::LookupAnswered(Ok(facts(TOKEN))));
    life.handle(seconds(7), listening());
    life.handle(seconds(10), Input::HeartbeatAnswered(Ok(())));
    life
}

fn step(name: &str) -> Command {
    Command::ExecuteStep {
        phase: StepPhase::Clean,
        step: object(json!({"step": name, "interface": "deploy"})),
        node: object(json!({"uuid": "node-1"})),
        version: steps::version().as_object().cloned(),
    }
}

fn armed(effects: &[Effect], timer: Timer) -> Option<Duration> {
    effects.iter().find_map(|effect| match effect {
        Effect::Arm(which, pause) if *which == timer => Some(*pause),
        _ => None,
    })
}

fn has(effects: &[Effect], wanted: impl Fn(&Effect) -> bool) -> bool {
    effects.iter().any(wanted)
}

fn beats(effects: &[Effect]) -> bool {
    has(effects, |effect| matches!(effect, Effect::Heartbeat(_)))
}

#[test]
fn from_boot_to_the_first_heartbeat() {
    let mut life = Lifecycle::new(
        LifecycleSettings {
            inspect: true,
            ..settings()
        },
        None,
        1,
    );
    let effects = life.handle(seconds(5), Input::Ready);
    assert!(has(&effects, |e| *e == Effect::Inspect));
    let effects = life.handle(
        seconds(6),
        Input::InspectionAnswered(Ok(Some("node-1".into()))),
    );
    assert!(has(&effects, |e| *e
        == Effect::Lookup {
            node_uuid: Some("node-1".into())
        }));
    let effects = life.handle(seconds(7), Input::LookupAnswered(Ok(facts(TOKEN))));
    assert!(has(&effects, |e| *e == Effect::Listen));
    assert!(life.token().is_some());
    let effects = life.handle(seconds(8), listening());
    let Some(Effect::Heartbeat(beat)) = effects.iter().find(|e| matches!(e, Effect::Heartbeat(_)))
    else {
        panic!("no heartbeat in {effects:?}");
    };
    assert_eq!(
        (beat.node_uuid.as_str(), beat.certificate.as_deref()),
        ("node-1", Some("PEM"))
    );
    let pause = armed(
        &life.handle(seconds(9), Input::HeartbeatAnswered(Ok(()))),
        Timer::Heartbeat,
    );
    assert!(
        pause.is_some_and(|pause| (seconds(90)..=seconds(180)).contains(&pause)),
        "{pause:?}"
    );
    assert_eq!(life.phase(), Phase::Serving);
}

#[test]
fn inspection_is_tried_again_or_given_up() {
    let inspecting = || {
        let mut life = Lifecycle::new(
            LifecycleSettings {
                inspect: true,
                ..settings()
            },
            None,
            1,
        );
        life.handle(seconds(1), Input::Ready);
        life
    };
    for (answer, code) in [
        (unreachable(), "ironic-unreachable"),
        (refusal(503), "ironic-unavailable"),
        (refusal(429), "ironic-unavailable"),
        (refusal(409), "node-locked"),
    ] {
        let mut life = inspecting();
        let effects = life.handle(seconds(2), Input::InspectionAnswered(Err(answer)));
        let pause = armed(&effects, Timer::Inspection).expect("a timer");
        assert!(
            (seconds(5)..=Duration::from_millis(7500)).contains(&pause),
            "{pause:?}"
        );
        assert_eq!(life.wait().map(Wait::code), Some(code));
        assert!(has(
            &life.handle(seconds(7), Input::TimerExpired(Timer::Inspection)),
            |e| *e == Effect::Inspect
        ));
    }
    let mut life = inspecting();
    let effects = life.handle(seconds(2), Input::InspectionAnswered(Err(refusal(404))));
    assert!(has(&effects, |e| *e == Effect::Lookup { node_uuid: None }));
}

#[test]
fn managed_inspection_ends_with_waiting_for_power_off() {
    let mut life = Lifecycle::new(
        LifecycleSettings {
            inspect: true,
            has_api: false,
            ..settings()
        },
        None,
        1,
    );
    life.handle(seconds(1), Input::Ready);
    let effects = life.handle(seconds(2), Input::InspectionAnswered(Ok(None)));
    assert!(!has(&effects, |e| matches!(
        e,
        Effect::Lookup { .. } | Effect::Listen
    )));
    assert_eq!(life.wait().map(Wait::code), Some("power-off-by-ironic"));
}

#[test]
fn lookup_backs_off_and_obeys_the_409_rules() {
    let mut life = Lifecycle::new(settings(), None, 1);
    life.handle(seconds(1), Input::Ready);
    let floors = [5, 10, 30, 30];
    for (failure, floor) in floors.into_iter().enumerate() {
        let pause = armed(
            &life.handle(seconds(2), Input::LookupAnswered(Err(refusal(409)))),
            Timer::Lookup,
        )
        .expect("a timer");
        let high = seconds(floor) + Duration::from_secs(1 << failure).max(seconds(2));
        assert!(
            (seconds(floor + 1)..=high).contains(&pause),
            "{failure}: {pause:?}"
        );
        assert_eq!(life.wait(), Some(&Wait::NodeLocked));
    }
    for _ in 0..30 {
        let effects = life.handle(seconds(9), Input::LookupAnswered(Err(refusal(404))));
        let pause = armed(&effects, Timer::Lookup).expect("a timer");
        assert!((seconds(1)..=seconds(60)).contains(&pause), "{pause:?}");
    }
    assert_eq!(life.wait().map(Wait::code), Some("node-unknown"));
}

#[test]
fn a_repeated_wait_is_told_once() {
    let mut life = Lifecycle::new(settings(), None, 1);
    life.handle(seconds(1), Input::Ready);
    let tells = |effects: &[Effect]| has(effects, |e| matches!(e, Effect::Emit(Event::Waiting(_))));
    assert!(tells(
        &life.handle(seconds(2), Input::LookupAnswered(Err(unreachable())))
    ));
    assert!(!tells(
        &life.handle(seconds(3), Input::LookupAnswered(Err(unreachable())))
    ));
    assert!(tells(
        &life.handle(seconds(4), Input::LookupAnswered(Err(refusal(409))))
    ));
}

#[test]
fn tokens_are_adopted_kept_or_missed() {
    let answer = |own: Option<&str>, offered: &str| {
        let token = own.map(Secret::new);
        let mut life = Lifecycle::new(
            LifecycleSettings {
                token,
                ..settings()
            },
            None,
            1,
        );
        life.handle(seconds(1), Input::Ready);
        let effects = life.handle(seconds(2), Input::LookupAnswered(Ok(facts(offered))));
        (
            life.token().map(|token| token.expose().to_owned()),
            has(&effects, |e| *e == Effect::Listen),
            life.phase(),
        )
    };
    let own = "x".repeat(43);
    assert_eq!(
        answer(None, TOKEN),
        (Some(TOKEN.into()), true, Phase::Lookup)
    );
    assert_eq!(
        answer(Some(&own), "******"),
        (Some(own.clone()), true, Phase::Lookup)
    );
    assert_eq!(answer(None, "short"), (None, true, Phase::Lookup));
    assert_eq!(answer(None, "******"), (None, false, Phase::Stopped));
}

#[test]
fn a_refused_heartbeat_is_repeated_soon() {
    let mut life = serving();
    for answer in [refusal(400), refusal(404), refusal(409), unreachable()] {
        life.handle(seconds(200), Input::TimerExpired(Timer::Heartbeat));
        let effects = life.handle(seconds(201), Input::HeartbeatAnswered(Err(answer)));
        let pause = armed(&effects, Timer::Heartbeat).expect("a timer");
        assert!((seconds(5)..=seconds(10)).contains(&pause), "{pause:?}");
    }
    assert!(life.wait().is_some());
    life.handle(seconds(300), Input::TimerExpired(Timer::Heartbeat));
    life.handle(seconds(301), Input::HeartbeatAnswered(Ok(())));
    assert_eq!(life.wait(), None);
}

#[test]
fn a_step_runs_and_its_end_forces_heartbeats_until_ironic_looks() {
    let mut life = serving();
    let effects = life
        .command(
            seconds(20),
            "c1".into(),
            "execute_clean_step",
            step("erase_devices"),
        )
        .expect("taken");
    assert!(has(
        &effects,
        |e| matches!(e, Effect::Run { work: Work::Step { name, .. }, .. } if name == "erase_devices")
    ));
    assert!(has(&effects, |e| *e == Effect::Save));
    assert_eq!(
        life.record("c1").map(|r| &r.state),
        Some(&CommandState::Running)
    );
    let busy = life.command(seconds(21), "c2".into(), "sync", Command::Sync);
    assert_eq!(busy, Err(Rejection::Busy("execute_clean_step".into())));

    let effects = life.handle(
        seconds(30),
        Input::WorkEnded {
            id: "c1".into(),
            result: Ok(WorkResult::Step(None)),
        },
    );
    assert!(beats(&effects));
    let record = life.record("c1").expect("recorded");
    assert_eq!(
        record.state,
        CommandState::Succeeded(
            json!({"clean_result": null, "clean_step": {"step": "erase_devices", "interface": "deploy"}})
        )
    );
    let pause = armed(
        &life.handle(seconds(31), Input::HeartbeatAnswered(Ok(()))),
        Timer::Heartbeat,
    );
    let pause = pause.expect("a timer");
    assert!(
        (seconds(3)..=Duration::from_millis(4500)).contains(&pause),
        "{pause:?}"
    );
    life.handle(seconds(35), Input::CommandsRead);
    assert!(beats(
        &life.handle(seconds(35), Input::TimerExpired(Timer::Heartbeat))
    ));
    let pause = armed(
        &life.handle(seconds(35), Input::HeartbeatAnswered(Ok(()))),
        Timer::Heartbeat,
    )
    .expect("a timer");
    assert!(pause >= seconds(90));
}

#[test]
fn heartbeats_keep_a_distance_and_do_not_overlap() {
    let mut life = serving();
    let early = Duration::from_millis(10_300);
    assert_eq!(
        armed(
            &life.handle(early, Input::TimerExpired(Timer::Heartbeat)),
            Timer::Heartbeat
        ),
        Some(Duration::from_millis(700))
    );
    assert!(beats(
        &life.handle(seconds(12), Input::TimerExpired(Timer::Heartbeat))
    ));
    assert_eq!(
        life.handle(seconds(13), Input::TimerExpired(Timer::Heartbeat)),
        Vec::new()
    );
}

#[test]
fn faults_reach_ironic_with_class_reason_and_advice() {
    let cases = [
        (
            Fault::NoRootDevice {
                problem: "2 disks, none fits".into(),
            },
            "DeviceNotFound",
        ),
        (Fault::Internal("x".into()), "CleaningError"),
    ];
    for (fault, class) in cases {
        let mut life = serving();
        life.command(
            seconds(20),
            "c1".into(),
            "execute_clean_step",
            step("erase_devices"),
        )
        .expect("taken");
        life.handle(
            seconds(30),
            Input::WorkEnded {
                id: "c1".into(),
                result: Err(fault.clone()),
            },
        );
        let Some(CommandState::Failed(error)) = life.record("c1").map(|r| r.state.clone()) else {
            panic!("not failed");
        };
        assert_eq!(error.class, class);
        assert!(
            error.details.contains(&fault.to_string()) && error.details.contains(fault.next()),
            "{}",
            error.details
        );
    }
}

#[test]
fn unknown_steps_and_foreign_versions_are_recorded() {
    let mut life = serving();
    life.command(
        seconds(20),
        "c1".into(),
        "execute_clean_step",
        step("dance"),
    )
    .expect("taken");
    assert!(
        matches!(&life.record("c1").expect("recorded").state, CommandState::Failed(error) if error.class == "HardwareManagerMethodNotFound")
    );
    let foreign = Command::ExecuteStep {
        phase: StepPhase::Clean,
        step: object(json!({"step": "erase_devices"})),
        node: Map::new(),
        version: Some(object(json!({"generic_hardware_manager": "0"}))),
    };
    life.command(seconds(40), "c2".into(), "execute_clean_step", foreign)
        .expect("taken");
    assert!(
        matches!(&life.record("c2").expect("recorded").state, CommandState::VersionMismatch(error) if error.code == 409)
    );
}

#[test]
fn synchronous_commands_join_the_list_when_they_end() {
    let mut life = serving();
    let get = Command::GetSteps {
        phase: StepPhase::Clean,
        node: object(json!({"uuid": "node-1"})),
    };
    life.command(seconds(20), "c1".into(), "get_clean_steps", get)
        .expect("taken");
    let Some(CommandState::Succeeded(result)) = life.record("c1").map(|r| &r.state) else {
        panic!("not done")
    };
    assert!(
        result.get("clean_steps").is_some() && result.get("hardware_manager_version").is_some()
    );
    life.command(
        seconds(21),
        "c2".into(),
        "collect_system_logs",
        Command::CollectLogs,
    )
    .expect("taken");
    assert_eq!(life.record("c2"), None);
    let logs = json!({"system_logs": "H4s"});
    let effects = life.handle(
        seconds(22),
        Input::WorkEnded {
            id: "c2".into(),
            result: Ok(WorkResult::Value(logs.clone())),
        },
    );
    assert_eq!(
        life.record("c2").map(|r| &r.state),
        Some(&CommandState::Succeeded(logs))
    );
    assert!(!beats(&effects));
}

#[test]
fn an_agent_restart_keeps_the_list_and_fails_what_ran() {
    let mut life = serving();
    life.command(
        seconds(20),
        "c1".into(),
        "execute_clean_step",
        step("erase_devices"),
    )
    .expect("taken");
    let stored = serde_json::to_string(&life.saved()).expect("json");
    let restored: Saved = serde_json::from_str(&stored).expect("state");
    let mut next = Lifecycle::new(settings(), Some(restored), 2);
    assert_eq!(next.token().map(Secret::expose), Some(TOKEN));
    assert!(
        matches!(&next.record("c1").expect("kept").state, CommandState::Failed(error) if error.details.contains("agent-restarted"))
    );
    let effects = next.handle(seconds(50), Input::Ready);
    assert!(has(&effects, |e| *e
        == Effect::Lookup {
            node_uuid: Some("node-1".into())
        }));
    let effects = next.handle(seconds(51), Input::LookupAnswered(Ok(facts("******"))));
    assert!(has(&effects, |e| *e == Effect::Listen));
}

#[test]
fn the_written_image_is_remembered_until_a_step_fails_or_erases() {
    let written = WrittenImage {
        image_id: "debian".into(),
        device: crate::block::DeviceIdentity {
            name: "/dev/sda".into(),
            size: 1,
            serial: None,
            wwn: None,
        },
        disk_identifier: 0x1a2b,
        profile: None,
        partitions: None,
    };
    let mut life = serving();
    life.command(
        seconds(20),
        "c1".into(),
        "execute_clean_step",
        step("erase_devices"),
    )
    .expect("taken");
    life.handle(
        seconds(21),
        Input::WorkEnded {
            id: "c1".into(),
            result: Ok(WorkResult::Step(Some(written))),
        },
    );
    life.command(
        seconds(22),
        "c2".into(),
        "get_partition_uuids",
        Command::GetPartitionUuids,
    )
    .expect("taken");
    assert_eq!(
        life.record("c2").map(|r| &r.state),
        Some(&CommandState::Succeeded(json!({"root uuid": "0x00001a2b"})))
    );
    life.command(
        seconds(23),
        "c3".into(),
        "execute_clean_step",
        step("erase_devices"),
    )
    .expect("taken");
    life.handle(
        seconds(24),
        Input::WorkEnded {
            id: "c3".into(),
            result: Err(Fault::Internal("x".into())),
        },
    );
    assert_eq!(life.written(), None);
}

#[test]
fn handing_off_is_a_phase_of_its_own() {
    for (command, work) in [
        (Command::PowerOff, Work::PowerOff),
        (Command::Reboot, Work::Reboot),
    ] {
        let mut life = serving();
        let effects = life
            .command(seconds(20), "c1".into(), "power_off", command)
            .expect("taken");
        assert!(has(
            &effects,
            |e| matches!(e, Effect::Run { work: w, .. } if *w == work)
        ));
        assert_eq!(life.phase(), Phase::HandOff);
    }
}
