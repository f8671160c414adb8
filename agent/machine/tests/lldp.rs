// SPDX-License-Identifier: Apache-2.0
//! LLDP with a real neighbour (`lldpd`) over virtual cables,
//! each test in network namespaces of its own.
//!
//! Needs root and the programs `ip`, `unshare`, `nsenter`, `setpriv`, `lldpd`
//! and `lldpcli` (Debian packages iproute2, util-linux, lldpd); without them
//! the tests fail and say what is missing.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]
#![expect(clippy::print_stderr, reason = "a test reports its figures")]

#[path = "lldp/cabled.rs"]
mod cabled;
#[path = "lldp/cards.rs"]
mod cards;
#[path = "lldp/neighbours.rs"]
mod neighbours;
#[path = "lldp/sending.rs"]
mod sending;
mod wires;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironseed_core::event::Wait;
use ironseed_core::lldp::{decode, raw};
use ironseed_core::snapshot::LldpPort;
use ironseed_machine::clock::SystemClock;
use ironseed_machine::lldp::{LldpHandle, LldpSettings, listen_for};
use ironseed_machine::net::{Boundaries, PortFilter};

use neighbours::Neighbours;
use wires::PATIENCE;

fn boundaries(lab: &Neighbours) -> Boundaries {
    Boundaries {
        root: lab.root(),
        clock: Arc::new(SystemClock),
    }
}

fn start(lab: &Neighbours) -> LldpHandle {
    start_with(lab, LldpSettings::default())
}

fn start_with(lab: &Neighbours, settings: LldpSettings) -> LldpHandle {
    let settings = LldpSettings {
        ports: PortFilter {
            extra_kinds: vec!["veth".into()],
            ..PortFilter::default()
        },
        ..settings
    };
    LldpHandle::start(boundaries(lab), settings).unwrap()
}

