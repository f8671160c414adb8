// SPDX-License-Identifier: Apache-2.0
//! What the network of this machine shall look like, as a value.

use std::net::IpAddr;

use bootconfig::MacAddr;

use crate::network::{Link, LinkKind};

/// Whether the agent configures the network or only looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkMode {
    /// The agent brings links up and asks for addresses: in its own image.
    #[default]
    Manage,
    /// Another program of a full distribution does; the agent reads what is.
    Observe,
}

/// All that decides about the plan.
#[derive(Debug, Clone, Copy)]
pub struct NetworkInputs<'a> {
    /// Configure or observe.
    pub mode: NetworkMode,
    /// The card the machine booted from, `BOOTIF` (contract §2.2).
    pub boot_mac: Option<MacAddr>,
    /// The card whose address is advertised, `ipa-network-interface`
    /// (contract §5); it wins over `BOOTIF`.
    pub network_interface: Option<&'a str>,
    /// Kinds of virtual links that count as ports ([`Link::is_port`]).
    pub extra_kinds: &'a [String],
    /// The links that are there.
    pub links: &'a [Link],
}

/// The plan: one entry for each link the agent looks after.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPlan {
    /// By index of the link, then by name.
    pub links: Vec<LinkPlan>,
}

/// What one link shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPlan {
    /// Name of the link.
    pub name: String,
    /// What carries it.
    pub device: PlannedDevice,
    /// How it gets its addresses; none: it is only brought up.
    pub addressing: Vec<Addressing>,
    /// The largest packet in bytes; none: the card's default, or what DHCP says.
    pub mtu: Option<u32>,
    /// Its address and default route are used before those of other links.
    pub preferred: bool,
}

/// What carries a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedDevice {
    /// A card, or what stands for one in a container.
    Physical {
        /// The kernel's number of the link.
        index: u32,
        /// Its hardware address.
        mac: Option<MacAddr>,
    },
    /// Several cards as one.
    Bond {
        /// The kernel's name of the mode, such as `802.3ad`.
        mode: String,
        /// Names of the cards.
        ports: Vec<String>,
    },
    /// A tagged network on another link.
    Vlan {
        /// Name of the link below.
        parent: String,
        /// 1 to 4094.
        id: u16,
    },
}

/// One way for a link to get addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressing {
    /// Ask for an IPv4 address (RFC 2131).
    Dhcp4,
    /// Ask for an IPv6 address (RFC 8415).
    Dhcp6,
    /// Make an IPv6 address from router advertisements (RFC 4862).
    Slaac,
    /// Told from outside.
    Static {
        /// The address.
        address: IpAddr,
        /// How many of its leading bits are the network.
        prefix_len: u8,
        /// Router for everything else.
        gateway: Option<IpAddr>,
    },
}

/// Why a plan cannot be carried out by this version of the agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSupported {
    /// A link that would have to be created.
    #[error("{link}: links of the kind {kind} are not supported yet")]
    Device {
        /// Name of the link.
        link: String,
        /// `bond` or `vlan`.
        kind: &'static str,
    },
    /// Another way to an address than DHCPv4.
    #[error("{link}: addresses by {how} are not supported yet")]
    Addressing {
        /// Name of the link.
        link: String,
        /// `DHCPv6`, `SLAAC` or `static configuration`.
        how: &'static str,
    },
}

impl LinkPlan {
    /// Whether the link can be had: so far cards with DHCPv4, or without
    /// addresses, can.
    ///
    /// # Errors
    ///
    /// [`NotSupported`] names the link and what it asks for.
    pub fn supported(&self) -> Result<(), NotSupported> {
        let kind = match &self.device {
            PlannedDevice::Physical { .. } => None,
            PlannedDevice::Bond { .. } => Some("bond"),
            PlannedDevice::Vlan { .. } => Some("vlan"),
        };
        if let Some(kind) = kind {
            return Err(NotSupported::Device {
                link: self.name.clone(),
                kind,
            });
        }
        let other = self
            .addressing
            .iter()
            .find_map(|addressing| match addressing {
                Addressing::Dhcp4 => None,
                Addressing::Dhcp6 => Some("DHCPv6"),
                Addressing::Slaac => Some("SLAAC"),
                Addressing::Static { .. } => Some("static configuration"),
            });
        match other {
            None => Ok(()),
            Some(how) => Err(NotSupported::Addressing {
                link: self.name.clone(),
                how,
            }),
        }
    }
}

