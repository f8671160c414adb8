// SPDX-License-Identifier: Apache-2.0
//! Bonds and VLANs against the bonding driver at the other end of the cables.

use std::time::Instant;

use ironseed_core::event::Wait;
use ironseed_core::network::description::{DescribedDevice, DescribedLink, Description};
use ironseed_core::network::{Addressing, Bond, BondMode, LacpState};

use crate::guest::with_kernel_of_the_image;
use crate::lab::{Lab, described, made, port, with_address};

fn bond(mode: BondMode, ports: &[&str], options: &[(&str, &str)]) -> DescribedLink {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    made(
        "bond0",
        DescribedDevice::Bond(Bond {
            mode,
            ports: ports.iter().map(|port| (*port).to_owned()).collect(),
            options: options.iter().map(owned).collect(),
        }),
    )
}

fn vlan(id: u16) -> DescribedLink {
    let parent = "bond0".into();
    let name = format!("bond0.{id}");
    made(&name, DescribedDevice::Vlan { parent, id })
}

/// Two ports in a bond with fast LACP, and a static address on a VLAN of it.
fn rack() -> Description {
    let options = [("lacp_rate", "fast"), ("xmit_hash_policy", "layer3+4")];
    let mut tagged = with_address(vlan(7), "192.0.2.9/24");
    tagged.mtu = Some(9000);
    described(vec![
        tagged,
        bond(BondMode::Lacp, &["c0", "c1"], &options),
        port("c0"),
        port("c1"),
    ])
}

/// Makes the other ends of the cables one bond, as a switch with LACP does, with
/// VLAN 7 and an address on it.
fn partner(lab: &Lab) {
    lab.far_ip(&[
        "link",
        "add",
        "lag",
        "type",
        "bond",
        "mode",
        "802.3ad",
        "lacp_rate",
        "fast",
        "miimon",
        "50",
    ]);
    lab.far_ip(&["link", "set", "lag", "mtu", "9000"]);
    for far in ["s0", "s1"] {
        lab.far_ip(&["link", "set", far, "master", "lag"]);
    }
    lab.far_ip(&["link", "set", "lag", "up"]);
    lab.far_ip(&[
        "link", "add", "lag.7", "link", "lag", "type", "vlan", "id", "7",
    ]);
    lab.far_ip(&["addr", "add", "192.0.2.1/24", "dev", "lag.7"]);
    lab.far_ip(&["link", "set", "lag.7", "up"]);
}

/// Makes the other ends of the cables a switch without LACP.
fn plain_switch(lab: &Lab) {
    lab.far_ip(&["link", "add", "br0", "type", "bridge"]);
    for far in ["s0", "s1"] {
        lab.far_ip(&["link", "set", far, "master", "br0"]);
        lab.far_ip(&["link", "set", far, "up"]);
    }
    lab.far_ip(&["addr", "add", "192.0.2.1/24", "dev", "br0"]);
    lab.far_ip(&["link", "set", "br0", "up"]);
}

fn cables(lab: &Lab) {
    lab.cable(0);
    lab.cable(1);
}

/// Reports the flags that `core::network::lacp` decides by, as the kernel has
/// them.
fn report_flags(lab: &Lab, situation: &str) {
    for name in ["c0", "c1"] {
        let data = &lab.link(name)["linkinfo"]["info_slave_data"];
        let flags = |key: &str| data[key].as_u64().unwrap_or_default();
        eprintln!(
            "{situation}, {name}: {} aggregator {} actor {:#04x} partner {:#04x}: {:?}",
            data["state"],
            data["ad_aggregator_id"],
            flags("ad_actor_oper_port_state"),
            flags("ad_partner_oper_port_state"),
            lacp(lab, name),
        );
    }
}

fn lacp(lab: &Lab, name: &str) -> Option<LacpState> {
    lab.port(name).lacp
}

