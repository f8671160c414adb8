// SPDX-License-Identifier: Apache-2.0
//! The network against a real DHCP server (dnsmasq) over virtual cables, each
//! test in network namespaces of its own. What counts is what the kernel says
//! afterwards (`ip -j`), not what the agent believes.
//!
//! Needs root and the programs `ip`, `unshare`, `nsenter`, `setpriv` and
//! `dnsmasq`, `radvd`, `kea-dhcp6` (Debian packages iproute2, util-linux,
//! dnsmasq-base, radvd, kea-dhcp6-server); without
//! them the tests fail and say what is missing.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]
#![expect(clippy::print_stderr, reason = "a test reports its figures")]

#[path = "dhcp/conflicts.rs"]
mod conflicts;
#[path = "dhcp/ipv6.rs"]
mod ipv6;
#[path = "dhcp/lab.rs"]
mod lab;
#[path = "dhcp/peers.rs"]
mod peers;
#[path = "dhcp/routers.rs"]
mod routers;
mod wires;

use std::net::IpAddr;
use std::time::Duration;

use ironseed_core::event::{Event, Wait};
use ironseed_core::network::{DhcpState, InternalRule, MacAddr, NetworkMode, WaitFor};
use ironseed_core::snapshot::NetworkLink;
use ironseed_machine::net::{NetworkSettings, bring_down_all, route_source};
use ironseed_machine::snapshot::{Reach, take};

use lab::{Lab, Server};

/// `c0` has carrier and a server, `c1` has carrier and silence: the silent one
/// costs nothing.
#[test]
fn a_silent_port_costs_nothing_and_the_lease_is_in_the_kernel() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.cable(1);
        lab.serve(
            &Server::new(0)
                .option("option:dns-server,192.0.2.53")
                .option("option:domain-name,rack.example")
                .option("option:mtu,1400")
                .option("option:ntp-server,192.0.2.123"),
        );
        lab.plug(1);
        lab.start(NetworkSettings::default());
        lab.until("c1 asks", |status| {
            status
                .ports
                .iter()
                .any(|port| port.name == "c1" && matches!(port.dhcp, DhcpState::Discovering { .. }))
        })
        .await;
        assert_eq!(
            lab.status().wait(),
            Some(Wait::NoDhcpAnswer {
                ports: vec!["c1".into()]
            })
        );

        lab.plug(0);
        lab.network().ready(WaitFor::FirstAddress).await;
        let status = lab.status();
        let port = status.primary().unwrap();
        let took = port.lease.as_ref().unwrap().first - port.carrier_since;
        eprintln!("carrier to address: {:.1} ms", took.as_secs_f64() * 1e3);
        let took = port.lease.as_ref().unwrap().first - port.dhcp_since;
        eprintln!("DHCPACK to address: {:.1} ms", took.as_secs_f64() * 1e3);

        assert_eq!(lab.status().wait(), None);
        assert_eq!(lab.addresses("c0"), ["192.0.2.50/24"]);
        assert!(lab.addresses("c1").is_empty());
        assert_eq!(
            lab.routes(),
            [
                "192.0.2.0/24 dev c0 metric 1000 from 192.0.2.50",
                "default dev c0 metric 1000 from 192.0.2.50 via 192.0.2.1",
            ]
        );
        assert_eq!(lab.mtu("c0"), 1400);
        assert!(
            lab.address_ends("c0"),
            "the kernel must know when the lease ends"
        );
        assert_eq!(
            lab.resolv_conf(),
            "search rack.example\nnameserver 192.0.2.53\noptions timeout:3 attempts:3\n"
        );
        let status = lab.status();
        let lease = &status.primary().unwrap().lease.as_ref().unwrap().lease;
        assert_eq!(
            lease.ntp,
            ["192.0.2.123".parse::<std::net::Ipv4Addr>().unwrap()]
        );
        assert_eq!(lab.milestones(), ["link", "address"]);
        let source = route_source(IpAddr::from([203, 0, 113, 1])).await;
        assert_eq!(source.unwrap(), IpAddr::from([192, 0, 2, 50]));
    });
}

