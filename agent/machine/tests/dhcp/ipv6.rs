// SPDX-License-Identifier: Apache-2.0
//! DHCPv6 against dnsmasq and Kea.

use std::net::{IpAddr, Ipv6Addr};

use ironseed_core::network::plan::Addressing;
use ironseed_core::network::{Dhcp6State, WaitFor};
use ironseed_machine::net::{NetworkSettings, route_source};

use crate::lab::Lab;
use crate::peers::{described, description};

/// The port's hardware address as an interface identifier.
const EUI64: &str = "5054:ff:fe00";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Flag M: an address from dnsmasq, the way out from its advertisements, and
/// nobody answers over IPv4.
#[test]
fn a_network_of_ipv6_only_is_enough() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable6(0);
        lab.dnsmasq6(
            0,
            &[
                "--dhcp-range=2001:db8:0::50,2001:db8:0::50,64,1h",
                "--enable-ra",
                "--dhcp-option=option6:dns-server,[2001:db8:0::53]",
                "--dhcp-option=option6:domain-search,rack.example,lab.example",
                "--dhcp-option=option6:ntp-server,[2001:db8:0::123]",
            ],
        );
        lab.start(NetworkSettings::default());
        lab.network().ready(WaitFor::FirstAddress).await;
        let status = lab.status();
        assert_eq!(status.wait(), None, "IPv4 is not waited for");
        assert_eq!(status.primary().unwrap().name, "c0");
        let source = route_source(address("2001:db8:ffff::1")).await.unwrap();
        assert_eq!(source, address("2001:db8::50"), "usable at once");
        assert_eq!(lab.addresses6("c0"), ["2001:db8::50/128"]);
        assert!((3500..=3600).contains(&lab.valid6("c0")));
        let index = status.ports[0].index;
        let (router, metric) = (lab.router(0), 1000 + index);
        let default = format!("default dev c0 metric {metric} via {router}");
        assert_eq!(lab.learned_routes(), [default]);
        lab.until_kernel(Lab::name_servers, vec!["2001:db8::53".into()])
            .await;
        assert_eq!(lab.search(), ["rack.example lab.example"]);
        let status = lab.status();
        let port = &status.ports[0];
        assert_eq!(port.dhcp6, Dhcp6State::Bound);
        assert!(port.routers[0].managed);
        let times: Vec<String> = status.ntp().iter().map(ToString::to_string).collect();
        assert_eq!(times, ["2001:db8::123"]);
        assert_eq!(lab.milestones(), ["link", "address"]);
        let took = port.lease6.as_ref().unwrap().first - port.dhcp6_since;
        eprintln!("REPLY to address: {:.1} ms", took.as_secs_f64() * 1e3);
        let took = port.lease6.as_ref().unwrap().first - port.carrier_since;
        eprintln!(
            "carrier to DHCPv6 address: {:.1} ms",
            took.as_secs_f64() * 1e3
        );
    });
}

