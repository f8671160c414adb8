// SPDX-License-Identifier: Apache-2.0
//! The network as the kernel has it, read once and changed in nothing.

use std::net::IpAddr;

use futures_util::TryStreamExt as _;
use ironseed_core::network::Route;
use ironseed_core::network::report::{KernelView, SeenAddress, SeenRoute};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType, RouteVia,
};
use rtnetlink::RouteMessageBuilder;

use crate::net::NetError;
use crate::net::links::read_address;
use crate::net::netlink::{Netlink, requests};
use crate::root::Root;

/// Reads links, addresses, routes and `/etc/resolv.conf`. Blocks the thread,
/// which must not belong to a tokio runtime.
///
/// # Errors
///
/// There is no netlink socket, or the kernel does not list what it has.
pub fn view(root: &Root) -> Result<KernelView, NetError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(NetError::Thread)?;
    runtime.block_on(async {
        let netlink = requests(root)?;
        Ok(KernelView {
            links: netlink.links().await?,
            addresses: addresses(&netlink).await?,
            routes: routes(&netlink).await?,
            resolv_conf: root.read_text("/etc/resolv.conf").ok(),
        })
    })
}

async fn addresses(netlink: &Netlink) -> Result<Vec<SeenAddress>, NetError> {
    let listing = netlink.handle.address().get().execute();
    listing
        .try_filter_map(async |message| Ok(seen_address(&message)))
        .try_collect()
        .await
        .map_err(|source| NetError::List {
            what: "addresses",
            source,
        })
}

fn seen_address(message: &AddressMessage) -> Option<SeenAddress> {
    let found = read_address(message)?;
    // Newer kernels have all flags in an attribute, the header has the first 8.
    let all = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            AddressAttribute::Flags(flags) => Some(*flags),
            _ => None,
        });
    let duplicate = message.header.flags.contains(AddressHeaderFlags::Dadfailed)
        || all.is_some_and(|flags| flags.contains(AddressFlags::Dadfailed));
    Some(SeenAddress {
        link: found.link,
        address: found.address,
        prefix_len: found.prefix_len,
        duplicate,
    })
}

async fn routes(netlink: &Netlink) -> Result<Vec<SeenRoute>, NetError> {
    let questions = [
        RouteMessageBuilder::<std::net::Ipv4Addr>::new().build(),
        RouteMessageBuilder::<std::net::Ipv6Addr>::new().build(),
    ];
    let mut routes = Vec::new();
    for question in questions {
        let listing = netlink.handle.route().get(question).execute();
        let found: Result<Vec<RouteMessage>, _> = listing.try_collect().await;
        let found = found.map_err(|source| NetError::List {
            what: "routes",
            source,
        })?;
        routes.extend(found.iter().flat_map(seen_routes));
    }
    Ok(routes)
}

/// Unicast routes of the main table; one with several ways is several routes.
fn seen_routes(message: &RouteMessage) -> Vec<SeenRoute> {
    let table = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Table(table) => Some(*table),
            _ => None,
        });
    let table = table.unwrap_or_else(|| u32::from(message.header.table));
    if message.header.kind != RouteType::Unicast || table != u32::from(RouteHeader::RT_TABLE_MAIN) {
        return vec![];
    }
    let mut seen = SeenRoute {
        link: None,
        route: Route {
            destination: match message.header.address_family {
                netlink_packet_route::AddressFamily::Inet6 => IpAddr::from([0_u16; 8]),
                _ => IpAddr::from([0; 4]),
            },
            prefix_len: message.header.destination_prefix_length,
            gateway: None,
        },
        metric: 0,
    };
    let mut ways = Vec::new();
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(to) => {
                seen.route.destination = address(to).unwrap_or(seen.route.destination);
            }
            RouteAttribute::Priority(metric) => seen.metric = *metric,
            RouteAttribute::Oif(index) => seen.link = Some(*index),
            RouteAttribute::MultiPath(hops) => ways.clone_from(hops),
            other => seen.route.gateway = gateway(other).or(seen.route.gateway),
        }
    }
    if ways.is_empty() {
        return vec![seen];
    }
    let way = |hop: &netlink_packet_route::route::RouteNextHop| SeenRoute {
        link: Some(hop.interface_index),
        route: Route {
            gateway: hop.attributes.iter().find_map(gateway),
            ..seen.route
        },
        ..seen.clone()
    };
    ways.iter().map(way).collect()
}

fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(gateway) => address(gateway),
        RouteAttribute::Via(RouteVia::Inet(gateway)) => Some((*gateway).into()),
        RouteAttribute::Via(RouteVia::Inet6(gateway)) => Some((*gateway).into()),
        _ => None,
    }
}

fn address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}
