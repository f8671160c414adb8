// SPDX-License-Identifier: Apache-2.0
//! What was heard of the neighbours of a port.

use serde::{Deserialize, Serialize};

use super::Bytes;

/// A port that was listened on for LLDP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LldpPort {
    /// For how long it has been listened on since its carrier came, in
    /// milliseconds; nothing if it has no carrier.
    pub listened_ms: Option<u64>,
    /// The newest frame of each neighbour; the neighbour that was heard first
    /// comes first.
    pub frames: Vec<LldpFrame>,
    /// What kept it from hearing, in the kernel's words.
    pub problem: Option<String>,
}

/// One Ethernet frame with LLDP in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LldpFrame {
    /// When it arrived: time since the kernel started, in milliseconds.
    pub heard_ms: u64,
    /// The frame from the destination address on, without checksum.
    pub frame: Bytes,
}