#[test]
fn lacp_with_a_switch_and_a_vlan_on_it() {
    with_kernel_of_the_image("bonds::lacp_with_a_switch_and_a_vlan_on_it", || {
        Lab::run(async |lab: &mut Lab| {
            cables(lab);
            partner(lab);
            lab.start(Some(rack()));
            lab.until_applied().await;
            let aggregated = Some(LacpState::Aggregated);
            lab.until("both ports are aggregated", |status| {
                let ports = status.ports.iter();
                ports.filter(|port| port.lacp == aggregated).count() == 2
            })
            .await;
            report_flags(lab, "LACP");
            let bond = &lab.link("bond0");
            let info = &bond["linkinfo"]["info_data"];
            assert_eq!(info["mode"], "802.3ad");
            assert_eq!(info["ad_info"]["num_ports"], 2, "{info}");
            assert_eq!(info["ad_lacp_rate"], "fast");
            assert_eq!(info["xmit_hash_policy"], "layer3+4");
            assert_eq!(info["miimon"], 100, "a bond looks at its links");
            assert_eq!(bond["address"], "52:54:00:00:00:00", "the first port's");
            for link in ["c0", "c1", "bond0", "bond0.7"] {
                assert_eq!(lab.link(link)["mtu"], 9000, "{link}");
            }
            assert_eq!(lab.addresses("bond0.7"), ["192.0.2.9/24"]);
            lab.until_reached("192.0.2.1").await;
            assert_eq!(lab.status().primary().unwrap().name, "bond0.7");
            assert_eq!(lab.status().wait(), None);

            lab.unplug(0);
            lab.until("c0 has no link", |status| {
                let mut ports = status.ports.iter();
                ports.any(|port| port.name == "c0" && port.lacp == Some(LacpState::NoLink))
            })
            .await;
            lab.until_reached("192.0.2.1").await;
            assert_eq!(lab.link("bond0")["address"], "52:54:00:00:00:00");
            assert_eq!(lacp(lab, "c1"), aggregated);
        });
    });
}

/// Without a partner one port works alone; nothing has to be set for that.
#[test]
fn a_switch_without_lacp_is_no_obstacle() {
    with_kernel_of_the_image("bonds::a_switch_without_lacp_is_no_obstacle", || {
        Lab::run(async |lab: &mut Lab| {
            cables(lab);
            plain_switch(lab);
            let started = Instant::now();
            lab.start(Some(described(vec![
                port("c0"),
                port("c1"),
                with_address(bond(BondMode::Lacp, &["c0", "c1"], &[]), "192.0.2.9/24"),
            ])));
            lab.until_reached("192.0.2.1").await;
            eprintln!("reached without LACP after {:?}", started.elapsed());
            lab.until("one port works alone", |status| {
                let states: Vec<_> = status.ports.iter().filter_map(|port| port.lacp).collect();
                states.contains(&LacpState::Alone) && states.contains(&LacpState::NoPartner)
            })
            .await;
            report_flags(lab, "no partner");
            let info = &lab.link("bond0")["linkinfo"]["info_data"];
            assert_eq!(info["ad_info"]["partner_mac"], "00:00:00:00:00:00");
            assert_eq!(info["ad_info"]["num_ports"], 1);
            lab.until_applied().await;
            assert_eq!(lab.status().wait(), None);

            // The port that works is pulled: the other one takes over.
            let works = |status: LacpState| status == LacpState::Alone;
            let alone = if lacp(lab, "c0").is_some_and(works) {
                0
            } else {
                1
            };
            lab.unplug(alone);
            lab.until("the other port works", |status| {
                let other = format!("c{}", 1 - alone);
                let mut ports = status.ports.iter();
                ports.any(|port| port.name == other && port.lacp == Some(LacpState::Alone))
            })
            .await;
            lab.until_reached("192.0.2.1").await;
        });
    });
}

