// SPDX-License-Identifier: Apache-2.0
//! What the network of this machine shall look like, as a value.

mod automatic;
mod bind;
pub mod vlan_interfaces;

use std::fmt;
use std::net::IpAddr;

use bootconfig::MacAddr;

use crate::network::description::{Description, PortMatch, Source};
use crate::network::route::Route;
use crate::network::{Link, LinkKind};
pub use vlan_interfaces::{HeardVlans, VlanInterface};

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
    /// What somebody wrote down about the network; without it every port asks
    /// for addresses.
    pub description: Option<&'a Description>,
    /// Whether ports that no description mentions ask for addresses all the
    /// same.
    pub dhcp_fallback: bool,
    /// VLANs that the settings add, `ipa-enable-vlan-interfaces` (contract §24).
    pub vlan_interfaces: &'a [VlanInterface],
    /// VLANs the switches speak of.
    pub heard_vlans: &'a HeardVlans,
    /// The links that are there.
    pub links: &'a [Link],
}

/// The plan: one entry for each link the agent looks after.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPlan {
    /// Who described it; none: every port asks for addresses.
    pub source: Option<Source>,
    /// What carries a link comes before it.
    pub links: Vec<LinkPlan>,
    /// DNS servers that are used before those of leases.
    pub dns: Vec<IpAddr>,
    /// Search domains that are used before those of leases.
    pub search: Vec<String>,
    /// Whether those of leases are not used at all.
    pub ignore_lease_dns: bool,
    /// What the description wants and this machine does not have.
    pub missing: Vec<Missing>,
}

/// What one link shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPlan {
    /// Name of the link in the kernel.
    pub name: String,
    /// What carries it.
    pub device: PlannedDevice,
    /// The hardware address it shall have; none: the one it has.
    pub mac: Option<MacAddr>,
    /// How it gets its addresses; none: it is only brought up.
    pub addressing: Vec<Addressing>,
    /// Routes through it besides those of leases and router advertisements.
    pub routes: Vec<Route>,
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
    /// Several links as one.
    Bond(Bond),
    /// A tagged network on another link.
    Vlan {
        /// The kernel's name of the link below.
        parent: String,
        /// 1 to 4094.
        id: u16,
    },
    /// A link without any cable.
    Dummy,
}

/// Several links as one (the kernel's networking/bonding.rst).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    /// How the ports share the work.
    pub mode: BondMode,
    /// Names of the links it is made of.
    pub ports: Vec<String>,
    /// The bonding driver's other options by its own names, such as `miimon`,
    /// `xmit_hash_policy`, `lacp_rate`, `primary`.
    pub options: Vec<(String, String)>,
}

impl Bond {
    /// The port it shall use whenever it can (option `primary`).
    #[must_use]
    pub fn primary(&self) -> Option<&String> {
        let mut options = self.options.iter();
        options.find_map(|(name, value)| (name == "primary").then_some(value))
    }
}

/// How the ports of a bond share the work, by the names of the bonding driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BondMode {
    /// `balance-rr`.
    BalanceRr,
    /// `active-backup`.
    ActiveBackup,
    /// `balance-xor`.
    BalanceXor,
    /// `broadcast`.
    Broadcast,
    /// `802.3ad`: LACP.
    Lacp,
    /// `balance-tlb`.
    BalanceTlb,
    /// `balance-alb`.
    BalanceAlb,
}

impl BondMode {
    /// All of them, in the order of the kernel's numbers 0 to 6.
    pub const ALL: [Self; 7] = [
        Self::BalanceRr,
        Self::ActiveBackup,
        Self::BalanceXor,
        Self::Broadcast,
        Self::Lacp,
        Self::BalanceTlb,
        Self::BalanceAlb,
    ];

