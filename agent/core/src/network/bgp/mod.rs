// SPDX-License-Identifier: Apache-2.0
//! The machine as a router with one address: BGP without numbered links, as
//! OSISM's racks use it.
//!
//! Every port leads to a leaf switch. Machine and switch hear each other's
//! router advertisements, open one eBGP session per port between their IPv6
//! link-local addresses, and the machine announces its loopback addresses. A
//! default route from each switch makes one route with several next hops, for
//! IPv4 as well, whose next hops are IPv6 addresses (RFC 8950).
//!
//! ```text
//! settings ── plan::routing ──► RoutingPlan ──► one Session per port ──► Rib ──► routes
//!                        bytes, carriers, time ──┘        └──► bytes, connections
//! ```
//!
//! - [`plan`] is what shall be, [`on_board`] the port of the other kind of
//!   OSISM network;
//! - [`advertisement`] finds the neighbour, [`session`] is the state machine of
//!   RFC 4271 for one port, [`rib`] makes routes of what all of them heard;
//! - [`message`] is the wire format and the only file that knows the library
//!   for it, [`notification`] the refusals both sides give;
//! - [`status`] says what is there and what is missing.
//!
//! What OSISM's image does is a fact of its element `osism-ipa`
//! (github.com/osism/openstack-ironic-images); where this differs, the reason
//! stands beside it.

pub mod advertisement;
pub mod hosts;
pub mod message;
pub mod notification;
pub mod on_board;
pub mod plan;
pub mod prefix;
pub mod problem;
pub mod rib;
pub mod session;
pub mod status;

#[cfg(test)]
mod message_tests;
#[cfg(test)]
mod session_tests;

pub use plan::{Metalbox, OobPlan, Routing, RoutingError, RoutingPlan, routing};
pub use prefix::Prefix;
pub use problem::Problem;
pub use rib::{NextHop, Rib};
pub use session::{Action, Direction, Session, Speaker};
pub use status::{MetalboxState, PortSession, RoutingStatus, SessionState};