/// Each cable leads to another channel group, as with a wrong patch: one of
/// them carries the traffic, the other one is named.
#[test]
fn a_port_in_another_channel_group_is_named() {
    with_kernel_of_the_image("bonds::a_port_in_another_channel_group_is_named", || {
        Lab::run(async |lab: &mut Lab| {
            cables(lab);
            for (lag, far) in [("lag0", "s0"), ("lag1", "s1")] {
                lab.far_ip(&[
                    "link",
                    "add",
                    lag,
                    "type",
                    "bond",
                    "mode",
                    "802.3ad",
                    "lacp_rate",
                    "fast",
                    "miimon",
                    "50",
                ]);
                lab.far_ip(&["link", "set", far, "master", lag]);
                lab.far_ip(&["link", "set", lag, "up"]);
            }
            lab.start(Some(described(vec![
                port("c0"),
                port("c1"),
                bond(BondMode::Lacp, &["c0", "c1"], &[("lacp_rate", "fast")]),
            ])));
            lab.until("one port is named", |status| {
                let states: Vec<_> = status.ports.iter().filter_map(|port| port.lacp).collect();
                states.contains(&LacpState::Aggregated)
                    && states.contains(&LacpState::OtherAggregator)
            })
            .await;
            report_flags(lab, "two groups");
        });
    });
}

/// The switch has both ports in one group, but this machine uses them apart: the
/// switch takes one of them only.
#[test]
fn a_port_that_the_switch_blocks_is_named() {
    with_kernel_of_the_image("bonds::a_port_that_the_switch_blocks_is_named", || {
        Lab::run(async |lab: &mut Lab| {
            cables(lab);
            partner(lab);
            let mut second = bond(BondMode::Lacp, &["c1"], &[("lacp_rate", "fast")]);
            second.name = "bond1".into();
            lab.start(Some(described(vec![
                port("c0"),
                port("c1"),
                bond(BondMode::Lacp, &["c0"], &[("lacp_rate", "fast")]),
                second,
            ])));
            lab.until("one port is blocked", |status| {
                let states: Vec<_> = status.ports.iter().filter_map(|port| port.lacp).collect();
                states.contains(&LacpState::Aggregated) && states.contains(&LacpState::Blocked)
            })
            .await;
            report_flags(lab, "blocked");
        });
    });
}

/// A port in no bond at a switch that speaks LACP.
#[test]
fn a_switch_that_expects_lacp_is_recognised() {
    with_kernel_of_the_image("bonds::a_switch_that_expects_lacp_is_recognised", || {
        Lab::run(async |lab: &mut Lab| {
            cables(lab);
            partner(lab);
            let mut asking = port("c0");
            asking.addressing.push(Addressing::Dhcp4);
            lab.start(Some(described(vec![asking])));
            lab.until("the wait names it", |status| {
                let Some(Wait::BlockedByLacp { ports }) = status.wait() else {
                    return false;
                };
                ports.contains(&"c0 (the switch expects LACP)".to_owned())
            })
            .await;
        });
    });
}

/// The plan changes while it runs: what is not in it any more goes, the ports
/// are free and up; a restarted agent knows which links are its own.
#[test]
fn links_go_with_the_plan() {
    with_kernel_of_the_image("bonds::links_go_with_the_plan", || {
        Lab::run(async |lab: &mut Lab| {
            cables(lab);
            partner(lab);
            // As the bonding driver makes one when it is loaded.
            lab.ip(&["link", "add", "bond0", "type", "bond"]);
            lab.ip(&["link", "add", "other", "type", "dummy"]);
            let mut dummy = with_address(made("loopback0", DescribedDevice::Dummy), "10.1.2.3/32");
            dummy.mtu = Some(9000);
            let mut all = rack();
            all.links.push(dummy);
            lab.start(Some(all.clone()));
            lab.until_applied().await;
            assert_eq!(lab.addresses("loopback0"), ["10.1.2.3/32"]);
            assert_eq!(
                lab.link("bond0")["linkinfo"]["info_data"]["mode"],
                "802.3ad"
            );
            let index = lab.link("bond0")["ifindex"].clone();

            lab.stop().await;
            lab.start(Some(all));
            lab.until_applied().await;
            assert_eq!(lab.link("bond0")["ifindex"], index, "it is kept");

            lab.describe(Some(described(vec![with_address(
                port("c1"),
                "198.51.100.9/24",
            )])));
            lab.until("the other plan is applied", |status| {
                status.differences.is_empty() && status.ports.iter().all(|port| !port.is_bond())
            })
            .await;
            for gone in ["bond0", "bond0.7", "loopback0"] {
                assert!(!lab.has_link(gone), "{gone}");
            }
            assert!(lab.has_link("other"), "somebody else's link stays");
            for free in ["c0", "c1"] {
                lab.until_kernel("the port is up", |lab| lab.link(free)["operstate"] == "UP")
                    .await;
            }
            lab.until_applied().await;
            assert_eq!(lab.addresses("c1"), ["198.51.100.9/24"]);
            assert_eq!(lab.link("c1")["address"], "52:54:00:00:00:01");
        });
    });
}