/// Both servers answer; the boot port's address counts although the other one
/// was first.
#[test]
fn the_boot_port_takes_over_from_the_first_answer() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.cable(1);
        lab.serve(&Server::new(0).option("option:dns-server,192.0.2.53"));
        lab.serve(&Server::new(1).option("option:dns-server,198.51.100.53"));
        lab.plug(0);
        let boot = NetworkSettings {
            boot_mac: Some(MacAddr([0x52, 0x54, 0, 0, 0, 1])),
            ..NetworkSettings::default()
        };
        lab.start(boot);
        lab.network().ready(WaitFor::FirstAddress).await;
        assert_eq!(lab.status().primary().unwrap().name, "c0");
        assert_eq!(lab.name_servers(), ["192.0.2.53"]);

        lab.plug(1);
        let timeout = Duration::from_secs(600);
        lab.network()
            .ready(WaitFor::PreferredPort { timeout })
            .await;
        assert_eq!(lab.status().primary().unwrap().name, "c1");
        assert_eq!(
            lab.routes(),
            [
                "192.0.2.0/24 dev c0 metric 1000 from 192.0.2.50",
                "198.51.100.0/24 dev c1 metric 100 from 198.51.100.50",
                "default dev c0 metric 1000 from 192.0.2.50 via 192.0.2.1",
                "default dev c1 metric 100 from 198.51.100.50 via 198.51.100.1",
            ]
        );
        assert_eq!(lab.name_servers(), ["198.51.100.53", "192.0.2.53"]);
        let far = IpAddr::from([203, 0, 113, 1]);
        assert_eq!(
            route_source(far).await.unwrap(),
            IpAddr::from([198, 51, 100, 50])
        );

        // A pulled cable moves the traffic; nothing is rewritten.
        lab.unplug(1);
        lab.until("c1 has no carrier", |status| {
            status.primary().is_some_and(|port| port.name == "c0")
        })
        .await;
        assert_eq!(
            route_source(far).await.unwrap(),
            IpAddr::from([192, 0, 2, 50])
        );
    });
}

/// On virtual media the boot port is known only after its lease.
#[test]
fn a_preference_told_later_changes_the_routes() {
    Lab::run(async |lab: &mut Lab| {
        for number in [0, 1] {
            lab.cable(number);
            lab.serve(&Server::new(number).option("option:dns-server,192.0.2.53"));
        }
        lab.plug(0);
        lab.start(NetworkSettings::default());
        lab.network().ready(WaitFor::FirstAddress).await;
        lab.plug(1);
        let timeout = Duration::from_secs(600);
        lab.network().ready(WaitFor::EveryPort { timeout }).await;
        assert_eq!(lab.status().primary().unwrap().name, "c0");

        lab.network()
            .prefer(Some(MacAddr([0x52, 0x54, 0, 0, 0, 1])), None);
        lab.until("c1 is primary", |status| {
            status.primary().is_some_and(|port| port.name == "c1")
        })
        .await;
        assert_eq!(
            lab.routes(),
            [
                "192.0.2.0/24 dev c0 metric 1000 from 192.0.2.50",
                "198.51.100.0/24 dev c1 metric 100 from 198.51.100.50",
                "default dev c0 metric 1000 from 192.0.2.50 via 192.0.2.1",
                "default dev c1 metric 100 from 198.51.100.50 via 198.51.100.1",
            ]
        );
    });
}

/// A card that appears later joins; one that vanishes is forgotten.
#[test]
fn a_card_that_appears_late_joins() {
    Lab::run(async |lab: &mut Lab| {
        lab.start(NetworkSettings::default());
        lab.until("nothing is there", |status| {
            status.wait() == Some(Wait::NoNetworkCard)
        })
        .await;
        lab.cable(0);
        lab.until("no link", |status| {
            status.wait()
                == Some(Wait::NoLink {
                    ports: vec!["c0".into()],
                })
        })
        .await;
        lab.serve(&Server::new(0));
        lab.plug(0);
        lab.network().ready(WaitFor::FirstAddress).await;
        assert_eq!(lab.addresses("c0"), ["192.0.2.50/24"]);
        assert_eq!(
            lab.addresses("lo"),
            ["127.0.0.1/8"],
            "the loopback is up too"
        );

        lab.ip(&["link", "del", "c0"]);
        lab.until("the card is gone", |status| status.ports.is_empty())
            .await;
    });
}

