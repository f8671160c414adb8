// SPDX-License-Identifier: Apache-2.0
//! Bad company on the cable: somebody has our address, a second server, a
//! router that is not there, leases of no time.

use std::net::IpAddr;

use ironseed_core::event::Wait;
use ironseed_core::network::{AddressTrouble, WaitFor};
use ironseed_machine::net::NetworkSettings;
use serde_json::Value;

use crate::lab::{Lab, Server, text};

/// A second machine at the other end of a cable, with an address and a
/// hardware address of its own, which is the result.
fn second_machine(lab: &Lab, address: &str) -> String {
    lab.far_ip(&[
        "link", "add", "m0", "link", "s0", "type", "macvlan", "mode", "bridge",
    ]);
    lab.far_ip(&["addr", "add", address, "dev", "m0"]);
    lab.far_ip(&["link", "set", "m0", "up"]);
    let listing = lab.far_ip(&["-j", "link", "show", "dev", "m0"]);
    let links: Value = serde_json::from_str(&listing).unwrap();
    text(&links[0]["address"]).to_owned()
}

/// The hardware address of the other end of cable 0.
fn far_end(lab: &Lab) -> String {
    let listing = lab.far_ip(&["-j", "link", "show", "dev", "s0"]);
    let links: Value = serde_json::from_str(&listing).unwrap();
    text(&links[0]["address"]).to_owned()
}

/// The server gives an address that a machine on the network has: it is given
/// up, declined and named, and the next one is taken.
#[test]
fn an_address_of_another_machine_is_declined() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.serve(&Server::new(0).argument("--dhcp-range=192.0.2.50,192.0.2.51,255.255.255.0,1h"));
        lab.plug(0);
        second_machine(lab, "192.0.2.50/32");
        lab.start(NetworkSettings::default());
        lab.until_said("c0: address 192.0.2.50 is in use by").await;
        lab.until_kernel(|lab| lab.addresses("c0"), vec!["192.0.2.51/24".into()])
            .await;
        let log = lab.server_log(0);
        assert!(log.contains("DHCPDECLINE(s0) 192.0.2.50"), "{log}");
        lab.until_port("the trouble is over", |port| {
            port.address_troubles.is_empty()
        })
        .await;
    });
}

/// Two ports on one network do not take each other for another machine. The
/// gateway is asked for only when an address is known to be nobody else's, so its
/// silence shows that both are.
#[test]
fn two_ports_on_one_network_keep_their_addresses() {
    Lab::run(async |lab: &mut Lab| {
        lab.far_ip(&["link", "add", "s9", "type", "bridge"]);
        for cable in [0, 1] {
            lab.cable(cable);
            lab.far_ip(&["link", "set", &format!("s{cable}"), "master", "s9"]);
        }
        lab.far_ip(&["link", "set", "s9", "up"]);
        let more = "--dhcp-range=198.51.100.60,198.51.100.61,255.255.255.0,1h";
        lab.serve(&Server::new(9).argument(more).option("3,198.51.100.77"));
        lab.plug(0);
        lab.plug(1);
        lab.start(NetworkSettings::default());
        lab.until("both gateways are silent", |status| {
            let silent =
                |trouble: &AddressTrouble| matches!(trouble, AddressTrouble::GatewaySilent { .. });
            let mut ports = status.ports.iter();
            status.ports.len() == 2 && ports.all(|port| port.address_troubles.iter().any(silent))
        })
        .await;
        let log = lab.server_log(9);
        assert!(!log.contains("DHCPDECLINE"), "{log}");
        let (one, other) = (lab.addresses("c0"), lab.addresses("c1"));
        assert!(
            one.len() == 1 && other.len() == 1 && one != other,
            "{one:?} {other:?}"
        );
    });
}

/// It is the only address there is: the wait names who has it.
#[test]
fn the_only_address_of_another_machine_is_named_in_the_wait() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.serve(&Server::new(0));
        lab.plug(0);
        let other = second_machine(lab, "192.0.2.50/32");
        // The far kernel may answer with either of its hardware addresses.
        let also = far_end(lab);
        lab.start(NetworkSettings::default());
        lab.until("the wait names it", |status| {
            matches!(status.wait(), Some(Wait::AddressInUse { .. }))
        })
        .await;
        let Some(Wait::AddressInUse { conflicts }) = lab.status().wait() else {
            panic!("{:?}", lab.status());
        };
        let named = |mac: &str| format!("c0: address 192.0.2.50 is in use by {mac}");
        assert!(
            conflicts == [named(&other)] || conflicts == [named(&also)],
            "{conflicts:?}"
        );
        lab.until_kernel(|lab| lab.addresses("c0"), vec![]).await;
    });
}

/// Two servers on one network: one is taken, the other is named.
#[test]
fn a_second_server_is_named() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.serve(&Server::new(0));
        lab.plug(0);
        second_machine(lab, "192.0.2.2/24");
        let rogue =
            Server::new(0).argument("--dhcp-range=192.0.2.150,192.0.2.150,255.255.255.0,1h");
        lab.serve_on("m0", 9, &rogue);
        lab.start(NetworkSettings::default());
        lab.until("both have spoken", |status| {
            let troubles = status.ports.iter().flat_map(|port| &port.address_troubles);
            troubles
                .into_iter()
                .any(|trouble| matches!(trouble, AddressTrouble::OtherServers { .. }))
        })
        .await;
        let status = lab.status();
        let lease = &status.primary().unwrap().lease.as_ref().unwrap().lease;
        let taken = IpAddr::from(lease.server);
        let both = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
        assert!(both.contains(&taken));
        let other = both.into_iter().find(|server| *server != taken).unwrap();
        lab.until_said(&format!("{taken} was taken, {other} not"))
            .await;
        assert_eq!(lab.addresses("c0"), [format!("{}/24", lease.address)]);
    });
}

/// A router that is not there, and one outside of the network.
#[test]
fn a_gateway_that_does_not_answer_is_named() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        lab.serve(&Server::new(0).option("option:router,203.0.113.9"));
        lab.plug(0);
        lab.start(NetworkSettings::default());
        lab.network().ready(WaitFor::FirstAddress).await;
        lab.until_said("c0: gateway 203.0.113.9 does not answer ARP")
            .await;
        assert_eq!(lab.addresses("c0"), ["192.0.2.50/24"]);
        lab.far_ip(&["addr", "add", "203.0.113.9/32", "dev", "s0"]);
        lab.until_port("it answers", |port| port.address_troubles.is_empty())
            .await;
    });
}

/// An address for no time is no address; the server is named.
#[test]
fn a_lease_of_no_time_is_named() {
    Lab::run(async |lab: &mut Lab| {
        lab.cable(0);
        // Forced options win over the server's own.
        lab.serve(&Server::new(0).option("51,0.0.0.0"));
        lab.plug(0);
        lab.start(NetworkSettings::default());
        lab.until_said("192.0.2.1 is of no use: the server does not say for how long")
            .await;
        assert!(lab.addresses("c0").is_empty());
        let log = lab.server_log(0);
        assert!(
            log.contains("DHCPOFFER") && log.contains("ironseed"),
            "{log}"
        );
    });
}