/// Flag O: the kernel makes the address from the hardware address, DHCPv6 tells
/// the rest. IPv4 has a server too.
#[test]
fn addresses_of_both_families_and_information_without_a_lease() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable6(0);
        lab.far_ip(&["addr", "add", "192.0.2.1/24", "dev", "s0"]);
        lab.dnsmasq6(
            0,
            &[
                "--dhcp-range=192.0.2.50,192.0.2.50,255.255.255.0,1h",
                "--dhcp-option=option:dns-server,192.0.2.53",
                "--dhcp-option=option:domain-search,four.example,rack.example",
                "--dhcp-option=option:ntp-server,192.0.2.123",
                "--dhcp-range=2001:db8:0::,ra-stateless,64,1h",
                "--enable-ra",
                "--dhcp-option=option6:dns-server,[2001:db8:0::53]",
                "--dhcp-option=option6:domain-search,rack.example",
                "--dhcp-option=option6:ntp-server,[2001:db8:0::123]",
            ],
        );
        lab.start(NetworkSettings::default());
        lab.until_port("both families", |port| {
            let six = |(address, _): &(IpAddr, u8)| *address == address6(EUI64, 0);
            port.lease.is_some() && port.information.is_some() && port.addresses.iter().any(six)
        })
        .await;
        assert_eq!(lab.addresses("c0"), ["192.0.2.50/24"]);
        assert_eq!(lab.addresses6("c0"), [format!("{}/64", address6(EUI64, 0))]);
        assert_eq!(lab.name_servers(), ["192.0.2.53", "2001:db8::53"]);
        assert_eq!(lab.search(), ["four.example rack.example"]);
        let status = lab.status();
        let port = &status.ports[0];
        assert_eq!(port.dhcp6, Dhcp6State::Informed);
        assert!(port.lease6.is_none() && port.routers[0].other);
        assert_eq!(port.address(), Some(IpAddr::from([192, 0, 2, 50])));
        let times: Vec<String> = status.ntp().iter().map(ToString::to_string).collect();
        assert_eq!(times, ["192.0.2.123", "2001:db8::123"]);
        let far = address("2001:db8:ffff::1");
        assert_eq!(route_source(far).await.unwrap(), address6(EUI64, 0));
    });
}

/// The address that the kernel makes for port `c0` of the network `<net>`.
fn address6(identifier: &str, net: u16) -> IpAddr {
    address(&format!("2001:db8:{net:x}:0:{identifier}:0"))
}

const SHORT: &str = r#""renew-timer": 1, "rebind-timer": 3, "preferred-lifetime": 5,
    "valid-lifetime": 8, "rapid-commit": true"#;

/// A server whose leases last for seconds: they are prolonged, and when it dies
/// the address leaves with its time.
#[test]
fn a_short_lease_is_prolonged_and_ends_with_its_server() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable6(0);
        lab.start(described("c0", &[Addressing::Dhcp6]));
        lab.until_port("carrier", |port| port.carrier).await;
        lab.kea(0, SHORT);
        lab.network().ready(WaitFor::FirstAddress).await;
        assert_eq!(lab.addresses6("c0"), ["2001:db8::50/128"]);
        assert!(lab.server_log(0).contains("SOLICIT"));
        assert!(!lab.server_log(0).contains("ADVERTISE"), "rapid commit");
        lab.until_logged(0, "RENEW").await;
        let first = lab.status().ports[0].lease6.clone().unwrap().first;
        lab.stop_server(0);
        lab.until_port("any server is asked", |port| {
            port.dhcp6 == Dhcp6State::Rebinding
        })
        .await;
        assert_eq!(lab.addresses6("c0"), ["2001:db8::50/128"]);
        assert_eq!(lab.status().ports[0].lease6.clone().unwrap().first, first);
        lab.until("the lease is over", |status| status.primary().is_none())
            .await;
        assert!(lab.addresses6("c0").is_empty());
        // It is back: so is the address.
        lab.kea(0, SHORT);
        lab.until("an address again", |status| status.primary().is_some())
            .await;
    });
}

/// After a link flap the server is asked whether the address fits (CONFIRM); in
/// another network it says no.
#[test]
fn a_moved_machine_gets_the_address_of_its_new_network() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable6(0);
        lab.dnsmasq6(0, &["--dhcp-range=2001:db8:0::50,2001:db8:0::50,64,1h"]);
        lab.start(described("c0", &[Addressing::Dhcp6]));
        lab.network().ready(WaitFor::FirstAddress).await;
        lab.unplug(0);
        lab.until_port("no carrier", |port| !port.carrier).await;
        lab.plug(0);
        lab.until_logged(0, "DHCPCONFIRM").await;
        lab.until_port("confirmed", |port| port.dhcp6 == Dhcp6State::Bound)
            .await;
        assert_eq!(lab.addresses6("c0"), ["2001:db8::50/128"]);

        lab.stop_server(0);
        lab.unplug(0);
        lab.far_ip(&["addr", "flush", "dev", "s0", "scope", "global"]);
        lab.until_port("no carrier", |port| !port.carrier).await;
        lab.plug(0);
        lab.far_ip(&["addr", "add", "2001:db8:7::1/64", "dev", "s0", "nodad"]);
        lab.dnsmasq6(0, &["--dhcp-range=2001:db8:7::50,2001:db8:7::50,64,1h"]);
        lab.until_kernel(
            |lab| lab.addresses6("c0"),
            vec!["2001:db8:7::50/128".into()],
        )
        .await;
    });
}