/// Waits until a port is as described.
async fn until(listener: &LldpHandle, port: &str, reached: impl Fn(Option<&LldpPort>) -> bool) {
    let asked = Instant::now();
    loop {
        let heard = listener.heard();
        if reached(heard.get(port)) {
            return;
        }
        assert!(asked.elapsed() < PATIENCE, "{port}: {heard:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The wait for these ports.
fn silent(ports: &[&str]) -> Option<Wait> {
    let ports = ports.iter().map(|port| (*port).to_owned()).collect();
    Some(Wait::LldpNeighbours { ports })
}

fn hears(port: Option<&LldpPort>) -> bool {
    port.is_some_and(|port| !port.frames.is_empty())
}

/// `c0` has a neighbour; `c1` has carrier and silence, `c2` no carrier. None
/// of them has an address.
#[test]
fn a_neighbour_is_heard_and_the_silent_port_is_named() {
    Neighbours::run(async |lab: &mut Neighbours| {
        for number in [0, 1, 2] {
            lab.cable(number);
            lab.ip(&["link", "set", &format!("c{number}"), "up"]);
        }
        lab.plug(0);
        let listener = start(lab);
        let has_carrier =
            |port: Option<&LldpPort>| port.is_some_and(|port| port.listened_ms.is_some());
        until(&listener, "c0", has_carrier).await;
        let mut told = Vec::new();
        // The wait is asked first, so it has begun when the neighbour speaks.
        tokio::join!(
            biased;
            listener.wait(PATIENCE, 0, |wait| told.push(wait)),
            async { lab.neighbour(0, "leaf-1", "Ironseed test switch") },
        );
        assert_eq!(told, [silent(&["c0"]), None]);
        lab.plug(1);
        until(&listener, "c1", has_carrier).await;

        let heard = listener.heard();
        let names: Vec<&str> = heard.keys().map(String::as_str).collect();
        assert_eq!(names, ["c0", "c1", "c2"]);
        assert_eq!(heard["c2"].listened_ms, None);
        assert!(heard.values().all(|port| port.problem.is_none()));
        let frame = &heard["c0"].frames[0];
        let neighbour = decode(&frame.frame.0).unwrap();
        eprintln!("heard {} ms after boot: {neighbour:#?}", frame.heard_ms);
        assert_eq!(neighbour.problems, Vec::<String>::new());
        assert_eq!(neighbour.system_name.as_deref(), Some("leaf-1"));
        assert_eq!(
            neighbour.system_description.as_deref(),
            Some("Ironseed test switch")
        );
        assert_eq!(neighbour.source_address, lab.mac(0));
        assert_eq!(neighbour.port_description.as_deref(), Some("s0"));
        assert_eq!(neighbour.ttl_s, Some(120));
        let raw_form = raw(&heard, "c0");
        assert_eq!(raw_form, neighbour.tlvs);
        assert_eq!(raw(&heard, "c1"), []);

        // Time is over at once for the silent port, and for nobody else.
        let before = heard["c1"].listened_ms.unwrap();
        let mut told = Vec::new();
        let allowance = Duration::from_millis(before + 50);
        listener.wait(allowance, 0, |wait| told.push(wait)).await;
        let of_c1 = silent(&["c1"]);
        assert!(
            told.iter().all(|wait| wait.is_none() || *wait == of_c1),
            "{told:?}"
        );
        assert!(!hears(listener.heard().get("c1")));
    });
}

/// A card that appears later, a neighbour that speaks later, one that leaves,
/// a cable that is pulled.
#[test]
fn ports_and_neighbours_come_and_go() {
    Neighbours::run(async |lab: &mut Neighbours| {
        let listener = start(lab);
        listener.wait(PATIENCE, 0, |_| {}).await;
        assert!(listener.heard().is_empty());
        lab.cable(0);
        lab.ip(&["link", "set", "c0", "up"]);
        lab.plug(0);
        lab.neighbour(0, "leaf-1", "first");
        until(&listener, "c0", hears).await;

        // Leaving, a neighbour says so (time to live 0).
        lab.leave(0);
        until(&listener, "c0", |port| {
            port.is_some_and(|port| port.frames.is_empty() && port.listened_ms.is_some())
        })
        .await;
        lab.neighbour(0, "leaf-2", "second");
        until(&listener, "c0", hears).await;
        let name = |listener: &LldpHandle| {
            let heard = listener.heard();
            decode(&heard["c0"].frames[0].frame.0).unwrap().system_name
        };
        assert_eq!(name(&listener).as_deref(), Some("leaf-2"));

        let first = listener.heard()["c0"].frames[0].heard_ms;
        lab.speak(0);
        until(&listener, "c0", |port| {
            port.is_some_and(|port| {
                port.frames.len() == 1 && port.frames.iter().all(|frame| frame.heard_ms > first)
            })
        })
        .await;

        lab.unplug(0);
        until(&listener, "c0", |port| {
            port.is_some_and(|port| port.frames.is_empty() && port.listened_ms.is_none())
        })
        .await;
        lab.ip(&["link", "del", "c0"]);
        until(&listener, "c0", |port| port.is_none()).await;
    });
}

/// Nobody listens for somebody who has gone.
#[test]
fn the_listener_ends_with_its_handle() {
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
            .filter(|name| name.trim() == "lldp")
            .count()
    };
    Neighbours::run(async |lab: &mut Neighbours| {
        let until_threads = async |wanted: usize| {
            let asked = Instant::now();
            while threads() != wanted {
                assert!(asked.elapsed() < PATIENCE, "{} threads", threads());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let listener = start(lab);
        until_threads(1).await;
        drop(listener);
        until_threads(0).await;
    });
}

/// Without a running listener: it stops as soon as everything was heard.
#[test]
fn listening_for_a_while_ends_with_the_last_neighbour() {
    let mut lab = Neighbours::enter();
    lab.cable(0);
    lab.ip(&["link", "set", "c0", "up"]);
    lab.plug(0);
    lab.neighbour(0, "leaf-1", "speaks every second");
    lab.speak_often(0);
    let asked = Instant::now();
    let heard = listen_for(boundaries(&lab), vec!["veth".into()], 10 * PATIENCE).unwrap();
    assert!(asked.elapsed() < 5 * PATIENCE);
    assert!(hears(heard.get("c0")));
}

/// A port that belongs to a bridge hears its neighbour all the same.
#[test]
fn a_port_of_a_bridge_hears() {
    Neighbours::run(async |lab: &mut Neighbours| {
        lab.cable(0);
        lab.ip(&["link", "add", "br0", "type", "bridge"]);
        lab.ip(&["link", "set", "c0", "master", "br0"]);
        for link in ["br0", "c0"] {
            lab.ip(&["link", "set", link, "up"]);
        }
        lab.plug(0);
        let listener = start(lab);
        lab.neighbour(0, "leaf-1", "behind a bridge");
        until(&listener, "c0", hears).await;
        let heard = listener.heard();
        assert_eq!(heard.len(), 1, "the bridge itself is no port: {heard:?}");
    });
}
