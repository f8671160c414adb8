// SPDX-License-Identifier: Apache-2.0
//! What the kernel and the resolver's file say, and how it is told.

use std::net::IpAddr;

use super::{LinkReport, RouteReport};
use crate::network::{Link, LinkKind, Route};

/// The network as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelView {
    /// All links.
    pub links: Vec<Link>,
    /// All addresses.
    pub addresses: Vec<SeenAddress>,
    /// Unicast routes of the main table.
    pub routes: Vec<SeenRoute>,
    /// `/etc/resolv.conf`, if there is one.
    pub resolv_conf: Option<String>,
}

/// An address as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenAddress {
    /// Index of its link.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
    /// How many of its leading bits are the network.
    pub prefix_len: u8,
    /// Another machine has it (`IFA_F_DADFAILED`).
    pub duplicate: bool,
}

/// A route as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRoute {
    /// Index of its link.
    pub link: Option<u32>,
    /// Where to, and through which router.
    pub route: Route,
    /// The smallest one is used.
    pub metric: u32,
}

impl KernelView {
    /// Whether a link is told of: all but the loopback are.
    pub(super) fn is_listed(&self, index: u32) -> bool {
        self.links
            .iter()
            .any(|link| link.index == index && link.kind != LinkKind::Loopback)
    }

    fn name(&self, index: u32) -> Option<String> {
        let link = self.links.iter().find(|link| link.index == index)?;
        Some(link.name.clone())
    }
}

pub(super) fn links(kernel: &KernelView) -> Vec<LinkReport> {
    let mut links: Vec<&Link> = kernel
        .links
        .iter()
        .filter(|link| link.kind != LinkKind::Loopback)
        .collect();
    links.sort_by_key(|link| link.index);
    let told = links.into_iter().map(|link| LinkReport {
        name: link.name.clone(),
        kind: match &link.kind {
            LinkKind::Ethernet => "ethernet".to_owned(),
            LinkKind::Wireless => "wireless".to_owned(),
            LinkKind::Virtual(kind) => kind.clone(),
            LinkKind::Loopback | LinkKind::Other => "other".to_owned(),
        },
        mac: link.permanent.or(link.mac).map(|mac| mac.to_string()),
        state: match (link.up, link.carrier) {
            (false, _) => "down",
            (true, false) => "no link",
            (true, true) => "up",
        }
        .to_owned(),
        mtu: link.mtu,
        controller: link.controller.and_then(|index| kernel.name(index)),
        addresses: kernel
            .addresses
            .iter()
            .filter(|seen| seen.link == link.index)
            .map(|seen| format!("{}/{}", seen.address, seen.prefix_len))
            .collect(),
        ..LinkReport::default()
    });
    told.collect()
}

pub(super) fn routes(kernel: &KernelView) -> Vec<RouteReport> {
    let mut routes: Vec<&SeenRoute> = kernel.routes.iter().collect();
    routes.sort_by_key(|seen| {
        let to = seen.route.destination;
        (to.is_ipv6(), seen.route.prefix_len, to, seen.metric)
    });
    let told = routes.into_iter().map(|seen| {
        let network = Route {
            gateway: None,
            ..seen.route
        };
        RouteReport {
            destination: network.to_string(),
            gateway: seen.route.gateway.map(|gateway| gateway.to_string()),
            link: seen.link.and_then(|index| kernel.name(index)),
            metric: seen.metric,
        }
    });
    told.collect()
}

/// Servers and search domains (resolv.conf(5)): the last `search` or `domain`
/// counts.
pub(super) fn resolver(kernel: &KernelView) -> (Vec<String>, Vec<String>) {
    let (mut servers, mut search) = (Vec::new(), Vec::new());
    for line in kernel.resolv_conf.as_deref().unwrap_or_default().lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("nameserver") => servers.extend(words.next().map(str::to_owned)),
            Some("search" | "domain") => search = words.map(str::to_owned).collect(),
            _ => {}
        }
    }
    (servers, search)
}
