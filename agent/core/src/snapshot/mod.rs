// SPDX-License-Identifier: Apache-2.0
//! What discovery read from the machine, as one value.
//!
//! A snapshot holds bytes and numbers as the kernel gave them, never a
//! conclusion: conclusions are drawn by [`crate::inventory`]. It can be stored
//! and read back, so that every machine met in the field can become a test.
//! Nothing here reads a machine; `ironseed-machine` fills it.

mod bytes;
mod content;
mod hardware_address;
mod tree;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use bytes::Bytes;
pub use content::DeviceContent;
pub use tree::{Entry, Tree};

/// Everything discovery read, at one point in time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Files, links and directories below `/proc` and `/sys`, by path.
    pub files: Tree,
    /// Network links, in the kernel's order.
    pub links: Vec<NetworkLink>,
    /// What else could not be read: the subject and the kernel's words.
    pub problems: BTreeMap<String, String>,
    /// Identify Controller data, by controller name (`nvme0`). 4096 bytes each.
    pub nvme_controllers: BTreeMap<String, Bytes>,
    /// Parts of the content of block devices, by kernel name (`sda`, `sda1`).
    pub contents: BTreeMap<String, DeviceContent>,
    /// What `uname` says.
    pub uname: Uname,
    /// What the management controller says, where one answers on `/dev/ipmi0`.
    pub bmc: Option<BmcLan>,
    /// Time since the kernel started, in milliseconds.
    pub since_boot_ms: u64,
}

/// What the kernel calls itself and the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uname {
    /// Host name.
    pub node_name: String,
    /// Kernel release, `6.12.48+deb13-amd64`.
    pub release: String,
    /// Kernel version text.
    pub version: String,
    /// Architecture, `x86_64` or `aarch64`.
    pub machine: String,
}

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
