// SPDX-License-Identifier: Apache-2.0
//! The links of a hardware profile (`[layout.network]`), for the agent itself:
//! machines of one kind are cabled alike, and where the switch speaks LACP to a
//! bond the agent is on the network only as that bond.

use std::fmt;

use bootconfig::MacAddr;
use hardware_profiles::{NetworkLayout, PortSelector};
use thiserror::Error;

use super::{DescribedDevice, DescribedLink, Description, PortMatch, Source};
use crate::hardware::{Hardware, NetworkPort};
use crate::network::plan::{Addressing, Bond, BondMode};

/// How often the carrier of a bond's ports is looked at, in milliseconds.
const MIIMON: &str = "100";

/// Something in a profile that this machine does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LayoutProblem {
    /// No port is where the profile says.
    #[error("{link}: this machine has no port {port}; its ports are {there}")]
    NoPort {
        /// The link that needs it.
        link: String,
        /// As the profile selects it.
        port: Selected,
        /// The ports there are, with their PCI addresses.
        there: String,
    },
    /// The port does not tell its hardware address.
    #[error("{link}: port {port} has no Ethernet address")]
    NoAddress {
        /// The link that needs it.
        link: String,
        /// As the profile selects it.
        port: Selected,
    },
    /// A mode the bonding driver does not have.
    #[error("{link}: {mode} is no bonding mode")]
    Mode {
        /// The bond.
        link: String,
        /// Its mode.
        mode: String,
    },
}

/// A port as a profile selects it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected(Box<PortSelector>);

impl fmt::Display for Selected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(port) = self;
        match (&port.name, &port.pci, &port.slot) {
            (Some(name), _, _) => f.write_str(name),
            (_, Some(address), _) => f.write_str(address),
            (_, _, Some(slot)) => write!(f, "{} in {slot}", port.port.unwrap_or(1)),
            _ => f.write_str("of an empty selection"),
        }
    }
}

/// Everything in a profile that this machine does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct LayoutProblems(pub Vec<LayoutProblem>);

/// Reads the layout. Nothing unless it says that the agent needs these links
/// (`agent = true`). The topmost links ask for addresses of both families.
///
/// # Errors
///
/// Every port that this machine does not have.
pub fn read(
    layout: &NetworkLayout,
    hardware: &Hardware,
) -> Result<Option<Description>, LayoutProblems> {
    if !layout.agent {
        return Ok(None);
    }
    let mut problems = Vec::new();
    let mut links: Vec<DescribedLink> = Vec::new();
    for bond in &layout.bonds {
        let Some(mode) = BondMode::parse(&bond.mode) else {
            let (link, mode) = (bond.name.clone(), bond.mode.clone());
            problems.push(LayoutProblem::Mode { link, mode });
            continue;
        };
        let mut ports = Vec::new();
        for port in &bond.ports {
            match find(&bond.name, port, hardware) {
                Ok(found) => {
                    ports.push(found.name.clone());
                    links.push(found);
                }
                Err(problem) => problems.push(problem),
            }
        }
        let rate = bond
            .lacp_rate
            .iter()
            .map(|rate| ("lacp_rate", rate.as_str()));
        let options = [("miimon", MIIMON)].into_iter().chain(rate);
        let device = DescribedDevice::Bond(Bond {
            mode,
            ports,
            options: options
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        });
        links.push(DescribedLink {
            mtu: bond.mtu,
            ..DescribedLink::new(bond.name.clone(), device)
        });
    }
    for vlan in &layout.vlans {
        if !links.iter().any(|link| link.name == vlan.link) {
            let port = PortMatch::Name(vlan.link.clone());
            links.push(DescribedLink::new(&vlan.link, DescribedDevice::Port(port)));
        }
        let device = DescribedDevice::Vlan {
            parent: vlan.link.clone(),
            id: vlan.id,
        };
        links.push(DescribedLink {
            mtu: vlan.mtu,
            ..DescribedLink::new(format!("{}.{}", vlan.link, vlan.id), device)
        });
    }
    if !problems.is_empty() {
        return Err(LayoutProblems(problems));
    }
    ask_on_top(&mut links);
    let description = Description {
        links,
        ..Description::of(Source::Profile)
    };
    Ok((!description.links.is_empty()).then_some(description))
}

/// Links that carry no other ask for addresses.
fn ask_on_top(links: &mut [DescribedLink]) {
    let below: Vec<String> = links
        .iter()
        .flat_map(|link| match &link.device {
            DescribedDevice::Bond(bond) => bond.ports.clone(),
            DescribedDevice::Vlan { parent, .. } => vec![parent.clone()],
            DescribedDevice::Port(_) | DescribedDevice::Dummy => vec![],
        })
        .collect();
    for link in links.iter_mut().filter(|link| !below.contains(&link.name)) {
        link.addressing = vec![Addressing::Dhcp4, Addressing::Slaac];
    }
}

