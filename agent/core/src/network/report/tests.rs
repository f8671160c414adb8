// SPDX-License-Identifier: Apache-2.0
//! Machines, and what is told of them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::*;
use crate::network::description::PortMatch;
use crate::network::status::samples::port as status_port;
use crate::network::{
    Bond, BondMode, DhcpState, Link, LinkKind, MacAddr, Missing, NetworkStatus, Route,
};

fn link(index: u32, name: &str, kind: LinkKind, up: bool, carrier: bool) -> Link {
    Link {
        index,
        name: name.into(),
        kind,
        mac: u8::try_from(index)
            .ok()
            .map(|last| MacAddr([2, 0, 0, 0, 0, last])),
        internal: false,
        details: crate::network::LinkDetails::default(),
        permanent: None,
        up,
        carrier,
        carrier_ups: 0,
        mtu: 1500,
        controller: None,
    }
}

fn address(link: u32, text: &str) -> SeenAddress {
    let (address, prefix_len) = text.split_once('/').expect(text);
    SeenAddress {
        link,
        address: address.parse().expect(text),
        prefix_len: prefix_len.parse().expect(text),
        duplicate: false,
    }
}

fn default_route(link: u32, gateway: [u8; 4]) -> SeenRoute {
    SeenRoute {
        link: Some(link),
        route: Route::default_through(IpAddr::from(gateway)),
        metric: 100,
    }
}

/// Loopback and two cards, one with a cable.
fn machine() -> KernelView {
    KernelView {
        links: vec![
            link(1, "lo", LinkKind::Loopback, true, true),
            link(2, "eno1", LinkKind::Ethernet, true, true),
            link(3, "eno2", LinkKind::Ethernet, true, false),
        ],
        addresses: vec![address(1, "127.0.0.1/8"), address(2, "fe80::1/64")],
        ..KernelView::default()
    }
}

fn codes(report: &Report) -> Vec<String> {
    let one = |lack: &Lack| match &lack.link {
        Some(link) => format!("{} {link}", lack.code),
        None => lack.code.clone(),
    };
    report.missing.iter().map(one).collect()
}

#[test]
fn a_machine_without_an_address_says_what_each_port_lacks() {
    let mut kernel = machine();
    kernel
        .links
        .push(link(4, "eno3", LinkKind::Ethernet, false, false));
    let report = report(&Sources {
        kernel,
        ..Sources::default()
    });
    assert_eq!(report.address, None);
    assert_eq!(
        codes(&report),
        ["no-address eno1", "no-link eno2", "not-up eno3"]
    );
    assert!(report.missing.iter().all(|lack| !lack.next.is_empty()));
    let nothing = super::report(&Sources::default());
    assert_eq!(codes(&nothing), ["no-network-card"]);
}

#[test]
fn the_running_agent_adds_what_its_clients_do() {
    let mut asking = status_port(2, "eno1", true, None);
    asking.dhcp = DhcpState::Discovering { attempts: 4 };
    let status = NetworkStatus {
        ports: vec![asking, status_port(3, "eno2", false, None)],
        ..NetworkStatus::default()
    };
    let neighbour = NeighbourReport {
        link: "eno1".into(),
        system: Some("leaf1".into()),
        port: Some("Ethernet7".into()),
        port_vlan: Some(12),
        vlans: vec![],
    };
    let knowledge = Knowledge::of(&status, Process::default(), vec![neighbour]);
    let text = serde_json::to_string(&knowledge).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Knowledge>(&text).ok(),
        Some(knowledge.clone())
    );
    let report = report(&Sources {
        kernel: machine(),
        knowledge: Some(knowledge),
        manager: Some("dhclient".into()),
        ..Sources::default()
    });
    assert_eq!(report.managed_by.as_deref(), Some("ironseed-agent"));
    assert_eq!(
        report.waiting_for.as_deref(),
        Some("no DHCP answer on eno1")
    );
    let lack = &report.missing[0];
    assert_eq!(
        lack.what,
        "no DHCP answer on eno1: asked 4 times, no answer"
    );
    assert_eq!(
        lack.next,
        "leaf1 Ethernet7 is in VLAN 12: check that a DHCP server or relay serves that network"
    );
    assert_eq!(codes(&report), ["no-dhcp-answer eno1", "no-link eno2"]);
}

#[test]
fn with_an_address_only_what_is_beyond_it_can_be_missing() {
    let mut kernel = machine();
    kernel.addresses.push(address(2, "192.0.2.9/24"));
    let told = report(&Sources {
        kernel: kernel.clone(),
        ..Sources::default()
    });
    assert_eq!(told.address.as_deref(), Some("192.0.2.9"));
    assert_eq!(codes(&told), ["no-default-route", "no-dns-server"]);
    kernel.routes.push(default_route(2, [192, 0, 2, 1]));
    kernel.resolv_conf = Some("search a.example b.example\nnameserver 192.0.2.53\n".into());
    kernel.addresses.push(SeenAddress {
        duplicate: true,
        ..address(2, "2001:db8::9/64")
    });
    let told = report(&Sources {
        kernel,
        ..Sources::default()
    });
    assert_eq!(told.dns_servers, ["192.0.2.53"]);
    assert_eq!(told.search_domains, ["a.example", "b.example"]);
    assert_eq!(codes(&told), ["duplicate-address eno1"]);
}

