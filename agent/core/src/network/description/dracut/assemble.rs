// SPDX-License-Identifier: Apache-2.0
//! Puts together what the words say.

use std::net::IpAddr;

use bootconfig::{MacAddr, NetworkWord};

use super::ip::Ip;
use super::links::Links;
use super::problem::{WordFault, WordProblem};
use super::route::WantedRoute;
use super::said::Said;
use crate::network::Route;
use crate::network::description::{DescribedLink, Description, Source};
use crate::network::plan::Addressing;

/// The description; what cannot be put together is a problem.
pub(super) fn assemble(
    said: &Said<'_>,
    boot_mac: Option<MacAddr>,
    problems: &mut Vec<WordProblem>,
) -> Description {
    let links = Links::of(said, problems);
    let mut work = Work {
        said,
        boot_mac,
        links,
        told: vec![],
        gateways: vec![],
        everywhere: None,
        dns: said.dns.clone(),
    };
    let mut note = |word: &NetworkWord, fault| problems.push(WordProblem::new(word, fault));
    for (word, ip) in &said.ips {
        if let Err(fault) = work.ip(word, ip) {
            note(word, fault);
        }
    }
    if let Some((word, name)) = &said.bootdev
        && let Err(fault) = work.bootdev(name)
    {
        note(word, fault);
    }
    if let Err((word, fault)) = work.default_routes() {
        note(word, fault);
    }
    for (word, wanted) in &said.routes {
        if let Err(fault) = work.route(wanted) {
            note(word, fault);
        }
    }
    work.finish()
}

struct Work<'a, 'w> {
    said: &'a Said<'w>,
    boot_mac: Option<MacAddr>,
    links: Links<'w>,
    /// Links that an `ip=` names.
    told: Vec<usize>,
    /// Gateways, each with its link and its word.
    gateways: Vec<(usize, IpAddr, &'w NetworkWord)>,
    /// What `ip=` without interface says.
    everywhere: Option<Vec<Addressing>>,
    dns: Vec<IpAddr>,
}

impl<'w> Work<'_, 'w> {
    fn ip(&mut self, word: &'w NetworkWord, ip: &Ip) -> Result<(), WordFault> {
        for server in &ip.dns {
            if !self.dns.contains(server) {
                self.dns.push(*server);
            }
        }
        let Some(at) = self.meant(ip)? else {
            let everywhere = self.everywhere.get_or_insert_default();
            add(everywhere, &ip.addressing);
            return Ok(());
        };
        self.told.push(at);
        self.gateways
            .extend(ip.gateway.map(|gateway| (at, gateway, word)));
        let named = self.links.all.get(at).map(|link| link.name.clone());
        let name = named.unwrap_or_default();
        self.links.free(&name)?;
        if ip.mac.is_some() && self.links.is_named_card(&name) {
            return Err(WordFault::MacOfNamedCard);
        }
        let other = || {
            let before = self.said.ips.iter().find(|(_, other)| {
                other.interface.as_ref() == Some(&name)
                    && (other.mtu.is_some() || other.mac.is_some())
            });
            before.map_or_else(|| word.origin.clone(), |(word, _)| word.origin.clone())
        };
        let contradiction = |of| WordFault::Contradiction {
            link: name.clone(),
            of,
            other: other(),
        };
        let Some(link) = self.links.all.get_mut(at) else {
            return Ok(());
        };
        add(&mut link.addressing, &ip.addressing);
        if !keep(&mut link.mtu, ip.mtu) {
            return Err(contradiction("MTU"));
        }
        if !keep(&mut link.mac, ip.mac) {
            return Err(contradiction("MAC address"));
        }
        Ok(())
    }

    /// The link the word means; none: every port.
    fn meant(&mut self, ip: &Ip) -> Result<Option<usize>, WordFault> {
        if let Some(name) = &ip.interface {
            return Ok(Some(self.links.port(name)));
        }
        if !ip.is_static() && ip.gateway.is_none() && ip.mtu.is_none() && ip.mac.is_none() {
            return Ok(None);
        }
        match (&self.said.bootdev, self.boot_mac) {
            (Some((_, name)), _) => Ok(Some(self.links.port(name))),
            (None, Some(mac)) => Ok(Some(self.links.boot_port(mac))),
            (None, None) => Err(WordFault::WithoutInterface),
        }
    }

    /// The link that comes first must be one that gets addresses.
    fn bootdev(&mut self, name: &str) -> Result<(), WordFault> {
        let known = self.links.position(name);
        let names_links = self.said.ips.iter().any(|(_, ip)| ip.interface.is_some());
        match known {
            Some(at) if self.told.contains(&at) || !names_links => self.links.free(name),
            None if !names_links => {
                self.links.port(name);
                Ok(())
            }
            _ => Err(WordFault::UnknownBootdev),
        }
    }