/// Decides what every link shall be: all ports up, all of them asking for an
/// IPv4 address at once. In [`NetworkMode::Observe`] nothing shall be changed,
/// so the plan is empty.
///
/// A port of a bond or bridge is left alone: whoever made the bond looks after
/// it. A port without an Ethernet address is brought up but does not ask.
#[must_use]
pub fn plan(inputs: &NetworkInputs<'_>) -> NetworkPlan {
    if inputs.mode == NetworkMode::Observe {
        return NetworkPlan::default();
    }
    let links = ports(inputs)
        .into_iter()
        .map(|(link, preferred)| LinkPlan {
            name: link.name.clone(),
            device: PlannedDevice::Physical {
                index: link.index,
                mac: link.mac,
            },
            addressing: link
                .mac
                .filter(|_| !link.internal)
                .map(|_| Addressing::Dhcp4)
                .into_iter()
                .collect(),
            mtu: None,
            preferred,
        })
        .collect();
    NetworkPlan { links }
}

/// The ports of the machine by index, each with whether it is preferred.
///
/// In [`NetworkMode::Observe`] every link that can have an address for the
/// whole machine counts: whoever made a bond or a bridge put the address there.
#[must_use]
pub fn ports<'a>(inputs: &NetworkInputs<'a>) -> Vec<(&'a Link, bool)> {
    let counts = |link: &Link| match inputs.mode {
        NetworkMode::Manage => link.is_port(inputs.extra_kinds),
        NetworkMode::Observe => link.kind != LinkKind::Loopback,
    };
    let mut ports: Vec<&Link> = inputs
        .links
        .iter()
        .filter(|link| link.controller.is_none() && counts(link))
        .collect();
    ports.sort_by_key(|link| link.index);
    let preferred = preferred_port(inputs, &ports);
    ports
        .into_iter()
        .map(|link| (link, preferred == Some(link.index)))
        .collect()
}

