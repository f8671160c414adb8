// SPDX-License-Identifier: Apache-2.0
//! The `links` of the file: ports, bonds and VLANs, as they are written.

use bootconfig::MacAddr;

use super::bond;
use super::json::{Object, Place};
use super::problem::{Reading, Warning};
use crate::network::description::PortMatch;
use crate::network::plan::BondMode;

/// Types that mean a port of this machine: `phy`, and what Nova calls the
/// virtual ports of hypervisors. On bare metal Neutron's type gets through, so
/// any of them can stand for a card.
const PORT_TYPES: [&str; 18] = [
    "phy",
    "physical",
    "ethernet",
    "bgpovs",
    "binding_failed",
    "bridge",
    "cascading",
    "dvs",
    "hostdev_physical",
    "hw_veb",
    "hyperv",
    "macvtap",
    "other",
    "ovs",
    "tap",
    "unbound",
    "vhostuser",
    "vif",
];

const MAC: &str = "an Ethernet address of one card such as 52:54:00:12:34:56";

/// Length of a link's name in the kernel without the zero at its end
/// (`IFNAMSIZ`, netdevice(7)).
pub(super) const NAME_LENGTH: usize = 15;

/// A link as it is written.
#[derive(Debug)]
pub(super) struct ReadLink {
    pub(super) place: Place,
    pub(super) id: String,
    pub(super) kind: LinkKind,
    pub(super) mac: Option<MacAddr>,
    pub(super) mtu: Option<u32>,
}

/// What kind of link it is; other links by their ids.
#[derive(Debug)]
pub(super) enum LinkKind {
    Port(PortMatch),
    Bond(ReadBond),
    Vlan { link: String, id: u16 },
}

/// A bond as it is written.
#[derive(Debug)]
pub(super) struct ReadBond {
    /// The name it asks for.
    pub(super) name: Option<String>,
    pub(super) mode: BondMode,
    /// Ids of its ports, each with its place.
    pub(super) ports: Vec<(String, String)>,
    pub(super) options: Vec<(String, String)>,
}

/// Reads a link; what is wrong with it is noted.
pub(super) fn read(object: &Object<'_>, reading: &mut Reading) -> Option<ReadLink> {
    let id = object.required("id", "the id of the link", reading);
    let kind = object.required("type", "phy, bond or vlan", reading);
    let mtu = mtu(object, reading);
    let (id, kind) = (id?, kind?);
    let (kind, mac) = match kind.as_str() {
        "bond" => {
            let mac = mac(object, "ethernet_mac_address", reading);
            (bond::read(object, reading).map(LinkKind::Bond), mac)
        }
        "vlan" => (
            vlan(object, reading),
            mac(object, "vlan_mac_address", reading),
        ),
        other => {
            if !PORT_TYPES.contains(&other) {
                reading.warn(Warning::LinkType {
                    at: object.key("type"),
                    found: super::json::shown(other),
                });
            }
            (port(object, &id, reading), None)
        }
    };
    Some(ReadLink {
        place: object.place().clone(),
        id,
        kind: kind?,
        mac,
        mtu,
    })
}

fn mtu(object: &Object<'_>, reading: &mut Reading) -> Option<u32> {
    let wanted = "an MTU from 68 to 65535 bytes";
    object.number("mtu", wanted, 68..=65_535, reading)
}

fn mac(object: &Object<'_>, key: &str, reading: &mut Reading) -> Option<MacAddr> {
    object.parsed(key, MAC, reading, |text| {
        let mac: MacAddr = text.parse().ok()?;
        let is_group = mac.0[0] & 1 == 1;
        (!is_group && mac.0 != [0; 6]).then_some(mac)
    })
}

/// A port by its address; without one by its name, and where it has none by
/// its id, which then must have been written by hand.
fn port(object: &Object<'_>, id: &str, reading: &mut Reading) -> Option<LinkKind> {
    const KEY: &str = "ethernet_mac_address";
    if object.get(KEY).is_some_and(|value| value != "") {
        return mac(object, KEY, reading).map(|mac| LinkKind::Port(PortMatch::Mac(mac)));
    }
    let name = object.text("name", "the name of the port", reading);
    let name = name.unwrap_or_else(|| id.to_owned());
    if is_link_name(&name) {
        return Some(LinkKind::Port(PortMatch::Name(name)));
    }
    let _ = object.required(KEY, MAC, reading);
    None
}

fn vlan(object: &Object<'_>, reading: &mut Reading) -> Option<LinkKind> {
    let link = object.required("vlan_link", "the id of the link below", reading);
    let wanted = "a VLAN from 1 to 4094";
    let tag = object.required("vlan_id", wanted, reading).is_some();
    let id = tag
        .then(|| object.number("vlan_id", wanted, 1..=4094, reading))
        .flatten();
    Some(LinkKind::Vlan {
        link: link?,
        id: u16::try_from(id?).ok()?,
    })
}

/// Whether the kernel takes this as the name of a link (`dev_valid_name` in
/// net/core/dev.c).
pub(super) fn is_link_name(name: &str) -> bool {
    let bad = |sign: char| sign == '/' || sign == ':' || sign.is_whitespace() || sign.is_control();
    !name.is_empty()
        && name.len() <= NAME_LENGTH
        && ![".", ".."].contains(&name)
        && !name.contains(bad)
}
