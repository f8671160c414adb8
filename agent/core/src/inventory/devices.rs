// SPDX-License-Identifier: Apache-2.0
//! The block devices of a snapshot.

use std::collections::BTreeMap;

use super::ancestry::{chain, hctl};
use super::by_path::{first_controller, path_id};
use super::identity::{Identity, identity};
use super::mounts::mounts;
use super::partitions::{TableEntry, table_entries};
use super::signatures::signature;
use super::transport::transport;
use crate::block::{BlockDevice, BlockDevices, BlockKind, NvmeCapabilities};
use crate::snapshot::{Snapshot, Tree};

/// Bytes of the sectors in which sysfs counts, whatever the device's are.
const SECTOR: u64 = 512;

/// Every block device of the machine.
///
/// Disks come in the order of their device numbers, as lsblk lists them, each
/// followed by its partitions in the order of their numbers.
#[must_use]
pub fn block_devices(snapshot: &Snapshot) -> BlockDevices {
    let files = &snapshot.files;
    let mounted = mounts(files);
    let mut partitions: BTreeMap<String, Vec<(u32, String)>> = BTreeMap::new();
    let mut disks: Vec<((u32, u32), String)> = Vec::new();
    for name in files.names("/sys/class/block") {
        if files.flag(&at(name, "hidden")) {
            continue;
        }
        let number = device_number(files, name);
        match (
            files.number::<u32>(&at(name, "partition")),
            parent_of(files, name),
        ) {
            (Some(index), Some(disk)) => {
                let siblings = partitions.entry(disk).or_default();
                siblings.push((index, name.to_owned()));
            }
            _ => disks.push((number.unwrap_or((u32::MAX, 0)), name.to_owned())),
        }
    }
    disks.sort();
    let mut found = Vec::new();
    for (_, name) in disks {
        let disk = disk(snapshot, &name, &mounted);
        let mut siblings = partitions.remove(&name).unwrap_or_default();
        siblings.sort();
        let table = match snapshot.contents.get(&name) {
            Some(content) if !siblings.is_empty() => table_entries(content, disk.logical_sectors),
            _ => Vec::new(),
        };
        let parts = siblings
            .iter()
            .map(|(index, part)| partition(snapshot, &disk, part, *index, &table, &mounted))
            .collect::<Vec<_>>();
        found.push(disk);
        found.extend(parts);
    }
    BlockDevices(found)
}

fn at(name: &str, attribute: &str) -> String {
    format!("/sys/class/block/{name}/{attribute}")
}

/// Device node of a kernel name, which has `!` where the node has `/`.
fn node(name: &str) -> String {
    format!("/dev/{}", name.replace('!', "/"))
}

