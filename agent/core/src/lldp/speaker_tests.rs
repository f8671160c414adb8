// SPDX-License-Identifier: Apache-2.0

use super::super::{Neighbour, decode};
use super::*;
use crate::network::LinkKind;

const MAKERS: [u8; 3] = [0x3c, 0xec, 0xef];
const MADE_UP: [u8; 3] = [0xbe, 0x3a, 0xf2];

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn link(index: u32, oui: [u8; 3], carrier: bool) -> Link {
    let [a, b, c] = oui;
    let last = u8::try_from(index).expect("small");
    Link {
        index,
        name: format!("eno{index}"),
        kind: LinkKind::Ethernet,
        mac: Some(MacAddr([a, b, c, 0, 0, last])),
        details: crate::network::LinkDetails::default(),
        permanent: None,
        internal: false,
        up: true,
        carrier,
        carrier_ups: u32::from(carrier),
        mtu: 1500,
        controller: None,
    }
}

fn address(link: u32, text: &str) -> LocalAddress {
    LocalAddress {
        link,
        address: text.parse().expect("an address"),
    }
}

fn speaker() -> Speaker {
    let system = System {
        name: None,
        description: "agent 1".into(),
    };
    Speaker::new(system, 5)
}

/// What is heard on which port.
fn heard(outgoing: &[Outgoing]) -> Vec<(u32, Neighbour)> {
    let read = |out: &Outgoing| (out.port, decode(&out.frame).expect("an LLDP frame"));
    outgoing.iter().map(read).collect()
}

fn chassis(neighbour: &Neighbour) -> &str {
    &neighbour.chassis_id.as_ref().expect("told").value
}

fn addresses(neighbour: &Neighbour) -> Vec<&str> {
    let all = neighbour.management_addresses.iter();
    all.map(|found| found.address.as_str()).collect()
}

#[test]
fn every_port_with_carrier_speaks_and_the_machine_is_one() {
    let mut speaker = speaker();
    assert_eq!(speaker.due(), None);
    speaker.link(seconds(5), &link(2, MAKERS, true));
    speaker.link(seconds(5), &link(3, MAKERS, true));
    speaker.link(seconds(5), &link(4, MAKERS, false));
    let mut nameless = link(5, MAKERS, true);
    nameless.mac = None;
    speaker.link(seconds(5), &nameless);
    assert_eq!(speaker.due(), Some(seconds(5)));
    let said = heard(&speaker.speak(seconds(5)));
    let who: Vec<(u32, &str, Option<&str>)> = said
        .iter()
        .map(|(port, it)| (*port, chassis(it), it.port_description.as_deref()))
        .collect();
    let name = "3c:ec:ef:00:00:02";
    assert_eq!(who, [(2, name, Some("eno2")), (3, name, Some("eno3"))]);
    assert_eq!(speaker.speak(seconds(5)), [], "once is enough");
    assert_eq!(speaker.due(), Some(seconds(6)));

    // Nothing is due on a port whose cable was pulled.
    speaker.link(seconds(5), &link(2, MAKERS, false));
    speaker.link(seconds(5), &link(3, MAKERS, false));
    assert_eq!(speaker.due(), None);
    assert_eq!(speaker.leave(), [], "there is nobody who could be told");
}

#[test]
fn a_moved_cable_and_a_new_neighbour_are_told_at_once() {
    let mut speaker = speaker();
    speaker.link(seconds(5), &link(2, MAKERS, true));
    for now in 5..9 {
        assert_eq!(speaker.speak(seconds(now)).len(), 1);
    }
    let due = speaker.due().expect("some time");
    assert!(due > seconds(30), "{due:?}");
    speaker.new_neighbour(seconds(20), 2);
    assert_eq!(speaker.due(), Some(seconds(20)));
    for now in 20..24 {
        assert_eq!(speaker.speak(seconds(now)).len(), 1);
    }
    assert!(speaker.due() > Some(seconds(45)));
    // The kernel told of no change in between.
    let mut moved = link(2, MAKERS, true);
    moved.carrier_ups = 2;
    speaker.link(seconds(40), &moved);
    assert_eq!(speaker.due(), Some(seconds(40)));
    speaker.gone(2);
    assert_eq!(speaker.due(), None);
}