/// Another machine has the address that the server gives: the kernel finds out,
/// the server is told and gives another.
#[test]
fn an_ipv6_address_of_another_machine_is_declined() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable6(0);
        lab.far_ip(&["addr", "add", "2001:db8:0::50/128", "dev", "s0", "nodad"]);
        let times = r#""renew-timer": 1000, "rebind-timer": 2000,
            "preferred-lifetime": 3000, "valid-lifetime": 4000"#;
        lab.start(described("c0", &[Addressing::Dhcp6]));
        lab.until_port("carrier", |port| port.carrier).await;
        lab.kea(0, times);
        lab.until_said("address 2001:db8::50 is in use by another machine")
            .await;
        lab.until_kernel(|lab| lab.addresses6("c0"), vec!["2001:db8::51/128".into()])
            .await;
        assert!(
            lab.server_log(0).contains("DECLINE"),
            "{}",
            lab.server_log(0)
        );
        lab.until_port("the trouble is over", |port| {
            port.address_troubles.is_empty()
        })
        .await;
    });
}

/// A server without a free address is named with its answer.
#[test]
fn a_server_without_a_free_address_is_named() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable6(0);
        lab.dnsmasq6(0, &["--dhcp-range=2001:db8:0::,static,64,1h"]);
        lab.start(described("c0", &[Addressing::Dhcp6]));
        lab.until_said("is of no use: the server answers NoAddrsAvail")
            .await;
        assert!(lab.addresses6("c0").is_empty());
        assert!(lab.status().wait().is_some());
    });
}

/// What somebody writes down later ends the clients that are not wanted any
/// more, and their addresses leave the kernel.
#[test]
fn leases_of_clients_that_are_not_wanted_any_more_are_withdrawn() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable6(0);
        lab.far_ip(&["addr", "add", "192.0.2.1/24", "dev", "s0"]);
        lab.dnsmasq6(
            0,
            &[
                "--dhcp-range=192.0.2.50,192.0.2.50,255.255.255.0,1h",
                "--dhcp-range=2001:db8:0::50,2001:db8:0::50,64,1h",
                "--dhcp-range=2001:db8:0::,slaac,64,1h",
                "--enable-ra",
            ],
        );
        lab.start(NetworkSettings::default());
        let made = address6(EUI64, 0);
        lab.until_port("everything there is", |port| {
            let has_made = port.addresses.iter().any(|(address, _)| *address == made);
            port.lease.is_some() && port.lease6.is_some() && has_made
        })
        .await;
        lab.network()
            .describe(Some(description("c0", &[Addressing::Dhcp6])), false);
        lab.until_port("no IPv4", |port| port.lease.is_none()).await;
        lab.until_kernel(|lab| lab.addresses6("c0"), vec!["2001:db8::50/128".into()])
            .await;
        assert!(lab.addresses("c0").is_empty() && lab.routes().is_empty());
        assert_eq!(lab.learned_routes().len(), 1, "DHCPv6 tells no routes");

        lab.network().describe(Some(description("c0", &[])), false);
        lab.until_kernel(|lab| lab.addresses6("c0"), vec![]).await;
        lab.until_kernel(Lab::learned_routes, vec![]).await;
        let port = &lab.status().ports[0];
        assert!(port.lease6.is_none() && port.routers.is_empty());
        assert_eq!(port.dhcp6, Dhcp6State::Off);
        let link_local = |(address, _): &(IpAddr, u8)| match address {
            IpAddr::V6(address) => Ipv6Addr::is_unicast_link_local(address),
            IpAddr::V4(_) => false,
        };
        assert!(port.addresses.iter().all(link_local), "{port:?}");
    });
}