fn device_number(files: &Tree, name: &str) -> Option<(u32, u32)> {
    let (major, minor) = files.text(&at(name, "dev"))?.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The disk whose directory a partition's directory lies in.
fn parent_of(files: &Tree, name: &str) -> Option<String> {
    let path = files.canonical(&format!("/sys/class/block/{name}"))?;
    path.rsplit('/').nth(1).map(str::to_owned)
}

type Mounts = BTreeMap<String, Vec<String>>;

fn disk(snapshot: &Snapshot, name: &str, mounted: &Mounts) -> BlockDevice {
    let files = &snapshot.files;
    let Identity {
        model,
        vendor,
        serial,
        udev_serials,
        wwn,
        wwn_with_extension,
        wwn_vendor_extension,
    } = identity(files, name);
    let queue = |attribute: &str| files.number::<u32>(&at(name, &format!("queue/{attribute}")));
    let logical = queue("logical_block_size").unwrap_or(512);
    BlockDevice {
        kind: kind(files, name),
        logical_sectors: logical,
        physical_sectors: queue("physical_block_size").unwrap_or(logical),
        rotational: files.flag(&at(name, "queue/rotational")),
        removable: files.flag(&at(name, "removable")),
        transport: transport(files, name),
        model,
        vendor,
        serial,
        udev_serials,
        wwn,
        wwn_with_extension,
        wwn_vendor_extension,
        hctl: scsi_address(files, name),
        by_path: path_id(files, name).map(|id| format!("/dev/disk/by-path/{id}")),
        nvme: nvme_capabilities(snapshot, name),
        ..device(snapshot, name, mounted)
    }
}

fn partition(
    snapshot: &Snapshot,
    disk: &BlockDevice,
    name: &str,
    index: u32,
    table: &[TableEntry],
    mounted: &Mounts,
) -> BlockDevice {
    let files = &snapshot.files;
    let entry = table.iter().find(|entry| entry.number == index);
    BlockDevice {
        kind: BlockKind::Partition,
        logical_sectors: disk.logical_sectors,
        physical_sectors: disk.physical_sectors,
        rotational: disk.rotational,
        removable: disk.removable,
        transport: disk.transport.clone(),
        by_path: disk
            .by_path
            .as_ref()
            .map(|path| format!("{path}-part{index}")),
        parent: Some(disk.name.clone()),
        partition_number: Some(index),
        start: files
            .number::<u64>(&at(name, "start"))
            .and_then(|sectors| sectors.checked_mul(SECTOR)),
        partition_type: entry.map(|entry| entry.kind.clone()),
        partition_uuid: entry.and_then(|entry| entry.uuid.clone()),
        ..device(snapshot, name, mounted)
    }
}

/// What disks and partitions have in common; the rest is empty.
fn device(snapshot: &Snapshot, name: &str, mounted: &Mounts) -> BlockDevice {
    let files = &snapshot.files;
    let number = files.text(&at(name, "dev")).unwrap_or_default().to_owned();
    let content = snapshot.contents.get(name).and_then(signature);
    let holders = files.names(&at(name, "holders"));
    let node = node(name);
    let mounts = [&number, &node]
        .into_iter()
        .find_map(|key| mounted.get(key))
        .cloned()
        .unwrap_or_default();
    let sectors = files.number::<u64>(&at(name, "size")).unwrap_or(0);
    BlockDevice {
        size: sectors.saturating_mul(SECTOR),
        read_only: files.flag(&at(name, "ro")),
        file_system: content.as_ref().map(|found| found.kind.to_owned()),
        label: content.as_ref().and_then(|found| found.label.clone()),
        publisher: content.and_then(|found| found.publisher),
        holders: holders.into_iter().map(self::node).collect(),
        mounts,
        name: node,
        number,
        kind: BlockKind::Other,
        logical_sectors: 512,
        physical_sectors: 512,
        ..BlockDevice::default()
    }
}

/// SCSI device type of optical drives (SPC-4 table 141).
const OPTICAL: u32 = 5;

fn kind(files: &Tree, name: &str) -> BlockKind {
    let numbered = |prefix: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    if numbered("fd") || numbered("ram") || numbered("zram") {
        BlockKind::Other
    } else if numbered("loop") {
        BlockKind::Loop
    } else if numbered("sr") || files.number(&at(name, "device/type")) == Some(OPTICAL) {
        BlockKind::Rom
    } else if numbered("dm-") {
        let uuid = files.text(&at(name, "dm/uuid")).unwrap_or_default();
        if uuid.starts_with("mpath-") {
            BlockKind::Multipath
        } else {
            BlockKind::Mapper
        }
    } else if files.exists(&at(name, "md")) {
        // Linear arrays and the containers of firmware RAID are no arrays one
        // could install on; lsblk does not call them raid either.
        let level = files.text(&at(name, "md/level")).unwrap_or_default();
        if level.contains("raid") {
            BlockKind::Md
        } else {
            BlockKind::Other
        }
    } else {
        BlockKind::Disk
    }
}

/// `host:channel:target:lun` of SCSI disks.
fn scsi_address(files: &Tree, name: &str) -> Option<String> {
    let path = files.canonical(&at(name, "device"))?;
    let nearest = chain(files, &path).into_iter().next()?;
    let address = nearest.path.rsplit('/').next()?;
    hctl(address)?;
    Some(address.to_owned())
}

/// The (first) controller of an NVMe namespace, `nvme0`.
pub(crate) fn nvme_controller(files: &Tree, name: &str) -> Option<String> {
    let path = files.canonical(&at(name, "device"))?;
    let parent = path.rsplit('/').next()?;
    let controller = if parent.starts_with("nvme-subsys") {
        first_controller(files, parent)?
    } else {
        parent
    };
    name.starts_with("nvme").then(|| controller.to_owned())
}

/// From the Identify Controller data of the namespace's (first) controller.
fn nvme_capabilities(snapshot: &Snapshot, name: &str) -> Option<NvmeCapabilities> {
    const OACS: usize = 256;
    const FNA: usize = 524;
    let controller = nvme_controller(&snapshot.files, name)?;
    let data = &snapshot.nvme_controllers.get(&controller)?.0;
    Some(NvmeCapabilities {
        oacs: u16::from_le_bytes([*data.get(OACS)?, *data.get(OACS + 1)?]),
        fna: *data.get(FNA)?,
    })
}
