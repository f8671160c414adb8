// SPDX-License-Identifier: Apache-2.0
//! A partition image: the file system of an operating system, without a disk around it. The agent
//! makes the partitions that Ironic wants, and the boot loader that lies in the image boots it.

use std::fs::File;

use serde_json::{Map, json};

use super::deployed::{check_account, check_boot, config_drive, make_available};
use super::{Scenario, default_options};
use crate::disk;
use crate::error::{Error, expect};
use crate::gpt::{self, Partition, SECTOR};
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, GIB, Machine, MachineSpec};
use crate::node::{ImageSource, Node};

mod image;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "deploy_partition",
    summary: "a partition image with swap and a config drive is deployed to a SCSI disk and boots",
    configure: default_options,
    needs_os_image: true,
    play,
};

const ROOT_GIB: u64 = 2;
const SWAP_MIB: u64 = 64;
/// Where an ext4 volume has its UUID (ext4, "The Super Block").
const EXT4_UUID: u64 = 1024 + 0x68;
/// mkswap(8) marks the end of the first page.
const SWAP_MAGIC: (u64, &[u8]) = (4086, b"SWAPSPACE2");
/// FAT32 names itself in the boot sector.
const FAT_MAGIC: (u64, &[u8]) = (82, b"FAT32");
/// An ISO 9660 volume begins with this, 32 KiB into the volume.
const ISO_MAGIC: (u64, &[u8]) = (0x8000, b"\x01CD001\x01");

fn play(lab: &Lab) -> Result<(), Error> {
    let disk = DiskSpec::new(Bus::Scsi, 6, "LAB-SCSI-1");
    let machine = lab.machine(MachineSpec::new("partitioned").with_disk(disk))?;
    machine.write_disk(0, 0, &vec![0xa5; 4 << 20])?;
    let file = lab.run_dir().join("root.img");
    image::make(&lab.os_images()?, &file)?;
    let node = Node::enroll(lab, &machine, BootInterface::VirtualMedia)?;
    make_available(&node, None)?;
    let mut image = ImageSource::serve(lab, &file, "raw")?;
    image.image_type = "partition".to_owned();
    image.more = wanted();
    node.choose_image(&image)?;
    let mut console = machine.console();
    node.start_deployment(&config_drive(&node))?;
    node.wait_for_deployment()?;
    check_boot(&mut console, &node)?;
    check_account(&mut machine.whole_console())?;
    check_disk(&machine)
}

fn wanted() -> Map<String, serde_json::Value> {
    [("root_gb", ROOT_GIB), ("swap_mb", SWAP_MIB)]
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .into_iter()
        .collect()
}

/// In this order: EFI system partition, swap, config drive, root (contract §14.6).
fn check_disk(machine: &Machine) -> Result<(), Error> {
    machine.power_off()?;
    let path = machine.disk(0);
    let opened = File::open(&path).and_then(|file| gpt::read(&file, 1));
    let table = opened.map_err(|source| Error::File {
        doing: "read",
        path: path.clone(),
        source,
    })?;
    let mut partitions = table.map(|table| table.partitions).unwrap_or_default();
    partitions.sort_by_key(|partition| partition.sectors);
    let [esp, swap, config, root] = partitions.as_slice() else {
        return Err(Error::Disk {
            path,
            problem: format!("it should have four partitions: {partitions:?}"),
        });
    };
    for (name, partition, (at, magic)) in [
        ("EFI system partition", esp, FAT_MAGIC),
        ("swap space", swap, SWAP_MAGIC),
        ("config drive", config, ISO_MAGIC),
        ("root file system", root, (EXT4_UUID, &image::ROOT_UUID)),
    ] {
        let start = partition.bytes(SECTOR).start + at;
        let found = disk::read_range(&path, start..start + magic.len() as u64)?;
        expect(found == magic, &format!("the {name} with its mark"), || {
            format!("{found:02x?} in {partition:?}")
        })?;
    }
    expect_size("root", root, ROOT_GIB * GIB)?;
    expect_size("swap", swap, SWAP_MIB << 20)
}

fn expect_size(name: &str, partition: &Partition, bytes: u64) -> Result<(), Error> {
    let place = partition.bytes(SECTOR);
    let found = place.end - place.start;
    expect(
        found == bytes,
        &format!("{bytes} bytes in the partition for {name}"),
        || found.to_string(),
    )
}
