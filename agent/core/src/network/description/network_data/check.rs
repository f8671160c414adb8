// SPDX-License-Identifier: Apache-2.0
//! What links and networks say about each other, and whether all of it can be.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::address::{Family, is_link_local};
use super::json::shown;
use super::links::{LinkKind, ReadLink};
use super::networks::ReadNetwork;
use super::problem::{Problem, Reading, Warning};
use super::stack;
use crate::network::Route;
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
        check.addresses(reading);
        check.default_routes(reading);
        check.gateways(reading);
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
                LinkKind::Vlan { link: below, .. } => {
                    let parent = self.by_id.get(below.as_str());
                    let most = parent.and_then(|parent| self.mtu(parent));
                    if let (Some(found), Some(most), Some(parent)) = (link.mtu, most, parent)
                        && found > most
                    {
                        reading.problem(Problem::LargeMtu {
                            at: link.place.key("mtu"),
                            most,
                            parent: shown(&parent.id),
                            found,
                        });
                    }
                }
                LinkKind::Bond(bond) => {
                    let ports = bond.ports.iter();
                    for port in ports.filter_map(|(_, port)| self.by_id.get(port.as_str())) {
                        if let (Some(mtu), Some(own)) = (link.mtu, port.mtu)
                            && mtu != own
                        {
                            reading.warn(Warning::PortMtu {
                                at: port.place.key("mtu"),
                                mtu,
                            });
                        }
                    }
                }
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

    /// The MTU of a link: its own, or a VLAN's that of the link below.
    fn mtu(&self, link: &ReadLink) -> Option<u32> {
        match &link.kind {
            LinkKind::Vlan { link: below, .. } if link.mtu.is_none() => {
                self.mtu(self.by_id.get(below.as_str())?)
            }
            _ => link.mtu,
        }
    }

    fn addresses(&self, reading: &mut Reading) {
        let mut seen: BTreeMap<IpAddr, &ReadNetwork> = BTreeMap::new();
        for network in self.networks {
            let Some((address, _)) = network.fixed() else {
                continue;
            };
            // The same link-local address can be on every link.
            if is_link_local(address) {
                continue;
            }
            if let Some(first) = seen.insert(address, network) {
                reading.problem(Problem::Twice {
                    at: network.place.key("ip_address"),
                    what: "the address",
                    value: address.to_string(),
                    first: first.place.whole(),
                });
            }
        }
    }

    /// One router for everything of each family; and no destination twice
    /// through one link.
    fn default_routes(&self, reading: &mut Reading) {
        let mut defaults: BTreeMap<Family, (&str, Route)> = BTreeMap::new();
        let mut others: BTreeMap<(&str, IpAddr, u8), (&str, Route)> = BTreeMap::new();
        for (network, at, route) in self.routes() {
            let link = network.link.as_str();
            if route.is_default() {
                let family = Family::of(route.destination);
                let (other, first) = *defaults.entry(family).or_insert((link, *route));
                if (other, first) != (link, *route) {
                    reading.problem(Problem::TwoDefaultRoutes {
                        at: at.to_owned(),
                        family: family.name(),
                        second: format!("{route} on {}", shown(link)),
                        first: format!("{first} on {}", shown(other)),
                    });
                }
                continue;
            }
            let key = (link, route.destination, route.prefix_len);
            let (first, known) = *others.entry(key).or_insert((at, *route));
            if known != *route {
                reading.problem(Problem::Twice {
                    at: at.to_owned(),
                    what: "the destination",
                    value: format!("{}/{}", route.destination, route.prefix_len),
                    first: first.to_owned(),
                });
            }
        }
    }

    /// Linux takes a gateway only if it is a neighbour. One outside of every
    /// network of its link is made one by a route of its own
    /// ([`super::build`]), because some networks are like that; but not where
    /// the file shows that it is behind another link, or nobody.
    fn gateways(&self, reading: &mut Reading) {
        for (network, at, route) in self.routes() {
            let Some(gateway) = route.gateway.filter(|gateway| !is_link_local(*gateway)) else {
                continue;
            };
            let wrong = |why: String| Problem::Gateway {
                at: at.to_owned(),
                gateway,
                link: shown(&network.link),
                why,
            };
            let own = |one: &&ReadNetwork| one.fixed().is_some_and(|(own, _)| own == gateway);
            if let Some(owner) = self.networks.iter().find(own) {
                let link = shown(&owner.link);
                reading.problem(wrong(format!("it is the address of {link} itself")));
                continue;
            }
            if self.is_neighbour(&network.link, gateway) {
                continue;
            }
            let elsewhere = |one: &&ReadNetwork| {
                one.link != network.link && one.fixed().is_some() && one.reaches(gateway)
            };
            match self.networks.iter().find(elsewhere) {
                Some(other) => reading.problem(wrong(format!(
                    "it is in the network of {}",
                    shown(&other.link)
                ))),
                None => reading.warn(Warning::GatewayOutside {
                    at: at.to_owned(),
                    gateway,
                    link: shown(&network.link),
                }),
            }
        }
    }

    fn is_neighbour(&self, link: &str, gateway: IpAddr) -> bool {
        is_neighbour(self.networks, link, gateway)
    }

    fn routes(&self) -> impl Iterator<Item = (&'a ReadNetwork, &'a str, &'a Route)> {
        self.networks.iter().flat_map(|network| {
            let routes = network.routes.iter();
            routes.map(move |(at, route)| (network, at.as_str(), route))
        })
    }
}

/// Whether a gateway is a neighbour on a link as far as the file says; where
/// addresses are asked for, it is believed.
pub(super) fn is_neighbour(networks: &[ReadNetwork], link: &str, gateway: IpAddr) -> bool {
    is_link_local(gateway)
        || networks.iter().any(|one| {
            one.link == link
                && one.family == Family::of(gateway)
                && (one.is_dynamic() || one.reaches(gateway))
        })
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
