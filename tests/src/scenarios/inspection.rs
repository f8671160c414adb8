// SPDX-License-Identifier: Apache-2.0
//! Inspection over virtual media: Ironic builds an ISO with the agent image, the BMC inserts it,
//! the machine boots it through shim and GRUB, and Ironic stores what the agent found.

use serde_json::Value;

use super::{Scenario, default_options};
use crate::error::{Error, expect};
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, GIB, MachineSpec};
use crate::node::Node;

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
    let wwn = disk(inventory, SCSI_SERIAL)?["wwn"]
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
    let size = &disk(inventory, serial)?["size"];
    expect(
        size.as_u64() == Some(bytes),
        &format!("{bytes} bytes on {serial}"),
        || size.to_string(),
    )
}

fn disk<'a>(inventory: &'a Value, serial: &str) -> Result<&'a Value, Error> {
    items(&inventory["disks"])
        .find(|disk| disk["serial"] == serial)
        .ok_or_else(|| Error::Expected {
            expected: format!("a disk with the serial number {serial}"),
            found: inventory["disks"].to_string(),
        })
}

/// The agent's own verdict: no error, and logs that are a gzip archive.
fn check_plugin_data(data: &Value) -> Result<(), Error> {
    expect(
        data["error"].is_null(),
        "no error in the inspection data",
        || data["error"].to_string(),
    )?;
    let logs = data["logs"].as_str().unwrap_or_default();
    // The gzip magic 1f 8b 08 in base64.
    expect(
        logs.starts_with("H4sI"),
        "logs in the inspection data",
        || format!("{:?}", logs.chars().take(20).collect::<String>()),
    )
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn expect_text(found: &Value, wanted: &str, what: &str) -> Result<(), Error> {
    expect(found == wanted, &format!("{what} {wanted:?}"), || {
        found.to_string()
    })
}
