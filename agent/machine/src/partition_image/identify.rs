// SPDX-License-Identifier: Apache-2.0
//! What the new partitions are called: by the kernel, and by their UUIDs.

use std::collections::BTreeMap;

use ironseed_core::fault::Fault;
use ironseed_core::file_system::identity;
use ironseed_core::inventory::{TableEntry, table_entries};
use ironseed_core::partition::layout::{Layout, Place, Role};
use ironseed_core::partition::{HEAD, disk_identifier};
use ironseed_core::plan::{WrittenImage, WrittenPartitions};
use ironseed_core::snapshot::DeviceContent;

use super::Disk;
use crate::block::{io_fault, read_head};

/// Reads the names from the disk, so that they are what is really there.
pub(super) fn written(
    disk: &Disk<'_>,
    image_id: &str,
    layout: &Layout,
    no_boot_loader: Option<String>,
) -> Result<WrittenImage, Fault> {
    let name = &disk.device.name;
    let head = read_head(&*disk.block, HEAD).map_err(|error| io_fault("reading", name, &error))?;
    let mut content = DeviceContent::new(disk.block.size());
    content.insert(0, &head);
    let entries = table_entries(&content, disk.block.sector_size());
    let identifier = disk_identifier(&head);
    let uuid = |place: Place| -> Result<Option<String>, Fault> {
        let head =
            read_head(&disk.window(place), identity::HEAD).map_err(disk.fault("reading", place))?;
        Ok(identity::uuid(&head).or_else(|| partition_uuid(&entries, place.number, identifier)))
    };
    let of = |role| layout.place(role).map_or(Ok(None), uuid);
    let devices = layout.places.iter().filter_map(|place| {
        let key = place.role.key()?.to_owned();
        Some((key, partition_node(name, place.number)))
    });
    let partitions = WrittenPartitions {
        root_uuid: of(Role::Root)?.ok_or_else(|| Fault::PartitionTable {
            device: name.clone(),
            problem: "the root partition is not in it".into(),
        })?,
        efi_system_uuid: of(Role::EfiSystem)?,
        devices: devices.collect::<BTreeMap<_, _>>(),
        no_boot_loader,
    };
    Ok(WrittenImage {
        image_id: image_id.to_owned(),
        device: disk.device.clone(),
        disk_identifier: identifier,
        profile: None,
        partitions: Some(partitions),
    })
}

/// The unique GUID of a GPT entry; for an MBR the kernel takes the disk's
/// identifier and the number: `1a2b3c4d-01`.
fn partition_uuid(entries: &[TableEntry], number: u32, identifier: u32) -> Option<String> {
    let entry = entries.iter().find(|entry| entry.number == number)?;
    let made = || format!("{identifier:08x}-{number:02x}");
    Some(entry.uuid.clone().unwrap_or_else(made))
}

/// The device node as the kernel names it: after a digit comes a `p`.
fn partition_node(disk: &str, number: u32) -> String {
    let digit = disk.ends_with(|last: char| last.is_ascii_digit());
    let separator = if digit { "p" } else { "" };
    format!("{disk}{separator}{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_as_the_kernel_names_them() {
        for (disk, node) in [
            ("/dev/sda", "/dev/sda3"),
            ("/dev/nvme0n1", "/dev/nvme0n1p3"),
            ("/dev/md0", "/dev/md0p3"),
        ] {
            assert_eq!(partition_node(disk, 3), node);
        }
    }

    #[test]
    fn a_partition_of_an_mbr_is_named_after_its_disk() {
        let entry = |uuid: Option<&str>| TableEntry {
            number: 2,
            kind: "0x83".into(),
            uuid: uuid.map(str::to_owned),
        };
        let found = partition_uuid(&[entry(None)], 2, 0x1a2b_3c4d);
        assert_eq!(found.as_deref(), Some("1a2b3c4d-02"));
        let found = partition_uuid(&[entry(Some("guid"))], 2, 0);
        assert_eq!(found.as_deref(), Some("guid"));
        assert_eq!(partition_uuid(&[], 2, 0), None);
    }
}
