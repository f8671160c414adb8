// SPDX-License-Identifier: Apache-2.0
//! What a neighbour learns of this machine.

use std::fs;
use std::time::{Duration, Instant};

use ironseed_machine::lldp::{LldpHandle, LldpSettings, system};

use crate::neighbours::{Known, Neighbours};
use crate::wires::PATIENCE;
use crate::{hears, start, start_with, until};

/// A machine that tells its serial number and has no host name.
fn speak(lab: &Neighbours) -> LldpHandle {
    for (path, text) in [
        ("proc/sys/kernel/hostname", "(none)\n"),
        ("sys/class/dmi/id/sys_vendor", "Supermicro\n"),
        ("sys/class/dmi/id/product_name", "SYS-1029P\n"),
        ("sys/class/dmi/id/product_serial", "S211795X9\n"),
    ] {
        let path = lab.directory().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let settings = LldpSettings {
        speak_as: Some(system(&lab.root(), "ironseed-agent 1.2.3")),
        ..LldpSettings::default()
    };
    start_with(lab, settings)
}

/// Waits until a neighbour knows the machine as described.
async fn until_known(lab: &Neighbours, cable: u8, reached: impl Fn(Option<&Known>) -> bool) {
    let asked = Instant::now();
    loop {
        let known = lab.knows(cable);
        if reached(known.as_ref()) {
            return;
        }
        assert!(asked.elapsed() < PATIENCE, "s{cable}: {known:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn has_addresses(wanted: &[&str]) -> impl Fn(Option<&Known>) -> bool {
    move |known| known.is_some_and(|known| known.addresses() == wanted)
}

fn plugged(lab: &mut Neighbours, cables: &[u8]) {
    for cable in cables {
        lab.cable(*cable);
        lab.ip(&["link", "set", &format!("c{cable}"), "up"]);
        lab.plug(*cable);
        lab.neighbour(*cable, &format!("leaf-{cable}"), "Ironseed test switch");
    }
}

#[test]
fn the_switch_learns_what_hangs_on_its_port() {
    Neighbours::run(async |lab: &mut Neighbours| {
        plugged(lab, &[0, 1]);
        let speaker = speak(lab);
        for cable in [0, 1] {
            until_known(lab, cable, |known| known.is_some()).await;
            let known = lab.knows(cable).unwrap();
            eprintln!("s{cable} knows {known:?}");
            let port = format!("mac 52:54:00:00:00:0{cable}");
            assert_eq!(
                known.words(),
                [
                    "mac 52:54:00:00:00:00",
                    &port,
                    "S211795X9",
                    "ironseed-agent 1.2.3 on Supermicro SYS-1029P, serial number S211795X9",
                    &format!("c{cable}"),
                    "121",
                ]
            );
            assert_eq!(known.capabilities(), [("Station".to_owned(), true)]);
            assert_eq!(known.addresses(), Vec::<String>::new());
        }

        // An address is told on its own port, and on those that have none.
        lab.ip(&["address", "add", "192.0.2.5/24", "dev", "c0"]);
        until_known(lab, 0, has_addresses(&["192.0.2.5"])).await;
        until_known(lab, 1, has_addresses(&["192.0.2.5"])).await;
        lab.ip(&["address", "add", "2001:db8::5/64", "dev", "c1", "nodad"]);
        until_known(lab, 1, has_addresses(&["2001:db8::5"])).await;
        until_known(lab, 0, has_addresses(&["192.0.2.5"])).await;
        lab.ip(&["address", "del", "192.0.2.5/24", "dev", "c0"]);
        until_known(lab, 0, has_addresses(&["2001:db8::5"])).await;

        // Nobody waited for anybody: the ports hear all the same.
        for port in ["c0", "c1"] {
            lab.speak(port[1..].parse().unwrap());
            until(&speaker, port, hears).await;
        }

        // A machine that was forgotten for lack of words would stay for 121 s.
        speaker.stop().await;
        for cable in [0, 1] {
            until_known(lab, cable, |known| known.is_none()).await;
        }
    });
}

/// Four frames one second apart; at the ordinary pace they would take 90 s,
/// which is longer than this test waits.
#[test]
fn a_port_begins_quickly() {
    Neighbours::run(async |lab: &mut Neighbours| {
        plugged(lab, &[0]);
        let asked = Instant::now();
        let speaker = speak(lab);
        while lab.received(0) < 4 {
            assert!(asked.elapsed() < PATIENCE, "{} frames", lab.received(0));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        eprintln!("4 frames within {} ms", asked.elapsed().as_millis());
        drop(speaker);
        until_known(lab, 0, |known| known.is_none()).await;
    });
}

/// Cards appear when their drivers are loaded, and cables are plugged in later.
#[test]
fn a_port_that_comes_late_speaks() {
    Neighbours::run(async |lab: &mut Neighbours| {
        let _speaker = speak(lab);
        plugged(lab, &[3]);
        until_known(lab, 3, |known| known.is_some()).await;
        assert_eq!(lab.knows(3).unwrap().words()[0], "mac 52:54:00:00:00:03");
    });
}

/// A port that belongs to a bridge has no address, and speaks all the same.
#[test]
fn a_port_of_a_bridge_speaks() {
    Neighbours::run(async |lab: &mut Neighbours| {
        plugged(lab, &[0]);
        lab.ip(&["link", "add", "br0", "type", "bridge"]);
        lab.ip(&["link", "set", "c0", "master", "br0"]);
        lab.ip(&["link", "set", "br0", "up"]);
        lab.ip(&["address", "add", "192.0.2.6/24", "dev", "br0"]);
        let _speaker = speak(lab);
        until_known(lab, 0, has_addresses(&["192.0.2.6"])).await;
    });
}

#[test]
fn who_only_listens_says_nothing() {
    Neighbours::run(async |lab: &mut Neighbours| {
        plugged(lab, &[0]);
        let listener = start(lab);
        lab.speak(0);
        until(&listener, "c0", hears).await;
        listener.stop().await;
        // A second one that speaks shows that words would have arrived.
        let before = lab.received(0);
        let speaker = speak(lab);
        until_known(lab, 0, |known| known.is_some()).await;
        assert_eq!(before, 0);
        speaker.stop().await;
    });
}
