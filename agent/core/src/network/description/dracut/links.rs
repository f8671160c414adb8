// SPDX-License-Identifier: Apache-2.0
//! The links the words speak of: those that are made, and the cards.

use std::collections::BTreeMap;

use bootconfig::{MacAddr, NetworkWord, Origin};

use super::parts::port_match;
use super::problem::{WordFault, WordProblem};
use super::said::Said;
use crate::network::description::{DescribedDevice, DescribedLink, PortMatch};

/// How a link that the boot loader means is called: no kernel gives this name,
/// and no word can.
const BOOT_PORT: &str = "BOOTIF=";

/// The links, each once.
#[derive(Debug, Default)]
pub(super) struct Links<'a> {
    pub(super) all: Vec<DescribedLink>,
    /// The word that made a link or put it into a bond.
    made: BTreeMap<String, &'a NetworkWord>,
    /// The bond of each port that is in one.
    bond_of: BTreeMap<String, String>,
    cards: BTreeMap<String, (MacAddr, Origin)>,
}

impl<'a> Links<'a> {
    /// Everything that is made or named, and what carries it.
    pub(super) fn of(said: &Said<'a>, problems: &mut Vec<WordProblem>) -> Self {
        let mut links = Self::default();
        let mut note = |word: &NetworkWord, fault| problems.push(WordProblem::new(word, fault));
        for (word, (name, mac)) in &said.cards {
            if let Err(fault) = links.card(word, name, *mac) {
                note(word, fault);
            }
        }
        for (word, named) in &said.bonds {
            let device = DescribedDevice::Bond(named.bond.clone());
            match links.make(word, &named.name, device) {
                Ok(link) => link.mtu = named.mtu,
                Err(fault) => note(word, fault),
            }
        }
        for (word, named) in &said.vlans {
            let device = DescribedDevice::Vlan {
                parent: named.parent.clone(),
                id: named.id,
            };
            if let Err(fault) = links.make(word, &named.name, device) {
                note(word, fault);
            }
        }
        for (word, named) in &said.bonds {
            for port in &named.bond.ports {
                links.port(port);
                match links.bond_of.insert(port.clone(), named.name.clone()) {
                    Some(bond) if bond != named.name => {
                        let port = port.clone();
                        note(word, WordFault::PortOfBond { port, bond });
                    }
                    _ => {}
                }
            }
        }
        for (word, named) in &said.vlans {
            links.port(&named.parent);
            if let Err(fault) = links.free(&named.parent) {
                note(word, fault);
            }
        }
        for (name, _) in links.cards.clone() {
            links.port(&name);
        }
        links.circles(said, &mut note);
        links
    }

    fn card(&mut self, word: &NetworkWord, name: &str, mac: MacAddr) -> Result<(), WordFault> {
        let entry = (mac, word.origin.clone());
        match self.cards.insert(name.to_owned(), entry) {
            Some((before, other)) if before != mac => Err(WordFault::Contradiction {
                link: name.to_owned(),
                of: "MAC address",
                other,
            }),
            _ => Ok(()),
        }
    }

    fn make(
        &mut self,
        word: &'a NetworkWord,
        name: &str,
        device: DescribedDevice,
    ) -> Result<&mut DescribedLink, WordFault> {
        if let Some(other) = self.made.get(name) {
            return Err(WordFault::Twice {
                link: name.to_owned(),
                other: other.origin.clone(),
            });
        }
        if let Some((_, other)) = self.cards.get(name) {
            return Err(WordFault::Twice {
                link: name.to_owned(),
                other: other.clone(),
            });
        }
        self.made.insert(name.to_owned(), word);
        let at = self.all.len();
        self.all.push(DescribedLink::new(name, device));
        // It has just been put there.
        self.all.get_mut(at).ok_or_else(|| WordFault::Circle {
            link: name.to_owned(),
        })
    }

    /// The link with this name; a card where no word makes one.
    pub(super) fn port(&mut self, name: &str) -> usize {
        if let Some(at) = self.position(name) {
            return at;
        }
        let card = self.cards.get(name);
        let found = card.map_or_else(|| port_match(name), |(mac, _)| PortMatch::Mac(*mac));
        self.all
            .push(DescribedLink::new(name, DescribedDevice::Port(found)));
        self.all.len() - 1
    }

    /// The card the machine booted from, under its name if it has one.
    pub(super) fn boot_port(&mut self, mac: MacAddr) -> usize {
        let named = self.cards.iter().find(|(_, (card, _))| *card == mac);
        if let Some(name) = named.map(|(name, _)| name.clone()) {
            return self.port(&name);
        }
        if let Some(at) = self.position(BOOT_PORT) {
            return at;
        }
        let device = DescribedDevice::Port(PortMatch::Mac(mac));
        self.all.push(DescribedLink::new(BOOT_PORT, device));
        self.all.len() - 1
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|link| link.name == name)
    }

    /// Whether `ifname=` finds it by its hardware address.
    pub(super) fn is_named_card(&self, name: &str) -> bool {
        self.cards.contains_key(name)
    }

    /// Nothing but its bond may use a port of a bond.
    pub(super) fn free(&self, name: &str) -> Result<(), WordFault> {
        match self.bond_of.get(name) {
            None => Ok(()),
            Some(bond) => Err(WordFault::PortOfBond {
                port: name.to_owned(),
                bond: bond.clone(),
            }),
        }
    }

    /// Whether it carries a bond or a VLAN.
    pub(super) fn carries(&self, name: &str) -> bool {
        self.all
            .iter()
            .any(|link| below(&link.device).contains(&name))
    }

    fn circles(&self, said: &Said<'a>, note: &mut impl FnMut(&NetworkWord, WordFault)) {
        let bonds = said.bonds.iter().map(|(word, bond)| (word, &bond.name));
        let vlans = said.vlans.iter().map(|(word, vlan)| (word, &vlan.name));
        for (word, name) in bonds.chain(vlans) {
            if self.reaches(name, name, self.all.len()) {
                let link = name.clone();
                note(word, WordFault::Circle { link });
            }
        }
    }

    /// Whether `name` stands on `wanted` within so many steps.
    fn reaches(&self, name: &str, wanted: &str, left: usize) -> bool {
        let link = self.all.iter().find(|link| link.name == name);
        let below = link.map(|link| below(&link.device)).unwrap_or_default();
        left > 0
            && below
                .iter()
                .any(|next| *next == wanted || self.reaches(next, wanted, left - 1))
    }
}

/// Names of the links something stands on.
fn below(device: &DescribedDevice) -> Vec<&str> {
    match device {
        DescribedDevice::Bond(bond) => bond.ports.iter().map(String::as_str).collect(),
        DescribedDevice::Vlan { parent, .. } => vec![parent],
        DescribedDevice::Port(_) | DescribedDevice::Dummy => vec![],
    }
}