/// A port that appears late joins its bond, whose address stays; the primary
/// port carries the traffic as long as it can.
#[test]
fn a_late_port_joins_its_bond() {
    with_kernel_of_the_image("bonds::a_late_port_joins_its_bond", || {
        Lab::run(async |lab: &mut Lab| {
            lab.cable(0);
            lab.plug(0);
            let options = [("primary", "c1"), ("miimon", "50")];
            lab.start(Some(described(vec![
                port("c1"),
                port("c0"),
                with_address(
                    bond(BondMode::ActiveBackup, &["c1", "c0"], &options),
                    "192.0.2.9/24",
                ),
            ])));
            let active =
                |lab: &Lab| lab.link("bond0")["linkinfo"]["info_data"]["active_slave"].clone();
            lab.until_kernel("c0 is active", |lab| {
                lab.has_link("bond0") && active(lab) == "c0"
            })
            .await;
            assert_eq!(lab.status().plan.missing.len(), 1);
            assert_eq!(lab.link("bond0")["address"], "52:54:00:00:00:00");

            lab.cable(1);
            lab.plug(1);
            lab.until_kernel("c1 is active", |lab| active(lab) == "c1")
                .await;
            lab.until_applied().await;
            assert_eq!(lab.link("bond0")["address"], "52:54:00:00:00:00");
            assert!(lab.status().plan.missing.is_empty());
            lab.unplug(1);
            lab.until_kernel("c0 is active again", |lab| active(lab) == "c0")
                .await;
        });
    });
}

/// Every mode that there is, and an option that there is not.
#[test]
fn every_mode_is_made() {
    with_kernel_of_the_image("bonds::every_mode_is_made", || {
        Lab::run(async |lab: &mut Lab| {
            cables(lab);
            let of = |mode: BondMode, options: &[(&str, &str)]| {
                let bond = bond(mode, &["c0", "c1"], options);
                Some(described(vec![port("c0"), port("c1"), bond]))
            };
            lab.start(None);
            for mode in BondMode::ALL {
                lab.describe(of(mode, &[]));
                lab.until_kernel(mode.name(), |lab| {
                    lab.has_link("bond0")
                        && lab.link("bond0")["linkinfo"]["info_data"]["mode"] == mode.name()
                        && lab.link("c1")["master"] == "bond0"
                })
                .await;
            }
            lab.describe(None);
            lab.until_kernel("no bond", |lab| !lab.has_link("bond0"))
                .await;
            lab.describe(of(BondMode::Lacp, &[("lacp_rate", "quick")]));
            lab.until_differs(
                "bond0: link bond (802.3ad) of c0, c1 is wanted; it is not there (cannot make bond0: \
                 lacp_rate=quick is not a value of that bonding option)",
            )
            .await;
            lab.until("the wait names it", |status| {
                matches!(status.wait(), Some(Wait::NoLink { .. }))
            })
            .await;
        });
    });
}
