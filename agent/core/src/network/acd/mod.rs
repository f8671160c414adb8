// SPDX-License-Identifier: Apache-2.0
//! Whether somebody else has the IPv4 address that a server gave (RFC 5227).
//!
//! The standard probes three times in up to nine seconds before an address is
//! used. That is more than everything else between power on and the first
//! word to Ironic, and DHCP servers ping an address before they offer it. So
//! the first probe goes out with the REQUEST, the address is used as soon as
//! the server grants it, and two more probes follow within half a second. Only
//! then is the address announced, so that a rightful owner keeps its place in
//! the neighbours' tables. An address that turns out to be somebody else's is
//! given up and declined. The kernel does the same for IPv6 (RFC 4862 §5.4,
//! RFC 4429).
//!
//! - [`arp`] is the wire format, [`detector`] the state machine for the
//!   address, [`gateway`] the one that asks whether the router is there.

pub mod arp;
pub mod detector;
pub mod gateway;

pub use arp::Arp;
pub use detector::{Conflict, Detector};
pub use gateway::GatewayCheck;
