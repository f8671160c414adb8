// SPDX-License-Identifier: Apache-2.0
//! Whether the router of a planned route can be reached from its link.

use std::net::IpAddr;

use crate::network::plan::{Addressing, LinkPlan};
use crate::network::route::Route;

/// How a link reaches a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is in a network of the link, or there is no router in between.
    Direct,
    /// Only the kernel knows, because the link also gets addresses from others.
    Unknown,
    /// The link's only addresses of that family stand alone (`/32`, `/128`), so
    /// that any router is outside of its networks; the kernel is told that it
    /// is on the cable nevertheless (`RTNH_F_ONLINK`).
    OnLink,
    /// It is in none of the link's networks.
    Not,
}

/// How the link reaches the router of this route.
#[must_use]
pub fn reach(link: &LinkPlan, route: &Route) -> Reach {
    let Some(gateway) = route.gateway else {
        return Reach::Direct;
    };
    if matches!(gateway, IpAddr::V6(gateway) if gateway.is_unicast_link_local()) {
        return Reach::Direct;
    }
    let own: Vec<(IpAddr, u8)> = networks(link, gateway).collect();
    let on_cable = link.routes.iter().filter(|route| route.gateway.is_none());
    let told = on_cable.map(|route| (route.destination, route.prefix_len));
    let mut all = own.iter().copied().chain(told);
    if all.any(|(network, prefix_len)| contains(network, prefix_len, gateway)) {
        return Reach::Direct;
    }
    let asks = link.addressing.iter().any(|way| match way {
        Addressing::Dhcp4 => gateway.is_ipv4(),
        Addressing::Dhcp6 | Addressing::Slaac => gateway.is_ipv6(),
        Addressing::Static { .. } => false,
    });
    let alone = if gateway.is_ipv4() { 32 } else { 128 };
    match own.iter().all(|(_, prefix_len)| *prefix_len == alone) {
        _ if asks => Reach::Unknown,
        true if !own.is_empty() => Reach::OnLink,
        _ => Reach::Not,
    }
}

/// The networks of a link's static addresses of the gateway's family.
fn networks(link: &LinkPlan, gateway: IpAddr) -> impl Iterator<Item = (IpAddr, u8)> {
    link.addressing.iter().filter_map(move |way| match way {
        Addressing::Static {
            address,
            prefix_len,
        } if address.is_ipv4() == gateway.is_ipv4() => Some((*address, *prefix_len)),
        _ => None,
    })
}

/// Whether an address belongs to a network.
#[must_use]
pub fn contains(network: IpAddr, prefix_len: u8, address: IpAddr) -> bool {
    let len = u32::from(prefix_len);
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(len))
                .unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(len))
                .unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::plan::samples;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn routers_are_on_the_cable_or_not() {
        let cases = [
            ("192.0.2.9/24", "192.0.2.1", Reach::Direct),
            ("192.0.2.9/24", "192.0.3.1", Reach::Not),
            ("192.0.2.9/32", "192.0.3.1", Reach::OnLink),
            ("2001:db8::9/64", "2001:db8::1", Reach::Direct),
            ("2001:db8::9/64", "2001:db8:1::1", Reach::Not),
            ("2001:db8::9/128", "2001:db8:1::1", Reach::OnLink),
            ("2001:db8::9/64", "fe80::1", Reach::Direct),
            ("192.0.2.9/24", "2001:db8::1", Reach::Not),
        ];
        for (address, gateway, expected) in cases {
            let link = samples::with_address(samples::physical(2, "eno1"), address);
            let route = Route::default_through(ip(gateway));
            assert_eq!(reach(&link, &route), expected, "{address} {gateway}");
        }
    }

    #[test]
    fn a_route_to_the_router_makes_it_reachable() {
        let mut link = samples::with_address(samples::physical(2, "eno1"), "192.0.2.9/24");
        let route = Route::default_through(ip("198.51.100.1"));
        assert_eq!(reach(&link, &route), Reach::Not);
        link.routes.push(Route {
            destination: ip("198.51.100.0"),
            prefix_len: 24,
            gateway: None,
        });
        assert_eq!(reach(&link, &route), Reach::Direct);
        link.routes.clear();
        link.addressing.push(Addressing::Dhcp4);
        assert_eq!(reach(&link, &route), Reach::Unknown);
    }

    #[test]
    fn prefixes_of_any_length() {
        let all = ip("0.0.0.0");
        assert!(contains(all, 0, ip("203.0.113.1")));
        assert!(!contains(ip("192.0.2.0"), 31, ip("192.0.2.2")));
        assert!(contains(ip("::"), 0, ip("2001:db8::")));
        assert!(!contains(all, 0, ip("::1")));
    }
}