/// The server says after how long a lease is prolonged, and changes its mind
/// about the address while the cable is out.
#[test]
fn a_lease_is_prolonged_and_follows_the_cable() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        // dnsmasq puts T1 right before T2, whatever it is told.
        lab.serve(&Server::new(0).option("option:T2,3"));
        lab.plug(0);
        lab.start(NetworkSettings::default());
        lab.network().ready(WaitFor::FirstAddress).await;
        lab.until_acks(0, 3).await;
        assert_eq!(lab.addresses("c0"), ["192.0.2.50/24"]);

        lab.unplug(0);
        lab.until("no carrier", |status| {
            status
                .ports
                .iter()
                .all(|port| port.dhcp == DhcpState::NoCarrier)
        })
        .await;
        lab.stop_server(0);
        lab.serve(&Server::new(0).network("198.51.100").authoritative());
        lab.plug(0);
        lab.until("the other network's address", |status| {
            let other = IpAddr::from([198, 51, 100, 50]);
            status.ports[0]
                .addresses
                .iter()
                .any(|(address, _)| *address == other)
        })
        .await;
        assert_eq!(lab.addresses("c0"), ["198.51.100.50/24"]);
        assert_eq!(
            lab.routes(),
            [
                "198.51.100.0/24 dev c0 metric 1001 from 198.51.100.50",
                "default dev c0 metric 1001 from 198.51.100.50 via 198.51.100.1",
            ]
        );
    });
}

/// A server that keeps silent about the old address of a moved machine: the
/// new address replaces the old one, whose routes go with it.
#[test]
fn an_address_of_another_network_is_replaced() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        let routes = "option:classless-static-route,0.0.0.0/0,192.0.2.1,10.9.0.0/16,192.0.2.7";
        lab.serve(&Server::new(0).option(routes));
        lab.plug(0);
        lab.start(NetworkSettings::default());
        lab.network().ready(WaitFor::FirstAddress).await;
        assert_eq!(
            lab.routes(),
            [
                "10.9.0.0/16 dev c0 metric 1000 from 192.0.2.50 via 192.0.2.7",
                "192.0.2.0/24 dev c0 metric 1000 from 192.0.2.50",
                "default dev c0 metric 1000 from 192.0.2.50 via 192.0.2.1",
            ]
        );
        lab.unplug(0);
        lab.stop_server(0);
        lab.serve(&Server::new(0).network("198.51.100"));
        lab.plug(0);
        lab.until("the other network's address", |status| {
            let other = IpAddr::from([198, 51, 100, 50]);
            let addresses = status.ports[0]
                .addresses
                .iter()
                .map(|(address, _)| *address);
            addresses.filter(IpAddr::is_ipv4).eq([other])
        })
        .await;
        assert_eq!(lab.addresses("c0"), ["198.51.100.50/24"]);
        assert_eq!(
            lab.routes(),
            [
                "198.51.100.0/24 dev c0 metric 1000 from 198.51.100.50",
                "default dev c0 metric 1000 from 198.51.100.50 via 198.51.100.1",
            ]
        );
    });
}

/// On a machine whose network belongs to somebody else nothing is touched.
#[test]
fn observing_changes_nothing() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.cable(1);
        lab.serve(&Server::new(1));
        lab.plug(0);
        lab.plug(1);
        lab.ip(&["addr", "add", "203.0.113.5/24", "dev", "c0"]);
        lab.ip(&["link", "set", "c0", "up"]);
        lab.start(NetworkSettings {
            mode: NetworkMode::Observe,
            ..NetworkSettings::default()
        });
        lab.network().ready(WaitFor::FirstAddress).await;
        let status = lab.status();
        let primary = status.primary().unwrap();
        assert_eq!(primary.address(), Some(IpAddr::from([203, 0, 113, 5])));
        assert!(lab.is_down("c1"));
        assert!(lab.addresses("c1").is_empty());
        assert!(!lab.server_log(1).contains("DHCPDISCOVER"));
        assert!(!lab.has_resolv_conf());
    });
}

