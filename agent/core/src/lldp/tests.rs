// SPDX-License-Identifier: Apache-2.0
//! Frames of real kinds of switches, broken ones, hostile ones.

pub(super) mod samples;

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::inventory::random::Random;
use crate::snapshot::LldpFrame;

fn told(frame: &[u8]) -> Neighbour {
    decode(frame).expect("an LLDP frame")
}

fn identifier(kind: &str, value: &str) -> Option<Identifier> {
    Some(Identifier {
        kind: kind.into(),
        value: value.into(),
    })
}

fn heard(frame: &[u8]) -> BTreeMap<String, LldpPort> {
    let port = LldpPort {
        listened_ms: Some(1000),
        frames: vec![LldpFrame {
            heard_ms: 5000,
            frame: frame.to_vec().into(),
        }],
        problem: None,
    };
    BTreeMap::from([("eno1".to_owned(), port)])
}

#[test]
fn an_arista_switch_tells_port_vlan_and_frame_size() {
    let arista = told(&samples::arista());
    assert_eq!(arista.problems, Vec::<String>::new());
    assert_eq!(arista.source_address, "44:4c:a8:01:02:03");
    assert_eq!(
        arista.chassis_id,
        identifier("mac-address", "44:4c:a8:12:34:56")
    );
    assert_eq!(arista.port_id, identifier("interface-name", "Ethernet7/1"));
    assert_eq!(arista.ttl_s, Some(120));
    assert_eq!(arista.port_description.as_deref(), Some("server-42"));
    assert_eq!(arista.system_name.as_deref(), Some("leaf-1.example.org"));
    assert_eq!(arista.enabled_capabilities, ["bridge", "router"]);
    let address = &arista.management_addresses[0];
    assert_eq!(address.address, "192.0.2.10");
    assert_eq!(address.interface_numbering.as_deref(), Some("if-index"));
    assert_eq!(address.interface_number, Some(999_999));
    assert_eq!(arista.port_vlan, Some(100));
    assert_eq!(arista.max_frame_bytes, Some(9236));
    let bundle = arista.link_aggregation.expect("told");
    assert!(bundle.capable && !bundle.active);
    assert_eq!(arista.tlvs.len(), 12);
}

#[test]
fn a_cisco_switch_tells_power_and_physical_layer() {
    let cisco = told(&samples::cisco());
    assert_eq!(cisco.problems, Vec::<String>::new());
    assert_eq!(cisco.port_id, identifier("interface-name", "Gi1/0/18"));
    assert!(
        cisco
            .system_description
            .expect("told")
            .contains("15.2(4)E8\nTechnical")
    );
    let layer = cisco.physical_layer.expect("told");
    assert!(layer.autonegotiation_supported && layer.autonegotiation_enabled);
    assert_eq!(layer.mau_type, 30);
    assert_eq!(
        layer.advertised,
        [
            "10baseT/half",
            "10baseT/full",
            "100baseTX/half",
            "100baseTX/full",
            "1000baseT/full"
        ]
    );
    assert_eq!(
        cisco.power,
        Some(Power {
            source: true,
            supported: true,
            enabled: true,
            class: Some(4),
            requested_mw: Some(25_500),
            allocated_mw: Some(25_500),
        })
    );
}

#[test]
fn a_juniper_switch_tells_its_vlans() {
    let juniper = told(&samples::juniper());
    assert_eq!(juniper.problems, Vec::<String>::new());
    assert_eq!(juniper.port_id, identifier("local", "517"));
    assert_eq!(juniper.port_description.as_deref(), Some("xe-0/0/4"));
    assert_eq!(juniper.port_vlan, Some(0));
    assert_eq!(juniper.management_vlan, Some(1000));
    let vlans: Vec<(u16, &str)> = juniper
        .vlans
        .iter()
        .map(|vlan| (vlan.id, vlan.name.as_str()))
        .collect();
    assert_eq!(vlans, [(101, "vlan-101"), (102, "vlan-102")]);
    assert_eq!(juniper.max_frame_bytes, Some(1514));
    let protocol = &juniper.protocol_vlans[0];
    assert_eq!(
        (protocol.id, protocol.supported, protocol.enabled),
        (0, true, false)
    );
    // The old place came first and says less.
    assert_eq!(juniper.link_aggregation.expect("told").port_id, 0x21);
}

#[test]
fn a_sonic_switch_tells_addresses_of_both_families() {
    let sonic = told(&samples::sonic());
    assert_eq!(sonic.problems, Vec::<String>::new());
    assert_eq!(sonic.port_id, identifier("local", "Eth5/1"));
    let addresses: Vec<(&str, &str)> = sonic
        .management_addresses
        .iter()
        .map(|found| (found.family.as_str(), found.address.as_str()))
        .collect();
    assert_eq!(
        addresses,
        [("ipv4", "192.0.2.40"), ("ipv6", "2001:db8::28")]
    );
    assert_eq!(
        sonic.capabilities,
        ["bridge", "wlan-access-point", "router"]
    );
}

