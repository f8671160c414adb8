// SPDX-License-Identifier: Apache-2.0
//! Collector `extra-hardware`: facts in the list form of the program
//! `hardware-detect`, four items each, which Ironic's hook of the same name
//! turns into `extra` (contract §6.5).
//!
//! Its benchmarks are not run: they load the machine for minutes, and burn-in
//! steps measure better.

use serde_json::{Map, Value, json};

use super::Collected;
use crate::inventory::{Disk, Interface};

/// Bytes of the unit in which `hardware-detect` tells sizes of disks.
const GIGABYTE: u64 = 1_000_000_000;

pub(super) fn collect(
    collected: &Collected<'_>,
    payload: &mut Map<String, Value>,
) -> Result<(), String> {
    let mut facts = Facts::default();
    system(&mut facts, collected);
    processors(&mut facts, collected);
    memory(&mut facts, collected);
    let inventory = &collected.inventory;
    facts.add("disk", "logical", "count", Some(inventory.disks.len()));
    for disk in &inventory.disks {
        disk_facts(&mut facts, collected, disk);
    }
    for interface in &inventory.interfaces {
        interface_facts(&mut facts, interface);
    }
    payload.insert("data".into(), json!(facts.0));
    Ok(())
}

/// The list, to which only what is known is added.
#[derive(Debug, Default)]
struct Facts(Vec<[String; 4]>);

impl Facts {
    fn add(&mut self, class: &str, subject: &str, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.0.push([
                class.to_owned(),
                subject.to_owned(),
                name.to_owned(),
                value.to_string(),
            ]);
        }
    }
}

fn system(facts: &mut Facts, collected: &Collected<'_>) {
    let vendor = &collected.inventory.system_vendor;
    let file = |name: &str| {
        collected
            .snapshot
            .files
            .text(&format!("/sys/class/dmi/id/{name}"))
    };
    let uname = &collected.snapshot.uname;
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    for (name, value) in [
        ("serial", vendor.serial_number.as_deref()),
        ("name", vendor.product_name.as_deref()),
        ("vendor", vendor.manufacturer.as_deref()),
        ("version", file("product_version")),
        ("uuid", file("product_uuid")),
    ] {
        facts.add("system", "product", name, value);
    }
    for (name, value) in [
        ("name", file("board_name")),
        ("vendor", file("board_vendor")),
        ("serial", file("board_serial")),
    ] {
        facts.add("system", "motherboard", name, value);
    }
    facts.add("system", "kernel", "version", known(&uname.release));
    facts.add("system", "kernel", "arch", known(&uname.machine));
    let firmware = &vendor.firmware;
    facts.add("firmware", "bios", "version", firmware.version.as_ref());
    facts.add("firmware", "bios", "date", firmware.build_date.as_ref());
    facts.add("firmware", "bios", "vendor", firmware.vendor.as_ref());
    let inventory = &collected.inventory;
    let bmc = inventory.bmc_address.as_ref();
    facts.add("ipmi", "lan", "ip-address", bmc);
    facts.add("ipmi", "lan", "mac-address", inventory.bmc_mac.as_ref());
}

fn processors(facts: &mut Facts, collected: &Collected<'_>) {
    let cpu = &collected.inventory.cpu;
    facts.add("cpu", "physical", "number", cpu.socket_count);
    facts.add("cpu", "logical", "number", Some(cpu.count));
    for socket in 0..cpu.socket_count.unwrap_or_default() {
        let subject = format!("physical_{socket}");
        facts.add("cpu", &subject, "product", cpu.model_name.as_ref());
        let flags = (!cpu.flags.is_empty()).then(|| cpu.flags.join(" "));
        facts.add("cpu", &subject, "flags", flags);
        let architecture = Some(&cpu.architecture).filter(|text| !text.is_empty());
        facts.add("cpu", &subject, "architecture", architecture);
    }
}

fn memory(facts: &mut Facts, collected: &Collected<'_>) {
    let bytes = |mib: u64| mib.checked_mul(1 << 20);
    let total = collected.inventory.memory.physical_mb.and_then(bytes);
    facts.add("memory", "total", "size", total);
}

fn disk_facts(facts: &mut Facts, collected: &Collected<'_>, disk: &Disk) {
    let name = disk.name.trim_start_matches("/dev/");
    let files = &collected.snapshot.files;
    let queue = |attribute: &str| files.text(&format!("/sys/class/block/{name}/queue/{attribute}"));
    facts.add("disk", name, "size", Some(disk.size / GIGABYTE));
    for (key, value) in [
        ("vendor", disk.vendor.as_deref()),
        ("model", disk.model.as_deref()),
        ("wwn-id", disk.wwn.as_deref()),
        ("serial_number", disk.serial.as_deref()),
        ("optimal_io_size", queue("optimal_io_size")),
        ("physical_block_size", queue("physical_block_size")),
        ("rotational", queue("rotational")),
    ] {
        facts.add("disk", name, key, value);
    }
}

fn interface_facts(facts: &mut Facts, interface: &Interface) {
    let name = interface.name.as_str();
    let bus = interface.pci_address.as_ref();
    facts.add(
        "network",
        name,
        "businfo",
        bus.map(|at| format!("pci@{at}")),
    );
    for (key, value) in [
        ("serial", Some(interface.mac_address.as_str())),
        ("vendor", interface.vendor.as_deref()),
        ("product", interface.product.as_deref()),
        ("driver", interface.driver.as_deref()),
        ("ipv4", interface.ipv4_address.as_deref()),
        (
            "link",
            Some(if interface.has_carrier { "yes" } else { "no" }),
        ),
    ] {
        facts.add("network", name, key, value);
    }
    let bits = interface.speed_mbps.map(|mbps| u64::from(mbps) * 1_000_000);
    facts.add("network", name, "size", bits);
}

#[cfg(test)]
mod tests {
    use crate::inspection::tests::{SMALL_SERVER, collected_from};

    #[test]
    fn facts_are_lists_of_four_and_nothing_unknown() {
        let payload = collected_from(SMALL_SERVER, &["extra-hardware"]);
        let facts = payload["data"].as_array().expect("a list");
        assert!(!facts.is_empty());
        for fact in facts {
            let fact = fact.as_array().expect("a list");
            assert_eq!(fact.len(), 4, "{fact:?}");
            assert!(
                fact.iter()
                    .all(|item| item.as_str().is_some_and(|text| !text.is_empty()))
            );
        }
        let has = |wanted: [&str; 4]| facts.iter().any(|fact| *fact == serde_json::json!(wanted));
        assert!(has(["system", "product", "name", "PowerEdge R640"]));
        assert!(has(["network", "eno1", "serial", "d0:94:66:00:11:22"]));
        assert!(has(["disk", "sda", "size", "479"]));
        assert!(!facts.iter().any(|fact| fact[0] == "ipmi"));
    }
}
