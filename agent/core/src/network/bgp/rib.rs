// SPDX-License-Identifier: Apache-2.0
//! What all sessions heard, made into routes.
//!
//! One route per network, with every next hop whose AS path is as short as the
//! shortest one (equal-cost multipath over different neighbour ASes, which FRR
//! calls `bestpath as-path multipath-relax` and OSISM's image sets).

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use super::prefix::Prefix;

/// A way to a network, as one session heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// How many ASes are on the way; sets count once (RFC 4271 §9.1.2.2).
    pub length: u32,
    /// The neighbour's link-local address.
    pub next_hop: Ipv6Addr,
}

/// Where a packet goes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextHop {
    /// Index of the port.
    pub port: u32,
    /// The neighbour's link-local address on it.
    pub address: Ipv6Addr,
}

/// What was heard on each port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rib {
    ports: BTreeMap<u32, BTreeMap<Prefix, Path>>,
}

impl Rib {
    /// Replaces what was heard on a port; an empty map forgets it.
    pub fn replace(&mut self, port: u32, paths: BTreeMap<Prefix, Path>) {
        if paths.is_empty() {
            self.ports.remove(&port);
        } else {
            self.ports.insert(port, paths);
        }
    }

    /// The routes that follow, with their next hops in order of the ports.
    #[must_use]
    pub fn routes(&self) -> BTreeMap<Prefix, Vec<NextHop>> {
        let mut best: BTreeMap<Prefix, (u32, Vec<NextHop>)> = BTreeMap::new();
        for (port, paths) in &self.ports {
            for (prefix, path) in paths {
                let hop = NextHop {
                    port: *port,
                    address: path.next_hop,
                };
                let (length, hops) = best
                    .entry(*prefix)
                    .or_insert_with(|| (path.length, Vec::new()));
                if path.length < *length {
                    *length = path.length;
                    hops.clear();
                }
                if path.length == *length {
                    hops.push(hop);
                }
            }
        }
        best.into_iter()
            .map(|(prefix, (_, hops))| (prefix, hops))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(number: u16) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number)
    }

    fn heard(prefix: Prefix, length: u32, number: u16) -> BTreeMap<Prefix, Path> {
        let next_hop = leaf(number);
        BTreeMap::from([(prefix, Path { length, next_hop })])
    }

    fn hop(number: u16) -> NextHop {
        NextHop {
            port: number.into(),
            address: leaf(number),
        }
    }

    #[test]
    fn equal_ways_share_the_load_and_longer_ones_wait() {
        let mut rib = Rib::default();
        rib.replace(2, heard(Prefix::DEFAULT4, 1, 2));
        rib.replace(3, heard(Prefix::DEFAULT4, 1, 3));
        rib.replace(4, heard(Prefix::DEFAULT4, 2, 4));
        let hops = |rib: &Rib| rib.routes().remove(&Prefix::DEFAULT4);
        assert_eq!(hops(&rib), Some(vec![hop(2), hop(3)]));
        rib.replace(2, BTreeMap::new());
        assert_eq!(hops(&rib), Some(vec![hop(3)]));
        rib.replace(3, BTreeMap::new());
        assert_eq!(hops(&rib), Some(vec![hop(4)]));
        rib.replace(2, heard(Prefix::DEFAULT4, 1, 2));
        assert_eq!(hops(&rib), Some(vec![hop(2)]));
        rib.replace(2, BTreeMap::new());
        rib.replace(4, BTreeMap::new());
        assert_eq!(rib, Rib::default());
        assert!(rib.routes().is_empty());
    }
}
