// SPDX-License-Identifier: Apache-2.0
//! The text of `/etc/resolv.conf` (resolv.conf(5)), and which time servers the
//! network tells.
//!
//! What the plan says comes first, then what leases and routers say: the
//! primary port's before other ports', IPv4 before IPv6 on one port. The agent
//! itself reads the file through musl's resolver: it asks all servers at once
//! and takes the first answer, so a dead one costs nothing, and it knows the
//! zone of a link-local server (`fe80::1%eno1`).

use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

use crate::network::names::ServerName;
use crate::network::{NetworkStatus, PortStatus, primary};

/// How many servers the C libraries read; more would be ignored anyway.
const MAX_SERVERS: usize = 3;

/// How many search domains, and how many bytes of them, every C library reads:
/// old ones stop at six, musl at 255 bytes.
const MAX_DOMAINS: usize = 6;
const MAX_SEARCH: usize = 250;

/// musl gives up after the first number of seconds and asks again at each of
/// as many equal parts of it as the second number says. Other C libraries wait
/// so long for each server in turn; their own value is five seconds.
const OPTIONS: &str = "options timeout:3 attempts:3";

/// The resolver's configuration. Nothing without a server: an empty file would
/// point the resolver at this machine.
#[must_use]
pub fn resolv_conf(status: &NetworkStatus) -> Option<String> {
    let ports = match status.plan.ignore_lease_dns {
        true => vec![],
        false => in_order(status),
    };
    let planned = status.plan.dns.iter().map(ToString::to_string);
    let told = ports.iter().flat_map(|port| servers(port));
    let servers = distinct(planned.chain(told), MAX_SERVERS);
    if servers.is_empty() {
        return None;
    }
    let mut text = String::new();
    let search = search(status, &ports);
    if !search.is_empty() {
        let _ = writeln!(text, "search {}", search.join(" "));
    }
    for server in servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    let _ = writeln!(text, "{OPTIONS}");
    Some(text)
}

/// The time servers all DHCP servers tell, best first. Link-local ones are left
/// out: without a zone they cannot be asked.
#[must_use]
pub fn time_servers(status: &NetworkStatus) -> Vec<ServerName> {
    let usable = |server: &ServerName| match server {
        ServerName::Address(address) => primary::is_routable(*address),
        ServerName::Name(_) => true,
    };
    let ports = in_order(status);
    let told = ports.iter().flat_map(|port| {
        let leased = port.lease.iter().flat_map(|held| &held.lease.ntp);
        let leased = leased.map(|server| ServerName::Address((*server).into()));
        let other = port.information6().flat_map(|told| told.ntp.clone());
        leased.chain(other).collect::<Vec<_>>()
    });
    distinct(told.filter(usable), usize::MAX)
}

/// The ports with an address others can reach, the primary one first, then in
/// the order in which they got theirs.
fn in_order(status: &NetworkStatus) -> Vec<&PortStatus> {
    let Some(first) = status.primary() else {
        return vec![];
    };
    let others = status.ports.iter();
    let mut others: Vec<&PortStatus> = others.filter(|port| port.index != first.index).collect();
    others.sort_by_key(|port| port.order());
    std::iter::once(first).chain(others).collect()
}

/// The DNS servers a port was told of.
fn servers(port: &PortStatus) -> Vec<String> {
    let leased = port.lease.iter().flat_map(|held| &held.lease.dns);
    let leased = leased.map(ToString::to_string);
    let asked = port.information6().flat_map(|told| &told.dns);
    let routers = port.routers.iter().flat_map(|router| &router.dns);
    let routers = routers.map(|server| &server.value);
    let six = asked.chain(routers).map(|server| with_zone(*server, port));
    leased.chain(six).collect()
}

/// A link-local server is asked through the port that told of it.
fn with_zone(server: Ipv6Addr, port: &PortStatus) -> String {
    match server.is_unicast_link_local() {
        true => format!("{server}%{}", port.name),
        false => IpAddr::from(server).to_string(),
    }
}

/// The search domains of the plan and of all ports, as many as fit.
fn search(status: &NetworkStatus, ports: &[&PortStatus]) -> Vec<String> {
    let told = ports.iter().flat_map(|port| domains(port));
    let all = distinct(status.plan.search.iter().cloned().chain(told), MAX_DOMAINS);
    let mut length = 0;
    all.into_iter()
        .take_while(|domain| {
            length += domain.len() + 1;
            length <= MAX_SEARCH
        })
        .collect()
}