#[test]
fn a_linux_neighbour_names_its_port_by_address() {
    let linux = told(&samples::lldpd());
    assert_eq!(linux.problems, Vec::<String>::new());
    assert_eq!(
        linux.port_id,
        identifier("mac-address", "12:67:c5:01:4c:0f")
    );
    assert_eq!(linux.port_description.as_deref(), Some("s0"));
    assert_eq!(linux.enabled_capabilities, ["station"]);
    let layer = linux.physical_layer.expect("told");
    assert!(!layer.autonegotiation_supported && !layer.autonegotiation_enabled);
    assert_eq!(
        (layer.advertised, layer.mau_type),
        (vec!["other".into()], 54)
    );
}

#[test]
fn a_port_identifier_that_ironic_has_no_form_for_is_not_sent_to_its_hooks() {
    let frame = samples::frame(&[
        (1, b"\x07leaf"),
        (2, b"\x06\x01\x02"),
        (3, b"\x00\x78"),
        (0, b""),
    ]);
    let neighbour = told(&frame);
    assert_eq!(neighbour.problems, Vec::<String>::new());
    assert_eq!(neighbour.port_id, identifier("agent-circuit-id", "01:02"));
    let kinds: Vec<u8> = raw(&heard(&frame), "eno1")
        .iter()
        .map(|tlv| tlv.0)
        .collect();
    assert_eq!(kinds, [1, 3, 0]);
}

#[test]
fn the_raw_form_is_what_ironic_reads() {
    let frame = samples::frame(&[
        (1, b"\x04\x88\x5a\x92\xec\x54\x59"),
        (2, b"\x05Ethernet1/18"),
        (3, b"\x00\x78"),
        (0, b""),
    ]);
    let raw_form = raw(&heard(&frame), "eno1");
    assert_eq!(
        serde_json::to_value(raw_form).expect("json"),
        json!([
            [1, "04885a92ec5459"],
            [2, "0545746865726e6574312f3138"],
            [3, "0078"],
            [0, ""]
        ])
    );
    assert_eq!(raw(&heard(&frame), "eno2"), []);
    assert_eq!(raw(&heard(b"something else"), "eno1"), []);
}

#[test]
fn vlans_are_those_with_names_that_can_be_used() {
    let named = |id: u16| [&b"\x00\x80\xc2\x03"[..], &id.to_be_bytes(), b"\x01v"].concat();
    let vlans_of = |ids: &[u16], own: u16| {
        let own = [&b"\x00\x80\xc2\x01"[..], &own.to_be_bytes()].concat();
        let values: Vec<Vec<u8>> = ids.iter().map(|id| named(*id)).collect();
        let mut tlvs: Vec<(u8, &[u8])> = vec![(1, b"\x07leaf"), (2, b"\x05e1"), (3, b"\0\x78")];
        tlvs.push((127, &own));
        tlvs.extend(values.iter().map(|value| (127, value.as_slice())));
        let ports = heard(&samples::frame(&tlvs));
        let neighbour = decode(&ports["eno1"].frames[0].frame.0).expect("a neighbour");
        (neighbour.vlan_ids(), neighbour.port_vlan)
    };
    assert_eq!(vlans_of(&[], 0), (vec![], Some(0)));
    assert_eq!(
        vlans_of(&[300, 101, 300, 0, 4095, 4094, 5000], 7),
        (vec![101, 300, 4094], Some(7))
    );
    let juniper = decode(&samples::juniper()).expect("a neighbour");
    assert_eq!(juniper.vlan_ids(), [101, 102]);
}

