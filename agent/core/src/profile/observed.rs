// SPDX-License-Identifier: Apache-2.0
//! The plain facts that expectations are compared with.

use hardware_profiles::{DiskKind, PciId};

use super::facts::{is_built_in, pci_id};
use crate::hardware::Hardware;
use crate::inventory::{self, Inventory, TABLE};
use crate::lldp::Cabling;
use crate::smbios::{memory_devices, structures};
use crate::snapshot::{Snapshot, Tree};

/// The machine as far as expectations reach. `None` means that the machine did
/// not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Processor packages.
    pub sockets: Option<u64>,
    /// Installed memory in MiB.
    pub memory_mib: Option<u64>,
    /// Every slot of system memory; none if the firmware does not list them.
    pub dimms: Option<Vec<Dimm>>,
    /// Network ports that stay with the machine.
    pub nics: Vec<Nic>,
    /// Where the cables lead; none if nobody listened.
    pub cabling: Option<Cabling>,
    /// Disks that stay with the machine.
    pub disks: Vec<Disk>,
    /// PCI functions.
    pub pci: Vec<PciDevice>,
    /// Version of the machine's firmware.
    pub bios_version: Option<String>,
    /// Its date as SMBIOS writes it, `11/12/2020`.
    pub bios_date: Option<String>,
    /// Version of the BMC's firmware.
    pub bmc_version: Option<String>,
    /// Whether Secure Boot enforces.
    pub secure_boot: Option<bool>,
    /// Major version of the TPM; none if the kernel shows no TPM.
    pub tpm: Option<u8>,
}

/// A memory slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimm {
    /// As printed on the board.
    pub slot: String,
    /// Size of the module in MiB; 0 if the slot is empty, none if not told.
    pub size_mib: Option<u64>,
}

/// A network port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nic {
    /// Name of the interface.
    pub name: String,
    /// The card.
    pub pci: Option<PciId>,
    /// Kernel driver.
    pub driver: Option<String>,
    /// Whether there is something at the other end.
    pub carrier: bool,
    /// Speed of the link now, in Mbit/s.
    pub speed_mbps: Option<u64>,
    /// The highest speed the port supports, in Mbit/s.
    pub max_speed_mbps: Option<u64>,
    /// Version of its firmware.
    pub firmware: Option<String>,
    /// What LLDP says about the other end.
    pub neighbour: Option<Neighbour>,
}

/// The other end of a cable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbour {
    /// Name of the switch.
    pub switch: String,
    /// Name of its port.
    pub port: String,
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Device node.
    pub name: String,
    /// What it is made of.
    pub kind: DiskKind,
    /// Size in bytes.
    pub size: u64,
}

/// A PCI function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PciDevice {
    /// `0000:3b:00.0`.
    pub address: String,
    /// Vendor and device.
    pub id: PciId,
    /// Class code, 24 bits.
    pub class: u32,
    /// Lanes of the link now.
    pub width: Option<u8>,
    /// Lanes the device has.
    pub max_width: Option<u8>,
    /// Generation of PCI Express that the link runs at.
    pub generation: Option<u8>,
    /// Generation the device supports.
    pub max_generation: Option<u8>,
}

impl PciDevice {
    /// Whether this is a graphics or compute accelerator: a processing
    /// accelerator (class 12h), or a display controller (class 03h) of a maker
    /// of accelerators. The displays of BMCs and hypervisors are of others, and
    /// a processor's own graphics is on bus 0.
    #[must_use]
    pub fn is_accelerator(&self) -> bool {
        const MAKERS: [u16; 3] = [0x10de, 0x1002, 0x8086];
        match self.class >> 16 {
            0x12 => true,
            0x03 => MAKERS.contains(&self.id.vendor) && !self.address.contains(":00:"),
            _ => false,
        }
    }
}

