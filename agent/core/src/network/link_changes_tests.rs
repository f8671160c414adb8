// SPDX-License-Identifier: Apache-2.0
//! Plans against links, one after the other until nothing is left to do.

use super::*;
use crate::network::lacp::BondState;
use crate::network::plan::samples::{made, physical};
use crate::network::{LinkDetails, LinkKind};

fn port(index: u32, name: &str) -> Link {
    let last = u8::try_from(index).unwrap_or_default();
    Link {
        index,
        name: name.into(),
        kind: LinkKind::Ethernet,
        mac: Some(MacAddr([2, 0, 0, 0, 0, last])),
        internal: false,
        permanent: None,
        up: true,
        carrier: true,
        carrier_ups: 1,
        mtu: 1500,
        controller: None,
        details: LinkDetails::default(),
    }
}

fn bond(index: u32, name: &str, mode: BondMode) -> Link {
    Link {
        kind: LinkKind::Virtual("bond".into()),
        details: LinkDetails {
            ours: true,
            bond: Some(BondState {
                mode: Some(mode),
                ..BondState::default()
            }),
            ..LinkDetails::default()
        },
        ..port(index, name)
    }
}

fn vlan(index: u32, name: &str, below: u32, id: u16) -> Link {
    Link {
        kind: LinkKind::Virtual("vlan".into()),
        details: LinkDetails {
            ours: true,
            below: Some(below),
            vlan: Some(id),
            ..LinkDetails::default()
        },
        ..port(index, name)
    }
}

fn rack() -> NetworkPlan {
    let bond = Bond {
        mode: BondMode::Lacp,
        ports: vec!["eno1".into(), "eno2".into()],
        options: vec![
            ("lacp_rate".into(), "fast".into()),
            ("primary".into(), "eno2".into()),
        ],
    };
    NetworkPlan {
        links: vec![
            physical(2, "eno1"),
            physical(3, "eno2"),
            made("bond0", PlannedDevice::Bond(bond)),
            made(
                "bond0.7",
                PlannedDevice::Vlan {
                    parent: "bond0".into(),
                    id: 7,
                },
            ),
        ],
        ..NetworkPlan::default()
    }
}

fn make_bond() -> LinkChange {
    LinkChange::Make {
        name: "bond0".into(),
        device: NewDevice::Bond {
            mode: BondMode::Lacp,
            options: vec![("lacp_rate".into(), "fast".into())],
        },
        mac: Some(MacAddr([2, 0, 0, 0, 0, 2])),
    }
}

fn make_vlan() -> LinkChange {
    LinkChange::Make {
        name: "bond0.7".into(),
        device: NewDevice::Vlan { parent: 9, id: 7 },
        mac: None,
    }
}

fn join(port: u32, primary: bool) -> LinkChange {
    let bond = 9;
    LinkChange::Join {
        port,
        bond,
        primary,
    }
}

fn remove(index: u32, name: &str) -> LinkChange {
    let name = name.into();
    LinkChange::Remove { index, name }
}

#[test]
fn a_bond_and_a_vlan_come_into_being_step_by_step() {
    let (eno1, eno2) = (port(2, "eno1"), port(3, "eno2"));
    let bond0 = || bond(9, "bond0", BondMode::Lacp);
    let joined = |link: &Link| Link {
        controller: Some(9),
        ..link.clone()
    };
    let drivers_own = Link {
        details: LinkDetails {
            ours: false,
            ..bond0().details
        },
        ..bond0()
    };
    let other_mode = bond(9, "bond0", BondMode::ActiveBackup);
    let cases = [
        ("no port yet", vec![], vec![]),
        ("ports", vec![eno1.clone(), eno2.clone()], vec![make_bond()]),
        (
            "the driver's own bond0 is in the way",
            vec![eno1.clone(), eno2.clone(), drivers_own],
            vec![remove(9, "bond0"), make_bond()],
        ),
        (
            "one port appears later",
            vec![eno1.clone(), bond0()],
            vec![join(2, false), make_vlan()],
        ),
        (
            "it joins",
            vec![
                joined(&eno1),
                eno2.clone(),
                bond0(),
                vlan(10, "bond0.7", 9, 7),
            ],
            vec![join(3, true)],
        ),
        (
            "all is there",
            vec![
                joined(&eno1),
                joined(&eno2),
                bond0(),
                vlan(10, "bond0.7", 9, 7),
            ],
            vec![],
        ),
        (
            "the description has another mode now",
            vec![joined(&eno1), other_mode],
            vec![remove(9, "bond0"), make_bond()],
        ),
        (
            "the VLAN has another number now",
            vec![
                joined(&eno1),
                joined(&eno2),
                bond0(),
                vlan(10, "bond0.7", 9, 8),
            ],
            vec![remove(10, "bond0.7"), make_vlan()],
        ),
    ];
    for (what, links, expected) in cases {
        assert_eq!(link_changes(&rack(), &links), expected, "{what}");
    }
}

#[test]
fn only_links_of_the_agent_are_removed_and_vlans_first() {
    let foreign = Link {
        details: LinkDetails {
            ours: false,
            ..bond(8, "bond1", BondMode::Lacp).details
        },
        ..bond(8, "bond1", BondMode::Lacp)
    };
    let links = [
        port(2, "eno1"),
        foreign,
        bond(9, "bond0", BondMode::Lacp),
        vlan(10, "bond0.7", 9, 7),
    ];
    let nothing = NetworkPlan::default();
    assert_eq!(
        link_changes(&nothing, &links),
        [remove(10, "bond0.7"), remove(9, "bond0")]
    );
}

#[test]
fn an_mtu_is_set_where_it_can_be() {
    let limited = Link {
        details: LinkDetails {
            max_mtu: Some(4000),
            ..LinkDetails::default()
        },
        ..port(2, "eno1")
    };
    for (mtu, expected) in [
        (1500, vec![]),
        (
            4000,
            vec![LinkChange::SetMtu {
                index: 2,
                mtu: 4000,
            }],
        ),
        (9000, vec![]),
    ] {
        let mut plan = NetworkPlan {
            links: vec![physical(2, "eno1")],
            ..NetworkPlan::default()
        };
        plan.links[0].mtu = Some(mtu);
        assert_eq!(
            link_changes(&plan, std::slice::from_ref(&limited)),
            expected,
            "{mtu}"
        );
    }
    let below = [port(2, "eno1"), vlan(10, "eno1.7", 2, 7)];
    assert_eq!(mtu_limit(&below[1], &below), Some((1500, "eno1")));
    let in_bond = Link {
        controller: Some(9),
        ..limited
    };
    let links = [in_bond, bond(9, "bond0", BondMode::Lacp)];
    assert_eq!(mtu_limit(&links[1], &links), Some((4000, "eno1")));
}

#[test]
fn a_vlan_comes_up_after_the_link_below() {
    let down = |link: Link| Link { up: false, ..link };
    let joined = Link {
        controller: Some(9),
        ..port(2, "eno1")
    };
    let vlan = || down(vlan(10, "bond0.7", 9, 7));
    let bond = || bond(9, "bond0", BondMode::Lacp);
    let raise = |index| vec![LinkChange::Raise { index }];
    for (links, expected) in [
        (vec![joined.clone(), down(bond()), vlan()], raise(9)),
        (vec![joined, bond(), vlan()], raise(10)),
    ] {
        assert_eq!(link_changes(&rack(), &links), expected);
    }
}
