// SPDX-License-Identifier: Apache-2.0
//! Addresses, default routes and gateways: each once, and each where it can be
//! reached.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::address::{Family, is_link_local};
use super::json::shown;
use super::networks::ReadNetwork;
use super::problem::{Problem, Reading, Warning};
use crate::network::Route;

/// Finds what contradicts something else.
pub(super) fn check(networks: &[ReadNetwork], reading: &mut Reading) {
    addresses(networks, reading);
    default_routes(networks, reading);
    gateways(networks, reading);
}

fn addresses(networks: &[ReadNetwork], reading: &mut Reading) {
    let mut seen: BTreeMap<IpAddr, &ReadNetwork> = BTreeMap::new();
    for network in networks {
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
fn default_routes(networks: &[ReadNetwork], reading: &mut Reading) {
    let mut defaults: BTreeMap<Family, (&str, Route)> = BTreeMap::new();
    let mut others: BTreeMap<(&str, IpAddr, u8), (&str, Route)> = BTreeMap::new();
    for (network, at, route) in routes(networks) {
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
fn gateways(networks: &[ReadNetwork], reading: &mut Reading) {
    for (network, at, route) in routes(networks) {
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
        if let Some(owner) = networks.iter().find(own) {
            let link = shown(&owner.link);
            reading.problem(wrong(format!("it is the address of {link} itself")));
            continue;
        }
        if is_neighbour(networks, &network.link, gateway) {
            continue;
        }
        let elsewhere = |one: &&ReadNetwork| {
            one.link != network.link && one.fixed().is_some() && one.reaches(gateway)
        };
        match networks.iter().find(elsewhere) {
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

fn routes(networks: &[ReadNetwork]) -> impl Iterator<Item = (&ReadNetwork, &str, &Route)> {
    networks.iter().flat_map(|network| {
        let routes = network.routes.iter();
        routes.map(move |(at, route)| (network, at.as_str(), route))
    })
}
