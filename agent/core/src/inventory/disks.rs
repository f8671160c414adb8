// SPDX-License-Identifier: Apache-2.0
//! The disks of the inventory: which block devices count, and what is told of
//! each (contract §6.7).

use serde::{Deserialize, Serialize};

use crate::block::{BlockDevice, BlockDevices, BlockKind};

/// A disk as Ironic knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    /// Device node.
    pub name: String,
    /// Model name.
    pub model: Option<String>,
    /// Size in bytes.
    pub size: u64,
    /// Whether it has moving parts, as the kernel believes.
    pub rotational: bool,
    /// World Wide Name as lsblk shows it: with the vendor's extension, if any.
    pub wwn: Option<String>,
    /// Serial number as lsblk shows it, else as udev would know it.
    pub serial: Option<String>,
    /// Vendor name.
    pub vendor: Option<String>,
    /// World Wide Name with the vendor's extension.
    pub wwn_with_extension: Option<String>,
    /// The vendor's extension alone.
    pub wwn_vendor_extension: Option<String>,
    /// SCSI address.
    pub hctl: Option<String>,
    /// `/dev/disk/by-path/…`.
    pub by_path: Option<String>,
    /// Bytes of a logical sector.
    pub logical_sectors: u32,
    /// Bytes of a physical sector.
    pub physical_sectors: u32,
    /// How it is attached.
    pub tran: Option<String>,
}

impl From<&BlockDevice> for Disk {
    fn from(device: &BlockDevice) -> Self {
        let serial = device.serial.clone();
        Self {
            name: device.name.clone(),
            model: device.model.clone(),
            size: device.size,
            rotational: device.rotational,
            wwn: device
                .wwn_with_extension
                .clone()
                .or_else(|| device.wwn.clone()),
            serial: serial.or_else(|| device.udev_serials.first().cloned()),
            vendor: device.vendor.clone(),
            wwn_with_extension: device.wwn_with_extension.clone(),
            wwn_vendor_extension: device.wwn_vendor_extension.clone(),
            hctl: device.hctl.clone(),
            by_path: device.by_path.clone(),
            logical_sectors: device.logical_sectors,
            physical_sectors: device.physical_sectors,
            tran: device.transport.clone(),
        }
    }
}

/// The disks among the block devices: disks, multipath maps instead of their
/// paths, and RAID arrays, unless they are empty.
#[must_use]
pub fn disks(blocks: &BlockDevices) -> Vec<Disk> {
    blocks
        .0
        .iter()
        .filter(|device| {
            matches!(
                device.kind,
                BlockKind::Disk | BlockKind::Multipath | BlockKind::Md
            )
        })
        .filter(|device| device.size > 0)
        .filter(|device| !is_multipath_member(device, blocks))
        .map(Disk::from)
        .collect()
}

/// Whether the device is one of the paths of a multipath map.
fn is_multipath_member(device: &BlockDevice, blocks: &BlockDevices) -> bool {
    device.holders.iter().any(|holder| {
        blocks
            .get(holder)
            .is_some_and(|holder| holder.kind == BlockKind::Multipath)
    })
}
