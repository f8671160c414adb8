// SPDX-License-Identifier: Apache-2.0
//! A DHCPv4 client without sockets and timers (RFC 2131, RFC 2132).
//!
//! Ours, because the two libraries there are do not fit. `mozim` 0.3.4 waits
//! 0 to 200 ms before the first DISCOVER and 3 to 5 s before the second, both
//! fixed; while it waits for the ACK it drops a NAK and never goes back to
//! DISCOVER, so one bad server keeps a machine off the network. `dhcproto`
//! 0.15.0 (messages only) panics on an answer with a hardware address length
//! above 16, hides every option behind the first malformed one, does not know
//! option overload, and brings a DNS library along. A client that serves one
//! port and needs a dozen options is small:
//!
//! ```text
//! bytes ── datagram::parse ── message::decode ──► Client::receive ─► actions
//! carrier ────────────────────────────────────► Client::carrier ─►  (send,
//! time ───────────────────────────────────────► Client::timer ───►   bound, lost)
//! ```
//!
//! - [`client`] is the state machine, [`retry`] its patience;
//! - [`message`] and [`options`] are the wire format, [`lease`] its meaning;
//! - [`datagram`] wraps a message into IPv4 and UDP for a packet socket.

pub mod client;
pub mod datagram;
pub mod lease;
pub mod message;
pub mod options;
pub mod retry;

#[cfg(test)]
mod client_tests;

pub use client::{Action, Client, Moment, Outgoing};
