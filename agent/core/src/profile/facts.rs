// SPDX-License-Identifier: Apache-2.0
//! What the machine is recognised by.

use std::collections::BTreeMap;

use hardware_profiles::{Architecture, MachineFacts, PciId};

use crate::inventory::{Inventory, TABLE};
use crate::smbios::{Structure, is_placeholder, structures};
use crate::snapshot::{Snapshot, Tree};

/// SMBIOS structure types (DSP0134 §7).
const BIOS: u8 = 0;
const SYSTEM: u8 = 1;
const BASEBOARD: u8 = 2;
const CHASSIS: u8 = 3;
const PROCESSOR: u8 = 4;

/// What profiles match on.
#[must_use]
pub fn facts(snapshot: &Snapshot, inventory: &Inventory) -> MachineFacts {
    let files = &snapshot.files;
    let found = structures(files.bytes(TABLE).unwrap_or_default());
    let text = |kind, offset, attribute| smbios_text(files, &found, kind, offset, attribute);
    let count = |number: usize| u64::try_from(number).ok();
    MachineFacts {
        architecture: match snapshot.uname.machine.as_str() {
            "x86_64" => Some(Architecture::X86_64),
            "aarch64" => Some(Architecture::Aarch64),
            _ => None,
        },
        bios_vendor: text(BIOS, 0x04, "bios_vendor"),
        bios_version: text(BIOS, 0x05, "bios_version"),
        system_manufacturer: text(SYSTEM, 0x04, "sys_vendor"),
        system_product: inventory
            .system_vendor
            .product_name
            .clone()
            .unwrap_or_default(),
        system_version: text(SYSTEM, 0x06, "product_version"),
        system_sku: text(SYSTEM, 0x19, "product_sku"),
        system_family: text(SYSTEM, 0x1a, "product_family"),
        baseboard_manufacturer: text(BASEBOARD, 0x04, "board_vendor"),
        baseboard_product: text(BASEBOARD, 0x05, "board_name"),
        chassis_manufacturer: text(CHASSIS, 0x04, "chassis_vendor"),
        cpu_vendor: ["vendor_id", "CPU implementer"]
            .iter()
            .find_map(|key| cpuinfo(files, key))
            .unwrap_or_default()
            .to_owned(),
        cpu_model: cpu_model(files, &found, inventory),
        sockets: inventory.cpu.socket_count.and_then(count),
        memory_gib: inventory.memory.physical_mb.map(|mib| mib / 1024),
        disks: count(
            inventory
                .disks
                .iter()
                .filter(|disk| disk.tran.as_deref() != Some("usb"))
                .count(),
        ),
        nics: count(
            inventory
                .interfaces
                .iter()
                .filter(|interface| is_built_in(files, &interface.name))
                .count(),
        ),
        pci: pci(files),
    }
}

/// A string of the SMBIOS table, else the kernel's copy of it; empty if the
/// firmware does not say.
fn smbios_text(
    files: &Tree,
    found: &[Structure<'_>],
    kind: u8,
    offset: usize,
    attribute: &str,
) -> String {
    let from_table = found
        .iter()
        .find(|structure| structure.kind == kind)
        .and_then(|structure| structure.string(offset));
    from_table
        .or_else(|| {
            files
                .text(&format!("/sys/class/dmi/id/{attribute}"))
                .filter(|text| !is_placeholder(text))
                .map(str::to_owned)
        })
        .unwrap_or_default()
}

/// The first value of a key in `/proc/cpuinfo`.
pub(super) fn cpuinfo<'a>(files: &'a Tree, key: &str) -> Option<&'a str> {
    files
        .text("/proc/cpuinfo")?
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
}