/// Lock-down: nothing reaches the machine any more, and nobody brings the
/// links up again.
#[test]
fn links_stay_down_after_lockdown() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.serve(&Server::new(0));
        lab.plug(0);
        lab.start(NetworkSettings::default());
        lab.network().ready(WaitFor::FirstAddress).await;
        let events = lab.events();
        let leased = "c0: address 192.0.2.50/24 from 192.0.2.1, gateway 192.0.2.1, for 3600 s";
        assert!(events.contains(&Event::Note(leased.into())), "{events:?}");
        lab.network().stop().await;
        bring_down_all(&lab.root()).await.unwrap();
        assert!(lab.is_down("c0"));
        assert!(!lab.is_down("lo"));
    });
}

/// Hot-plugged links are in the next snapshot, with all their names and what
/// ethtool tells of them (`ethtool c0` says the same of a veth).
#[test]
fn a_link_that_is_added_is_in_the_next_snapshot() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        let names = |links: &[NetworkLink]| -> Vec<String> {
            links.iter().map(|link| link.name.clone()).collect()
        };
        assert_eq!(names(&take(&lab.root(), Reach::Live).links), ["lo", "c0"]);

        lab.cable(1);
        let alternative = "enp59s0f0np0-the-first-port";
        lab.ip(&[
            "link",
            "property",
            "add",
            "dev",
            "c1",
            "altname",
            alternative,
        ]);
        let links = take(&lab.root(), Reach::Live).links;
        assert_eq!(names(&links), ["lo", "c0", "c1"]);
        let link = &links[2];
        assert_eq!(link.address, [0x52, 0x54, 0, 0, 0, 1]);
        assert!(link.permanent_address.is_empty(), "it was set, not made");
        assert_eq!(link.alternative_names, [alternative]);
        assert_eq!(link.speed_mbps, Some(10_000));
        let driver = link.driver.as_ref().unwrap();
        assert_eq!(driver.driver, "veth");
        let settings = link.settings.as_ref().unwrap();
        assert_eq!((settings.duplex, settings.port), (1, 0));
        assert_eq!(link.module, None);
    });
}

/// A card of the BMC has carrier, and a DHCP server behind it that answers at
/// once, as that of an iLO does. It is up, and that is all.
#[test]
fn a_card_of_the_bmc_gets_no_address_and_no_route() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.cable(1);
        lab.serve(&Server::new(0));
        lab.serve(&Server::new(1));
        lab.plug(0);
        lab.start(NetworkSettings {
            internal: vec![InternalRule {
                mac_prefix: Some("52:54:00:00:00:00".into()),
                ..InternalRule::default()
            }],
            boot_mac: Some(MacAddr([0x52, 0x54, 0, 0, 0, 0])),
            ..NetworkSettings::default()
        });
        lab.until("c0 has carrier", |status| {
            let mut ports = status.ports.iter();
            ports.any(|port| port.name == "c0" && port.carrier && port.internal)
        })
        .await;
        assert_eq!(
            lab.status().wait(),
            Some(Wait::NoLink {
                ports: vec!["c1".into()]
            })
        );

        lab.plug(1);
        let timeout = Duration::from_secs(600);
        lab.network().ready(WaitFor::EveryPort { timeout }).await;
        assert!(!lab.is_down("c0"));
        assert!(lab.addresses("c0").is_empty());
        assert_eq!(lab.addresses("c1"), ["198.51.100.50/24"]);
        assert_eq!(
            lab.routes(),
            [
                "198.51.100.0/24 dev c1 metric 1000 from 198.51.100.50",
                "default dev c1 metric 1000 from 198.51.100.50 via 198.51.100.1",
            ]
        );
        assert!(!lab.server_log(0).contains("DHCPDISCOVER"));
    });
}
