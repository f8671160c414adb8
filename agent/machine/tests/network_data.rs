// SPDX-License-Identifier: Apache-2.0
//! A network that waits for its description, and gets it from a
//! `network_data.json`: who is asked for an address, and when. DHCP servers
//! answer on every cable, so whoever asks is answered.
//!
//! Needs what the test `dhcp` needs.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

#[expect(dead_code, reason = "the lab of the DHCP tests can do more")]
#[path = "dhcp/lab.rs"]
mod lab;
#[expect(dead_code, reason = "other tests do more with the wires")]
mod wires;

use ironseed_core::network::description::Source;
use ironseed_core::network::description::choice::nothing;
use ironseed_core::network::description::network_data::read;
use ironseed_core::network::{Description, DhcpState, WaitFor};
use ironseed_machine::net::NetworkSettings;

use lab::{Lab, Server};

/// `c0` has an address of its own, `c1` asks for one.
const DATA: &str = r#"{
  "links": [
    {"id": "tap0", "type": "ovs", "ethernet_mac_address": "52:54:00:00:00:00"},
    {"id": "tap1", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01"}],
  "networks": [
    {"id": "n0", "link": "tap0", "type": "ipv4", "ip_address": "192.0.2.7", "netmask": "255.255.255.0"},
    {"id": "n1", "link": "tap1", "type": "ipv4_dhcp"}],
  "services": []
}"#;

fn described() -> Description {
    read(DATA.as_bytes()).unwrap().unwrap().description
}

/// What the network does until the boot medium was read.
fn waiting() -> NetworkSettings {
    NetworkSettings {
        description: Some(nothing(Source::NetworkData)),
        ..NetworkSettings::default()
    }
}

async fn links_are_up_and_nobody_asks(lab: &mut Lab) {
    lab.cable(0);
    lab.cable(1);
    lab.serve(&Server::new(0));
    lab.serve(&Server::new(1));
    lab.plug(0);
    lab.plug(1);
    lab.start(waiting());
    lab.until("both ports have carrier", |status| {
        status.ports.len() == 2 && status.ports.iter().all(|port| port.carrier)
    })
    .await;
    for port in lab.status().ports {
        assert_eq!(port.dhcp, DhcpState::Off, "{port:?}");
    }
    assert_eq!(lab.milestones(), ["link"]);
}

#[test]
fn only_the_port_that_shall_ask_does() {
    Lab::run(async |lab: &mut Lab| {
        links_are_up_and_nobody_asks(lab).await;
        lab.network().describe(Some(described()), false);
        lab.until("c1 has a lease", |status| {
            status
                .ports
                .iter()
                .any(|port| port.name == "c1" && port.lease.is_some())
        })
        .await;
        assert_eq!(lab.addresses("c1"), ["198.51.100.50/24"]);
        assert!(
            !lab.server_log(0).contains("DHCPDISCOVER"),
            "{}",
            lab.server_log(0)
        );
        assert!(!lab.addresses("c0").contains(&"192.0.2.50/24".to_owned()));
    });
}

#[test]
fn without_a_description_every_port_asks_after_the_wait() {
    Lab::run(async |lab: &mut Lab| {
        links_are_up_and_nobody_asks(lab).await;
        lab.network().describe(None, false);
        lab.network().ready(WaitFor::FirstAddress).await;
        lab.until("both ports have a lease", |status| {
            status.ports.iter().all(|port| port.lease.is_some())
        })
        .await;
        assert_eq!(lab.addresses("c0"), ["192.0.2.50/24"]);
        assert_eq!(lab.addresses("c1"), ["198.51.100.50/24"]);
    });
}
