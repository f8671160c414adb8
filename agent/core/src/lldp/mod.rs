// SPDX-License-Identifier: Apache-2.0
//! The Link Layer Discovery Protocol (IEEE 802.1AB-2016): which switch, and
//! which of its ports, is at the other end of each cable.
//!
//! ```text
//! frames ── Table (newest of each neighbour, per port) ──► snapshot ── decode ──► Neighbour
//!                │                                                       raw  ──► lldp_raw
//!                └─ awaited: what the report still waits for              Cabling
//! links, addresses ── Speaker (when to speak) ── Announcement ──► frames
//! ```
//!
//! A neighbour is a stranger: whatever it sends, what is good in it is kept,
//! what is broken is said. `ironseed_machine::lldp` listens and sends.

mod announcement;
mod awaited;
mod basic;
mod cabling;
mod dot1;
mod dot3;
mod firmware_agent;
mod frame;
mod identifier;
mod neighbour;
mod speaker;
mod system;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod tlv;
mod transmission;

use std::collections::BTreeMap;

pub use announcement::{Announcement, LocalAddress};
pub use awaited::{Awaited, Patience, awaited};
pub use basic::ManagementAddress;
pub use cabling::{Cable, CableEnd, Cabling};
pub use dot1::{LinkAggregation, ProtocolVlan, Vlan};
pub use dot3::{PhysicalLayer, Power};
pub use firmware_agent::{FirmwareAgent, firmware_agent};
pub use frame::{ETHERTYPE, GROUPS};
pub use identifier::Identifier;
pub use neighbour::Neighbour;
pub use speaker::{Outgoing, Speaker};
pub use system::{System, SystemFacts};
pub use table::Table;
pub use tlv::RawTlv;

use crate::snapshot::LldpPort;

/// Subtype of a port identifier that is an agent circuit ID (RFC 3046), as the
/// raw form has it.
const AGENT_CIRCUIT_ID: &str = "06";

/// What the neighbour says in a frame; `None` if it is no LLDP frame.
#[must_use]
pub fn decode(frame: &[u8]) -> Option<Neighbour> {
    frame::parse(frame).map(|frame| neighbour::read(&frame).0)
}

/// The TLVs of the first neighbour of each port as Ironic's hooks read them
/// (contract §6.6): type and value in hexadecimal digits; empty for a port that
/// heard nothing.
///
/// A TLV that is cut short, comes twice or is not what its type says is left
/// out: Ironic's hook `local-link-connection` does not expect such a value and
/// would fail the whole inspection for it. The hook `parse-lldp` likewise does
/// not expect an agent circuit ID as the port's identifier. The section
/// `neighbours` has them all.
#[must_use]
pub fn raw(ports: &BTreeMap<String, LldpPort>, name: &str) -> Vec<RawTlv> {
    let first = ports.get(name).and_then(|port| port.frames.first());
    first
        .and_then(|heard| frame::parse(&heard.frame.0))
        .map(|frame| neighbour::read(&frame).1)
        .unwrap_or_default()
        .into_iter()
        .filter(|tlv| !(tlv.0 == 2 && tlv.1.starts_with(AGENT_CIRCUIT_ID)))
        .collect()
}
