// SPDX-License-Identifier: Apache-2.0
//! Every collector, on a machine with a bit of everything: two sockets and NUMA nodes, disks on
//! three buses, a BMC behind KCS, a TPM, and a switch that speaks LLDP. Ironic's own hooks read
//! what they know of it. The data stays in the run's directory, `inspection.json`.

use serde_json::{Value, json};

use super::Scenario;
use crate::error::{Error, expect};
use crate::files;
use crate::ironic_config::IronicOptions;
use crate::lab::{BootInterface, Lab};
use crate::lldpd::{Lldpd, SYSTEM_NAME};
use crate::machine::{Bus, DiskSpec, MachineSpec};
use crate::node::Node;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "hardware",
    summary: "every collector reports, and Ironic's hooks read it",
    configure,
    needs_os_image: false,
    play,
};

const COLLECTORS: &str = "default,lldp,pci-devices,usb-devices,numa-topology,dmi-decode,\
                          extra-hardware,logs";
/// Hooks of Ironic that read what optional collectors report.
const HOOKS: &str = "memory,boot-mode,cpu-capabilities,pci-devices,parse-lldp,\
                     local-link-connection,extra-hardware";
/// Vendor and device of QEMU's NVMe drives.
const NVME: (&str, &str) = ("1b36", "0010");

fn configure(options: &mut IronicOptions) {
    options
        .kernel_params
        .push_str(&format!(" ipa-inspection-collectors={COLLECTORS}"));
    options.inspection_hooks = HOOKS.to_owned();
}

fn play(lab: &Lab) -> Result<(), Error> {
    let _switch = Lldpd::start(&lab.run_dir(), &lab.run_dir().join("logs"))?;
    let mut spec = MachineSpec::new("thorough")
        .with_memory(2048)
        .with_disk(DiskSpec::new(Bus::Sata, 4, "LAB-SATA-1"))
        .with_disk(DiskSpec::new(Bus::Scsi, 4, "LAB-SCSI-1"))
        .with_disk(DiskSpec::new(Bus::Nvme, 4, "LAB-NVME-1"));
    spec.ipmi = true;
    spec.tpm = true;
    spec.smart_card_reader = true;
    spec.numa = true;
    let machine = lab.machine(spec)?;
    let node = Node::enroll(lab, &machine, BootInterface::VirtualMedia)?;
    node.manage()?;
    node.inspect()?;
    let data = lab.ironic().inventory(node.uuid())?;
    files::write(&lab.run_dir().join("inspection.json"), data.to_string())?;
    let plugin_data = &data["plugin_data"];
    check_parity(plugin_data)?;
    check_depth(&plugin_data["ironseed"])?;
    check_hooks(lab, &node)
}

/// What collectors of Ironic's own agent report, under their keys.
fn check_parity(data: &Value) -> Result<(), Error> {
    is(&data["error"], &Value::Null, "no error")?;
    let has = |key: &str, wanted: &[(&str, &str)]| {
        let found = items(&data[key]).any(|item| {
            wanted
                .iter()
                .all(|(name, value)| item[*name].as_str() == Some(value))
        });
        expect(found, &format!("{key} with {wanted:?}"), || {
            data[key].to_string()
        })
    };
    has(
        "pci_devices",
        &[("vendor_id", NVME.0), ("product_id", NVME.1)],
    )?;
    has("usb_devices", &[("vendor", "QEMU")])?;
    let nodes: Vec<&Value> = items(&data["numa_topology"]["ram"])
        .map(|node| &node["numa_node"])
        .collect();
    expect(nodes == [&json!(0), &json!(1)], "two NUMA nodes", || {
        data["numa_topology"].to_string()
    })?;
    is(
        &data["dmi"]["bios"]["Vendor"],
        &json!("EFI Development Kit II / OVMF"),
        "the firmware's vendor in dmi",
    )
}

/// What stands under the key `ironseed`.
fn check_depth(ironseed: &Value) -> Result<(), Error> {
    let hardware = &ironseed["hardware"];
    let told = || hardware.to_string();
    for pointer in [
        "/system/uuid",
        "/firmware/secure_boot",
        "/firmware/boot_entries/0/label",
        "/processors/sockets/1/cores",
        "/processors/numa_nodes/1/distances/0",
        "/memory/modules/0/size_mib",
        "/pci_devices/0/class_name",
        "/network/0/driver",
        "/disks/0/protocol",
        "/bmc/device/firmware_version",
        "/bmc/sensors/0/name",
        "/tpms/0/ek_certificates/0",
        "/neighbours/0/neighbour/system_name",
        "/kernel/command_line",
    ] {
        let found = hardware.pointer(pointer);
        expect(
            found.is_some_and(|value| !value.is_null()),
            &format!("a value at {pointer}"),
            told,
        )?;
    }
    is(
        &ironseed["profile"]["name"],
        &json!("generic"),
        "the profile of a machine that no profile names",
    )
}

/// What Ironic made of it.
fn check_hooks(lab: &Lab, node: &Node<'_>) -> Result<(), Error> {
    let properties = &lab.ironic().node(node.uuid())?["properties"];
    expect(
        properties["memory_mb"] == json!("2048") || properties["memory_mb"] == json!(2048),
        "2048 MiB of memory",
        || properties.to_string(),
    )?;
    let stored = lab.ironic().inventory(node.uuid())?;
    let lldp = stored["plugin_data"]["parsed_lldp"].to_string();
    expect(lldp.contains(SYSTEM_NAME), "the switch's name", || {
        lldp.clone()
    })?;
    let extra = &stored["plugin_data"]["extra"];
    is(
        &extra["cpu"]["logical"]["number"],
        &json!(2),
        "processors in extra",
    )
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn is(found: &Value, wanted: &Value, what: &str) -> Result<(), Error> {
    expect(found == wanted, &format!("{what}: {wanted}"), || {
        found.to_string()
    })
}
