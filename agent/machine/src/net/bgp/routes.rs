// SPDX-License-Identifier: Apache-2.0
//! BGP's routes in the kernel: one per network, with all its next hops, and our
//! own address as the source of what this machine sends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ironseed_core::network::bgp::{NextHop, Prefix};
use netlink_packet_route::route::{RouteMessage, RouteProtocol};
use nix::libc;
use rtnetlink::{RouteMessageBuilder, RouteNextHopBuilder};

use crate::net::NetError;
use crate::net::netlink::Netlink;

/// Metric of the routes, that of FRR. It is smaller than those of DHCP
/// (100 and above) and of the kernel's own default route from an advertisement
/// (1024): who asks for BGP wants its routes.
const METRIC: u32 = 20;

/// Our addresses, which are the source of what this machine sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sources {
    pub(super) ipv4: Option<Ipv4Addr>,
    pub(super) ipv6: Option<Ipv6Addr>,
}

/// Puts a route in, or replaces all its next hops by these in one step.
///
/// # Errors
///
/// The kernel refuses.
pub(super) async fn replace(
    netlink: &Netlink,
    prefix: Prefix,
    hops: &[NextHop],
    sources: Sources,
) -> Result<(), NetError> {
    let message = message(prefix, hops, sources);
    let request = netlink.handle.route().add(message).replace();
    let answer = request.execute().await;
    answer.map_err(|source| NetError::Route {
        what: "add",
        destination: prefix.to_string(),
        source,
    })
}

/// Takes a route out, with all its next hops. One that is gone already, with
/// its last port, is fine.
///
/// # Errors
///
/// The kernel refuses.
pub(super) async fn remove(netlink: &Netlink, prefix: Prefix) -> Result<(), NetError> {
    let message = message(prefix, &[], Sources::default());
    match netlink.handle.route().del(message).execute().await {
        Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == -libc::ESRCH => Ok(()),
        answer => answer.map_err(|source| NetError::Route {
            what: "remove",
            destination: prefix.to_string(),
            source,
        }),
    }
}

fn message(prefix: Prefix, hops: &[NextHop], sources: Sources) -> RouteMessage {
    match prefix.address() {
        IpAddr::V4(address) => {
            let mut builder = RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(address, prefix.len())
                .priority(METRIC)
                .protocol(RouteProtocol::Bgp);
            if let Some(source) = sources.ipv4 {
                builder = builder.pref_source(source);
            }
            match hops {
                [] => builder.build(),
                [hop] => builder.output_interface(hop.port).via(hop.address).build(),
                hops => {
                    let hops = hops.iter().filter_map(|hop| {
                        let next = RouteNextHopBuilder::new_ipv4().interface(hop.port);
                        // An IPv6 next hop is one of the two kinds it takes.
                        Some(next.via(hop.address.into()).ok()?.build())
                    });
                    builder.multipath(hops.collect()).build()
                }
            }
        }
        IpAddr::V6(address) => {
            let mut builder = RouteMessageBuilder::<Ipv6Addr>::new()
                .destination_prefix(address, prefix.len())
                .priority(METRIC)
                .protocol(RouteProtocol::Bgp);
            if let Some(source) = sources.ipv6 {
                builder = builder.pref_source(source);
            }
            match hops {
                [] => builder.build(),
                [hop] => builder
                    .output_interface(hop.port)
                    .gateway(hop.address)
                    .build(),
                hops => {
                    let hops = hops.iter().filter_map(|hop| {
                        let next = RouteNextHopBuilder::new_ipv6().interface(hop.port);
                        Some(next.via(hop.address.into()).ok()?.build())
                    });
                    builder.multipath(hops.collect()).build()
                }
            }
        }
    }
}
