// SPDX-License-Identifier: Apache-2.0
//! A network link as netlink and ethtool describe it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::hardware_address;
use super::module_eeprom::ModuleEeprom;

/// One network link, from `RTM_GETLINK`, `RTM_GETADDR` and ethtool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkLink {
    /// Index of the link.
    pub index: u32,
    /// Name of the link, `eno1`.
    pub name: String,
    /// Further names of the link (`IFLA_ALT_IFNAME`), `enp59s0f0np0`.
    pub alternative_names: Vec<String>,
    /// Hardware type (`ARPHRD_*`): 1 Ethernet, 32 InfiniBand.
    pub hardware_type: u16,
    /// Interface flags (`IFF_*`).
    pub flags: u32,
    /// Current link-layer address.
    #[serde(with = "hardware_address")]
    pub address: Vec<u8>,
    /// Permanent link-layer address (`IFLA_PERM_ADDRESS`), where there is one.
    #[serde(with = "hardware_address")]
    pub permanent_address: Vec<u8>,
    /// Addresses with prefix lengths, in the kernel's order.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Speed of the link now, in Mbit/s.
    pub speed_mbps: Option<u32>,
    /// The highest speed among the supported link modes, in Mbit/s.
    pub max_speed_mbps: Option<u32>,
    /// `ETHTOOL_GDRVINFO`; links without a driver of their own have none.
    pub driver: Option<DriverInfo>,
    /// `ETHTOOL_GLINKSETTINGS`.
    pub settings: Option<LinkSettings>,
    /// `ETHTOOL_GFECPARAM`.
    pub fec: Option<FecParameters>,
    /// What was read of the EEPROM of the module in the port.
    pub module: Option<ModuleEeprom>,
}

impl NetworkLink {
    /// `IFF_LOWER_UP`: the driver sees a carrier.
    pub const LOWER_UP: u32 = 1 << 16;
}

/// `struct ethtool_drvinfo`, its texts up to their NUL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriverInfo {
    /// Name of the driver, `ice`.
    pub driver: String,
    /// Version of the driver; for drivers of the kernel often that of the kernel.
    pub version: String,
    /// Version of the firmware, as the driver writes it.
    pub firmware_version: String,
    /// Version of the expansion ROM.
    pub expansion_rom_version: String,
    /// Address on the bus, `0000:3b:00.0`.
    pub bus_info: String,
}

/// `struct ethtool_link_settings`: numbers and masks as the kernel gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkSettings {
    /// Speed in Mbit/s; all ones if it is not known.
    pub speed: u32,
    /// Duplex (`DUPLEX_*`): 0 half, 1 full.
    pub duplex: u8,
    /// Kind of port (`PORT_*`).
    pub port: u8,
    /// Whether the speed is negotiated (`AUTONEG_*`).
    pub autoneg: u8,
    /// Mask of the link modes the port supports.
    pub supported: Vec<u32>,
    /// Mask of the link modes the port advertises.
    pub advertised: Vec<u32>,
    /// Mask of the link modes the link partner advertises.
    pub partner: Vec<u32>,
}

/// `struct ethtool_fecparam`: masks of `ETHTOOL_FEC_*` bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FecParameters {
    /// What is active on the link now.
    pub active: u32,
    /// What is configured.
    pub configured: u32,
}
