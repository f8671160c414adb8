// SPDX-License-Identifier: Apache-2.0
//! The kernel's description of a link, as a value of the core.

use std::net::IpAddr;

use ironseed_core::network::link::ALIAS;
use ironseed_core::network::{
    AddressState, BondMode, BondPort, BondState, Link, LinkDetails, LinkKind, MacAddr,
};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    BondAdInfo, BondPortState, ChurnState, InfoBond, InfoBondPort, InfoData, InfoPortData,
    InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage, MiiStatus,
};

use crate::root::Root;

/// Kinds of cards that the kernel names in `DEVTYPE` and that are no cable.
const WITHOUT_CABLE: [&str; 4] = ["wlan", "wwan", "bluetooth", "wimax"];

/// Reads the description. `root` tells wireless cards apart, which netlink
/// does not.
pub(super) fn read(message: &LinkMessage, root: &Root) -> Link {
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        kind: LinkKind::Other,
        mac: None,
        permanent: None,
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
        carrier_ups: 0,
        mtu: 0,
        controller: None,
        internal: false,
        details: LinkDetails::default(),
    };
    let mut virtual_kind = None;
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::CarrierUpCount(count) => link.carrier_ups = *count,
            LinkAttribute::Controller(0) => {}
            LinkAttribute::Controller(index) => link.controller = Some(*index),
            LinkAttribute::Address(address) => link.mac = mac(address),
            LinkAttribute::PermAddress(address) => link.permanent = mac(address),
            LinkAttribute::MaxMtu(0) => {}
            LinkAttribute::MaxMtu(mtu) => link.details.max_mtu = Some(*mtu),
            LinkAttribute::IfAlias(alias) => link.details.ours = alias == ALIAS,
            LinkAttribute::Link(index) => link.details.below = Some(*index),
            LinkAttribute::LinkInfo(infos) => virtual_kind = read_infos(infos, &mut link),
            _ => {}
        }
    }
    link.kind = match (virtual_kind, message.header.link_layer_type) {
        _ if flags.contains(LinkFlags::Loopback) => LinkKind::Loopback,
        (Some(kind), _) => LinkKind::Virtual(kind),
        (None, LinkLayerType::Ether) if without_cable(&link.name, root) => LinkKind::Wireless,
        (None, LinkLayerType::Ether) => LinkKind::Ethernet,
        (None, _) => LinkKind::Other,
    };
    link
}

/// Reads what only some kinds of links have; the result is the kind.
fn read_infos(infos: &[LinkInfo], link: &mut Link) -> Option<String> {
    let mut kind = None;
    for info in infos {
        match info {
            LinkInfo::Kind(name) => kind = Some(name.to_string()),
            LinkInfo::Data(InfoData::Vlan(infos)) => {
                link.details.vlan = infos.iter().find_map(|info| match info {
                    InfoVlan::Id(id) => Some(*id),
                    _ => None,
                });
            }
            LinkInfo::Data(InfoData::Bond(infos)) => link.details.bond = Some(read_bond(infos)),
            LinkInfo::PortData(InfoPortData::BondPort(infos)) => {
                let (port, permanent) = read_bond_port(infos);
                link.details.bond_port = Some(port);
                // The bonding driver keeps the address that the port had,
                // also where the card's driver does not tell its own.
                link.permanent = link.permanent.or(permanent);
            }
            _ => {}
        }
    }
    kind
}