/// The port, by its hardware address: names differ between systems.
fn find(
    link: &str,
    wanted: &PortSelector,
    hardware: &Hardware,
) -> Result<DescribedLink, LayoutProblem> {
    let port = select(wanted, hardware).ok_or_else(|| LayoutProblem::NoPort {
        link: link.to_owned(),
        port: Selected(Box::new(wanted.clone())),
        there: there(hardware),
    })?;
    let address = port.permanent_mac.as_ref().or(port.mac.as_ref());
    let mac: MacAddr =
        address
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| LayoutProblem::NoAddress {
                link: link.to_owned(),
                port: Selected(Box::new(wanted.clone())),
            })?;
    let device = DescribedDevice::Port(PortMatch::Mac(mac));
    Ok(DescribedLink::new(&port.name, device))
}

fn select<'a>(wanted: &PortSelector, hardware: &'a Hardware) -> Option<&'a NetworkPort> {
    let mut ports = hardware.network.iter();
    if let Some(name) = &wanted.name {
        return ports.find(|port| port.name == *name || port.alternative_names.contains(name));
    }
    if let Some(address) = &wanted.pci {
        return ports.find(|port| port.pci_address.as_ref() == Some(address));
    }
    let slot = wanted.slot.as_ref()?;
    let in_slot = |port: &&NetworkPort| {
        let mut devices = hardware.pci_devices.iter();
        port.pci_address.as_ref().is_some_and(|address| {
            devices.any(|device| device.address == *address && device.slot.as_ref() == Some(slot))
        })
    };
    let mut ports: Vec<&NetworkPort> = ports.filter(in_slot).collect();
    ports.sort_by_key(|port| (&port.pci_address, &port.name));
    let at = usize::try_from(wanted.port.unwrap_or(1).saturating_sub(1)).ok()?;
    ports.get(at).copied()
}

fn there(hardware: &Hardware) -> String {
    let one = |port: &NetworkPort| match &port.pci_address {
        Some(address) => format!("{} ({address})", port.name),
        None => port.name.clone(),
    };
    let ports: Vec<String> = hardware.network.iter().map(one).collect();
    match ports.is_empty() {
        true => "none".to_owned(),
        false => ports.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::PciDevice;

    fn hardware() -> Hardware {
        let port = |name: &str, address: &str, mac: &str| NetworkPort {
            name: name.into(),
            permanent_mac: Some(mac.into()),
            pci_address: Some(address.into()),
            ..NetworkPort::default()
        };
        let device = |address: &str, slot: Option<&str>| PciDevice {
            address: address.into(),
            slot: slot.map(str::to_owned),
            ..PciDevice::default()
        };
        Hardware {
            network: vec![
                port("eth0", "0000:18:00.0", "02:00:00:00:00:01"),
                port("eth1", "0000:3b:00.1", "02:00:00:00:00:03"),
                port("eth2", "0000:3b:00.0", "02:00:00:00:00:02"),
            ],
            pci_devices: vec![
                device("0000:18:00.0", None),
                device("0000:3b:00.0", Some("Slot 3")),
                device("0000:3b:00.1", Some("Slot 3")),
            ],
            ..Hardware::default()
        }
    }

    fn rack() -> NetworkLayout {
        let port = |number| PortSelector {
            slot: Some("Slot 3".into()),
            port: Some(number),
            ..PortSelector::default()
        };
        NetworkLayout {
            agent: true,
            bonds: vec![hardware_profiles::Bond {
                name: "bond0".into(),
                mode: "802.3ad".into(),
                ports: vec![port(1), port(2)],
                lacp_rate: Some("fast".into()),
                mtu: Some(9000),
            }],
            vlans: vec![hardware_profiles::Vlan {
                link: "bond0".into(),
                id: 7,
                mtu: None,
            }],
        }
    }

    #[test]
    fn ports_are_found_by_slot_and_only_the_topmost_link_asks() {
        let found = read(&rack(), &hardware()).expect("sound").expect("links");
        let names: Vec<&str> = found.links.iter().map(|link| link.name.as_str()).collect();
        assert_eq!(names, ["eth2", "eth1", "bond0", "bond0.7"]);
        let asks: Vec<bool> = found
            .links
            .iter()
            .map(|link| !link.addressing.is_empty())
            .collect();
        assert_eq!(asks, [false, false, false, true]);
        let DescribedDevice::Bond(bond) = &found.links[2].device else {
            panic!("{found:?}");
        };
        let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            bond.options,
            [option("miimon", "100"), option("lacp_rate", "fast")]
        );
        assert_eq!(
            (bond.mode, found.links[2].mtu),
            (BondMode::Lacp, Some(9000))
        );
        let first = PortMatch::Mac(MacAddr([2, 0, 0, 0, 0, 2]));
        assert_eq!(found.links[0].device, DescribedDevice::Port(first));
    }

    #[test]
    fn a_layout_for_the_installed_system_only_is_no_description() {
        let layout = NetworkLayout {
            agent: false,
            ..rack()
        };
        assert_eq!(read(&layout, &hardware()), Ok(None));
    }

    #[test]
    fn a_port_that_is_not_there_is_named_with_those_that_are() {
        let mut layout = rack();
        layout.bonds[0].ports[1].port = Some(3);
        let problems = read(&layout, &hardware()).expect_err("no third port");
        assert_eq!(
            problems.to_string(),
            "bond0: this machine has no port 3 in Slot 3; its ports are eth0 (0000:18:00.0), \
             eth1 (0000:3b:00.1), eth2 (0000:3b:00.0)"
        );
    }
}
