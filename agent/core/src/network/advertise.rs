// SPDX-License-Identifier: Apache-2.0
//! Which address Ironic is told to call back (contract §5).
//!
//! The machine side asks every API URL once and asks the kernel for the
//! source address of a route to each host; which of the results counts is
//! decided here.

use std::net::IpAddr;

use crate::network::{NetworkStatus, primary::is_routable};

/// What was found out about one API URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The URL as in the settings, for messages.
    pub url: String,
    /// Whether any HTTP answer came.
    pub reachable: bool,
    /// Source addresses of the routes to the addresses of its host, in the
    /// resolver's order.
    pub sources: Vec<IpAddr>,
}

/// Where the address shall come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdvertiseRule {
    /// `ipa-advertise-host`.
    Address(IpAddr),
    /// `ipa-network-interface`: the IPv4 address of this port.
    Port(String),
    /// The source address of a route to Ironic.
    Route,
}

/// Why there is no address to advertise (yet).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// The port the settings name is not there.
    #[error("ipa-network-interface={0}: there is no such port")]
    NoSuchPort(String),
    /// It has no IPv4 address.
    #[error("ipa-network-interface={0}: the port has no IPv4 address")]
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

/// The address to advertise.
///
/// # Errors
///
/// [`NoAddress`] says what is missing; the caller tries again
/// `ipa-ip-lookup-attempts` times.
pub fn advertised_address(
    rule: &AdvertiseRule,
    status: &NetworkStatus,
    candidates: &[Candidate],
) -> Result<IpAddr, NoAddress> {
    match rule {
        AdvertiseRule::Address(address) => Ok(*address),
        AdvertiseRule::Port(name) => port_address(name, status),
        AdvertiseRule::Route => route_address(candidates),
    }
}

fn port_address(name: &str, status: &NetworkStatus) -> Result<IpAddr, NoAddress> {
    let port = status
        .ports
        .iter()
        .find(|port| port.name == name)
        .ok_or_else(|| NoAddress::NoSuchPort(name.to_owned()))?;
    port.address()
        .filter(IpAddr::is_ipv4)
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
                Ok("2001:db8::5"),
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
            let got = advertised_address(
                &AdvertiseRule::Route,
                &NetworkStatus::default(),
                &candidates,
            )
            .map(|address| address.to_string())
            .map_err(|error| error.to_string());
            assert_eq!(
                got.as_deref().map_err(String::as_str),
                expected,
                "{candidates:?}"
            );
        }
    }

    #[test]
    fn the_settings_can_name_an_address_or_a_port() {
        let status = NetworkStatus {
            ports: vec![
                port(2, "eno1", true, Some(([192, 0, 2, 1], 0))),
                port(3, "eno2", true, None),
            ],
            ..NetworkStatus::default()
        };
        let fixed = IpAddr::from([203, 0, 113, 9]);
        let port_rule = |name: &str| AdvertiseRule::Port(name.into());
        let cases = [
            (AdvertiseRule::Address(fixed), Ok(fixed)),
            (port_rule("eno1"), Ok(IpAddr::from([192, 0, 2, 1]))),
            (
                port_rule("eno2"),
                Err(NoAddress::PortWithoutAddress("eno2".into())),
            ),
            (port_rule("eth9"), Err(NoAddress::NoSuchPort("eth9".into()))),
        ];
        for (rule, expected) in cases {
            assert_eq!(advertised_address(&rule, &status, &[]), expected);
        }
    }
}