    /// The bonding driver's name of the mode.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BalanceRr => "balance-rr",
            Self::ActiveBackup => "active-backup",
            Self::BalanceXor => "balance-xor",
            Self::Broadcast => "broadcast",
            Self::Lacp => "802.3ad",
            Self::BalanceTlb => "balance-tlb",
            Self::BalanceAlb => "balance-alb",
        }
    }

    /// The mode with this name, or with this number of the kernel.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.parse::<usize>().ok();
        let by_name = || Self::ALL.into_iter().find(|mode| mode.name() == text);
        number
            .and_then(|number| Self::ALL.get(number).copied())
            .or_else(by_name)
    }
}

/// One way for a link to get addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressing {
    /// Ask for an IPv4 address (RFC 2131).
    Dhcp4,
    /// Ask for an IPv6 address (RFC 8415), whatever router advertisements say.
    Dhcp6,
    /// Do as router advertisements say: make an IPv6 address (RFC 4862), ask
    /// for one (flag M), ask for DNS servers only (flag O).
    Slaac,
    /// Told from outside.
    Static {
        /// The address.
        address: IpAddr,
        /// How many of its leading bits are the network.
        prefix_len: u8,
    },
}

/// Something a description wants that this machine does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Name of the described link.
    pub link: String,
    /// The port it wants.
    pub port: PortMatch,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: this machine has no port {}", self.link, self.port)
    }
}

/// Decides what every link shall be. With a description, as it says; without
/// one all ports are up and ask for addresses at once. In
/// [`NetworkMode::Observe`] nothing shall be changed, so the plan is empty.
#[must_use]
pub fn plan(inputs: &NetworkInputs<'_>) -> NetworkPlan {
    let mut plan = match (inputs.mode, inputs.description) {
        (NetworkMode::Observe, _) => return NetworkPlan::default(),
        (NetworkMode::Manage, None) => automatic::plan(inputs),
        (NetworkMode::Manage, Some(description)) => bind::plan(inputs, description),
    };
    vlan_interfaces::add(&mut plan, inputs);
    plan
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
        ports.iter().find(|link| link.is_card(wanted))
    };
    let found = named.or_else(booted).filter(|link| !link.internal);
    found.map(|link| link.index)
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// A port that is only brought up.
    pub(crate) fn physical(index: u32, name: &str) -> LinkPlan {
        made(name, PlannedDevice::Physical { index, mac: None })
    }

    /// Any planned link.
    pub(crate) fn made(name: &str, device: PlannedDevice) -> LinkPlan {
        LinkPlan {
            name: name.into(),
            device,
            mac: None,
            addressing: vec![],
            routes: vec![],
            mtu: None,
            preferred: false,
        }
    }

    /// The link with a static address, written with its prefix length.
    pub(crate) fn with_address(mut link: LinkPlan, text: &str) -> LinkPlan {
        let (address, prefix_len) = text.split_once('/').expect(text);
        link.addressing.push(Addressing::Static {
            address: address.parse().expect(text),
            prefix_len: prefix_len.parse().expect(text),
        });
        link
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::LinkDetails;

    fn link(index: u32, name: &str, kind: LinkKind) -> Link {
        let last = u8::try_from(index % 256).unwrap_or_default();
        Link {
            index,
            name: name.into(),
            kind,
            mac: Some(MacAddr([2, 0, 0, 0, 0, last])),
            permanent: None,
            up: false,
            carrier: false,
            carrier_ups: 0,
            mtu: 1500,
            controller: None,
            internal: false,
            details: LinkDetails::default(),
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
            description: None,
            dhcp_fallback: false,
            vlan_interfaces: &[],
            heard_vlans: &HeardVlans::new(),
            links: &links,
        });
        let asks: Vec<(&str, usize, bool)> = found
            .links
            .iter()
            .map(|link| (link.name.as_str(), link.addressing.len(), link.preferred))
            .collect();
        assert_eq!(asks, [("eno1", 2, false), ("usb0", 0, false)]);
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
            description: None,
            dhcp_fallback: false,
            vlan_interfaces: &[],
            heard_vlans: &HeardVlans::new(),
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
}
