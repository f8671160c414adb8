// SPDX-License-Identifier: Apache-2.0
//! Static addresses, routes and MTUs of ports.

use std::net::IpAddr;

use ironseed_core::event::Wait;
use ironseed_core::network::{Addressing, Route, WaitFor};
use ironseed_machine::net::route_source;

use crate::lab::{Lab, described, port, with_address, with_gateway};

fn two_families() -> ironseed_core::network::description::DescribedLink {
    let link = with_address(port("c0"), "192.0.2.9/24");
    let link = with_address(link, "2001:db8::9/64");
    let mut link = with_gateway(with_gateway(link, "192.0.2.1"), "2001:db8::1");
    link.routes.push(Route {
        destination: IpAddr::from([10, 9, 0, 0]),
        prefix_len: 16,
        gateway: Some(IpAddr::from([192, 0, 2, 7])),
    });
    link
}

#[test]
fn addresses_and_routes_of_both_families_are_in_the_kernel() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.cable(1);
        lab.plug(0);
        lab.start(Some(described(vec![two_families(), port("c1")])));
        lab.network().ready(WaitFor::FirstAddress).await;
        lab.until_applied().await;
        assert_eq!(lab.addresses("c0"), ["192.0.2.9/24", "2001:db8::9/64"]);
        assert_eq!(
            lab.routes(),
            [
                "10.9.0.0/16 dev c0 metric 100 via 192.0.2.7",
                "192.0.2.0/24 dev c0 metric 100",
                "2001:db8::/64 dev c0 metric 100",
                "default dev c0 metric 100 via 192.0.2.1",
                "default dev c0 metric 100 via 2001:db8::1",
            ]
        );
        let status = lab.status();
        let primary = status.primary().unwrap();
        assert_eq!(primary.name, "c0");
        assert!(primary.planned.unwrap().first > std::time::Duration::ZERO);
        assert_eq!(status.wait(), None);
        let source = route_source(IpAddr::from([203, 0, 113, 1])).await;
        assert_eq!(source.unwrap(), IpAddr::from([192, 0, 2, 9]));

        // What somebody else takes away is put back.
        lab.ip(&["route", "del", "10.9.0.0/16"]);
        lab.ip(&["addr", "del", "2001:db8::9/64", "dev", "c0"]);
        lab.until_kernel("the route is back", |lab| lab.routes().len() == 5)
            .await;
        lab.ip(&["link", "set", "c0", "down"]);
        lab.until_kernel("no routes", |lab| lab.routes().is_empty())
            .await;
        lab.ip(&["link", "set", "c0", "up"]);
        lab.until_kernel("all is back", |lab| lab.routes().len() == 5)
            .await;
        assert_eq!(lab.addresses("c0"), ["192.0.2.9/24", "2001:db8::9/64"]);

        // Another plan: what was put there goes, the rest stays.
        lab.ip(&["addr", "add", "203.0.113.5/24", "dev", "c0"]);
        let other = with_address(port("c1"), "198.51.100.9/24");
        lab.describe(Some(described(vec![port("c0"), other])));
        lab.until_applied().await;
        assert_eq!(lab.addresses("c0"), ["203.0.113.5/24"]);
        assert_eq!(lab.addresses("c1"), ["198.51.100.9/24"]);
        lab.until_kernel("the routes went", |lab| {
            lab.routes()
                == [
                    "198.51.100.0/24 dev c1 metric 1001",
                    "203.0.113.0/24 dev c0 metric null",
                ]
        })
        .await;
    });
}

#[test]
fn gateways_are_reached_or_named() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.plug(0);
        lab.far_ip(&["addr", "add", "198.51.100.1/32", "dev", "s0"]);
        lab.far_ip(&["route", "add", "192.0.2.9/32", "dev", "s0"]);
        let alone = with_gateway(with_address(port("c0"), "192.0.2.9/32"), "198.51.100.1");
        lab.start(Some(described(vec![alone])));
        lab.until_applied().await;
        assert_eq!(lab.routes(), ["default dev c0 metric 100 via 198.51.100.1"]);
        lab.until_reached("198.51.100.1").await;

        let wrong = with_gateway(with_address(port("c0"), "192.0.2.9/24"), "192.0.3.1");
        lab.describe(Some(described(vec![wrong])));
        lab.until_differs(
            "c0: route default via 192.0.3.1 is wanted; gateway 192.0.3.1 of c0 cannot be reached directly",
        )
        .await;
        assert_eq!(lab.routes(), ["192.0.2.0/24 dev c0 metric 100"]);

        let one = with_gateway(with_address(port("c0"), "192.0.2.9/24"), "192.0.2.1");
        lab.describe(Some(described(vec![with_gateway(one, "192.0.2.2")])));
        lab.until("the second default route is named", |status| {
            let texts: Vec<String> = status.differences.iter().map(ToString::to_string).collect();
            texts.len() == 1
                && texts[0].starts_with(
                    "c0: route default via 192.0.2.2 is wanted; the kernel does not have it (cannot add the route",
                )
        })
        .await;
        assert_eq!(
            lab.routes(),
            [
                "192.0.2.0/24 dev c0 metric 100",
                "default dev c0 metric 100 via 192.0.2.1",
            ]
        );
    });
}

