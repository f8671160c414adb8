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
//! The port's hardware address is the client's identity: no client identifier
//! (option 61) is sent, since whoever reserves addresses for Ironic knows the
//! node's ports by MAC address, and a server that was told an identifier looks
//! for that first (RFC 2131 §4.2). The vendor class (option 60) is `ironseed`,
//! so that a server can tell these requests from those of the firmware. That
//! the machine does without IPv4 (option 108, RFC 8925) is not offered: nobody
//! knows whether Ironic can be reached over IPv6. INFORM is not needed.
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
