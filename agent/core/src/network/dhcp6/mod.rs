// SPDX-License-Identifier: Apache-2.0
//! A DHCPv6 client without sockets and timers (RFC 8415).
//!
//! Ours, as the one for DHCPv4 is, because `mozim` 0.3.4 does not fit. It
//! sleeps up to a second before its first SOLICIT and takes the first
//! ADVERTISE whatever its preference; it knows neither CONFIRM (a machine that
//! was plugged into another network keeps its old address), nor DECLINE (an
//! address somebody else has is renewed for ever), nor INFORMATION-REQUEST
//! (flag O of router advertisements), nor rapid commit; and a server that
//! advertises and then keeps silent is never given up. `dhcproto` 0.15.0
//! (messages only) brings a DNS library along. What this client needs is an
//! address, times and three lists:
//!
//! ```text
//! bytes ── message::decode ──────────────────► Client::receive ─► actions
//! carrier, link-local address ───────────────► Client::link ────►  (send,
//! time ──────────────────────────────────────► Client::timer ───►   bound,
//! somebody else has the address ─────────────► Client::decline ─►   lost, …)
//! ```
//!
//! - [`client`] is the state machine, [`retry`] its patience;
//! - [`message`] and [`options`] are the wire format, [`lease`] its meaning.
//!
//! Everything is sent to `ff02::1:2`, so a server's permission to be spoken to
//! directly (option 12, and the status UseMulticast it can lead to) changes
//! nothing. RELEASE is not sent: the machine is about to boot an operating
//! system that asks for the same address.

pub mod client;
pub mod lease;
pub mod message;
pub mod options;
pub mod retry;

#[cfg(test)]
mod client_tests;

pub use client::{Action, Client, Dhcp6State, Mode};