/// Gathers the facts from what was read.
#[must_use]
pub fn observe(snapshot: &Snapshot, inventory: &Inventory, hardware: &Hardware) -> Observed {
    let files = &snapshot.files;
    let firmware = &inventory.system_vendor.firmware;
    let bmc = hardware.bmc.as_ref().and_then(|bmc| bmc.device.as_ref());
    Observed {
        sockets: inventory
            .cpu
            .socket_count
            .and_then(|count| u64::try_from(count).ok()),
        memory_mib: inventory.memory.physical_mb,
        dimms: dimms(files),
        nics: nics(snapshot, inventory, hardware),
        cabling: (!snapshot.lldp.is_empty()).then(|| Cabling::of(&snapshot.lldp)),
        disks: disks(&inventory.disks),
        pci: pci_devices(files),
        bios_version: firmware.version.clone(),
        bios_date: firmware.build_date.clone(),
        bmc_version: bmc.map(|device| device.firmware_version.clone()),
        secure_boot: secure_boot(files),
        tpm: files.number("/sys/class/tpm/tpm0/tpm_version_major"),
    }
}

fn dimms(files: &Tree) -> Option<Vec<Dimm>> {
    let found = structures(files.bytes(TABLE).unwrap_or_default());
    let slots: Vec<Dimm> = memory_devices(&found)
        .into_iter()
        .enumerate()
        .map(|(index, device)| Dimm {
            slot: device
                .locator
                .unwrap_or_else(|| format!("slot {}", index + 1)),
            size_mib: device.size_kib.map(|kib| kib / 1024),
        })
        .collect();
    (!slots.is_empty()).then_some(slots)
}

fn nics(snapshot: &Snapshot, inventory: &Inventory, hardware: &Hardware) -> Vec<Nic> {
    let files = &snapshot.files;
    inventory
        .interfaces
        .iter()
        .filter(|interface| is_built_in(files, &interface.name))
        .map(|interface| {
            let link = snapshot
                .links
                .iter()
                .find(|link| link.name == interface.name);
            let now = link.and_then(|link| link.speed_mbps).or_else(|| {
                // The kernel writes -1 for "unknown".
                files.number(&format!("/sys/class/net/{}/speed", interface.name))
            });
            Nic {
                name: interface.name.clone(),
                pci: interface
                    .pci_address
                    .as_ref()
                    .and_then(|address| pci_id(files, &format!("/sys/bus/pci/devices/{address}"))),
                driver: interface.driver.clone(),
                carrier: interface.has_carrier,
                speed_mbps: now.map(u64::from),
                max_speed_mbps: link.and_then(|link| link.max_speed_mbps).map(u64::from),
                firmware: firmware_of(&interface.name, hardware),
                neighbour: neighbour_of(&interface.name, hardware),
            }
        })
        .collect()
}

fn firmware_of(port: &str, hardware: &Hardware) -> Option<String> {
    let mut ports = hardware.network.iter();
    ports
        .find(|found| found.name == port)?
        .firmware_version
        .clone()
}

/// The first neighbour of a port; a host with its own LLDP may speak there too.
fn neighbour_of(port: &str, hardware: &Hardware) -> Option<Neighbour> {
    let mut all = hardware.neighbours.iter();
    let heard = &all.find(|found| found.port == port)?.neighbour;
    Some(Neighbour {
        switch: heard.system_name.clone().unwrap_or_default(),
        port: heard
            .port_id
            .as_ref()
            .map(|id| id.value.clone())
            .unwrap_or_default(),
    })
}

/// Without USB, and without what is made of other disks.
fn disks(disks: &[inventory::Disk]) -> Vec<Disk> {
    let is_made = |name: &str| name.starts_with("/dev/md") || name.starts_with("/dev/dm-");
    disks
        .iter()
        .filter(|disk| disk.tran.as_deref() != Some("usb") && !is_made(&disk.name))
        .map(|disk| Disk {
            name: disk.name.clone(),
            kind: match disk.tran.as_deref() {
                Some("nvme") => DiskKind::Nvme,
                _ if disk.rotational => DiskKind::Hdd,
                _ => DiskKind::Ssd,
            },
            size: disk.size,
        })
        .collect()
}

/// Every PCI function with its link.
pub(crate) fn pci_devices(files: &Tree) -> Vec<PciDevice> {
    files
        .names("/sys/bus/pci/devices")
        .into_iter()
        .filter_map(|address| {
            let path = format!("/sys/bus/pci/devices/{address}");
            let text = |attribute: &str| files.text(&format!("{path}/{attribute}"));
            let class = text("class")?.strip_prefix("0x")?;
            Some(PciDevice {
                address: address.to_owned(),
                id: pci_id(files, &path)?,
                class: u32::from_str_radix(class, 16).ok()?,
                width: text("current_link_width").and_then(lanes),
                max_width: text("max_link_width").and_then(lanes),
                generation: text("current_link_speed").and_then(generation),
                max_generation: text("max_link_speed").and_then(generation),
            })
        })
        .collect()
}

