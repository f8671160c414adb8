// SPDX-License-Identifier: Apache-2.0
//! A network link as the kernel lists it, and which links are ports of the
//! machine.

use bootconfig::MacAddr;

use crate::network::lacp::{BondPort, BondState};

/// What kind of link it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// The loopback link.
    Loopback,
    /// An Ethernet card: on a bus, on USB, or shared with the BMC.
    Ethernet,
    /// Wireless, mobile or Bluetooth: never used by the agent.
    Wireless,
    /// Made by software; the kernel's name of the kind, such as `bond`,
    /// `vlan` or `veth`.
    Virtual(String),
    /// A card that is not Ethernet, such as InfiniBand.
    Other,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number of the link; never used twice while the machine is
    /// up, unlike the name.
    pub index: u32,
    /// Its name now.
    pub name: String,
    /// What it is.
    pub kind: LinkKind,
    /// Its hardware address now, if it is an Ethernet address. The ports of a
    /// bond all have the bond's.
    pub mac: Option<MacAddr>,
    /// The hardware address it was made with, where the driver tells
    /// (`IFLA_PERM_ADDRESS`).
    pub permanent: Option<MacAddr>,
    /// Whether it was told to be up (`IFF_UP`).
    pub up: bool,
    /// Whether there is something at the other end (`IFF_LOWER_UP`).
    pub carrier: bool,
    /// How often the carrier has come. The kernel reports at most one change
    /// per second, so a cable that was moved quickly shows only here.
    pub carrier_ups: u32,
    /// The largest packet it sends, in bytes.
    pub mtu: u32,
    /// Index of the bond or bridge it belongs to.
    pub controller: Option<u32>,
    /// Whether it leads to the BMC and nowhere else ([`super::internal`]): it is
    /// brought up, and that is all.
    pub internal: bool,
    /// What only some links have.
    pub details: LinkDetails,
}

/// What only some links have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkDetails {
    /// The largest MTU its driver takes, in bytes, where the driver tells.
    pub max_mtu: Option<u32>,
    /// Whether the agent made it. The kernel keeps that ([`ALIAS`]), so that
    /// an agent that was restarted knows as well.
    pub ours: bool,
    /// Index of the link below, of a VLAN.
    pub below: Option<u32>,
    /// Number of the tagged network, of a VLAN.
    pub vlan: Option<u16>,
    /// How it is, of a bond.
    pub bond: Option<BondState>,
    /// How it takes part, of a port of a bond.
    pub bond_port: Option<BondPort>,
}

/// The alias (`IFLA_IFALIAS`) of links that the agent made.
pub const ALIAS: &str = "made by ironseed";

impl Link {
    /// Whether it is the card with this hardware address. The one it was made
    /// with counts, where it is known: inside a bond the current one is another
    /// card's.
    #[must_use]
    pub fn is_card(&self, mac: MacAddr) -> bool {
        self.own_mac() == Some(mac)
    }

    /// Whether it is a link of this kind made by software, such as `bond`.
    #[must_use]
    pub fn is_virtual(&self, kind: &str) -> bool {
        matches!(&self.kind, LinkKind::Virtual(own) if own == kind)
    }

    /// The hardware address of the card itself, whatever bond it is in.
    #[must_use]
    pub fn own_mac(&self) -> Option<MacAddr> {
        self.permanent.or(self.mac)
    }

    /// Whether the link is a port of the machine. Virtual links are ports
    /// only if their kind is among `extra_kinds`: inside a container the
    /// ports are `veth` links.
    #[must_use]
    pub fn is_port(&self, extra_kinds: &[String]) -> bool {
        match &self.kind {
            LinkKind::Ethernet => true,
            LinkKind::Virtual(kind) => extra_kinds.contains(kind),
            LinkKind::Loopback | LinkKind::Wireless | LinkKind::Other => false,
        }
    }
}