/// What is broken: the TLVs of the frame, what is said, how many TLVs are sound.
#[test]
fn what_is_good_in_a_broken_frame_is_kept() {
    type Element<'a> = (u8, &'a [u8]);
    const CHASSIS: Element<'_> = (1, b"\x07leaf");
    const PORT: Element<'_> = (2, b"\x05Ethernet1");
    const TTL: Element<'_> = (3, b"\x00\x78");
    const NAME: Element<'_> = (5, b"leaf-1");
    const END: Element<'_> = (0, b"");
    let cases: [(&[Element<'_>], &str, usize); 11] = [
        (&[(1, b""), PORT, TTL, NAME, END], "chassis ID: is empty", 4),
        (
            &[CHASSIS, (2, b"\x03\x01"), TTL, NAME, END],
            "port ID: is a MAC address that has not 6 octets",
            4,
        ),
        (
            &[CHASSIS, PORT, (3, b"\x00"), NAME, END],
            "time to live: ends after 1 octets",
            4,
        ),
        (
            &[CHASSIS, PORT, TTL, NAME, (5, b"other"), END],
            "system name: comes twice; the first one counts",
            5,
        ),
        (
            &[CHASSIS, PORT, TTL, NAME, CHASSIS, END],
            "chassis ID: comes twice",
            5,
        ),
        (
            &[CHASSIS, PORT, TTL, NAME, (7, b"\x00"), END],
            "system capabilities: has 1 octets instead of 4",
            5,
        ),
        (
            &[CHASSIS, PORT, TTL, NAME, (127, b"\x00\x80"), END],
            "organizationally specific TLV: ends within",
            5,
        ),
        (
            &[
                CHASSIS,
                PORT,
                TTL,
                NAME,
                (127, b"\x00\x80\xc2\x03\x00\x65\x20x"),
                END,
            ],
            "802.1 TLV 3: claims a name of VLAN 101 longer than the TLV",
            5,
        ),
        (
            &[
                CHASSIS,
                PORT,
                TTL,
                NAME,
                (127, b"\x00\x12\x0f\x04\x05"),
                END,
            ],
            "802.3 TLV 4: ends after 1 octets",
            5,
        ),
        (
            &[PORT, CHASSIS, TTL, NAME, END],
            "the frame does not begin with",
            5,
        ),
        (
            &[CHASSIS, PORT, TTL, NAME, (4, b"\x1b[2J"), END],
            "port description: is not text",
            5,
        ),
    ];
    for (tlvs, problem, sound) in cases {
        let frame = samples::frame(tlvs);
        let neighbour = told(&frame);
        assert_eq!(
            neighbour.system_name.as_deref(),
            Some("leaf-1"),
            "{problem}"
        );
        assert!(
            neighbour.problems[0].starts_with(problem),
            "{:?}",
            neighbour.problems
        );
        assert_eq!(neighbour.problems.len(), 1, "{:?}", neighbour.problems);
        assert_eq!(neighbour.tlvs.len(), tlvs.len());
        assert_eq!(raw(&heard(&frame), "eno1").len(), sound, "{problem}");
    }
}

/// Empty texts, unknown organisations, reserved types and no end are allowed.
#[test]
fn odd_but_allowed_frames_have_no_problem() {
    let frame = samples::frame(&[
        (1, b"\x07leaf"),
        (2, b"\x05Ethernet1"),
        (3, b"\x00\x78"),
        (4, b""),
        (5, b""),
        (99, b"?"),
        (127, b"\x00\x00\x00\x01"),
        (127, b"\x00\x80\xc2\x09"),
    ]);
    let neighbour = told(&frame);
    assert_eq!(neighbour.problems, Vec::<String>::new());
    assert_eq!(neighbour.system_name, None);
}

#[test]
fn hostile_frames_neither_panic_nor_invent() {
    let mut random = Random::new(23);
    let seeds = [
        samples::arista(),
        samples::cisco(),
        samples::juniper(),
        samples::sonic(),
        samples::lldpd(),
    ];
    for seed in &seeds {
        for length in 0..=seed.len() {
            read_everything(&seed[..length]);
        }
    }
    for round in 0..4_000 {
        let mut broken = seeds[round % seeds.len()].clone();
        broken.truncate(random.below(broken.len() + 1));
        for _ in 0..random.below(8) {
            let length = broken.len();
            if length > 0 {
                broken[random.below(length)] = random.byte();
            }
        }
        read_everything(&broken);
    }
    // Any single TLV of any content.
    for _ in 0..8_000 {
        let value: Vec<u8> = (0..random.below(40)).map(|_| random.byte()).collect();
        let kinds = [1, 2, 3, 7, 8, 127];
        let kind = kinds[random.below(kinds.len())];
        let mut organised = [&b"\x00\x80\xc2"[..], &value].concat();
        if random.below(2) == 0 {
            organised[1..3].copy_from_slice(b"\x12\x0f");
        }
        let value = if kind == 127 { &organised } else { &value };
        read_everything(&samples::frame(&[(kind, value)]));
    }
}

fn read_everything(frame: &[u8]) {
    let ports = heard(frame);
    let sound = raw(&ports, "eno1");
    let Some(neighbour) = decode(frame) else {
        assert_eq!(sound, []);
        return;
    };
    let octets: usize = neighbour.tlvs.iter().map(|tlv| tlv.1.len() / 2 + 2).sum();
    assert!(octets <= frame.len(), "TLVs do not overlap");
    assert!(sound.iter().all(|tlv| neighbour.tlvs.contains(tlv)));
    let circuit = neighbour
        .port_id
        .as_ref()
        .is_some_and(|port| port.kind == "agent-circuit-id");
    assert!(
        circuit || sound.len() == neighbour.tlvs.len() || !neighbour.problems.is_empty(),
        "what is left out is said"
    );
    let text = serde_json::to_string(&neighbour).expect("json");
    assert!(!text.contains("\\u001b"), "no escape reaches a screen");
}
