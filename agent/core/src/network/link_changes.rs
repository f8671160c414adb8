// SPDX-License-Identifier: Apache-2.0
//! What has to be done to the links so that they become what is planned.
//!
//! The answer depends on how the links are now and on nothing else, so it is
//! asked again after every news of the kernel: a port that appears late joins
//! its bond then, and what another program has changed is put right.

use bootconfig::MacAddr;

use crate::network::Link;
use crate::network::plan::{Bond, BondMode, LinkPlan, NetworkPlan, PlannedDevice};

/// One change to the links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkChange {
    /// Take a link away that was made by software.
    Remove {
        /// The kernel's number of it.
        index: u32,
        /// Its name.
        name: String,
    },
    /// Make a link.
    Make {
        /// Its name.
        name: String,
        /// What it is.
        device: NewDevice,
        /// Its hardware address; none: the kernel chooses.
        mac: Option<MacAddr>,
    },
    /// Give a link another hardware address.
    SetMac {
        /// The kernel's number of it.
        index: u32,
        /// The address.
        mac: MacAddr,
    },
    /// Change the largest packet of a link.
    SetMtu {
        /// The kernel's number of it.
        index: u32,
        /// In bytes.
        mtu: u32,
    },
    /// Bring up a link that was made by software.
    Raise {
        /// The kernel's number of it.
        index: u32,
    },
    /// Put a port into a bond.
    Join {
        /// The kernel's number of the port.
        port: u32,
        /// That of the bond.
        bond: u32,
        /// Whether the bond shall use this port whenever it can (option
        /// `primary`).
        primary: bool,
    },
}

/// A link to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewDevice {
    /// A link without any cable.
    Dummy,
    /// A tagged network.
    Vlan {
        /// The kernel's number of the link below.
        parent: u32,
        /// 1 to 4094.
        id: u16,
    },
    /// Several links as one. Its ports join it afterwards.
    Bond {
        /// How the ports share the work.
        mode: BondMode,
        /// The bonding driver's options, without `primary`.
        options: Vec<(String, String)>,
    },
}

/// The changes to be made now, in their order. Some of them make others
/// possible, which the next answer has.
#[must_use]
pub fn link_changes(plan: &NetworkPlan, links: &[Link]) -> Vec<LinkChange> {
    let gone = removals(plan, links);
    let stays = |link: &&Link| !gone.iter().any(|gone| gone.index == link.index);
    let links: Vec<Link> = links.iter().filter(stays).cloned().collect();
    let mut changes: Vec<LinkChange> = gone
        .iter()
        .map(|link| LinkChange::Remove {
            index: link.index,
            name: link.name.clone(),
        })
        .collect();
    for wanted in &plan.links {
        match (find(wanted, &links), &wanted.device) {
            (Some(link), PlannedDevice::Physical { .. }) => {
                changes.extend(port_changes(plan, wanted, link, &links));
            }
            (Some(link), _) => {
                changes.extend(raise(link, &links));
                changes.extend(settings(wanted, link, &links));
            }
            // Somebody else's link has the name: the differences say so.
            (None, _) if by_name(&wanted.name, &links).is_some() => {}
            (None, device) => changes.extend(make(wanted, device, &links)),
        }
    }
    changes
}

/// The link that is what the plan wants, if it is there.
#[must_use]
pub fn find<'a>(wanted: &LinkPlan, links: &'a [Link]) -> Option<&'a Link> {
    let shape = |link: &Link| match &wanted.device {
        PlannedDevice::Physical { index, .. } => link.index == *index,
        _ if link.name != wanted.name => false,
        PlannedDevice::Dummy => link.is_virtual("dummy"),
        PlannedDevice::Bond(bond) => {
            let mode = link.details.bond.as_ref().and_then(|state| state.mode);
            link.is_virtual("bond") && mode.is_none_or(|mode| mode == bond.mode)
        }
        PlannedDevice::Vlan { parent, id } => {
            let below = by_name(parent, links).map(|parent| parent.index);
            link.is_virtual("vlan") && link.details.vlan == Some(*id) && link.details.below == below
        }
    };
    links.iter().find(|link| shape(link))
}

/// The largest MTU that a link can have, and whose limit that is: its own, that
/// of the link below, or that of one of its ports.
#[must_use]
pub fn mtu_limit<'a>(link: &'a Link, links: &'a [Link]) -> Option<(u32, &'a str)> {
    let below = links
        .iter()
        .filter(|other| link.details.below == Some(other.index) && link.is_virtual("vlan"))
        .map(|other| (other.mtu, other.name.as_str()));
    let ports = links
        .iter()
        .filter(|other| other.controller == Some(link.index) && link.is_virtual("bond"))
        .chain([link])
        .filter_map(|other| Some((other.details.max_mtu?, other.name.as_str())));
    below.chain(ports).min_by_key(|(limit, _)| *limit)
}

