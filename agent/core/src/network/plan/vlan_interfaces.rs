// SPDX-License-Identifier: Apache-2.0
//! VLANs that `ipa-enable-vlan-interfaces` asks for (contract §24).
//!
//! | word | VLANs |
//! | --- | --- |
//! | `eno1.100` | this one |
//! | `52:54:00:12:34:56.100` | this one, on the card with this address |
//! | `eno1` | those whose names the switch sends by LLDP on this port |
//! | `all` | those of every port |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bootconfig::MacAddr;
use thiserror::Error;

use super::{Addressing, LinkPlan, Missing, NetworkInputs, NetworkPlan, PlannedDevice};
use crate::network::Link;
use crate::network::description::PortMatch;

/// The VLANs that were heard, by the name of the port (IEEE 802.1Q annex D,
/// VLAN name TLV).
pub type HeardVlans = BTreeMap<String, BTreeSet<u16>>;

/// One word of the setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VlanInterface {
    /// One VLAN of one port.
    Tagged {
        /// The port.
        port: PortMatch,
        /// 1 to 4094.
        id: u16,
    },
    /// The VLANs that are heard on one port.
    HeardOn(PortMatch),
    /// The VLANs that are heard on each port.
    HeardOnAll,
}

impl VlanInterface {
    /// Whether LLDP tells which VLANs they are.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        !matches!(self, Self::Tagged { .. })
    }
}

impl fmt::Display for VlanInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tagged { port, id } => write!(f, "{port}.{id}"),
            Self::HeardOn(port) => port.fmt(f),
            Self::HeardOnAll => f.write_str("all"),
        }
    }
}

/// A word of the setting that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "ipa-enable-vlan-interfaces: {0}: expected the name or MAC address of a port, one of them \
     with a VLAN from 1 to 4094 as in eno1.100, or all"
)]
pub struct BadVlanInterface(String);

/// Reads the setting: what can be used, and what cannot.
#[must_use]
pub fn vlan_interfaces(words: &[String]) -> (Vec<VlanInterface>, Vec<BadVlanInterface>) {
    let mut bad = Vec::new();
    let mut good = Vec::new();
    for word in words {
        match read(word.trim()) {
            Some(found) => good.push(found),
            None => bad.push(BadVlanInterface(word.escape_debug().to_string())),
        }
    }
    (good, bad)
}

fn read(word: &str) -> Option<VlanInterface> {
    match word.rsplit_once('.') {
        None if word == "all" => Some(VlanInterface::HeardOnAll),
        None => Some(VlanInterface::HeardOn(port(word)?)),
        Some((name, id)) => Some(VlanInterface::Tagged {
            port: port(name)?,
            id: id.parse().ok().filter(|id| (1..=4094).contains(id))?,
        }),
    }
}

fn port(word: &str) -> Option<PortMatch> {
    if let Ok(mac) = word.parse::<MacAddr>() {
        return Some(PortMatch::Mac(mac));
    }
    let fits = !word.is_empty() && word.len() <= 15 && !word.contains([':', '/', '.']);
    fits.then(|| PortMatch::Name(word.to_owned()))
}

/// Adds the VLANs to the plan, each asking for addresses as every port does
/// without a description. A VLAN that the plan has is left as it is.
pub(super) fn add(plan: &mut NetworkPlan, inputs: &NetworkInputs<'_>) {
    for wanted in inputs.vlan_interfaces {
        match wanted {
            VlanInterface::Tagged { port, id } => match find(inputs, port) {
                Some(link) => add_one(plan, inputs, link, *id),
                None => plan.missing.push(Missing {
                    link: wanted.to_string(),
                    port: port.clone(),
                }),
            },
            VlanInterface::HeardOn(port) => {
                if let Some(link) = find(inputs, port) {
                    add_heard(plan, inputs, link);
                }
            }
            VlanInterface::HeardOnAll => {
                for link in inputs.links {
                    add_heard(plan, inputs, link);
                }
            }
        }
    }
}

fn find<'a>(inputs: &NetworkInputs<'a>, wanted: &PortMatch) -> Option<&'a Link> {
    inputs.links.iter().find(|link| match wanted {
        PortMatch::Mac(mac) => link.is_port(inputs.extra_kinds) && link.is_card(*mac),
        PortMatch::Name(name) => link.name == *name,
    })
}

fn add_heard(plan: &mut NetworkPlan, inputs: &NetworkInputs<'_>, link: &Link) {
    for id in inputs.heard_vlans.get(&link.name).into_iter().flatten() {
        add_one(plan, inputs, link, *id);
    }
}

