// SPDX-License-Identifier: Apache-2.0
//! A lease in the kernel: MTU, address, routes.
//!
//! The address carries the lease's lifetime, so the kernel drops it even if
//! this program is gone by then. Every route names the address as its source,
//! so the kernel drops the routes with the address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ironseed_core::network::dhcp4::lease::Route;
use ironseed_core::network::{Lease, Link};
use netlink_packet_route::address::{AddressAttribute, CacheInfo};
use netlink_packet_route::route::{RouteMessage, RouteProtocol, RouteScope};
use rtnetlink::{AddressMessageBuilder, RouteMessageBuilder};

use crate::net::NetError;
use crate::net::links::KernelAddress;
use crate::net::netlink::Netlink;

/// Puts the lease into the kernel, or refreshes it there. Routes of `before`
/// (this port's lease until now) that are not in the lease any more are
/// removed, and so are other leased addresses of the port: one lease, one
/// address.
///
/// Goes on after a failure that leaves the address usable.
///
/// # Errors
///
/// The address cannot be added. Lesser failures are the result.
pub(super) async fn install(
    netlink: &Netlink,
    link: &Link,
    lease: &Lease,
    metric: u32,
    before: Option<&Lease>,
    on_link: &[KernelAddress],
) -> Result<Vec<NetError>, NetError> {
    let mut troubles = Vec::new();
    if let Some(mtu) = lease.mtu.map(u32::from).filter(|mtu| *mtu != link.mtu) {
        troubles.extend(netlink.set_mtu(link, mtu).await.err());
    }
    add_address(netlink, link.index, lease, metric).await?;
    for other in on_link.iter().filter(|other| is_stale(other, lease)) {
        troubles.extend(remove_address(netlink, other).await.err());
    }
    let gone = before.map_or(&[][..], |before| &before.routes);
    for route in gone.iter().filter(|route| !lease.routes.contains(route)) {
        // The kernel may have dropped it with its address.
        let message = route_message(link.index, lease, route, metric);
        let _ = netlink.handle.route().del(message).execute().await;
    }
    troubles.extend(add_routes(netlink, link.index, lease, metric).await);
    Ok(troubles)
}

/// Takes one address, and with it its routes, out of the kernel. One that is
/// gone already is fine.
pub(super) async fn remove_address(
    netlink: &Netlink,
    address: &KernelAddress,
) -> Result<(), NetError> {
    let message = match address.address {
        IpAddr::V4(ip) => AddressMessageBuilder::<Ipv4Addr>::new()
            .index(address.link)
            .address(ip, address.prefix_len)
            .build(),
        IpAddr::V6(ip) => AddressMessageBuilder::<Ipv6Addr>::new()
            .index(address.link)
            .address(ip, address.prefix_len)
            .build(),
    };
    let removed = netlink.handle.address().del(message).execute().await;
    match removed {
        Err(rtnetlink::Error::NetlinkError(error))
            if error.raw_code() == -nix::libc::EADDRNOTAVAIL =>
        {
            Ok(())
        }
        other => other.map_err(|source| NetError::Address {
            what: "remove",
            address: address.address,
            source,
        }),
    }
}

/// Whether the address came from another lease: it has a lifetime and is not
/// the lease's.
fn is_stale(other: &KernelAddress, lease: &Lease) -> bool {
    other.address.is_ipv4()
        && !other.permanent
        && (other.address, other.prefix_len) != (IpAddr::V4(lease.address), lease.prefix_len)
}

async fn add_address(
    netlink: &Netlink,
    index: u32,
    lease: &Lease,
    metric: u32,
) -> Result<(), NetError> {
    let address = IpAddr::V4(lease.address);
    let mut request = netlink
        .handle
        .address()
        .add(index, address, lease.prefix_len)
        .replace();
    let seconds = lease.lifetime.map_or(u32::MAX, |lifetime| {
        u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX)
    });
    let mut lifetime = CacheInfo::default();
    lifetime.ifa_preferred = seconds;
    lifetime.ifa_valid = seconds;
    let attributes = &mut request.message_mut().attributes;
    attributes.push(AddressAttribute::CacheInfo(lifetime));
    // The route to the port's own network gets the port's metric too: two
    // ports on one network must not compete with equal strength.
    attributes.push(AddressAttribute::RoutePriority(metric));
    request.execute().await.map_err(|source| NetError::Address {
        what: "add",
        address,
        source,
    })
}

async fn add_routes(netlink: &Netlink, index: u32, lease: &Lease, metric: u32) -> Vec<NetError> {
    let mut routes: Vec<&Route> = lease.routes.iter().collect();
    // Networks on the cable first: they may lead to the other gateways.
    routes.sort_by_key(|route| (route.gateway.is_some(), u8::MAX - route.prefix_len));
    let mut troubles = Vec::new();
    for route in routes {
        let message = route_message(index, lease, route, metric);
        let added = netlink
            .handle
            .route()
            .add(message)
            .replace()
            .execute()
            .await;
        troubles.extend(added.err().map(|source| NetError::Route {
            what: "add",
            destination: describe(route),
            source,
        }));
    }
    troubles
}

fn describe(route: &Route) -> String {
    let destination = format!("{}/{}", route.destination, route.prefix_len);
    match route.gateway {
        Some(gateway) => format!("{destination} through {gateway}"),
        None => destination,
    }
}

fn route_message(index: u32, lease: &Lease, route: &Route, metric: u32) -> RouteMessage {
    let builder = RouteMessageBuilder::<Ipv4Addr>::new()
        .destination_prefix(route.destination, route.prefix_len)
        .output_interface(index)
        .priority(metric)
        .pref_source(lease.address)
        .protocol(RouteProtocol::Dhcp);
    match route.gateway {
        None => builder.scope(RouteScope::Link).build(),
        Some(gateway) if lease.on_link(gateway) => builder.gateway(gateway).build(),
        // A gateway outside the network is on the cable nevertheless.
        Some(gateway) => builder.gateway(gateway).onlink().build(),
    }
}
