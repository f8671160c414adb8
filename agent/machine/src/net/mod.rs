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
//! | `lease`, `lease6` | a lease put into the kernel and taken out |
//! | `ipv6` | the kernel's IPv6 settings of a port |
//! | `packet` | a packet socket for DHCP and ARP (packet(7)) |
//! | `icmp6` | a raw socket for router advertisements (ipv6(7)) |
//! | `port`, `port6` | the DHCP clients of one port, running |
//! | `watch` | the watch over one IPv4 address, running |
//! | `routers` | the listener for router advertisements, running |
//! | `driver` | all of them together, on the network's thread |
//! | `network` | the network as the rest of the agent sees it |
//!
//! The network has a thread of its own: bringing a card up can keep the kernel
//! busy for a second (firmware is loaded), and nobody else shall wait for it.

mod driver;
mod error;
mod icmp6;
mod ipv6;
mod lease;
mod lease6;
mod links;
mod netlink;
mod network;
mod packet;
mod port;
mod port6;
mod routers;
mod watch;

pub use error::NetError;
pub(crate) use netlink::{Change, Changes, Netlink};
pub use netlink::{bring_down_all, route_source};
pub use network::{Boundaries, Network, NetworkHandle, NetworkSettings};
pub(crate) use packet::{link_address, watch};
