// SPDX-License-Identifier: Apache-2.0
//! What each word says, before they are put together.

use std::net::IpAddr;

use bootconfig::{MacAddr, NetworkWord};

use super::devices::{self, NamedBond, NamedVlan};
use super::ip::{self, Ip};
use super::parts::{address, interface, wrong};
use super::problem::{Part, WordFault, WordProblem};
use super::route::{self, WantedRoute};

/// A word and what it says.
pub(super) type Saying<'a, T> = (&'a NetworkWord, T);

/// What all words say.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) ips: Vec<Saying<'a, Ip>>,
    pub(super) cards: Vec<Saying<'a, (String, MacAddr)>>,
    pub(super) bonds: Vec<Saying<'a, NamedBond>>,
    pub(super) vlans: Vec<Saying<'a, NamedVlan>>,
    pub(super) routes: Vec<Saying<'a, WantedRoute>>,
    pub(super) bootdev: Option<Saying<'a, String>>,
    pub(super) dns: Vec<IpAddr>,
    pub(super) ignore_lease_dns: bool,
}

impl<'a> Said<'a> {
    /// Reads every word; those that cannot be read are problems.
    pub(super) fn collect(words: &'a [NetworkWord], problems: &mut Vec<WordProblem>) -> Self {
        let mut said = Self::default();
        for word in words {
            if let Err(fault) = said.take(word) {
                problems.push(WordProblem::new(word, fault));
            }
        }
        said
    }

    fn take(&mut self, word: &'a NetworkWord) -> Result<(), WordFault> {
        let value = word.value.as_str();
        match word.name {
            // The firmware's table is a source of its own and needs no word.
            "ip" if value == "ibft" || value.ends_with(":ibft") => {}
            "ip" => self.ips.push((word, ip::read(value)?)),
            "ifname" => self.cards.push((word, devices::ifname(value)?)),
            "bond" => self.bonds.push((word, devices::bond(value)?)),
            "team" => self.bonds.push((word, devices::team(value)?)),
            "vlan" => self.vlans.push((word, devices::vlan(value)?)),
            "rd.route" => self.routes.push((word, route::read(value)?)),
            "bootdev" => self.bootdev(word, interface(value)?)?,
            "nameserver" => {
                let server = address(Part::NameServer, value)?;
                if !self.dns.contains(&server) {
                    self.dns.push(server);
                }
            }
            "rd.peerdns" => self.ignore_lease_dns = !switch(value)?,
            "bridge" => return Err(WordFault::Bridge),
            // `NETWORK_WORDS` has no other.
            _ => {}
        }
        Ok(())
    }

    fn bootdev(&mut self, word: &'a NetworkWord, name: String) -> Result<(), WordFault> {
        match &self.bootdev {
            Some((other, before)) if *before != name => Err(WordFault::Contradiction {
                link: "the link that comes first".to_owned(),
                of: "name",
                other: other.origin.clone(),
            }),
            _ => {
                self.bootdev = Some((word, name));
                Ok(())
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ips.is_empty()
            && self.cards.is_empty()
            && self.bonds.is_empty()
            && self.vlans.is_empty()
            && self.routes.is_empty()
            && self.bootdev.is_none()
            && self.dns.is_empty()
            && !self.ignore_lease_dns
    }
}

fn switch(text: &str) -> Result<bool, WordFault> {
    match text {
        "0" | "no" | "off" => Ok(false),
        "" | "1" | "yes" | "on" => Ok(true),
        _ => Err(wrong(Part::Switch, text)),
    }
}
