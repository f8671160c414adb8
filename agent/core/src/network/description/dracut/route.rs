// SPDX-License-Identifier: Apache-2.0
//! The word `rd.route=`.

use super::parts::{address, interface, network, prefix_len, split};
use super::problem::{Part, WordFault};
use crate::network::Route;

/// A route, and the link it goes through if the word names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedRoute {
    pub(super) route: Route,
    pub(super) interface: Option<String>,
}

/// `rd.route=<net>/<netmask>:<gateway>[:<interface>]`.
pub(super) fn read(value: &str) -> Result<WantedRoute, WordFault> {
    let parts = split(value);
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    if parts.len() > 3 {
        let form = "rd.route=<net>/<netmask>:<gateway>[:<interface>]";
        return Err(WordFault::TooLong { form });
    }
    let (destination, prefix_len) = network(Part::Network, part(0))?;
    let prefix_len = match prefix_len {
        Some(bits) => bits,
        None => self::prefix_len("", destination)?,
    };
    let gateway = match part(1) {
        "" => None,
        text => Some(address(Part::Gateway, text)?),
    };
    if gateway.is_some_and(|gateway| gateway.is_ipv4() != destination.is_ipv4()) {
        return Err(WordFault::GatewayOfOtherFamily);
    }
    let interface = match part(2) {
        "" => None,
        text => Some(interface(text)?),
    };
    Ok(WantedRoute {
        route: Route {
            destination,
            prefix_len,
            gateway,
        },
        interface,
    })
}
