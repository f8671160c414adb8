// SPDX-License-Identifier: Apache-2.0
//! What is known about the block devices of the machine.
//!
//! One flat list of disks and partitions, as discovery found them. Hints,
//! guards and plans are decided on these values alone; nothing here opens a
//! device.

use serde::{Deserialize, Serialize};

/// Every block device of the machine, in the kernel's name order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockDevices(pub Vec<BlockDevice>);

impl BlockDevices {
    /// The device of this name (`/dev/sda`), if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&BlockDevice> {
        self.0.iter().find(|device| device.name == name)
    }

    /// The partitions that lie on a disk, in name order.
    pub fn partitions_of<'a>(&'a self, disk: &'a str) -> impl Iterator<Item = &'a BlockDevice> {
        self.0
            .iter()
            .filter(move |device| device.parent.as_deref() == Some(disk))
    }
}

/// One block device and what discovery knows about it.
///
/// Strings are as the device gave them, trimmed; absent means that the device
/// did not say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockDevice {
    /// Device node, `/dev/nvme0n1`.
    pub name: String,
    /// What the device is.
    pub kind: BlockKind,
    /// Device number as the kernel prints it, `259:0`.
    pub number: String,
    /// Size in bytes.
    pub size: u64,
    /// Bytes of a logical sector, the smallest unit of a request.
    pub logical_sectors: u32,
    /// Bytes of a physical sector.
    pub physical_sectors: u32,
    /// Whether it has moving parts, as the kernel believes.
    pub rotational: bool,
    /// Whether the kernel refuses writes.
    pub read_only: bool,
    /// Whether the medium can be taken out.
    pub removable: bool,
    /// `nvme`, `sata`, `sas`, `usb`, `virtio`, `fc`, `iscsi`, …: as lsblk's TRAN column.
    pub transport: Option<String>,
    /// Model name.
    pub model: Option<String>,
    /// Vendor name.
    pub vendor: Option<String>,
    /// Serial number as lsblk would show it.
    pub serial: Option<String>,
    /// The serial numbers udev would know (`ID_SERIAL_SHORT`, `ID_SERIAL`).
    pub udev_serials: Vec<String>,
    /// World Wide Name.
    pub wwn: Option<String>,
    /// World Wide Name with its vendor extension appended.
    pub wwn_with_extension: Option<String>,
    /// Vendor extension of the World Wide Name.
    pub wwn_vendor_extension: Option<String>,
    /// SCSI address `host:channel:target:lun`.
    pub hctl: Option<String>,
    /// `/dev/disk/by-path/…`, computed without udev.
    pub by_path: Option<String>,
    /// The disk a partition lies on.
    pub parent: Option<String>,
    /// Number of the partition in its table, from 1.
    pub partition_number: Option<u32>,
    /// First byte of the partition on its disk.
    pub start: Option<u64>,
    /// GPT partition type, lower-case GUID, or MBR type such as `0xef`.
    pub partition_type: Option<String>,
    /// Unique GUID of a GPT partition, lower case.
    pub partition_uuid: Option<String>,
    /// Type of the file system or member signature: `vfat`, `iso9660`,
    /// `linux_raid_member`, `gfs2`, `VMFS_volume_member`, …
    pub file_system: Option<String>,
    /// Label of the file system.
    pub label: Option<String>,
    /// Publisher of an ISO 9660 volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// Devices stacked on top (md, dm): `/dev/md0`.
    pub holders: Vec<String>,
    /// Where it is mounted.
    pub mounts: Vec<String>,
    /// What an NVMe controller says it can do.
    pub nvme: Option<NvmeCapabilities>,
}

/// Virtual media is smaller than this (contract §2.4).
const VIRTUAL_MEDIA_LIMIT: u64 = 4 << 30;

impl BlockDevice {
    /// Whether an operating system could be installed on it: a whole disk, a
    /// multipath map or a RAID volume, with any size at all (contract §6.7).
    #[must_use]
    pub fn is_whole_disk(&self) -> bool {
        self.size > 0
            && matches!(
                self.kind,
                BlockKind::Disk | BlockKind::Multipath | BlockKind::Md
            )
    }