fn read_bond(infos: &[InfoBond]) -> BondState {
    let mut bond = BondState::default();
    for info in infos {
        match info {
            InfoBond::Mode(mode) => {
                let number = usize::from(u8::from(*mode));
                bond.mode = BondMode::ALL.get(number).copied();
            }
            InfoBond::ActivePort(index) => bond.active_port = Some(*index),
            InfoBond::AdInfo(infos) => {
                for info in infos {
                    match info {
                        BondAdInfo::Aggregator(number) => bond.aggregator = Some(*number),
                        BondAdInfo::PartnerMac(address) => bond.partner = mac(address),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    bond
}

/// How a port takes part, and the hardware address it had before.
fn read_bond_port(infos: &[InfoBondPort]) -> (BondPort, Option<MacAddr>) {
    let (mut port, mut permanent) = (BondPort::default(), None);
    for info in infos {
        match info {
            InfoBondPort::MiiStatus(status) => port.link = *status == MiiStatus::Up,
            InfoBondPort::BondPortState(state) => port.active = *state == BondPortState::Active,
            InfoBondPort::PermHwaddr(address) => permanent = mac(address),
            InfoBondPort::AdAggregatorId(number) => port.aggregator = Some(*number),
            InfoBondPort::AdActorOperPortState(flags) => port.actor = Some(flags.bits()),
            InfoBondPort::AdPartnerOperPortState(flags) => port.partner = Some(flags.bits()),
            InfoBondPort::AdChurnActorState(ChurnState::Churn)
            | InfoBondPort::AdChurnPartnerState(ChurnState::Churn) => port.churned = true,
            _ => {}
        }
    }
    (port, permanent)
}

/// An Ethernet address; all zeros is none.
fn mac(bytes: &[u8]) -> Option<MacAddr> {
    let bytes: [u8; 6] = bytes.try_into().ok()?;
    (bytes != [0; 6]).then_some(MacAddr(bytes))
}

fn without_cable(name: &str, root: &Root) -> bool {
    let directory = format!("/sys/class/net/{name}");
    let uevent = root
        .read_text(&format!("{directory}/uevent"))
        .unwrap_or_default();
    let kind = uevent
        .lines()
        .find_map(|line| line.strip_prefix("DEVTYPE="));
    kind.is_some_and(|kind| WITHOUT_CABLE.contains(&kind))
        || root.exists(&format!("{directory}/phy80211"))
}

/// An address of a link as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KernelAddress {
    /// Index of the link.
    pub(crate) link: u32,
    /// The address.
    pub(crate) address: IpAddr,
    /// How many of its leading bits are the network.
    pub(super) prefix_len: u8,
    /// Whether it never ends: not from a lease.
    pub(super) permanent: bool,
    /// Whether it can be used.
    pub(super) state: AddressState,
}

impl KernelAddress {
    /// Whether the port can speak IPv6 with it.
    pub(super) fn is_usable_link_local(&self) -> bool {
        let IpAddr::V6(address) = self.address else {
            return false;
        };
        self.state == AddressState::Usable && address.is_unicast_link_local()
    }
}

/// What the kernel has found out about an address (RFC 4862 §5.4). IPv4
/// addresses are always usable; IPv6 ones already on trial (RFC 4429).
fn state(flags: AddressHeaderFlags) -> AddressState {
    let on_trial = flags.contains(AddressHeaderFlags::Optimistic);
    if flags.contains(AddressHeaderFlags::Dadfailed) {
        AddressState::Duplicate
    } else if flags.contains(AddressHeaderFlags::Tentative) && !on_trial {
        AddressState::Tentative
    } else {
        AddressState::Usable
    }
}

/// Reads an address; nothing if the kernel's message holds none.
pub(super) fn read_address(message: &AddressMessage) -> Option<KernelAddress> {
    let mut address = None;
    for attribute in &message.attributes {
        match attribute {
            // On point-to-point links "address" is the other end's.
            AddressAttribute::Local(local) => address = Some(*local),
            AddressAttribute::Address(other) => address = address.or(Some(*other)),
            _ => {}
        }
    }
    let flags = message.header.flags;
    Some(KernelAddress {
        link: message.header.index,
        address: address?,
        state: state(flags),
        prefix_len: message.header.prefix_len,
        permanent: flags.contains(AddressHeaderFlags::Permanent),
    })
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::link::InfoKind;

    use super::*;

    fn message(kind: LinkLayerType, attributes: Vec<LinkAttribute>) -> LinkMessage {
        let mut message = LinkMessage::default();
        message.header.index = 4;
        message.header.link_layer_type = kind;
        message.header.flags = LinkFlags::Up | LinkFlags::LowerUp;
        message.attributes = attributes;
        message
    }

    #[test]
    fn links_are_told_apart() {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, uevent) in [("wl0", "DEVTYPE=wlan\nINTERFACE=wl0\n"), ("eno1", "\n")] {
            let path = directory.path().join("sys/class/net").join(name);
            std::fs::create_dir_all(&path).expect("make");
            std::fs::write(path.join("uevent"), uevent).expect("write");
        }
        let root = Root::open(directory.path()).expect("open");
        let name = |name: &str| LinkAttribute::IfName(name.into());
        let veth = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth)]);
        let cases = [
            (LinkLayerType::Ether, vec![name("eno1")], LinkKind::Ethernet),
            (LinkLayerType::Ether, vec![name("new0")], LinkKind::Ethernet),
            (LinkLayerType::Ether, vec![name("wl0")], LinkKind::Wireless),
            (
                LinkLayerType::Infiniband,
                vec![name("ib0")],
                LinkKind::Other,
            ),
            (
                LinkLayerType::Ether,
                vec![name("v0"), veth],
                LinkKind::Virtual("veth".into()),
            ),
        ];
        for (layer, attributes, expected) in cases {
            let link = read(&message(layer, attributes), &root);
            assert_eq!(link.kind, expected, "{}", link.name);
        }
    }

    #[test]
    fn carrier_counts_only_on_a_link_that_is_up() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = Root::open(directory.path()).expect("open");
        let address = LinkAttribute::Address(vec![2, 0, 0, 0, 0, 7]);
        let mut up = message(LinkLayerType::Ether, vec![address]);
        let link = read(&up, &root);
        assert_eq!(link.mac, Some(MacAddr([2, 0, 0, 0, 0, 7])));
        assert!(link.up && link.carrier);
        up.header.flags = LinkFlags::LowerUp;
        assert!(!read(&up, &root).carrier);
        up.header.flags = LinkFlags::Up;
        assert!(!read(&up, &root).carrier);
    }
}
