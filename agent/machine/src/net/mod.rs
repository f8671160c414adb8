// SPDX-License-Identifier: Apache-2.0
//! The machine's network: links, addresses, routes, resolver, DHCP sockets.
//!
//! [`Network::start`] brings every port up and keeps it on the network for the
//! rest of the boot. What shall be and what counts is decided in
//! [`ironseed_core::network`]; here are the kernel's interfaces, one file each:
//!
//! | file | interface |
//! | --- | --- |
//! | `netlink` | links, addresses, routes, and news of them (rtnetlink(7)) |
//! | `links` | the kernel's description of a link, read |
//! | `internal` | which cards lead to the BMC (sysfs) |
//! | `routes` | the kernel's description of a route, read |
//! | `make`, `bond_options` | links made, changed, removed, put into bonds |
//! | `static_addresses` | planned addresses and routes put into the kernel and taken out |
//! | `slow_protocols` | a packet socket that hears LACP (packet(7)) |
//! | `lease`, `lease6` | a lease put into the kernel and taken out |
//! | `ipv6` | the kernel's IPv6 settings of a port |
//! | `packet` | a packet socket for DHCP and ARP (packet(7)) |
//! | `icmp6` | a raw socket for router advertisements (ipv6(7)) |
//! | `port`, `port6` | the DHCP clients of one port, running |
//! | `watch` | the watch over one IPv4 address, running |
//! | `routers` | the listener for router advertisements, running |
//! | `driver` | all of them together, on the network's thread |
//! | `network` | the network as the rest of the agent sees it |
//! | `bgp` | BGP with the switch at the other end of every port |
//! | `seats` | where the ports sit |
//! | `view` | everything the kernel has, read once |
//!
//! The network has a thread of its own: bringing a card up can keep the kernel
//! busy for a second (firmware is loaded), and nobody else shall wait for it.

pub mod bgp;
mod bond_options;
mod driver;
mod error;
mod icmp6;
mod internal;
mod ipv6;
mod lease;
mod lease6;
mod links;
mod make;
mod netlink;
mod network;
mod packet;
mod port;
mod port6;
mod routers;
mod routes;
mod seats;
mod slow_protocols;
mod static_addresses;
mod view;
mod watch;

pub use bond_options::BondOptionError;
pub use error::NetError;
pub use internal::PortFilter;
pub(crate) use links::KernelAddress;
pub(crate) use netlink::{Change, Changes, Netlink};
pub use netlink::{bring_down_all, route_source};
pub use network::{Boundaries, Network, NetworkHandle, NetworkSettings};
pub(crate) use packet::{join_group, link_address, watch};
pub use seats::seats;
pub use view::view;