#[test]
fn an_address_is_told_when_it_comes_and_when_it_goes() {
    let mut speaker = speaker();
    speaker.link(seconds(5), &link(2, MAKERS, true));
    speaker.link(seconds(5), &link(3, MAKERS, true));
    for now in 5..10 {
        speaker.speak(seconds(now));
    }
    let mut says = |now: u64, all: &[LocalAddress]| {
        speaker.addresses(seconds(now), all.to_vec());
        let said = heard(&speaker.speak(seconds(now)));
        let said = said
            .iter()
            .map(|(port, it)| format!("{port}: {}", addresses(it).join(" ")));
        said.collect::<Vec<_>>()
    };
    let (four, six) = (address(2, "192.0.2.7"), address(7, "2001:db8::7"));
    let useless = [address(2, "fe80::1"), address(1, "127.0.0.1")];
    assert_eq!(says(12, &useless), Vec::<String>::new());
    // Port 3 has none of its own.
    assert_eq!(says(13, &[four]), ["2: 192.0.2.7", "3: 192.0.2.7"]);
    assert_eq!(says(14, &[six, four]), ["3: 192.0.2.7 2001:db8::7"]);
    assert_eq!(says(15, &[four, six]), Vec::<String>::new());
    assert_eq!(says(16, &[six]), ["2: 2001:db8::7", "3: 2001:db8::7"]);
}

#[test]
fn a_made_up_address_names_the_machine_only_until_there_is_another() {
    let mut speaker = speaker();
    speaker.link(seconds(5), &link(2, MADE_UP, true));
    let said = heard(&speaker.speak(seconds(5)));
    assert_eq!(chassis(&said[0].1), "be:3a:f2:00:00:02");

    speaker.link(seconds(6), &link(4, MAKERS, true));
    let said = heard(&speaker.speak(seconds(6)));
    let told: Vec<(u32, &str, Option<u16>)> = said
        .iter()
        .map(|(port, it)| (*port, chassis(it), it.ttl_s))
        .collect();
    let name = "3c:ec:ef:00:00:04";
    assert_eq!(
        told,
        [
            (2, "be:3a:f2:00:00:02", Some(0)),
            (2, name, Some(121)),
            (4, name, Some(121))
        ]
    );

    // It stays, even when its port goes and a lower one comes.
    speaker.link(seconds(7), &link(1, MAKERS, true));
    speaker.gone(4);
    let said = heard(&speaker.speak(seconds(7)));
    assert!(said.iter().all(|(_, it)| chassis(it) == name), "{said:?}");

    let farewells = heard(&speaker.leave());
    let told: Vec<(u32, Option<u16>)> = farewells
        .iter()
        .map(|(port, it)| (*port, it.ttl_s))
        .collect();
    assert_eq!(told, [(1, Some(0)), (2, Some(0))]);
    assert_eq!((speaker.due(), speaker.leave()), (None, vec![]));
}

#[test]
fn a_bond_changes_the_address_and_not_the_name_of_a_port() {
    let mut speaker = speaker();
    speaker.link(seconds(5), &link(2, MAKERS, true));
    speaker.speak(seconds(5));
    let mut bonded = link(2, MAKERS, true);
    bonded.mac = Some(MacAddr([0x3c, 0xec, 0xef, 0, 0, 9]));
    bonded.controller = Some(20);
    speaker.link(seconds(5), &bonded);
    let said = heard(&speaker.speak(seconds(5)));
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].1.source_address, "3c:ec:ef:00:00:09");
    let port = said[0].1.port_id.as_ref().expect("told");
    assert_eq!(port.value, "3c:ec:ef:00:00:02");
}
