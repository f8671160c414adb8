// SPDX-License-Identifier: Apache-2.0
//! The disk and network layout that a kind of machine shall get. The agent
//! reports it with the inspection data; what deploys the machine reads it there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The layout with everything inherited; each part is the profile's own or its
/// parent's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Layout {
    /// Which disk the operating system goes onto, as hints of Ironic's `root_device`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_device: Option<RootDevice>,
    /// The arrays to build, as Ironic's `target_raid_config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raid: Option<RaidConfig>,
    /// The links to make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkLayout>,
}

/// Hints of Ironic's property `root_device`. Texts may begin with an operator of
/// Ironic, such as `>=` or `s==`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RootDevice {
    /// Model name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Vendor name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Size in GiB, `>= 100`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// World Wide Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wwn: Option<String>,
    /// World Wide Name with the vendor's extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wwn_with_extension: Option<String>,
    /// The vendor's extension alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wwn_vendor_extension: Option<String>,
    /// Whether it rotates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotational: Option<bool>,
    /// SCSI address, `0:2:0:0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hctl: Option<String>,
    /// Device node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `/dev/disk/by-path/…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_path: Option<String>,
}

/// Ironic's `target_raid_config`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RaidConfig {
    /// The arrays.
    pub logical_disks: Vec<LogicalDisk>,
}

/// One array, with the keys of Ironic's RAID schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogicalDisk {
    /// `JBOD`, `0`, `1`, `5`, `6`, `1+0`, `5+0` or `6+0`.
    pub raid_level: String,
    /// Size in GiB, or `MAX`.
    pub size_gb: RaidSize,
    /// Whether the operating system goes onto it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_root_volume: Option<bool>,
    /// Name of the array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_name: Option<String>,
    /// The controller, as the RAID interface of the node names it; `software`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// `hdd` or `ssd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_type: Option<String>,
    /// `sata`, `scsi` or `sas`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_type: Option<String>,
    /// How many disks it is made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_of_physical_disks: Option<u64>,
    /// Which disks, as the RAID interface of the node names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub physical_disks: Vec<String>,
    /// Whether its disks may be part of other arrays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_physical_disks: Option<bool>,
}

/// Size of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RaidSize {
    /// In GiB.
    Gib(u64),
    /// `MAX`: all that is left.
    Text(MaxSize),
}

/// The word Ironic uses for all that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MaxSize {
    /// All that is left.
    #[serde(rename = "MAX")]
    Max,
}

/// The links to make, from the bottom up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkLayout {
    /// Whether the agent makes these links for itself as well, because it is on
    /// the network only by them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub agent: bool,
    /// Several ports as one link.
    pub bonds: Vec<Bond>,
    /// Tagged networks.
    pub vlans: Vec<Vlan>,
}

/// Several ports as one link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Bond {
    /// Name of the link, `bond0`.
    pub name: String,
    /// The kernel's name of the mode, `802.3ad`.
    pub mode: String,
    /// The ports.
    pub ports: Vec<PortSelector>,
    /// How often LACP speaks: `fast` or `slow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacp_rate: Option<String>,
    /// Largest packet in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

/// One port, by exactly one of `name`, `pci` and `slot`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PortSelector {
    /// Name of the interface, `eno1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// PCI address, `0000:3b:00.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pci: Option<String>,
    /// Label of the slot, as the firmware names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Which port of the card in the slot; the first is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u32>,
}

/// A tagged network on a link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Vlan {
    /// The bond or interface below.
    pub link: String,
    /// 1 to 4094.
    pub id: u16,
    /// Largest packet in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

impl Layout {
    /// Whether nothing is laid out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This layout; parts it does not have are the parent's.
    #[must_use]
    pub(crate) fn over(&self, parent: &Self) -> Self {
        let (own, parent) = (self.clone(), parent.clone());
        Self {
            root_device: own.root_device.or(parent.root_device),
            raid: own.raid.or(parent.raid),
            network: own.network.or(parent.network),
        }
    }
}
