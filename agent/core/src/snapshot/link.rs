// SPDX-License-Identifier: Apache-2.0
//! A network link as netlink and ethtool describe it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::hardware_address;

/// One network link, from `RTM_GETLINK`, `RTM_GETADDR` and ethtool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkLink {
    /// Index of the link.
    pub index: u32,
    /// Name of the link, `eno1`.
    pub name: String,
    /// Hardware type (`ARPHRD_*`): 1 Ethernet, 32 InfiniBand.
    pub hardware_type: u16,
    /// Interface flags (`IFF_*`).
    pub flags: u32,
    /// Current link-layer address.
    #[serde(with = "hardware_address")]
    pub address: Vec<u8>,
    /// Permanent link-layer address (`ETHTOOL_GPERMADDR`), where there is one.
    #[serde(with = "hardware_address")]
    pub permanent_address: Vec<u8>,
    /// Addresses with prefix lengths, in the kernel's order.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Speed of the link now, in Mbit/s.
    pub speed_mbps: Option<u32>,
    /// The highest speed among the supported link modes, in Mbit/s.
    pub max_speed_mbps: Option<u32>,
}

impl NetworkLink {
    /// `IFF_LOWER_UP`: the driver sees a carrier.
    pub const LOWER_UP: u32 = 1 << 16;
}