#[test]
fn the_address_of_the_default_routes_link_counts() {
    let mut kernel = machine();
    kernel.addresses.push(address(2, "192.0.2.9/24"));
    kernel.addresses.push(address(3, "198.51.100.9/24"));
    kernel.routes.push(default_route(3, [198, 51, 100, 1]));
    let told = report(&Sources {
        kernel,
        ..Sources::default()
    });
    assert_eq!(told.address.as_deref(), Some("198.51.100.9"));
}

#[test]
fn a_lease_is_told_whole() {
    let status = NetworkStatus {
        ports: vec![status_port(2, "eno1", true, Some(([192, 0, 2, 9], 0)))],
        ..NetworkStatus::default()
    };
    let knowledge = Knowledge::of(&status, Process::default(), vec![]);
    let lease = knowledge.ports[0].lease.clone().expect("a lease");
    assert_eq!(lease.address, "192.0.2.9/24");
    assert_eq!(lease.since_s, Duration::from_secs(5).as_secs());
    assert_eq!(
        lease.server.parse::<Ipv4Addr>().map_err(|_| ()),
        Ok(status.ports[0].lease.as_ref().expect("held").lease.server)
    );
    assert_eq!(knowledge.waiting_for, None);
}

#[test]
fn a_plan_is_compared_with_what_is_there() {
    let physical = |name: &str| LinkPlan {
        name: name.into(),
        device: PlannedDevice::Physical {
            index: 2,
            mac: None,
        },
        mac: None,
        addressing: vec![],
        routes: vec![],
        mtu: None,
        preferred: false,
    };
    let bond = LinkPlan {
        device: PlannedDevice::Bond(Bond {
            mode: BondMode::Lacp,
            ports: vec!["eno1".into(), "eno2".into()],
            options: vec![],
        }),
        ..physical("bond0")
    };
    let vlan = LinkPlan {
        device: PlannedDevice::Vlan {
            parent: "bond0".into(),
            id: 7,
        },
        addressing: vec![Addressing::Static {
            address: IpAddr::from([192, 0, 2, 9]),
            prefix_len: 24,
        }],
        routes: vec![Route::default_through(IpAddr::from([192, 0, 2, 1]))],
        mtu: Some(9000),
        ..physical("bond0.7")
    };
    let status = NetworkStatus {
        plan: NetworkPlan {
            links: vec![physical("eno1"), physical("eno2"), bond, vlan],
            missing: vec![Missing {
                link: "tap1".into(),
                port: PortMatch::Name("x".into()),
            }],
            ..NetworkPlan::default()
        },
        ..NetworkStatus::default()
    };
    let mut knowledge = Knowledge::of(&status, Process::default(), vec![]);
    let mut kernel = machine();
    let mut made = link(9, "bond0", LinkKind::Virtual("bond".into()), true, true);
    made.mtu = 9000;
    kernel.links.push(made);
    for port in &mut kernel.links[1..3] {
        port.controller = Some(9);
    }
    let without_vlan = report(&Sources {
        kernel: kernel.clone(),
        knowledge: Some(knowledge.clone()),
        ..Sources::default()
    });
    let expected = ["port-missing", "no-link eno2", "link-missing bond0.7"];
    assert_eq!(codes(&without_vlan), expected);
    kernel.links.push(link(
        10,
        "bond0.7",
        LinkKind::Virtual("vlan".into()),
        true,
        true,
    ));
    kernel.addresses.push(address(10, "192.0.2.8/24"));
    knowledge.missing_ports.clear();
    let other_address = report(&Sources {
        kernel: kernel.clone(),
        knowledge: Some(knowledge),
        ..Sources::default()
    });
    let expected = [
        "no-link eno2",
        "mtu-differs bond0.7",
        "address-missing bond0.7",
        "no-default-route",
        "no-dns-server",
    ];
    assert_eq!(codes(&other_address), expected);
    assert_eq!(other_address.plan[3].on, ["bond0"]);
    assert_eq!(other_address.plan[3].routes, ["default via 192.0.2.1"]);
    // A plan that was only asked for is not compared with what is there.
    let asked = report(&Sources {
        kernel,
        plan: Some(AskedPlan::from(&status.plan)),
        ..Sources::default()
    });
    let expected = ["port-missing", "no-default-route", "no-dns-server"];
    assert_eq!(codes(&asked), expected);
}

#[test]
fn managers_are_recognised_by_their_processes() {
    for (processes, expected) in [
        (&["init\n", "sshd\n"][..], None),
        (&["dhclient\n", "NetworkManager\n"], Some("NetworkManager")),
        (&["systemd-network\n"], Some("systemd-networkd")),
        (&["dhcpcd"], Some("dhcpcd")),
    ] {
        assert_eq!(manager(processes.iter().copied()), expected);
    }
}
