// SPDX-License-Identifier: Apache-2.0
//! Who made the machine, what firmware it has and how it booted.

use serde::{Deserialize, Serialize};

use crate::smbios::{Structure, is_placeholder};
use crate::snapshot::{Snapshot, Tree};

/// The SMBIOS structure table.
pub(crate) const TABLE: &str = "/sys/firmware/dmi/tables/DMI";

const BIOS: u8 = 0;
const SYSTEM: u8 = 1;

/// Who made the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemVendor {
    /// Name of the product.
    pub product_name: Option<String>,
    /// Serial number of the machine.
    pub serial_number: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Its firmware.
    pub firmware: Firmware,
}

/// The machine's firmware.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firmware {
    /// Who made it.
    pub vendor: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Date, in the vendor's spelling.
    pub build_date: Option<String>,
}

/// How the machine booted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// `uefi` or `bios`.
    pub current_boot_mode: String,
    /// `BOOTIF` as it was given.
    pub pxe_interface: Option<String>,
}

/// From the SMBIOS table; from the kernel's copy of it where the table itself is
/// not readable; from the device tree on machines that have no SMBIOS.
pub(super) fn vendor(files: &Tree, structures: &[Structure<'_>]) -> SystemVendor {
    let text = |kind: u8, offset: usize, attribute: &str| {
        structures
            .iter()
            .find(|structure| structure.kind == kind)
            .and_then(|structure| structure.string(offset))
            .or_else(|| text_or_none(files, &format!("/sys/class/dmi/id/{attribute}")))
    };
    SystemVendor {
        product_name: text(SYSTEM, 0x05, "product_name")
            .or_else(|| text_or_none(files, "/proc/device-tree/model")),
        serial_number: text(SYSTEM, 0x07, "product_serial")
            .or_else(|| text_or_none(files, "/proc/device-tree/serial-number")),
        manufacturer: text(SYSTEM, 0x04, "sys_vendor"),
        firmware: Firmware {
            vendor: text(BIOS, 0x04, "bios_vendor"),
            version: text(BIOS, 0x05, "bios_version"),
            build_date: text(BIOS, 0x08, "bios_date"),
        },
    }
}

/// The text of a file unless it is a placeholder.
pub(crate) fn text_or_none(files: &Tree, path: &str) -> Option<String> {
    files
        .text(path)
        .filter(|text| !is_placeholder(text))
        .map(str::to_owned)
}

/// Whether the machine was started by UEFI firmware.
#[must_use]
pub fn booted_by_uefi(files: &Tree) -> bool {
    files.exists("/sys/firmware/efi")
}

pub(super) fn boot(files: &Tree, pxe_interface: Option<String>) -> Boot {
    let mode = if booted_by_uefi(files) {
        "uefi"
    } else {
        "bios"
    };
    Boot {
        current_boot_mode: mode.to_owned(),
        pxe_interface,
    }
}

/// Names hypervisors give themselves in the manufacturer or product field.
const HYPERVISORS: &[&str] = &[
    "amazon ec2",
    "bochs",
    "google compute engine",
    "kvm",
    "openstack",
    "qemu",
    "rhev",
    "virtual machine",
    "virtualbox",
    "vmware",
    "xen",
];

/// Whether this is a virtual machine: the processor says so (x86), the firmware
/// says so (DSP0134 §7.1.2.2 bit 4, or its names), or the kernel runs on Xen.
#[must_use]
pub fn is_virtual_machine(snapshot: &Snapshot, structures: &[Structure<'_>]) -> bool {
    let files = &snapshot.files;
    let by_processor = files
        .text("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .filter(|line| line.starts_with("flags"))
        .take(1)
        .any(|line| line.split_whitespace().any(|flag| flag == "hypervisor"));
    let by_firmware = structures
        .iter()
        .filter(|structure| structure.kind == BIOS)
        .any(|bios| bios.byte(0x13).is_some_and(|bits| bits & 0x10 != 0));
    let vendor = vendor(files, structures);
    let names = [vendor.manufacturer, vendor.product_name];
    let by_name = names.iter().flatten().any(|name| {
        let name = name.to_ascii_lowercase();
        HYPERVISORS.iter().any(|known| name.contains(known))
    });
    by_processor || by_firmware || by_name || files.exists("/sys/hypervisor/type")
}