/// The index of the port whose address is used first: the one named by the
/// settings, else the one the machine booted from.
fn preferred_port(inputs: &NetworkInputs<'_>, ports: &[&Link]) -> Option<u32> {
    let named = ports
        .iter()
        .find(|link| Some(link.name.as_str()) == inputs.network_interface);
    let booted = || {
        let wanted = inputs.boot_mac?;
        ports.iter().find(|link| link.mac == Some(wanted))
    };
    let found = named.or_else(booted).filter(|link| !link.internal);
    found.map(|link| link.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, kind: LinkKind) -> Link {
        let last = u8::try_from(index % 256).unwrap_or_default();
        Link {
            index,
            name: name.into(),
            kind,
            mac: Some(MacAddr([2, 0, 0, 0, 0, last])),
            up: false,
            carrier: false,
            carrier_ups: 0,
            mtu: 1500,
            controller: None,
            internal: false,
        }
    }

    /// The BMC's card is brought up, asks for nothing, and is never preferred.
    #[test]
    fn a_card_of_the_bmc_gets_no_address() {
        let mut bmc = link(4, "usb0", LinkKind::Ethernet);
        bmc.internal = true;
        let links = [link(2, "eno1", LinkKind::Ethernet), bmc];
        let found = plan(&NetworkInputs {
            mode: NetworkMode::Manage,
            boot_mac: links[1].mac,
            network_interface: Some("usb0"),
            extra_kinds: &[],
            links: &links,
        });
        let asks: Vec<(&str, usize, bool)> = found
            .links
            .iter()
            .map(|link| (link.name.as_str(), link.addressing.len(), link.preferred))
            .collect();
        assert_eq!(asks, [("eno1", 1, false), ("usb0", 0, false)]);
    }

    fn machine() -> Vec<Link> {
        let mut enslaved = link(7, "eno7", LinkKind::Ethernet);
        enslaved.controller = Some(9);
        let mut infiniband = link(8, "ib0", LinkKind::Other);
        infiniband.mac = None;
        vec![
            link(3, "eno2", LinkKind::Ethernet),
            link(1, "lo", LinkKind::Loopback),
            link(2, "eno1", LinkKind::Ethernet),
            link(4, "wlp1s0", LinkKind::Wireless),
            link(5, "veth0", LinkKind::Virtual("veth".into())),
            enslaved,
            infiniband,
        ]
    }

    fn planned(inputs: &NetworkInputs<'_>) -> Vec<(String, bool)> {
        plan(inputs)
            .links
            .into_iter()
            .map(|link| (link.name, link.preferred))
            .collect()
    }

    #[test]
    fn every_card_takes_part_and_the_boot_card_is_preferred() {
        let links = machine();
        let veth = ["veth".to_owned()];
        let base = NetworkInputs {
            mode: NetworkMode::Manage,
            boot_mac: None,
            network_interface: None,
            extra_kinds: &[],
            links: &links,
        };
        let boot = Some(MacAddr([2, 0, 0, 0, 0, 3]));
        let row = |name: &str, preferred| (name.to_owned(), preferred);
        let cases = [
            (base, vec![row("eno1", false), row("eno2", false)]),
            (
                NetworkInputs {
                    boot_mac: boot,
                    ..base
                },
                vec![row("eno1", false), row("eno2", true)],
            ),
            (
                NetworkInputs {
                    boot_mac: boot,
                    network_interface: Some("eno1"),
                    ..base
                },
                vec![row("eno1", true), row("eno2", false)],
            ),
            (
                NetworkInputs {
                    boot_mac: boot,
                    network_interface: Some("absent"),
                    extra_kinds: &veth,
                    ..base
                },
                vec![row("eno1", false), row("eno2", true), row("veth0", false)],
            ),
            (
                NetworkInputs {
                    mode: NetworkMode::Observe,
                    ..base
                },
                vec![],
            ),
        ];
        for (inputs, expected) in cases {
            assert_eq!(planned(&inputs), expected, "{inputs:?}");
        }
    }

    #[test]
    fn what_cannot_be_done_yet_is_refused_by_name() {
        let device = PlannedDevice::Physical {
            index: 2,
            mac: None,
        };
        let row = |device: &PlannedDevice, addressing: Addressing| LinkPlan {
            name: "net0".into(),
            device: device.clone(),
            addressing: vec![addressing],
            mtu: None,
            preferred: false,
        };
        let bond = PlannedDevice::Bond {
            mode: "802.3ad".into(),
            ports: vec!["eno1".into(), "eno2".into()],
        };
        let vlan = PlannedDevice::Vlan {
            parent: "eno1".into(),
            id: 7,
        };
        let fixed = Addressing::Static {
            address: IpAddr::from([192, 0, 2, 1]),
            prefix_len: 24,
            gateway: None,
        };
        let cases = [
            (row(&device, Addressing::Dhcp4), None),
            (
                row(&device, Addressing::Dhcp6),
                Some("net0: addresses by DHCPv6 are not supported yet"),
            ),
            (
                row(&device, Addressing::Slaac),
                Some("net0: addresses by SLAAC are not supported yet"),
            ),
            (
                row(&device, fixed),
                Some("net0: addresses by static configuration are not supported yet"),
            ),
            (
                row(&bond, Addressing::Dhcp4),
                Some("net0: links of the kind bond are not supported yet"),
            ),
            (
                row(&vlan, Addressing::Dhcp4),
                Some("net0: links of the kind vlan are not supported yet"),
            ),
        ];
        for (link, expected) in cases {
            let refusal = link.supported().err().map(|error| error.to_string());
            assert_eq!(refusal.as_deref(), expected);
        }
    }
}
