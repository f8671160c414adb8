// SPDX-License-Identifier: Apache-2.0
//! At which host Ironic is told to call back (contract §5).
//!
//! The machine side asks every API URL once and asks the kernel for the
//! source address of a route to each host; which of the results counts is
//! decided here.

use std::fmt;
use std::net::IpAddr;

use crate::network::{NetworkStatus, primary::is_routable};

/// What was found out about one API URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The URL as in the settings, for messages.
    pub url: String,
    /// Whether any HTTP answer came.
    pub reachable: bool,
    /// Source addresses of the routes to its host: to the address that
    /// answered only, or without an answer to all, in the resolver's order. A
    /// name can have addresses of both families of which one leads nowhere.
    pub sources: Vec<IpAddr>,
}

/// Where the address shall come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdvertiseRule {
    /// `ipa-advertise-host`.
    Host(CallbackHost),
    /// `ipa-network-interface`: the address of this port.
    ///
    /// The contract knows IPv4 only. A port that has IPv6 and nothing else
    /// is used with that: the original agent would find no address and end,
    /// so no Ironic can rely on it, and an IPv6-only network is one of the
    /// reasons to name a port.
    Port(String),
    /// The source address of a route to Ironic.
    Route,
}

/// The host of the callback URL, and the subject of the certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CallbackHost {
    /// An address.
    Address(IpAddr),
    /// A name, which only `ipa-advertise-host` can give.
    Name(String),
}

impl CallbackHost {
    /// Reads `ipa-advertise-host`: a name or an address, as in a URL or bare.
    /// The zone of an IPv6 address is cut off: it means something on this
    /// machine only.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        let unzoned = bare.split_once('%').map_or(bare, |(address, _)| address);
        match unzoned.parse() {
            Ok(address) => CallbackHost::Address(address),
            Err(_) => CallbackHost::Name(text.to_owned()),
        }
    }
}

impl fmt::Display for CallbackHost {
    /// As it stands in a URL: IPv6 in brackets (RFC 3986 §3.2.2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallbackHost::Address(IpAddr::V4(address)) => address.fmt(f),
            CallbackHost::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            CallbackHost::Name(name) => f.write_str(name),
        }
    }
}

/// Why there is no address to advertise (yet).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// The port the settings name is not there.
    #[error("ipa-network-interface={0}: there is no such port")]
    NoSuchPort(String),
    /// It has no address that others can reach.
    #[error("ipa-network-interface={0}: the port has no address that others can reach")]
    PortWithoutAddress(String),
    /// No route to any API URL.
    #[error("no route to Ironic at {}", .urls.join(", "))]
    NoRoute {
        /// The URLs that were tried.
        urls: Vec<String>,
    },
    /// Only addresses that others cannot reach.
    #[error("the route to Ironic starts at {address}, which other networks cannot reach")]
    LinkLocal {
        /// The first of them.
        address: IpAddr,
    },
}

/// The candidates worth talking to: those that are reachable, or all if none
/// is (contract §5: "keep all if none answers").
#[must_use]
pub fn reachable(candidates: &[Candidate]) -> Vec<&Candidate> {
    let answering: Vec<&Candidate> = candidates.iter().filter(|one| one.reachable).collect();
    if answering.is_empty() {
        candidates.iter().collect()
    } else {
        answering
    }
}

/// The host to advertise.
///
/// # Errors
///
/// [`NoAddress`] says what is missing; the caller tries again.
pub fn callback_host(
    rule: &AdvertiseRule,
    status: &NetworkStatus,
    candidates: &[Candidate],
) -> Result<CallbackHost, NoAddress> {
    match rule {
        AdvertiseRule::Host(host) => Ok(host.clone()),
        AdvertiseRule::Port(name) => port_address(name, status).map(CallbackHost::Address),
        AdvertiseRule::Route => route_address(candidates).map(CallbackHost::Address),
    }
}

/// What of the network decides whether a callback address is still good, so
/// that nothing is looked for when only a lease was renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing(Vec<(u32, bool, Vec<IpAddr>)>);

impl Standing {
    /// The ports with their carriers and addresses.
    #[must_use]
    pub fn of(status: &NetworkStatus) -> Self {
        let ports = status.ports.iter().map(|port| {
            let mut addresses: Vec<IpAddr> = port
                .addresses
                .iter()
                .map(|(address, _)| *address)
                .filter(|address| is_routable(*address))
                .collect();
            addresses.sort_unstable();
            (port.index, port.carrier, addresses)
        });
        Self(ports.collect())
    }
}

/// Whether the machine still has the address of a host it told to Ironic, on a
/// port with carrier. A name is always there: only the operator knows what is
/// behind it.
#[must_use]
pub fn still_there(host: &CallbackHost, status: &NetworkStatus) -> bool {
    let CallbackHost::Address(address) = host else {
        return true;
    };
    status.ports.iter().any(|port| {
        let has = |(own, _): &(IpAddr, u8)| own == address;
        port.carrier && port.addresses.iter().any(has)
    })
}

fn port_address(name: &str, status: &NetworkStatus) -> Result<IpAddr, NoAddress> {
    let port = status
        .ports
        .iter()
        .find(|port| port.name == name)
        .ok_or_else(|| NoAddress::NoSuchPort(name.to_owned()))?;
    port.address()
        .ok_or_else(|| NoAddress::PortWithoutAddress(name.to_owned()))
}

