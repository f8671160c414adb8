// SPDX-License-Identifier: Apache-2.0
//! The text of `/etc/resolv.conf` (resolv.conf(5)).

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::network::{NetworkStatus, PortStatus, primary};

/// How many servers the C libraries read; more would be ignored anyway.
const MAX_SERVERS: usize = 3;

/// The resolver's configuration from all leases: the primary port's servers
/// and domain first, other ports' servers as long as there is room. Nothing
/// without a server: an empty file would point the resolver at this machine.
#[must_use]
pub fn resolv_conf(status: &NetworkStatus) -> Option<String> {
    let first = primary::primary(&status.ports)?;
    let mut others: Vec<&PortStatus> = status
        .ports
        .iter()
        .filter(|port| port.index != first.index)
        .collect();
    others.sort_by_key(|port| port.lease.as_ref().map_or(u32::MAX, |lease| lease.order));
    let mut servers: Vec<Ipv4Addr> = Vec::new();
    for lease in [first]
        .into_iter()
        .chain(others)
        .filter_map(|port| port.lease.as_ref())
    {
        for server in &lease.lease.dns {
            if servers.len() < MAX_SERVERS && !servers.contains(server) {
                servers.push(*server);
            }
        }
    }
    if servers.is_empty() {
        return None;
    }
    let mut text = String::new();
    if let Some(domain) = first
        .lease
        .as_ref()
        .and_then(|lease| lease.lease.domain.as_ref())
    {
        let _ = writeln!(text, "search {domain}");
    }
    for server in servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::status::samples::port;

    fn with(mut port: PortStatus, dns: &[[u8; 4]], domain: Option<&str>) -> PortStatus {
        if let Some(held) = &mut port.lease {
            held.lease.dns = dns.iter().copied().map(Ipv4Addr::from).collect();
            held.lease.domain = domain.map(str::to_owned);
        }
        port
    }

    #[test]
    fn the_primary_port_comes_first() {
        let one = || port(2, "eno1", true, Some(([192, 0, 2, 1], 0)));
        let two = || port(3, "eno2", true, Some(([198, 51, 100, 1], 1)));
        let a = [192, 0, 2, 53];
        let b = [198, 51, 100, 53];
        let c = [203, 0, 113, 1];
        let d = [203, 0, 113, 2];
        let mut boot = with(two(), &[b], Some("boot.example"));
        boot.preferred = true;
        let cases = [
            (vec![], None),
            (vec![with(one(), &[], Some("a.example"))], None),
            (
                vec![with(one(), &[a], Some("a.example"))],
                Some("search a.example\nnameserver 192.0.2.53\n"),
            ),
            (
                vec![with(one(), &[a], Some("a.example")), boot],
                Some("search boot.example\nnameserver 198.51.100.53\nnameserver 192.0.2.53\n"),
            ),
            (
                vec![with(two(), &[b, c, d], None), with(one(), &[a, b], None)],
                Some("nameserver 192.0.2.53\nnameserver 198.51.100.53\nnameserver 203.0.113.1\n"),
            ),
        ];
        for (ports, expected) in cases {
            let status = NetworkStatus {
                ports,
                ..NetworkStatus::default()
            };
            assert_eq!(resolv_conf(&status).as_deref(), expected);
        }
    }
}