/// The marketing name. On ARM the kernel knows only the core's design, so the
/// firmware's name of the processor comes before it there.
fn cpu_model(files: &Tree, found: &[Structure<'_>], inventory: &Inventory) -> String {
    cpuinfo(files, "model name")
        .map(str::to_owned)
        .or_else(|| {
            found
                .iter()
                .filter(|structure| structure.kind == PROCESSOR)
                .find_map(|processor| processor.string(0x10))
        })
        .or_else(|| inventory.cpu.model_name.clone())
        .unwrap_or_default()
}

/// Whether an interface is hardware that stays with the machine: on a bus, but
/// not on USB.
pub(super) fn is_built_in(files: &Tree, name: &str) -> bool {
    files
        .canonical(&format!("/sys/class/net/{name}/device"))
        .is_some_and(|path| !path.contains("/usb"))
}

fn pci(files: &Tree) -> BTreeMap<PciId, u64> {
    let mut counts = BTreeMap::new();
    for address in files.names("/sys/bus/pci/devices") {
        if let Some(id) = pci_id(files, &format!("/sys/bus/pci/devices/{address}")) {
            *counts.entry(id).or_insert(0) += 1;
        }
    }
    counts
}

/// Vendor and device of the PCI function at a path.
pub(super) fn pci_id(files: &Tree, path: &str) -> Option<PciId> {
    let number = |attribute: &str| {
        let text = files.text(&format!("{path}/{attribute}"))?;
        u16::from_str_radix(text.strip_prefix("0x")?, 16).ok()
    };
    Some(PciId {
        vendor: number("vendor")?,
        device: number("device")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Facts, read};
    use crate::smbios::tests::Builder;
    use crate::snapshot::{Bytes, Entry};

    #[test]
    fn a_machine_is_recognised_by_its_tables() {
        let table = Builder::default()
            .add(0, 0, &[1, 2, 0, 0, 3], &["AMI", "F17a", "07/22/2021"])
            .add(
                1,
                1,
                &[
                    1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 5,
                ],
                &["WIWYNN", "Mt.Jade", "0100", "SKU1", "Altra"],
            )
            .add(
                4,
                2,
                &[0, 3, 0xfe, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2],
                &["Ampere", "Ampere(R) Altra(R) Processor"],
            )
            .end();
        let mut snapshot = Snapshot::default();
        snapshot.uname.machine = "aarch64".into();
        for (path, text) in [
            (
                "/proc/cpuinfo",
                "processor : 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n",
            ),
            ("/sys/class/dmi/id/board_vendor", "WIWYNN\n"),
            ("/sys/class/dmi/id/board_name", "Default string\n"),
            ("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x15b3\n"),
            ("/sys/bus/pci/devices/0000:01:00.0/device", "0x1017\n"),
            ("/sys/bus/pci/devices/0000:01:00.1/vendor", "0x15b3\n"),
            ("/sys/bus/pci/devices/0000:01:00.1/device", "0x1017\n"),
            ("/sys/bus/pci/devices/0000:02:00.0/vendor", "what\n"),
        ] {
            snapshot.files.insert(path, Entry::File(Bytes::from(text)));
        }
        snapshot.files.insert(TABLE, Entry::File(Bytes(table)));
        let found = facts(&snapshot, &read(&snapshot, &Facts::default()));
        assert_eq!(found.architecture, Some(Architecture::Aarch64));
        assert_eq!(found.system_product, "Mt.Jade");
        assert_eq!(
            (&*found.system_sku, &*found.system_family),
            ("SKU1", "Altra")
        );
        assert_eq!(found.baseboard_manufacturer, "WIWYNN");
        assert_eq!(found.baseboard_product, "", "a placeholder is no value");
        assert_eq!(found.cpu_vendor, "0x41");
        assert_eq!(found.cpu_model, "Ampere(R) Altra(R) Processor");
        assert_eq!(found.pci, [("15b3:1017".parse().expect("an id"), 2)].into());
        let set = hardware_profiles::ProfileSet::builtin();
        assert_eq!(set.select(&found).profile.name, "ampere-altra");
    }
}