/// Links that the agent made and that are not planned any more, or have become
/// something else. What stands on other links goes first.
///
/// The bonding driver makes a `bond0` of its own when it is loaded (its
/// parameter `max_bonds`): that one goes as well where a bond of that name is
/// planned.
fn removals<'a>(plan: &NetworkPlan, links: &'a [Link]) -> Vec<&'a Link> {
    let is_planned = |link: &Link| {
        let mut found = plan.links.iter().filter_map(|wanted| find(wanted, links));
        found.any(|found| found.index == link.index)
    };
    let is_drivers_own = |link: &Link| {
        let has_port = links.iter().any(|port| port.controller == Some(link.index));
        let mut planned = plan.links.iter();
        link.is_virtual("bond")
            && !link.details.ours
            && !has_port
            && planned.any(|wanted| {
                wanted.name == link.name && matches!(wanted.device, PlannedDevice::Bond(_))
            })
    };
    let mut gone: Vec<&Link> = links
        .iter()
        .filter(|link| (link.details.ours && !is_planned(link)) || is_drivers_own(link))
        .collect();
    gone.sort_by_key(|link| (link.details.below.is_none(), link.index));
    gone
}

/// A link that is not there, once there is what it stands on.
fn make(wanted: &LinkPlan, device: &PlannedDevice, links: &[Link]) -> Option<LinkChange> {
    let (device, mac) = match device {
        PlannedDevice::Physical { .. } => return None,
        PlannedDevice::Dummy => (NewDevice::Dummy, wanted.mac),
        PlannedDevice::Vlan { parent, id } => {
            let parent = by_name(parent, links)?.index;
            (NewDevice::Vlan { parent, id: *id }, wanted.mac)
        }
        PlannedDevice::Bond(bond) => {
            // Its address stays whatever port fails or is exchanged, so it is
            // chosen now: that of the first port.
            let mut ports = bond.ports.iter().filter_map(|port| by_name(port, links));
            let first = ports.next()?;
            (new_bond(bond), wanted.mac.or(first.own_mac()))
        }
    };
    Some(LinkChange::Make {
        name: wanted.name.clone(),
        device,
        mac,
    })
}

fn new_bond(bond: &Bond) -> NewDevice {
    let options = bond.options.iter().filter(|(name, _)| name != "primary");
    NewDevice::Bond {
        mode: bond.mode,
        options: options.cloned().collect(),
    }
}

fn port_changes(
    plan: &NetworkPlan,
    wanted: &LinkPlan,
    link: &Link,
    links: &[Link],
) -> Vec<LinkChange> {
    let bonds = plan.links.iter().filter_map(|other| match &other.device {
        PlannedDevice::Bond(bond) if bond.ports.contains(&wanted.name) => Some((other, bond)),
        _ => None,
    });
    let mut joins = bonds.map(|(other, bond)| (find(other, links), bond));
    match joins.next() {
        None => settings(wanted, link, links),
        Some((Some(found), _)) if link.controller == Some(found.index) => vec![],
        Some((Some(found), bond)) => vec![LinkChange::Join {
            port: link.index,
            bond: found.index,
            primary: bond.primary() == Some(&wanted.name),
        }],
        Some((None, _)) => vec![],
    }
}

/// A link that is down, once the link below is up: the kernel refuses it
/// before.
///
/// Ports are brought up when they appear and not again: a card that fails would
/// be tried for ever, and keeps the kernel busy each time.
fn raise(link: &Link, links: &[Link]) -> Option<LinkChange> {
    let below = links
        .iter()
        .find(|other| link.is_virtual("vlan") && link.details.below == Some(other.index));
    let index = link.index;
    (!link.up && below.is_none_or(|below| below.up)).then_some(LinkChange::Raise { index })
}

/// MTU and hardware address of a link that is there. An MTU that cannot be is
/// not tried; the differences name it.
fn settings(wanted: &LinkPlan, link: &Link, links: &[Link]) -> Vec<LinkChange> {
    let index = link.index;
    let possible = |mtu: &u32| mtu_limit(link, links).is_none_or(|(limit, _)| *mtu <= limit);
    let mtu = wanted.mtu.filter(|mtu| *mtu != link.mtu).filter(possible);
    let mac = wanted.mac.filter(|mac| link.mac != Some(*mac));
    let mac = mac.map(|mac| LinkChange::SetMac { index, mac });
    let mtu = mtu.map(|mtu| LinkChange::SetMtu { index, mtu });
    mac.into_iter().chain(mtu).collect()
}

fn by_name<'a>(name: &str, links: &'a [Link]) -> Option<&'a Link> {
    links.iter().find(|link| link.name == name)
}

#[cfg(test)]
#[path = "link_changes_tests.rs"]
mod tests;
