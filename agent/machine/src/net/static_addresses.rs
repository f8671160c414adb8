// SPDX-License-Identifier: Apache-2.0
//! Planned addresses and routes put into the kernel and taken out (rtnetlink(7)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ironseed_core::network::{KernelRoute, Route};
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::route::{RouteFlags, RouteMessage, RouteProtocol, RouteScope};
use rtnetlink::{AddressMessageBuilder, RouteMessageBuilder};

use crate::net::NetError;
use crate::net::netlink::Netlink;

/// Adds an address for ever, or refreshes it. The route to its own network gets
/// the metric of the link's other routes.
pub(super) async fn add_address(
    netlink: &Netlink,
    link: u32,
    address: IpAddr,
    prefix_len: u8,
    metric: u32,
) -> Result<(), NetError> {
    let mut request = netlink.handle.address().add(link, address, prefix_len);
    request = request.replace();
    let attributes = &mut request.message_mut().attributes;
    attributes.push(AddressAttribute::RoutePriority(metric));
    request.execute().await.map_err(|source| NetError::Address {
        what: "add",
        address,
        source,
    })
}

/// Takes an address out of the kernel. One that is gone already is fine.
pub(super) async fn remove_address(
    netlink: &Netlink,
    link: u32,
    address: IpAddr,
    prefix_len: u8,
) -> Result<(), NetError> {
    let message = match address {
        IpAddr::V4(address) => AddressMessageBuilder::<Ipv4Addr>::new()
            .index(link)
            .address(address, prefix_len)
            .build(),
        IpAddr::V6(address) => AddressMessageBuilder::<Ipv6Addr>::new()
            .index(link)
            .address(address, prefix_len)
            .build(),
    };
    let gone = [nix::libc::EADDRNOTAVAIL, nix::libc::ENODEV];
    match netlink.handle.address().del(message).execute().await {
        Err(rtnetlink::Error::NetlinkError(error)) if gone.contains(&-error.raw_code()) => Ok(()),
        other => other.map_err(|source| NetError::Address {
            what: "remove",
            address,
            source,
        }),
    }
}

/// Adds a route. `on_link` says that its router is on the cable although it is
/// in none of the link's networks.
///
/// A route that is there already in another way is not replaced: with two
/// default routes of one link the kernel would have the later one, then the
/// other one again, for ever.
pub(super) async fn add_route(
    netlink: &Netlink,
    wanted: KernelRoute,
    on_link: bool,
) -> Result<(), NetError> {
    let message = route_message(wanted, on_link);
    let added = netlink.handle.route().add(message).execute().await;
    added.map_err(|source| NetError::Route {
        what: "add",
        destination: wanted.route.to_string(),
        source,
    })
}

/// Takes a route out of the kernel. One that is gone already is fine.
pub(super) async fn remove_route(netlink: &Netlink, route: KernelRoute) -> Result<(), NetError> {
    let message = route_message(route, false);
    let gone = [nix::libc::ESRCH, nix::libc::ENODEV];
    match netlink.handle.route().del(message).execute().await {
        Err(rtnetlink::Error::NetlinkError(error)) if gone.contains(&-error.raw_code()) => Ok(()),
        other => other.map_err(|source| NetError::Route {
            what: "remove",
            destination: route.route.to_string(),
            source,
        }),
    }
}

fn route_message(wanted: KernelRoute, on_link: bool) -> RouteMessage {
    let KernelRoute {
        link,
        route:
            Route {
                destination,
                prefix_len,
                gateway,
            },
        metric,
    } = wanted;
    let message = match destination {
        IpAddr::V4(destination) => {
            let builder = RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(destination, prefix_len)
                .output_interface(link)
                .priority(metric)
                .protocol(RouteProtocol::Static);
            match gateway {
                None => builder.scope(RouteScope::Link),
                Some(IpAddr::V4(gateway)) => builder.gateway(gateway),
                Some(IpAddr::V6(gateway)) => builder.via(gateway),
            }
            .build()
        }
        IpAddr::V6(destination) => {
            let builder = RouteMessageBuilder::<Ipv6Addr>::new()
                .destination_prefix(destination, prefix_len)
                .output_interface(link)
                .priority(metric)
                .protocol(RouteProtocol::Static);
            match gateway {
                Some(IpAddr::V6(gateway)) => builder.gateway(gateway),
                // An IPv6 destination has no IPv4 router.
                Some(IpAddr::V4(_)) | None => builder,
            }
            .build()
        }
    };
    let mut message = message;
    message.header.flags.set(RouteFlags::Onlink, on_link);
    message
}
