// SPDX-License-Identifier: Apache-2.0
//! Router advertisements from radvd.

use std::fs;
use std::net::IpAddr;

use ironseed_core::network::{MacAddr, WaitFor};
use ironseed_machine::net::{NetworkSettings, route_source};

use crate::lab::Lab;
use crate::peers::described;
use ironseed_core::network::plan::Addressing;

/// Everything radvd can say: the kernel takes its part, the rest is ours. Then
/// the router takes back that it is one.
#[test]
fn what_routers_say_is_done_and_ends_when_they_say_so() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable6(0);
        let rest = "AdvLinkMTU 1400;
            prefix 2001:db8:0::/64 { };
            route 2001:db8:99::/48 { };
            RDNSS 2001:db8:0::53 fe80::53 { AdvRDNSSLifetime 600; };
            DNSSL rack.example lab.example { AdvDNSSLLifetime 600; };";
        lab.radvd(0, rest);
        lab.start(NetworkSettings::default());
        lab.network().ready(WaitFor::FirstAddress).await;
        assert_eq!(lab.addresses6("c0"), ["2001:db8::5054:ff:fe00:0/64"]);
        lab.until_kernel(
            Lab::name_servers,
            vec!["2001:db8::53".into(), "fe80::53%c0".into()],
        )
        .await;
        assert_eq!(lab.search(), ["rack.example lab.example"]);
        let status = lab.status();
        let (router, metric) = (lab.router(0), 1000 + status.ports[0].index);
        let default = format!("default dev c0 metric {metric} via {router}");
        let routes = lab.learned_routes();
        assert_eq!(routes.len(), 2, "{routes:?}");
        assert!(
            routes[0].starts_with("2001:db8:99::/48 dev c0"),
            "{routes:?}"
        );
        assert_eq!(routes[1], default);
        let mtu = fs::read_to_string(lab.directory().join("proc/sys/net/ipv6/conf/c0/mtu"));
        assert_eq!(mtu.unwrap().trim(), "1400");
        let heard = &status.ports[0].routers[0];
        assert_eq!((heard.managed, heard.other), (false, false));
        assert_eq!(heard.mtu, Some(1400));
        assert_eq!(heard.address.to_string(), router);

        lab.stop_server(0);
        lab.radvd(
            0,
            "AdvDefaultLifetime 0;
            prefix 2001:db8:0::/64 { };
            RDNSS 2001:db8:0::53 { AdvRDNSSLifetime 600; };
            RDNSS fe80::53 { AdvRDNSSLifetime 0; };",
        );
        lab.until_kernel(Lab::name_servers, vec!["2001:db8::53".into()])
            .await;
        lab.until_kernel(
            |lab| {
                lab.learned_routes()
                    .iter()
                    .any(|route| route.starts_with("default"))
            },
            false,
        )
        .await;
        assert_eq!(lab.addresses6("c0").len(), 1, "the prefix still counts");
    });
}

/// Two ports with a router each: the preferred port's is used, also when it
/// becomes the preferred one later.
#[test]
fn the_preferred_ports_router_is_used() {
    Lab::run(async |lab: &mut Lab| {
        for cable in [0, 1] {
            lab.cable6(cable);
            lab.radvd(cable, &format!("prefix 2001:db8:{cable}::/64 {{ }};"));
        }
        lab.start(NetworkSettings::default());
        lab.until_kernel(|lab| lab.learned_routes().len(), 2).await;
        let status = lab.status();
        let metric = |name: &str| {
            let port = status.ports.iter().find(|port| port.name == name);
            1000 + port.unwrap().index
        };
        let (one, two) = (lab.router(0), lab.router(1));
        let first = format!("default dev c0 metric {} via {one}", metric("c0"));
        let second = format!("default dev c1 metric {} via {two}", metric("c1"));
        assert_eq!(lab.learned_routes(), [first.clone(), second]);

        lab.network()
            .prefer(Some(MacAddr([0x52, 0x54, 0, 0, 0, 1])), None);
        let preferred = format!("default dev c1 metric 100 via {two}");
        lab.until_kernel(Lab::learned_routes, vec![first, preferred])
            .await;
        let far: IpAddr = "2001:db8:ffff::1".parse().unwrap();
        let source: IpAddr = "2001:db8:1:0:5054:ff:fe00:1".parse().unwrap();
        assert_eq!(route_source(far).await.unwrap(), source);
    });
}

/// A port that shall not listen to routers does not, though they speak.
#[test]
fn a_port_without_slaac_does_not_listen_to_routers() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable6(0);
        lab.cable6(1);
        for cable in [0, 1] {
            let rest = format!(
                "prefix 2001:db8:{cable}::/64 {{ }}; \
                 RDNSS 2001:db8:{cable}::53 {{ AdvRDNSSLifetime 600; }};"
            );
            lab.radvd(cable, &rest);
        }
        lab.start(described("c1", &[Addressing::Slaac]));
        lab.network().ready(WaitFor::FirstAddress).await;
        lab.until_kernel(Lab::name_servers, vec!["2001:db8:1::53".into()])
            .await;
        // The other router has spoken as often by now: both do every 4 s.
        let heard = lab.status();
        let quiet = heard.ports.iter().find(|port| port.name == "c0").unwrap();
        assert!(quiet.carrier && quiet.routers.is_empty());
        assert!(lab.addresses6("c0").is_empty());
        assert!(
            lab.learned_routes()
                .iter()
                .all(|route| route.contains("dev c1"))
        );
        for (setting, value) in [("accept_ra", "0"), ("autoconf", "0")] {
            let path = format!("proc/sys/net/ipv6/conf/c0/{setting}");
            let text = fs::read_to_string(lab.directory().join(path)).unwrap();
            assert_eq!(text.trim(), value, "{setting}");
        }
    });
}