fn domains(port: &PortStatus) -> Vec<String> {
    let leased = port.lease.iter().flat_map(|held| {
        let lease = &held.lease;
        let only = lease.domain.iter().filter(|_| lease.search.is_empty());
        lease.search.iter().chain(only)
    });
    let asked = port.information6().flat_map(|told| &told.search);
    let routers = port.routers.iter().flat_map(|router| &router.search);
    let routers = routers.map(|domain| &domain.value);
    leased.chain(asked).chain(routers).cloned().collect()
}

/// The first `most` different values.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>, most: usize) -> Vec<T> {
    let mut kept = Vec::new();
    for value in values {
        if kept.len() < most && !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;
    use crate::network::Information;
    use crate::network::ra::{Advertisement, Routers};
    use crate::network::status::samples::port;

    fn with(mut port: PortStatus, dns: &[[u8; 4]], domain: Option<&str>) -> PortStatus {
        if let Some(held) = &mut port.lease {
            held.lease.dns = dns.iter().copied().map(Ipv4Addr::from).collect();
            held.lease.domain = domain.map(str::to_owned);
        }
        port
    }

    fn text(status: &NetworkStatus) -> Option<String> {
        let text = resolv_conf(status)?;
        Some(text.replace("options timeout:3 attempts:3\n", ""))
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
                Some(
                    "search boot.example a.example\nnameserver 198.51.100.53\nnameserver 192.0.2.53\n",
                ),
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
            assert_eq!(text(&status).as_deref(), expected);
        }
    }

    /// A port that has everything: a lease, stateless DHCPv6, a router.
    fn everything() -> PortStatus {
        let mut port = port(2, "eno1", true, Some(([192, 0, 2, 1], 0)));
        if let Some(held) = &mut port.lease {
            held.lease.dns = vec![Ipv4Addr::new(192, 0, 2, 53)];
            held.lease.domain = Some("four.example".into());
            held.lease.search = vec!["search.example".into()];
            held.lease.ntp = vec![Ipv4Addr::new(192, 0, 2, 123)];
        }
        port.information = Some(Information {
            dns: vec!["fe80::53".parse().expect("an address")],
            search: vec!["six.example".into(), "search.example".into()],
            ntp: vec![
                ServerName::Name("ntp.example".into()),
                ServerName::Address(IpAddr::from([192, 0, 2, 123])),
                ServerName::Address("fe80::123".parse().expect("an address")),
            ],
            refresh_after: None,
        });
        let mut bytes = vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([25, 3, 0, 0, 0, 0, 2, 88, 0x20, 1, 0x0d, 0xb8]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53]);
        bytes.extend(b"\x1f\x02\0\0\0\0\x02\x58\x02ra\0\0\0\0\0");
        let heard = Advertisement::read(&bytes).expect("well formed");
        let mut routers = Routers::default();
        let address = "fe80::1".parse().expect("an address");
        routers.hear(address, &heard, Duration::from_secs(9));
        port.routers = routers.list();
        port
    }

    #[test]
    fn the_plan_comes_first_and_every_source_counts() {
        let mut status = NetworkStatus {
            ports: vec![everything()],
            ..NetworkStatus::default()
        };
        let expected = "search search.example six.example ra\n\
            nameserver 192.0.2.53\nnameserver fe80::53%eno1\nnameserver 2001:db8::53\n\
            options timeout:3 attempts:3\n";
        assert_eq!(resolv_conf(&status).as_deref(), Some(expected));
        let times: Vec<String> = status.ntp().iter().map(ToString::to_string).collect();
        assert_eq!(times, ["192.0.2.123", "ntp.example"]);
        status.plan.dns = vec![IpAddr::from([203, 0, 113, 53])];
        status.plan.search = vec!["plan.example".into()];
        let expected = "search plan.example search.example six.example ra\n\
            nameserver 203.0.113.53\nnameserver 192.0.2.53\nnameserver fe80::53%eno1\n";
        assert_eq!(text(&status).as_deref(), Some(expected));
        status.plan.ignore_lease_dns = true;
        let expected = "search plan.example\nnameserver 203.0.113.53\n";
        assert_eq!(text(&status).as_deref(), Some(expected));
    }

    #[test]
    fn no_more_domains_than_every_library_reads() {
        let mut status = NetworkStatus {
            ports: vec![everything()],
            ..NetworkStatus::default()
        };
        status.plan.search = (0..9).map(|number| format!("d{number}")).collect();
        let line = |status: &NetworkStatus| {
            let text = text(status).unwrap_or_default();
            text.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(line(&status), "search d0 d1 d2 d3 d4 d5");
        status.plan.search = vec!["a".repeat(200), "b".repeat(60), "c".into()];
        assert_eq!(line(&status), format!("search {}", "a".repeat(200)));
    }
}