fn route_address(candidates: &[Candidate]) -> Result<IpAddr, NoAddress> {
    let tried = reachable(candidates);
    let mut refused = None;
    for source in tried.iter().flat_map(|candidate| &candidate.sources) {
        if is_routable(*source) {
            return Ok(*source);
        }
        refused = refused.or(Some(*source));
    }
    Err(match refused {
        Some(address) => NoAddress::LinkLocal { address },
        None => NoAddress::NoRoute {
            urls: tried
                .iter()
                .map(|candidate| candidate.url.clone())
                .collect(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::status::samples::port;

    fn candidate(url: &str, reachable: bool, sources: &[&str]) -> Candidate {
        Candidate {
            url: url.into(),
            reachable,
            sources: sources
                .iter()
                .map(|text| text.parse().expect("an address"))
                .collect(),
        }
    }

    #[test]
    fn the_route_to_a_reachable_ironic_decides() {
        let cases = [
            (
                vec![
                    candidate("http://a", false, &["192.0.2.1"]),
                    candidate("http://b", true, &["2001:db8::5"]),
                ],
                Ok("[2001:db8::5]"),
            ),
            (
                vec![
                    candidate("http://a", false, &["192.0.2.1"]),
                    candidate("http://b", false, &["2001:db8::5"]),
                ],
                Ok("192.0.2.1"),
            ),
            (
                vec![candidate("http://a", true, &["fe80::2", "192.0.2.1"])],
                Ok("192.0.2.1"),
            ),
            (
                vec![candidate("http://a", true, &["fe80::2"])],
                Err("the route to Ironic starts at fe80::2, which other networks cannot reach"),
            ),
            (
                vec![
                    candidate("http://a", false, &[]),
                    candidate("http://b", false, &[]),
                ],
                Err("no route to Ironic at http://a, http://b"),
            ),
        ];
        for (candidates, expected) in cases {
            let got = callback_host(
                &AdvertiseRule::Route,
                &NetworkStatus::default(),
                &candidates,
            )
            .map(|host| host.to_string())
            .map_err(|error| error.to_string());
            assert_eq!(
                got.as_deref().map_err(String::as_str),
                expected,
                "{candidates:?}"
            );
        }
    }

    #[test]
    fn the_settings_can_name_a_host_or_a_port() {
        let six: IpAddr = "2001:db8::7".parse().expect("an address");
        let local: IpAddr = "fe80::7".parse().expect("an address");
        let with = |name: &str, addresses: Vec<(IpAddr, u8)>| {
            let mut port = port(4, name, true, None);
            port.addresses = addresses;
            port
        };
        let status = NetworkStatus {
            ports: vec![
                port(2, "eno1", true, Some(([192, 0, 2, 1], 0))),
                port(3, "eno2", true, None),
                with("eno3", vec![(local, 64), (six, 64)]),
                with("eno4", vec![(local, 64)]),
                with("eno5", vec![(six, 64), ([192, 0, 2, 5].into(), 24)]),
            ],
            ..NetworkStatus::default()
        };
        let port_rule = |name: &str| AdvertiseRule::Port(name.into());
        let host_rule = |text: &str| AdvertiseRule::Host(CallbackHost::parse(text));
        let cases = [
            (host_rule("203.0.113.9"), Ok("203.0.113.9")),
            (host_rule("2001:db8::9"), Ok("[2001:db8::9]")),
            (host_rule("[2001:db8::9%eth0]"), Ok("[2001:db8::9]")),
            (host_rule("fe80::1%eth0"), Ok("[fe80::1]")),
            (host_rule("node-7.example"), Ok("node-7.example")),
            (port_rule("eno1"), Ok("192.0.2.1")),
            (
                port_rule("eno2"),
                Err(NoAddress::PortWithoutAddress("eno2".into())),
            ),
            (port_rule("eno3"), Ok("[2001:db8::7]")),
            (
                port_rule("eno4"),
                Err(NoAddress::PortWithoutAddress("eno4".into())),
            ),
            (port_rule("eno5"), Ok("192.0.2.5")),
            (port_rule("eth9"), Err(NoAddress::NoSuchPort("eth9".into()))),
        ];
        for (rule, expected) in cases {
            let got = callback_host(&rule, &status, &[]).map(|host| host.to_string());
            assert_eq!(got, expected.map(str::to_owned), "{rule:?}");
        }
    }

    /// An address that was told stays for as long as it is on a port with
    /// carrier, and a renewed lease is no news.
    #[test]
    fn what_was_told_stays_while_it_is_there() {
        let status = |carrier, address| NetworkStatus {
            ports: vec![port(2, "eno1", carrier, Some((address, 0)))],
            ..NetworkStatus::default()
        };
        let told = CallbackHost::parse("192.0.2.1");
        let before = status(true, [192, 0, 2, 1]);
        for (now, there) in [
            (status(true, [192, 0, 2, 1]), true),
            (status(false, [192, 0, 2, 1]), false),
            (status(true, [192, 0, 2, 77]), false),
            (NetworkStatus::default(), false),
        ] {
            assert_eq!(still_there(&told, &now), there, "{now:?}");
            assert_eq!(Standing::of(&before) == Standing::of(&now), there);
        }
        let mut renewed = before.clone();
        renewed.ports[0].dhcp = crate::network::DhcpState::Renewing;
        renewed.ports[0]
            .addresses
            .push(("fe80::1".parse().expect("an address"), 64));
        assert_eq!(Standing::of(&before), Standing::of(&renewed));
        assert!(still_there(
            &CallbackHost::parse("node-7"),
            &NetworkStatus::default()
        ));
    }
}
