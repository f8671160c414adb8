// SPDX-License-Identifier: Apache-2.0
//! Plans against what a kernel has.

use bootconfig::MacAddr;

use super::*;
use crate::network::plan::samples::{made, physical, with_address};
use crate::network::plan::{Bond, BondMode};
use crate::network::{LinkDetails, LinkKind};

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

fn port(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.into(),
        kind: LinkKind::Ethernet,
        mac: Some(MacAddr([2, 0, 0, 0, 0, 2])),
        internal: false,
        permanent: None,
        up: true,
        carrier: true,
        carrier_ups: 1,
        mtu: 1500,
        controller: None,
        details: LinkDetails {
            max_mtu: Some(4000),
            ..LinkDetails::default()
        },
    }
}

fn address(text: &str, state: AddressState) -> LinkAddress {
    LinkAddress {
        link: 2,
        address: ip(text),
        prefix_len: 24,
        state,
    }
}

fn plan(link: LinkPlan) -> NetworkPlan {
    NetworkPlan {
        links: vec![link],
        ..NetworkPlan::default()
    }
}

fn told(plan: &NetworkPlan, observed: &Observed<'_>) -> Vec<String> {
    let found = differences(plan, observed);
    assert!(found.iter().all(|difference| !difference.next.is_empty()));
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn addresses_and_routes_are_compared() {
    let default = |gateway| Route::default_through(ip(gateway));
    let mut wanted = with_address(physical(2, "eno1"), "192.0.2.9/24");
    wanted.routes = vec![default("192.0.2.1"), default("192.0.3.1")];
    let plan = plan(wanted);
    let links = [port(2, "eno1")];
    let route = KernelRoute {
        link: 2,
        route: default("192.0.2.1"),
        metric: 1000,
    };
    let unreachable = "eno1: route default via 192.0.3.1 is wanted; gateway 192.0.3.1 of eno1 cannot be reached directly";
    let cases = [
        (
            vec![address("192.0.2.9", AddressState::Usable)],
            vec![route],
            vec![unreachable],
        ),
        (
            vec![address("192.0.2.9", AddressState::Duplicate)],
            vec![route],
            vec![
                "eno1: address 192.0.2.9/24 is wanted; another machine on this network has the address",
                unreachable,
            ],
        ),
        (
            vec![],
            vec![],
            vec![
                "eno1: address 192.0.2.9/24 is wanted; the link does not have it",
                "eno1: route default via 192.0.2.1 is wanted; the kernel does not have it",
                unreachable,
            ],
        ),
        (
            vec![
                address("192.0.2.9", AddressState::Usable),
                address("192.0.2.77", AddressState::Duplicate),
            ],
            vec![route],
            vec![
                unreachable,
                "eno1: address 192.0.2.77/24 is wanted; another machine on this network has the address",
            ],
        ),
    ];
    for (addresses, routes, expected) in cases {
        let observed = Observed {
            links: &links,
            addresses: &addresses,
            routes: &routes,
            refusals: &Refusals::new(),
        };
        assert_eq!(told(&plan, &observed), expected, "{addresses:?}");
    }
}

#[test]
fn links_are_compared() {
    let observed = |links: &[Link], plan: &NetworkPlan| {
        let observed = Observed {
            links,
            addresses: &[],
            routes: &[],
            refusals: &Refusals::new(),
        };
        told(plan, &observed)
    };
    let mut wanted = physical(2, "eno1");
    wanted.mtu = Some(9000);
    wanted.mac = Some(MacAddr([2, 0, 0, 0, 0, 9]));
    let down = Link {
        up: false,
        ..port(2, "eno1")
    };
    assert_eq!(
        observed(&[down], &plan(wanted)),
        [
            "eno1: state up is wanted; it is down",
            "eno1: hardware address 02:00:00:00:00:09 is wanted; it has 02:00:00:00:00:02",
            "eno1: MTU 9000 is wanted; it has 1500, and eno1 allows at most 4000",
        ]
    );
    let bond = made(
        "bond0",
        PlannedDevice::Bond(Bond {
            mode: BondMode::ActiveBackup,
            ports: vec!["eno1".into(), "eno2".into()],
            options: vec![],
        }),
    );
    let plan = NetworkPlan {
        links: vec![physical(2, "eno1"), bond],
        ..NetworkPlan::default()
    };
    assert_eq!(
        observed(&[port(2, "eno1")], &plan),
        [
            "eno1: bond bond0 is wanted; it belongs to none",
            "bond0: link bond (active-backup) of eno1, eno2 is wanted; it is not there",
        ]
    );
    assert_eq!(
        observed(&[port(2, "eno1"), port(9, "bond0")], &plan)[1],
        "bond0: link bond (active-backup) of eno1, eno2 is wanted; there is another link of the name bond0"
    );
    assert_eq!(
        observed(&[port(4, "eno4")], &plan)[1],
        "bond0: link bond (active-backup) of eno1, eno2 is wanted; this machine has no eno1, eno2"
    );
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let mut wanted = physical(2, "eno1");
    wanted.mtu = Some(3000);
    let refused = |link: &str, subject| {
        let key = (link.to_owned(), subject, String::new());
        Refusals::from([(key, "cannot set the MTU of link eno1: busy".to_owned())])
    };
    let links = [port(2, "eno1")];
    for (refusals, expected) in [
        (
            refused("eno1", Subject::Mtu),
            "eno1: MTU 3000 is wanted; it has 1500 (cannot set the MTU of link eno1: busy)",
        ),
        (
            refused("eno2", Subject::Mtu),
            "eno1: MTU 3000 is wanted; it has 1500",
        ),
    ] {
        let observed = Observed {
            links: &links,
            addresses: &[],
            routes: &[],
            refusals: &refusals,
        };
        assert_eq!(told(&plan(wanted.clone()), &observed), [expected]);
    }
}
