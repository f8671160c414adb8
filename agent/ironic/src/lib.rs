// SPDX-License-Identifier: Apache-2.0
//! Ironic's wire, as the contract (`agent-protocol.md`) writes it down.
//!
//! Two directions: [`client`] asks Ironic (version, inspection, lookup,
//! heartbeat), [`request`] and [`result`] are what Ironic asks the agent and
//! what it gets. The crate knows nothing of disks, networks or the life cycle,
//! and keeps no state but the order of URLs and the API version.

pub mod client;
pub mod error;
pub mod heartbeat;
pub mod lookup;
pub mod probe;
pub mod request;
pub mod resolver;
pub mod result;
mod retry_after;
pub mod root;
pub mod secret;
mod urls;
pub mod version;
