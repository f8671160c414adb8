// SPDX-License-Identifier: Apache-2.0
//! How the machine shall be on the network, and what it still lacks.
//!
//! ```text
//! settings + description + links
//!     ── plan ──► NetworkPlan ── machine::net ──► NetworkStatus
//!                                  DHCP answers ──┘                 │
//!                     which lease is primary, resolver text, ◄──────┘
//!                     what is waited for, which address Ironic is told
//! ```
//!
//! Every decision is here: what was written down about the network
//! ([`description`]), which links take part ([`plan()`]), the DHCP clients as
//! state machines ([`dhcp4`], [`dhcp6`]), what routers say ([`ra`]), whether an
//! address is somebody else's ([`acd`]), which answer counts ([`primary`]),
//! what a waiting agent says ([`status`]), which address it advertises
//! ([`advertise`]). Sockets, netlink and timers are `ironseed_machine::net`.
//! Times are durations since the machine started (`CLOCK_BOOTTIME`); random
//! numbers are passed in.

pub mod acd;
pub mod advertise;
pub mod bgp;
pub mod description;
pub mod dhcp4;
pub mod dhcp6;
pub mod differences;
pub mod gateway;
pub mod internal;
pub mod lacp;
pub mod link;
pub mod link_changes;
pub mod names;
pub mod plan;
pub mod primary;
pub mod ra;
pub mod ready;
pub mod report;
pub mod resolver;
pub mod route;
pub mod status;
pub mod trouble;
mod waits;

pub use bootconfig::MacAddr;
pub use description::Description;
pub use dhcp4::lease::Lease;
pub use dhcp6::Dhcp6State;
pub use dhcp6::lease::{Information, Lease6};
pub use differences::{
    AddressState, Difference, KernelRoute, LinkAddress, Observed, Refusals, Subject,
};
pub use internal::InternalRule;
pub use lacp::{BondPort, BondState, LacpState};
pub use link::{Link, LinkDetails, LinkKind};
pub use link_changes::{LinkChange, NewDevice, link_changes};
pub use names::ServerName;
pub use plan::{
    Addressing, Bond, BondMode, HeardVlans, LinkPlan, Missing, NetworkInputs, NetworkMode,
    NetworkPlan, PlannedDevice, VlanInterface, plan,
};
pub use ready::WaitFor;
pub use route::Route;
pub use status::{
    Answered, DhcpState, NetworkStatus, PlannedAddresses, PortLease, PortLease6, PortStatus,
};
pub use trouble::AddressTrouble;
