// SPDX-License-Identifier: Apache-2.0
//! The kernel's description of a route, as a value of the core.

use std::net::IpAddr;

use ironseed_core::network::{KernelRoute, Route};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType, RouteVia,
};

/// Reads a route of the main table; nothing if it is another table's, leads to
/// several links at once, or to none.
pub(super) fn read(message: &RouteMessage) -> Option<KernelRoute> {
    let mut table = u32::from(message.header.table);
    let mut destination = match message.header.address_family {
        AddressFamily::Inet => IpAddr::from([0; 4]),
        AddressFamily::Inet6 => IpAddr::from([0_u16; 8]),
        _ => return None,
    };
    let (mut link, mut gateway, mut metric) = (None, None, 0);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::Oif(index) => link = Some(*index),
            RouteAttribute::Priority(value) => metric = *value,
            RouteAttribute::Destination(address) => destination = ip(address)?,
            RouteAttribute::Gateway(address) => gateway = ip(address),
            RouteAttribute::Via(RouteVia::Inet6(address)) => gateway = Some((*address).into()),
            RouteAttribute::Via(RouteVia::Inet(address)) => gateway = Some((*address).into()),
            _ => {}
        }
    }
    let is_main = table == u32::from(RouteHeader::RT_TABLE_MAIN);
    let leads = is_main && message.header.kind == RouteType::Unicast;
    let route = Route {
        destination,
        prefix_len: message.header.destination_prefix_length,
        gateway,
    };
    link.filter(|_| leads).map(|link| KernelRoute {
        link,
        route,
        metric,
    })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}