/// A port of a bond carries no VLAN of its own: the bond does.
fn add_one(plan: &mut NetworkPlan, inputs: &NetworkInputs<'_>, link: &Link, id: u16) {
    let device = PlannedDevice::Vlan {
        parent: link.name.clone(),
        id,
    };
    let name = format!("{}.{id}", link.name);
    let known = |other: &LinkPlan| other.name == name || other.device == device;
    let in_bond = |other: &LinkPlan| match &other.device {
        PlannedDevice::Bond(bond) => bond.ports.contains(&link.name),
        _ => false,
    };
    if link.controller.is_some()
        || plan
            .links
            .iter()
            .any(|other| known(other) || in_bond(other))
    {
        return;
    }
    plan.links.push(LinkPlan {
        preferred: inputs.network_interface == Some(name.as_str()),
        name,
        device,
        mac: None,
        addressing: vec![Addressing::Dhcp4, Addressing::Slaac],
        routes: vec![],
        mtu: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{LinkKind, NetworkMode, plan};

    fn port(index: u32, name: &str) -> Link {
        Link {
            index,
            name: name.into(),
            kind: LinkKind::Ethernet,
            mac: u8::try_from(index)
                .ok()
                .map(|last| MacAddr([2, 0, 0, 0, 0, last])),
            internal: false,
            details: crate::network::LinkDetails::default(),
            permanent: None,
            up: false,
            carrier: false,
            carrier_ups: 0,
            mtu: 1500,
            controller: None,
        }
    }

    fn planned(setting: &str, heard: &[(&str, &[u16])]) -> (Vec<String>, Vec<String>) {
        let mut enslaved = port(4, "eno3");
        enslaved.controller = Some(9);
        let links = [port(2, "eno1"), port(3, "eno2"), enslaved];
        let words: Vec<String> = setting.split(',').map(str::to_owned).collect();
        let (wanted, _) = vlan_interfaces(&words);
        let heard = heard
            .iter()
            .map(|(name, ids)| ((*name).to_owned(), ids.iter().copied().collect()))
            .collect();
        let inputs = NetworkInputs {
            mode: NetworkMode::Manage,
            boot_mac: None,
            network_interface: None,
            extra_kinds: &[],
            description: None,
            dhcp_fallback: false,
            vlan_interfaces: &wanted,
            heard_vlans: &heard,
            links: &links,
        };
        let plan = plan(&inputs);
        let vlans = plan.links.iter().filter_map(|link| match &link.device {
            PlannedDevice::Vlan { parent, id } => {
                assert_eq!(link.addressing, [Addressing::Dhcp4, Addressing::Slaac]);
                Some(format!("{} = {id} on {parent}", link.name))
            }
            _ => None,
        });
        let missing = plan.missing.iter().map(ToString::to_string);
        (vlans.collect(), missing.collect())
    }

    #[test]
    fn named_and_heard_vlans_join_the_plan() {
        let heard: &[(&str, &[u16])] = &[("eno1", &[100, 200]), ("eno2", &[300]), ("eno3", &[9])];
        let cases: [(&str, &[&str], &[&str]); 7] = [
            ("", &[], &[]),
            ("eno1.5", &["eno1.5 = 5 on eno1"], &[]),
            ("02:00:00:00:00:03.7,eno2.7", &["eno2.7 = 7 on eno2"], &[]),
            ("eno9.5", &[], &["eno9.5: this machine has no port eno9"]),
            (
                "eno1",
                &["eno1.100 = 100 on eno1", "eno1.200 = 200 on eno1"],
                &[],
            ),
            (
                "all,eno1.100",
                &[
                    "eno1.100 = 100 on eno1",
                    "eno1.200 = 200 on eno1",
                    "eno2.300 = 300 on eno2",
                ],
                &[],
            ),
            ("02:00:00:00:00:03", &["eno2.300 = 300 on eno2"], &[]),
        ];
        for (setting, vlans, missing) in cases {
            let (found, lacking) = planned(setting, heard);
            assert_eq!(found, vlans, "{setting}");
            assert_eq!(lacking, missing, "{setting}");
        }
        assert!(planned("all", &[]).0.is_empty());
    }

    #[test]
    fn other_words_are_named() {
        for word in ["eno1.", "eno1.0", "eno1.4095", ".5", "a:b", "eno1.x", ""] {
            let (good, bad) = vlan_interfaces(&[word.to_owned()]);
            assert!(good.is_empty(), "{word}");
            let text = bad.first().map(ToString::to_string).unwrap_or_default();
            assert!(text.contains(&format!(": {word}: expected")), "{text}");
        }
    }
}
