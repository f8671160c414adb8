// SPDX-License-Identifier: Apache-2.0
//! BGP on every port, running: what [`ironseed_core::network::bgp`] decides,
//! carried out.
//!
//! | file | interface |
//! | --- | --- |
//! | `neighbours` | router advertisements on one port (ICMPv6, RFC 4861) |
//! | `tcp` | TCP between link-local addresses, with passwords |
//! | `port` | the session of one port between these two and a timer |
//! | `loopback` | the link that carries the machine's own addresses |
//! | `routes` | routes with several next hops (rtnetlink(7)) |
//! | `metalbox` | whether the rack's infrastructure server answers |
//! | `speakers` | all of them together |
//!
//! It watches links through a netlink socket of its own and brings none up:
//! that is the network driver's part.

mod loopback;
mod metalbox;
mod neighbours;
mod port;
mod routes;
mod speakers;
mod tcp;

pub use speakers::{BgpHandle, BgpSpeakers};