    /// Each family has one default route: `bootdev=` says through which link if
    /// there are several.
    fn default_routes(&mut self) -> Result<(), (&'w NetworkWord, WordFault)> {
        let first = self.said.bootdev.as_ref();
        let first = first.and_then(|(_, name)| self.links.position(name));
        for is_ipv4 in [true, false] {
            let of_family = |(_, gateway, _): &&(usize, IpAddr, _)| gateway.is_ipv4() == is_ipv4;
            let found: Vec<_> = self.gateways.iter().filter(of_family).copied().collect();
            let several = found.iter().any(|(at, gateway, _)| {
                found
                    .first()
                    .is_some_and(|(first, other, _)| (at, gateway) != (first, other))
            });
            let chosen: Vec<_> = match (several, first) {
                (false, _) => found.into_iter().take(1).collect(),
                (true, Some(first)) => found.into_iter().filter(|one| one.0 == first).collect(),
                (true, None) => {
                    let other = found.first().and_then(|one| self.links.all.get(one.0));
                    let other = other.map(|link| link.name.clone()).unwrap_or_default();
                    return match found.last() {
                        Some((_, _, word)) => Err((*word, WordFault::SeveralGateways { other })),
                        None => Ok(()),
                    };
                }
            };
            for (at, gateway, _) in chosen {
                if let Some(link) = self.links.all.get_mut(at) {
                    link.routes.push(Route::default_through(gateway));
                }
            }
        }
        Ok(())
    }

    /// A route without interface goes through the link in whose network its
    /// gateway is.
    fn route(&mut self, wanted: &WantedRoute) -> Result<(), WordFault> {
        let at = match &wanted.interface {
            Some(name) => {
                self.links.free(name)?;
                self.links.port(name)
            }
            None => {
                let gateway = wanted.route.gateway;
                let reaches = |link: &DescribedLink| {
                    gateway.is_some_and(|gateway| has_network_of(link, gateway))
                };
                self.links
                    .all
                    .iter()
                    .position(reaches)
                    .or_else(|| self.only_told())
                    .ok_or(WordFault::RouteWithoutInterface)?
            }
        };
        if let Some(link) = self.links.all.get_mut(at)
            && !link.routes.contains(&wanted.route)
        {
            link.routes.push(wanted.route);
        }
        Ok(())
    }

    /// The one link that an `ip=` names, if there is only one.
    fn only_told(&self) -> Option<usize> {
        let first = *self.told.first()?;
        self.told.iter().all(|at| *at == first).then_some(first)
    }

    fn finish(mut self) -> Description {
        let automatic = self.said.ips.is_empty();
        let both = vec![Addressing::Dhcp4, Addressing::Slaac];
        let everywhere = match automatic {
            true => Some(both),
            false => self.everywhere.take(),
        };
        // Links that no word names get what is said of every port, unless they
        // carry another link.
        for at in 0..self.links.all.len() {
            let carries = self
                .links
                .all
                .get(at)
                .map(|link| self.links.carries(&link.name));
            if let (Some(false), Some(link), Some(how), false) = (
                carries,
                self.links.all.get_mut(at),
                &everywhere,
                self.told.contains(&at),
            ) {
                link.addressing.clone_from(how);
            }
        }
        let makes_links = !self.said.bonds.is_empty() || !self.said.vlans.is_empty();
        let preferred = self.said.bootdev.as_ref().map(|(_, name)| name.clone());
        Description {
            links: self.links.all,
            dns: self.dns,
            others: everywhere.filter(|_| !(automatic && makes_links)),
            preferred,
            ignore_lease_dns: self.said.ignore_lease_dns,
            ..Description::of(Source::CommandLine)
        }
    }
}

fn add(to: &mut Vec<Addressing>, from: &[Addressing]) {
    for one in from {
        if !to.contains(one) {
            to.push(one.clone());
        }
    }
}

/// Keeps a value; false if there is another one.
fn keep<T: PartialEq>(place: &mut Option<T>, found: Option<T>) -> bool {
    match (&place, found) {
        (_, None) => true,
        (Some(before), Some(found)) => *before == found,
        (None, found) => {
            *place = found;
            true
        }
    }
}

/// Whether one of the link's own networks has this address.
fn has_network_of(link: &DescribedLink, wanted: IpAddr) -> bool {
    link.addressing.iter().any(|one| match one {
        Addressing::Static {
            address,
            prefix_len,
        } => same_network(*address, wanted, *prefix_len),
        _ => false,
    })
}

/// Whether two addresses have the same leading bits.
fn same_network(one: IpAddr, other: IpAddr, prefix_len: u8) -> bool {
    let differ = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u32::from(one) ^ u32::from(other)).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (u128::from(one) ^ u128::from(other)).leading_zeros()
        }
        _ => return false,
    };
    differ >= u32::from(prefix_len)
}
