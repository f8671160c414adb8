// SPDX-License-Identifier: Apache-2.0
//! Every function on PCI, and the slots of the board.
//!
//! Devices are named by their ids. Names are known for classes and for the
//! vendors that servers have; the database of all device names weighs more than
//! the agent, and whoever reads the report has it (`pci.ids`).

mod address;
mod errors;
mod link;
mod names;
mod slots;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Absences, Source};
use crate::pci_config;
use crate::snapshot::Tree;

pub(super) use address::function_above;
pub use errors::PciErrors;
pub use link::PciLink;
pub(super) use names::vendor_name;
pub use slots::PciSlot;
pub(super) use slots::read as read_slots;

/// Where the kernel lists every function.
pub(super) const DEVICES: &str = "/sys/bus/pci/devices";

/// One function on PCI. What does not apply to it is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PciDevice {
    /// Domain, bus, device and function, `0000:3b:00.0`.
    pub address: String,
    /// Address of the bridge or port it hangs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Class, subclass and programming interface, six hexadecimal digits: `020000`.
    pub class: String,
    /// Class in words, `Ethernet controller`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// Vendor id, four hexadecimal digits: `8086`.
    pub vendor_id: String,
    /// Device id, four hexadecimal digits.
    pub device_id: String,
    /// Name of the vendor, if it is one of those servers usually have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Id of the vendor of the card or board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsystem_vendor_id: Option<String>,
    /// Id the vendor of the card or board gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsystem_device_id: Option<String>,
    /// Name of the vendor of the card or board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsystem_vendor: Option<String>,
    /// Revision, two hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Slot it sits in, as the firmware names it (SMBIOS type 9): `PCIe Slot 3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Number of the slot as the hotplug controller or ACPI tells the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_slot: Option<String>,
    /// Name of a device of the board: `Integrated NIC 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onboard_label: Option<String>,
    /// Number the firmware gives a device of the board; `eno1` is number 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onboard_index: Option<u32>,
    /// The link of a PCI Express function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<PciLink>,
    /// IOMMU group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iommu_group: Option<u32>,
    /// NUMA node it is nearest to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numa_node: Option<u32>,
    /// Driver it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Virtual functions it can have at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sriov_vfs_max: Option<u32>,
    /// Virtual functions it has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sriov_vfs: Option<u32>,
    /// Address of the physical function, if this is a virtual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_function: Option<String>,
    /// Errors on its link since the kernel started (Advanced Error Reporting).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<PciErrors>,
    /// Serial number of the device, an EUI-64: `40-7d-0f-ff-ff-97-06-f8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
}

impl PciDevice {
    /// Class and subclass, `0200`.
    pub(super) fn kind(&self) -> &str {
        self.class.get(..4).unwrap_or_default()
    }
}

/// The functions in order of their addresses.
pub(super) fn read(
    source: &Source<'_>,
    slots: &[PciSlot],
    absent: &mut Absences,
) -> Vec<PciDevice> {
    let onboard = slots::onboard_names(source.smbios);
    let mut devices = Vec::new();
    for address in source.files.names(DEVICES) {
        let device = device(source.files, address);
        let reason = "its ids could not be read";
        devices.extend(absent.expect(device, address, "everything", reason));
    }
    for device in &mut devices {
        device.slot = slots::slot_of(source.files, device, slots);
        if device.onboard_label.is_none() {
            device.onboard_label = onboard.get(&device.address).cloned();
        }
    }
    if devices.is_empty() {
        absent.note("pci", "devices", "the kernel shows no function on PCI");
    } else if is_header_only(source.files, &devices) {
        let reason = "configuration spaces are for the administrator only";
        absent.note("pci", "serial numbers", reason);
    }
    devices
}

/// Whether functions have capabilities, and none of them could be read.
fn is_header_only(files: &Tree, devices: &[PciDevice]) -> bool {
    let mut has_spaces = false;
    for device in devices {
        let path = format!("{DEVICES}/{}/config", device.address);
        let space = files.bytes(&path).unwrap_or_default();
        if space.len() > pci_config::HEADER {
            return false;
        }
        has_spaces |= space.get(0x34).is_some_and(|pointer| *pointer != 0);
    }
    has_spaces
}

fn device(files: &Tree, address: &str) -> Option<PciDevice> {
    let path = format!("{DEVICES}/{address}");
    let id = |name: &str| hexadecimal(files, &format!("{path}/{name}"));
    let number = |name: &str| files.number::<u32>(&format!("{path}/{name}"));
    let vendor_id = id("vendor")?;
    let device_id = id("device")?;
    let class = id("class")?;
    let config = pci_config::parse(files.bytes(&format!("{path}/config")).unwrap_or_default());
    let subsystem_vendor_id = id("subsystem_vendor").filter(|id| id != "0000");
    let has_subsystem = subsystem_vendor_id.is_some();
    Some(PciDevice {
        parent: address::parent(files, &path),
        class_name: names::class_name(&class).map(str::to_owned),
        vendor: vendor_name(&vendor_id).map(str::to_owned),
        subsystem_vendor: subsystem_vendor_id
            .as_deref()
            .and_then(vendor_name)
            .map(str::to_owned),
        subsystem_device_id: id("subsystem_device").filter(|_| has_subsystem),
        subsystem_vendor_id,
        revision: id("revision"),
        physical_slot: slots::physical_slot(files, address),
        onboard_label: text(files, &format!("{path}/label")),
        onboard_index: number("acpi_index").or_else(|| number("index")),
        link: link::read(files, &path, config.express),
        iommu_group: files
            .link_name(&format!("{path}/iommu_group"))
            .and_then(|group| group.parse().ok()),
        // -1 says that the firmware did not tell.
        numa_node: number("numa_node"),
        driver: files
            .link_name(&format!("{path}/driver"))
            .map(str::to_owned),
        sriov_vfs_max: number("sriov_totalvfs"),
        sriov_vfs: number("sriov_numvfs"),
        physical_function: files
            .link_name(&format!("{path}/physfn"))
            .map(str::to_owned),
        errors: errors::read(files, &path),
        serial_number: config.serial_number.map(eui_64),
        device_id,
        address: address.to_owned(),
        slot: None,
        class,
        vendor_id,
    })
}

fn text(files: &Tree, path: &str) -> Option<String> {
    files.text(path).map(str::to_owned)
}

/// The digits of an id that sysfs shows as `0x8086`.
fn hexadecimal(files: &Tree, path: &str) -> Option<String> {
    let digits = files.text(path)?.strip_prefix("0x")?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| digits.to_ascii_lowercase())
}

fn eui_64(number: u64) -> String {
    let bytes: Vec<String> = number
        .to_be_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    bytes.join("-")
}

#[cfg(test)]
mod tests;
