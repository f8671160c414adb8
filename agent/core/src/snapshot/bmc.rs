// SPDX-License-Identifier: Apache-2.0
//! What the management controller answered, over `/dev/ipmi0`.

use serde::{Deserialize, Serialize};

use super::Bytes;

/// LAN configuration parameters of one channel of the management controller
/// (IPMI 2.0 section 23.2, table 23-4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcChannel {
    /// Channel number, 1 to 11.
    pub channel: u8,
    /// The parameters that were answered.
    pub parameters: Vec<LanParameter>,
}

/// One answer to Get LAN Configuration Parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanParameter {
    /// Number of the parameter.
    pub parameter: u8,
    /// Set selector, for parameters that are lists.
    pub set: u8,
    /// The parameter's data, without completion code and revision.
    pub data: Bytes,
}

/// What the management controller says about its network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcLan {
    /// The channels that answered, by number.
    pub channels: Vec<BmcChannel>,
}
