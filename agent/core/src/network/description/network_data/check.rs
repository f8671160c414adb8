// SPDX-License-Identifier: Apache-2.0
//! What links and networks say about each other, and whether all of it can be.

use std::collections::{BTreeMap, BTreeSet};

use super::address::Family;
use super::json::shown;
use super::links::{LinkKind, ReadBond, ReadLink};
use super::networks::ReadNetwork;
use super::problem::{Problem, Reading, Warning};
use super::{reach, stack};
use crate::network::description::PortMatch;

/// Ids that a message lists.
const LISTED: usize = 10;

/// Links and networks by their ids.
pub(super) struct Check<'a> {
    links: &'a [ReadLink],
    networks: &'a [ReadNetwork],
    by_id: BTreeMap<&'a str, &'a ReadLink>,
    /// The ids of all links, also of those that cannot be read.
    ids: &'a BTreeSet<String>,
    /// The bond of each port of one.
    bonds: BTreeMap<&'a str, &'a str>,
}

impl<'a> Check<'a> {
    /// Finds everything that contradicts something else.
    pub(super) fn run(
        links: &'a [ReadLink],
        networks: &'a [ReadNetwork],
        ids: &'a BTreeSet<String>,
        reading: &mut Reading,
    ) {
        let mut check = Self {
            links,
            networks,
            by_id: BTreeMap::new(),
            ids,
            bonds: BTreeMap::new(),
        };
        check.names(reading);
        check.ports_of_bonds(reading);
        check.cards(reading);
        check.vlans(reading);
        match stack::problem(&check.by_id) {
            Some(problem) => reading.problem(problem),
            None => check.mtus(reading),
        }
        reach::check(networks, reading);
    }

    fn names(&mut self, reading: &mut Reading) {
        for link in self.links {
            if let Some(first) = self.by_id.get(link.id.as_str()) {
                reading.problem(twice(link, "the id", &link.id, first));
                continue;
            }
            self.by_id.insert(&link.id, link);
        }
        for network in self.networks {
            self.known(&network.link, || network.place.key("link"), reading);
        }
    }

    fn known(&self, id: &str, at: impl FnOnce() -> String, reading: &mut Reading) -> bool {
        let known = self.ids.contains(id);
        if !known {
            let mut ids: Vec<String> = self.ids.iter().take(LISTED).map(|id| shown(id)).collect();
            if self.ids.len() > LISTED {
                ids.push("…".into());
            }
            reading.problem(Problem::UnknownLink {
                at: at(),
                link: shown(id),
                known: ids.join(", "),
            });
        }
        known
    }

    /// Each port belongs to one bond, and to nothing else.
    fn ports_of_bonds(&mut self, reading: &mut Reading) {
        for link in self.links {
            let LinkKind::Bond(bond) = &link.kind else {
                continue;
            };
            for (at, port) in &bond.ports {
                if !self.known(port, || at.clone(), reading) {
                    continue;
                }
                match self.bonds.get(port.as_str()) {
                    Some(first) => reading.problem(Problem::PortTwice {
                        at: at.clone(),
                        link: shown(port),
                        bond: shown(first),
                    }),
                    None => {
                        self.bonds.insert(port, &link.id);
                    }
                }
            }
        }
        for network in self.networks {
            self.not_a_port(&network.link, || network.place.key("link"), reading);
        }
        for link in self.links {
            if let LinkKind::Vlan { link: below, .. } = &link.kind {
                self.not_a_port(below, || link.place.key("vlan_link"), reading);
            }
        }
    }

    fn not_a_port(&self, id: &str, at: impl FnOnce() -> String, reading: &mut Reading) {
        if let Some(bond) = self.bonds.get(id) {
            reading.problem(Problem::PortUsed {
                at: at(),
                link: shown(id),
                bond: shown(bond),
            });
        }
    }

