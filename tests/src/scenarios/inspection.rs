// SPDX-License-Identifier: Apache-2.0
//! Inspection over virtual media: Ironic builds an ISO with the agent image, the BMC inserts it,
//! the machine boots it through shim and GRUB, and Ironic stores what the agent found.

use std::process::Command;

use serde_json::Value;

use super::{Scenario, default_options};
use crate::error::{Error, expect};
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, GIB, MachineSpec};
use crate::node::Node;
use crate::{disk, files, process};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "inspection",
    summary: "a machine is inspected over virtual media",
    configure: default_options,
    needs_os_image: false,
    play,
};

const SCSI_SERIAL: &str = "LAB-SCSI-1";
const SCSI_WWN: &str = "5000c50015ea71ac";
const NVME_SERIAL: &str = "LAB-NVME-1";
/// Milestones of the agent, in the order in which they are reached.
const MILESTONES: [&str; 4] = ["agent", "link", "address", "inventory"];
const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Files of the log archive, and something that stands in each.
const LOG_MEMBERS: [(&str, &str); 2] = [
    ("agent.log", "phase: inspection"),
    ("dmesg", "Linux version"),
];

fn play(lab: &Lab) -> Result<(), Error> {
    let scsi = DiskSpec {
        wwn: Some(SCSI_WWN.to_owned()),
        ..DiskSpec::new(Bus::Scsi, 6, SCSI_SERIAL)
    };
    let mut spec = MachineSpec::new("inspected")
        .with_disk(scsi)
        .with_disk(DiskSpec::new(Bus::Nvme, 4, NVME_SERIAL));
    spec.macs.push("52:54:00:16:01:02".to_owned());
    spec.ipmi = true;
    let machine = lab.machine(spec)?;
    let node = Node::enroll(lab, &machine, BootInterface::VirtualMedia)?;
    node.manage()?;
    node.inspect()?;
    let data = lab.ironic().inventory(node.uuid())?;
    check_inventory(&data["inventory"], machine.spec())?;
    check_plugin_data(&data["plugin_data"])?;
    check_logs(lab, node.uuid())?;
    let properties = &lab.ironic().node(node.uuid())?["properties"];
    expect_text(&properties["cpu_arch"], "x86_64", "the node's cpu_arch")
}

fn check_inventory(inventory: &Value, spec: &MachineSpec) -> Result<(), Error> {
    let mut macs: Vec<&str> = items(&inventory["interfaces"])
        .filter_map(|interface| interface["mac_address"].as_str())
        .collect();
    macs.sort_unstable();
    expect(
        macs == spec.macs,
        &format!("interfaces with {:?}", spec.macs),
        || format!("{macs:?}"),
    )?;
    let addressed = items(&inventory["interfaces"]).any(|interface| {
        interface["ipv4_address"]
            .as_str()
            .is_some_and(|a| a.starts_with("172.22.0."))
    });
    expect(addressed, "an interface with an address of the lab", || {
        inventory["interfaces"].to_string()
    })?;
    check_disk(inventory, SCSI_SERIAL, 6 * GIB)?;
    check_disk(inventory, NVME_SERIAL, 4 * GIB)?;
    let wwn = reported_disk(inventory, SCSI_SERIAL)?["wwn"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    expect(
        wwn == format!("0x{SCSI_WWN}"),
        "the SCSI disk's wwn",
        || wwn,
    )?;
    expect(inventory["cpu"]["count"] == 2, "2 processors", || {
        inventory["cpu"].to_string()
    })?;
    expect_text(
        &inventory["cpu"]["architecture"],
        "x86_64",
        "the processor's architecture",
    )?;
    let physical = &inventory["memory"]["physical_mb"];
    expect(*physical == 1024, "1024 MiB of memory", || {
        physical.to_string()
    })?;
    let total = inventory["memory"]["total"].as_u64().unwrap_or(0);
    expect(
        (GIB / 2..=GIB).contains(&total),
        "almost 1 GiB of usable memory",
        || total.to_string(),
    )?;
    expect_text(
        &inventory["boot"]["current_boot_mode"],
        "uefi",
        "the boot mode",
    )?;
    let vendor = &inventory["system_vendor"];
    expect_text(&vendor["manufacturer"], "Ironseed", "the manufacturer")?;
    expect_text(&vendor["product_name"], "Lab", "the product")?;
    expect_text(&vendor["serial_number"], &spec.name, "the serial number")
}

fn check_disk(inventory: &Value, serial: &str, bytes: u64) -> Result<(), Error> {
    let size = &reported_disk(inventory, serial)?["size"];
    expect(
        size.as_u64() == Some(bytes),
        &format!("{bytes} bytes on {serial}"),
        || size.to_string(),
    )
}

fn reported_disk<'a>(inventory: &'a Value, serial: &str) -> Result<&'a Value, Error> {
    items(&inventory["disks"])
        .find(|disk| disk["serial"] == serial)
        .ok_or_else(|| Error::Expected {
            expected: format!("a disk with the serial number {serial}"),
            found: inventory["disks"].to_string(),
        })
}

/// The agent's own verdict, and how long the way to it took.
fn check_plugin_data(data: &Value) -> Result<(), Error> {
    expect(
        data["error"].is_null(),
        "no error in the inspection data",
        || data["error"].to_string(),
    )?;
    check_timeline(&data["ironseed"]["timeline"])
}

/// The agent's milestones happened one after the other.
fn check_timeline(timeline: &Value) -> Result<(), Error> {
    let reached = |name: &str| {
        items(timeline)
            .find(|milestone| milestone["name"] == name)
            .and_then(|milestone| milestone["at_ms"].as_u64())
    };
    let times: Option<Vec<u64>> = MILESTONES.iter().map(|name| reached(name)).collect();
    expect(
        times.is_some_and(|times| times[0] > 0 && times.is_sorted()),
        &format!("the milestones {MILESTONES:?}, each not before the one ahead of it"),
        || timeline.to_string(),
    )
}

/// Ironic has stored the log archive of this inspection, and it is complete.
fn check_logs(lab: &Lab, node: &str) -> Result<(), Error> {
    let names = files::names_in(&lab.agent_logs());
    let archive = names
        .iter()
        .find(|name| {
            name.starts_with(node) && name.contains("_inspect_") && name.ends_with(".tar.gz")
        })
        .ok_or_else(|| Error::Expected {
            expected: format!("a log archive of the inspection of {node}"),
            found: format!("{names:?} in {}", lab.agent_logs().display()),
        })?;
    let archive = lab.agent_logs().join(archive);
    let magic = disk::read_range(&archive, 0..GZIP_MAGIC.len() as u64)?;
    expect(magic == GZIP_MAGIC, "a gzip archive with the logs", || {
        format!("{magic:02x?}")
    })?;
    for (member, words) in LOG_MEMBERS {
        let text = process::run(
            Command::new("tar")
                .args(["--extract", "--gzip", "--to-stdout", "--file"])
                .arg(&archive)
                .arg(member),
        )?;
        expect(
            text.contains(words),
            &format!("{words:?} in {member} of the log archive"),
            || format!("{} bytes without it", text.len()),
        )?;
    }
    Ok(())
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn expect_text(found: &Value, wanted: &str, what: &str) -> Result<(), Error> {
    expect(found == wanted, &format!("{what} {wanted:?}"), || {
        found.to_string()
    })
}
