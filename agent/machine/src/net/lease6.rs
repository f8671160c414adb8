// SPDX-License-Identifier: Apache-2.0
//! A DHCPv6 lease in the kernel: one address with its lifetimes. The network it
//! belongs to and the way out are told by routers (RFC 8415 §21.6).

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use ironseed_core::network::{AddressState, Lease6};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, CacheInfo};
use netlink_packet_route::route::{RouteAttribute, RouteMessage, RouteProtocol};
use rtnetlink::RouteMessageBuilder;

use crate::net::NetError;
use crate::net::links::KernelAddress;
use crate::net::netlink::Netlink;

/// The prefix length of a leased address: what else is on the network is not
/// the server's to say.
const HOST: u8 = 128;

/// The address of a lease as the kernel will list it.
pub(super) fn kernel_address(index: u32, lease: &Lease6) -> KernelAddress {
    KernelAddress {
        link: index,
        address: lease.address.into(),
        prefix_len: HOST,
        permanent: lease.valid.is_none(),
        state: AddressState::Usable,
    }
}

/// Puts the address of a lease into the kernel, or refreshes its lifetimes. It
/// is used while the kernel still asks whether somebody else has it (RFC 4429).
pub(super) async fn install(netlink: &Netlink, index: u32, lease: &Lease6) -> Result<(), NetError> {
    let address = IpAddr::V6(lease.address);
    let mut request = netlink.handle.address().add(index, address, HOST).replace();
    let seconds = |lifetime: Option<Duration>| {
        lifetime.map_or(u32::MAX, |lifetime| {
            u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX)
        })
    };
    let mut lifetime = CacheInfo::default();
    lifetime.ifa_preferred = seconds(lease.preferred);
    lifetime.ifa_valid = seconds(lease.valid);
    let attributes = &mut request.message_mut().attributes;
    attributes.push(AddressAttribute::CacheInfo(lifetime));
    attributes.push(AddressAttribute::Flags(AddressFlags::Optimistic));
    request.execute().await.map_err(|source| NetError::Address {
        what: "add",
        address,
        source,
    })
}

/// Takes the routes that the kernel learned from the routers of a port out of
/// it: they outlive the setting that accepts them.
pub(super) async fn remove_learned_routes(netlink: &Netlink, index: u32) -> Result<(), NetError> {
    let listing = netlink
        .handle
        .route()
        .get(RouteMessageBuilder::<Ipv6Addr>::new().build())
        .execute();
    let routes: Vec<RouteMessage> =
        listing
            .try_collect()
            .await
            .map_err(|source| NetError::List {
                what: "routes",
                source,
            })?;
    for route in routes {
        let through_port = route.attributes.contains(&RouteAttribute::Oif(index));
        if route.header.protocol == RouteProtocol::Ra && through_port {
            // One that has ended meanwhile is gone as well.
            let _ = netlink.handle.route().del(route).execute().await;
        }
    }
    Ok(())
}