    /// No two links mean the same card. A bond may have the address of one of
    /// its ports, and a VLAN that of the link below.
    fn cards(&self, reading: &mut Reading) {
        let mut macs: BTreeMap<[u8; 6], &ReadLink> = BTreeMap::new();
        let mut names: BTreeMap<&str, &ReadLink> = BTreeMap::new();
        for link in self.links {
            match &link.kind {
                LinkKind::Port(PortMatch::Mac(mac)) => {
                    if let Some(first) = macs.insert(mac.0, link) {
                        reading.problem(twice(link, "the MAC address", &mac.to_string(), first));
                    }
                }
                LinkKind::Port(PortMatch::Name(name)) => {
                    if let Some(first) = names.insert(name, link) {
                        reading.problem(twice(link, "the port", name, first));
                    }
                }
                LinkKind::Bond(_) | LinkKind::Vlan { .. } => (),
            }
        }
        let mut bonds: BTreeMap<[u8; 6], &ReadLink> = BTreeMap::new();
        for link in self.links {
            let (LinkKind::Bond(bond), Some(mac)) = (&link.kind, link.mac) else {
                continue;
            };
            let of_another = macs
                .get(&mac.0)
                .filter(|port| !bond.ports.iter().any(|(_, own)| *own == port.id));
            if let Some(first) = of_another.or(bonds.get(&mac.0)) {
                reading.problem(twice(link, "the MAC address", &mac.to_string(), first));
            }
            bonds.insert(mac.0, link);
        }
    }

    /// Every VLAN is on a link that is there, once.
    fn vlans(&self, reading: &mut Reading) {
        let mut tags: BTreeMap<(&str, u16), &ReadLink> = BTreeMap::new();
        for link in self.links {
            let LinkKind::Vlan { link: below, id } = &link.kind else {
                continue;
            };
            self.known(below, || link.place.key("vlan_link"), reading);
            if let Some(first) = tags.insert((below, *id), link) {
                let value = format!("{id} on {}", shown(below));
                reading.problem(twice(link, "the VLAN", &value, first));
            }
        }
    }

    fn mtus(&self, reading: &mut Reading) {
        for link in self.links {
            if let Some(found) = link.mtu.filter(|mtu| *mtu < 576) {
                small(link, 576, Family::V4, found, reading);
            }
            match &link.kind {
                LinkKind::Vlan { link: below, .. } => self.vlan_mtu(link, below, reading),
                LinkKind::Bond(bond) => self.bond_mtu(link, bond, reading),
                LinkKind::Port(_) => (),
            }
        }
        for network in self.networks.iter().filter(|one| one.family == Family::V6) {
            let link = self.by_id.get(network.link.as_str());
            if let Some(link) = link
                && let Some(found) = self.mtu(link).filter(|mtu| (576..1280).contains(mtu))
            {
                small(link, 1280, Family::V6, found, reading);
            }
        }
    }

    /// The kernel refuses a VLAN with larger packets than the link below.
    fn vlan_mtu(&self, link: &ReadLink, below: &str, reading: &mut Reading) {
        let parent = self.by_id.get(below);
        let most = parent.and_then(|parent| self.mtu(parent));
        if let (Some(found), Some(most)) = (link.mtu, most)
            && found > most
        {
            reading.problem(Problem::LargeMtu {
                at: link.place.key("mtu"),
                most,
                parent: shown(below),
                found,
            });
        }
    }

    fn bond_mtu(&self, link: &ReadLink, bond: &ReadBond, reading: &mut Reading) {
        let Some(mtu) = link.mtu else {
            return;
        };
        let ports = bond.ports.iter();
        for port in ports.filter_map(|(_, port)| self.by_id.get(port.as_str())) {
            if port.mtu.is_some_and(|own| own != mtu) {
                reading.warn(Warning::PortMtu {
                    at: port.place.key("mtu"),
                    mtu,
                });
            }
        }
    }

    /// The MTU of a link: its own, or a VLAN's that of the link below.
    fn mtu(&self, link: &ReadLink) -> Option<u32> {
        match &link.kind {
            LinkKind::Vlan { link: below, .. } if link.mtu.is_none() => {
                self.mtu(self.by_id.get(below.as_str())?)
            }
            _ => link.mtu,
        }
    }
}

fn small(link: &ReadLink, least: u32, family: Family, found: u32, reading: &mut Reading) {
    reading.problem(Problem::SmallMtu {
        at: link.place.key("mtu"),
        least,
        family: family.name(),
        found,
    });
}

fn twice(link: &ReadLink, what: &'static str, value: &str, first: &ReadLink) -> Problem {
    Problem::Twice {
        at: link.place.whole(),
        what,
        value: shown(value),
        first: first.place.whole(),
    }
}