    /// Whether the BMC lends it, or this system was started from it: an
    /// optical drive, or a small USB disk with a label that Ironic gives
    /// (contract §2.4).
    #[must_use]
    pub fn is_virtual_media(&self) -> bool {
        let labelled = |names: &[&str]| {
            self.label
                .as_deref()
                .is_some_and(|label| names.iter().any(|name| label.eq_ignore_ascii_case(name)))
        };
        match self.kind {
            BlockKind::Rom => true,
            BlockKind::Disk => {
                self.size < VIRTUAL_MEDIA_LIMIT
                    && (labelled(&["ir-vfd-dev", "vmedia_boot_iso"])
                        || (self.transport.as_deref() == Some("usb") && labelled(&["config-2"])))
            }
            _ => false,
        }
    }

    /// Whether it carries the superblock of a software RAID member.
    #[must_use]
    pub fn is_raid_member(&self) -> bool {
        self.file_system.as_deref() == Some("linux_raid_member")
    }
}

/// What a block device is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockKind {
    /// A whole disk, or a volume of a hardware RAID controller.
    Disk,
    /// A partition of a disk.
    Partition,
    /// A software RAID array.
    Md,
    /// A multipath map.
    Multipath,
    /// Another device-mapper map.
    Mapper,
    /// An optical drive, virtual media included.
    Rom,
    /// A loop device.
    Loop,
    /// A RAM disk, zram or floppy: never a target.
    #[default]
    Other,
}

/// Identify Controller fields that decide how an NVMe disk can be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NvmeCapabilities {
    /// Optional Admin Command Support (NVMe base specification, Identify Controller bytes 257:256).
    pub oacs: u16,
    /// Format NVM Attributes (byte 524).
    pub fna: u8,
}

impl NvmeCapabilities {
    /// Whether the controller has the Format NVM command (OACS bit 1).
    #[must_use]
    pub fn can_format(self) -> bool {
        self.oacs & 0b10 != 0
    }

    /// Whether a format or its erasure reaches every namespace of the
    /// controller (FNA bits 0 and 1).
    #[must_use]
    pub fn formats_all_namespaces(self) -> bool {
        self.fna & 0b11 != 0
    }

    /// Whether a format can erase by throwing the key away (FNA bit 2).
    #[must_use]
    pub fn can_crypto_erase(self) -> bool {
        self.fna & 0b100 != 0
    }
}

/// What makes a device the same device later, although names move.
///
/// It is compared again right before each destructive operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceIdentity {
    /// Device node, `/dev/sda`.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Serial number, where the device has one.
    pub serial: Option<String>,
    /// World Wide Name, where the device has one.
    pub wwn: Option<String>,
}

impl From<&BlockDevice> for DeviceIdentity {
    fn from(device: &BlockDevice) -> Self {
        Self {
            name: device.name.clone(),
            size: device.size,
            serial: device.serial.clone(),
            wwn: device.wwn.clone(),
        }
    }
}

impl std::fmt::Display for DeviceIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)
    }
}

/// Devices for tests.
#[cfg(test)]
pub(crate) mod samples {
    use super::{BlockDevice, BlockKind};

    /// An idle disk of some GiB that says nothing about itself.
    pub(crate) fn disk(name: &str, gib: u64) -> BlockDevice {
        BlockDevice {
            name: name.into(),
            kind: BlockKind::Disk,
            number: "8:0".into(),
            size: gib << 30,
            logical_sectors: 512,
            physical_sectors: 512,
            ..BlockDevice::default()
        }
    }

    /// A partition of such a disk.
    pub(crate) fn partition(disk_name: &str, number: u32, gib: u64) -> BlockDevice {
        BlockDevice {
            kind: BlockKind::Partition,
            parent: Some(disk_name.into()),
            partition_number: Some(number),
            start: Some(1 << 20),
            ..disk(&format!("{disk_name}{number}"), gib)
        }
    }
}