#[test]
fn an_mtu_is_set_or_named() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.plug(0);
        let with_mtu = |mtu| {
            let mut link = with_address(port("c0"), "192.0.2.9/24");
            link.mtu = Some(mtu);
            Some(described(vec![link]))
        };
        lab.start(with_mtu(9000));
        lab.until_applied().await;
        assert_eq!(lab.link("c0")["mtu"], 9000);
        lab.describe(with_mtu(70_000));
        let text = "c0: MTU 70000 is wanted; it has 9000, and c0 allows at most 65535";
        lab.until_differs(text).await;
        assert_eq!(
            lab.status().wait(),
            None,
            "it is on the network all the same"
        );
        let mut warnings = vec![];
        while !warnings
            .iter()
            .any(|warning: &String| warning.starts_with(text))
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            warnings.extend(lab.warnings());
        }
    });
}

/// The kernel finds that another machine has the address (RFC 4862 §5.4), and
/// takes it as soon as that machine is gone.
#[test]
fn a_duplicate_address_is_named_until_it_is_free() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.far_ip(&["addr", "add", "2001:db8::9/64", "dev", "s0", "nodad"]);
        lab.plug(0);
        let link = with_address(port("c0"), "2001:db8::9/64");
        lab.start(Some(described(vec![link])));
        let text =
            "c0: address 2001:db8::9/64 is wanted; another machine on this network has the address";
        lab.until_differs(text).await;
        assert_eq!(
            lab.status().wait(),
            Some(Wait::NotAsDescribed {
                difference: text.into()
            })
        );
        assert!(
            lab.port("c0")
                .addresses
                .iter()
                .all(|(address, _)| { *address != "2001:db8::9".parse::<IpAddr>().unwrap() })
        );
        lab.far_ip(&["addr", "del", "2001:db8::9/64", "dev", "s0"]);
        lab.until_applied().await;
        assert_eq!(lab.status().wait(), None);
    });
}

/// The same for an address that the kernel makes itself.
#[test]
fn a_duplicate_address_that_nobody_described_is_named() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        let own = "fe80::5054:ff:fe00:0/64";
        lab.far_ip(&["addr", "add", own, "dev", "s0", "nodad"]);
        lab.plug(0);
        lab.start(None);
        lab.until_differs(&format!(
            "c0: address {own} is wanted; another machine on this network has the address"
        ))
        .await;
    });
}

#[test]
fn waits_say_what_is_missing() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        let link = with_address(port("c1"), "192.0.2.9/24");
        lab.start(Some(described(vec![link])));
        lab.until("the missing port is named", |status| {
            status.wait()
                == Some(Wait::MissingPorts {
                    ports: vec!["c1: this machine has no port c1".into()],
                })
        })
        .await;
        lab.cable(1);
        lab.plug(1);
        lab.until_applied().await;
        assert_eq!(lab.addresses("c1"), ["192.0.2.9/24"]);
        assert_eq!(lab.status().wait(), None);
    });
}

/// A described port asks by DHCP, and stops when it shall not any more.
#[test]
fn a_static_address_ends_the_asking() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.plug(0);
        let mut asking = port("c0");
        asking.addressing.push(Addressing::Dhcp4);
        lab.start(Some(described(vec![asking])));
        lab.until("it asks", |status| {
            status.wait()
                == Some(Wait::NoDhcpAnswer {
                    ports: vec!["c0".into()],
                })
        })
        .await;
        lab.describe(Some(described(vec![port("c0")])));
        lab.until("it does not ask", |status| {
            status.wait()
                == Some(Wait::NoAddressDescribed {
                    ports: vec!["c0".into()],
                })
        })
        .await;
    });
}