/// Functions without a link of their own show 0 or 255.
fn lanes(text: &str) -> Option<u8> {
    text.parse().ok().filter(|width| (1..=32).contains(width))
}

/// `8.0 GT/s PCIe` is generation 3.
fn generation(text: &str) -> Option<u8> {
    Some(match text.split_once(" GT/s")?.0 {
        "2.5" => 1,
        "5.0" | "5" => 2,
        "8.0" | "8" => 3,
        "16.0" | "16" => 4,
        "32.0" | "32" => 5,
        "64.0" | "64" => 6,
        _ => return None,
    })
}

/// Four bytes of attributes, then the value (UEFI 2.10 §3.3).
fn secure_boot(files: &Tree) -> Option<bool> {
    const VARIABLE: &str =
        "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    match files.bytes(VARIABLE) {
        Some(bytes) => bytes.get(4).map(|value| *value == 1),
        // A machine that booted without EFI cannot enforce it.
        None => (!files.is_empty() && !files.exists("/sys/firmware/efi")).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Facts, read};
    use crate::snapshot::{Bytes, Entry};

    #[test]
    fn a_port_has_its_firmware_and_the_first_neighbour_heard_on_it() {
        let mut hardware = Hardware::default();
        hardware.network.push(crate::hardware::NetworkPort {
            name: "eno1".into(),
            firmware_version: Some("8.50".into()),
            ..Default::default()
        });
        for (port, switch) in [("eno2", "leaf2"), ("eno1", "leaf1"), ("eno1", "host")] {
            let mut heard = crate::hardware::PortNeighbour {
                port: port.into(),
                ..Default::default()
            };
            heard.neighbour.system_name = Some(switch.into());
            hardware.neighbours.push(heard);
        }
        assert_eq!(firmware_of("eno1", &hardware).as_deref(), Some("8.50"));
        assert_eq!(firmware_of("eno9", &hardware), None);
        let found = neighbour_of("eno1", &hardware).expect("a neighbour");
        assert_eq!((found.switch.as_str(), found.port.as_str()), ("leaf1", ""));
        assert_eq!(neighbour_of("eno9", &hardware), None);
    }

    #[test]
    fn links_and_switches_of_the_firmware_are_read() {
        let mut snapshot = Snapshot::default();
        let device = "/sys/bus/pci/devices/0000:3b:00.0";
        for (path, bytes) in [
            (format!("{device}/vendor"), &b"0x10de\n"[..]),
            (format!("{device}/device"), b"0x2330\n"),
            (format!("{device}/class"), b"0x030200\n"),
            (format!("{device}/current_link_width"), b"8\n"),
            (format!("{device}/max_link_width"), b"255\n"),
            (format!("{device}/current_link_speed"), b"8.0 GT/s PCIe\n"),
            (format!("{device}/max_link_speed"), b"Unknown\n"),
            ("/sys/class/tpm/tpm0/tpm_version_major".into(), b"2\n"),
            (
                "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c".into(),
                &[6, 0, 0, 0, 1],
            ),
        ] {
            snapshot
                .files
                .insert(path, Entry::File(Bytes(bytes.to_vec())));
        }
        let observed = observe(
            &snapshot,
            &read(&snapshot, &Facts::default()),
            &crate::hardware::read(&snapshot),
        );
        let [gpu] = &observed.pci[..] else {
            panic!("{observed:?}");
        };
        assert!(gpu.is_accelerator());
        assert_eq!((gpu.width, gpu.max_width), (Some(8), None));
        assert_eq!((gpu.generation, gpu.max_generation), (Some(3), None));
        assert_eq!((observed.secure_boot, observed.tpm), (Some(true), Some(2)));
        assert_eq!(observed.dimms, None);
        let nothing = Snapshot::default();
        let observed = observe(
            &nothing,
            &read(&nothing, &Facts::default()),
            &Hardware::default(),
        );
        assert_eq!(observed.secure_boot, None);
    }
}
