// SPDX-License-Identifier: Apache-2.0
//! RAID controllers and host bus adapters: functions on PCI of these classes,
//! and SCSI hosts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hardware::Absences;
use crate::hardware::pci::{PciDevice, function_above};
use crate::snapshot::Tree;

const HOSTS: &str = "/sys/class/scsi_host";

/// Attributes by what they tell. Each driver has names of its own: mpt3sas and
/// mpi3mr, smartpqi, hpsa, aacraid, qla2xxx, lpfc.
const MODEL: &[&str] = &["board_name", "model", "model_name", "modelname"];
const FIRMWARE: &[&str] = &[
    "version_fw",
    "firmware_version",
    "firmware_revision",
    "hba_kernel_version",
    "fw_version",
    "fwrev",
];
const BIOS: &[&str] = &["version_bios", "hba_bios_version", "optrom_bios_version"];
const SERIAL: &[&str] = &["serial_number", "board_tracer", "serial_num", "serialnum"];

/// What a controller is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ControllerKind {
    /// Makes volumes out of disks, or could.
    Raid,
    /// Shows SAS and SATA disks as they are.
    Sas,
    /// SATA ports, of the chip set or a card.
    Sata,
    /// Fibre Channel.
    FibreChannel,
    /// iSCSI.
    Iscsi,
    /// Of a virtual machine.
    Virtual,
    /// Any other, such as parallel SCSI.
    #[default]
    Other,
}

/// A RAID controller or host bus adapter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StorageController {
    /// Address on PCI; none for one of the chip or without hardware.
    pub address: Option<String>,
    /// What it is for.
    pub kind: ControllerKind,
    /// Driver, `megaraid_sas`; none if no driver knows it.
    pub driver: Option<String>,
    /// SCSI hosts of it, `host0`. SATA has one for each port.
    pub hosts: Vec<String>,
    /// Name of the board, where its driver tells.
    pub model: Option<String>,
    /// Version of its firmware, where its driver tells.
    pub firmware: Option<String>,
    /// Version of its boot ROM, where its driver tells.
    pub bios: Option<String>,
    /// Serial number, where its driver tells.
    pub serial: Option<String>,
    /// Part number of the board, where its driver tells.
    pub part_number: Option<String>,
    /// Its own SAS address.
    pub sas_address: Option<String>,
    /// State of its first host, `running`.
    pub state: Option<String>,
    /// Slot it sits in.
    pub slot: Option<String>,
}

/// The controllers on PCI in order of their addresses, then the others.
pub(super) fn read(
    files: &Tree,
    devices: &[PciDevice],
    absent: &mut Absences,
) -> Vec<StorageController> {
    let mut hosts = hosts_by_function(files);
    let mut found = Vec::new();
    for device in devices {
        let own = hosts.remove(&Some(device.address.clone()));
        if own.is_some() || is_controller(device) {
            let address = Some(device.address.clone());
            let controller = controller(files, address, Some(device), own.unwrap_or_default());
            note_absences(&controller, &device.address, absent);
            found.push(controller);
        }
    }
    for (function, hosts) in hosts {
        if function.is_some() {
            found.push(controller(files, function, None, hosts));
        } else {
            // Without a function each host is a controller.
            let each = hosts.into_iter().map(|host| vec![host]);
            found.extend(each.map(|host| controller(files, None, None, host)));
        }
    }
    found
}

/// SCSI hosts by the function they belong to, without those on USB.
fn hosts_by_function(files: &Tree) -> BTreeMap<Option<String>, Vec<String>> {
    let mut found: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    let mut names = files.names(HOSTS);
    names.sort_by_key(|name| (name.len(), *name));
    for name in names {
        let path = format!("{HOSTS}/{name}");
        let is_usb = matches!(
            files.text(&format!("{path}/proc_name")),
            Some("usb-storage" | "uas")
        );
        if !is_usb {
            let function = function_above(files, &path);
            found.entry(function).or_default().push(name.to_owned());
        }
    }
    found
}

/// Functions that should have hosts. Virtio disks have the class of SCSI, but
/// are disks themselves.
fn is_controller(device: &PciDevice) -> bool {
    match device.kind() {
        "0100" => device.vendor_id != "1af4",
        "0104" | "0105" | "0106" | "0107" | "0c04" => true,
        _ => false,
    }
}

fn controller(
    files: &Tree,
    address: Option<String>,
    device: Option<&PciDevice>,
    hosts: Vec<String>,
) -> StorageController {
    let first = hosts.first().map(|host| format!("{HOSTS}/{host}"));
    let told = |names: &[&str]| {
        let host = first.as_deref()?;
        names
            .iter()
            .find_map(|name| files.text(&format!("{host}/{name}")))
            .map(str::to_owned)
    };
    let driver = told(&["proc_name"])
        .filter(|name| name != "<NULL>" && name != "(null)")
        .or_else(|| device.and_then(|device| device.driver.clone()));
    StorageController {
        kind: kind(driver.as_deref(), device),
        driver,
        model: told(MODEL),
        firmware: told(FIRMWARE),
        bios: told(BIOS),
        serial: told(SERIAL),
        part_number: told(&["board_assembly"]),
        sas_address: told(&["host_sas_address"]),
        state: told(&["state"]),
        slot: device.and_then(|device| device.slot.clone()),
        address,
        hosts,
    }
}

/// The driver knows best; a function's class may say RAID for a mere SATA port.
fn kind(driver: Option<&str>, device: Option<&PciDevice>) -> ControllerKind {
    match driver.unwrap_or_default() {
        "megaraid_sas" | "megaraid" | "smartpqi" | "hpsa" | "aacraid" | "arcmsr" | "3w-sas"
        | "3w-9xxx" | "ips" | "mpi3mr" => ControllerKind::Raid,
        "mpt3sas" | "mpt2sas" | "mptsas" | "isci" | "mvsas" | "pm80xx" | "hisi_sas_v2_hw"
        | "hisi_sas_v3_hw" | "aic94xx" | "esas2r" => ControllerKind::Sas,
        "ahci" | "ata_piix" | "ahci_platform" => ControllerKind::Sata,
        "qla2xxx" | "lpfc" | "bfa" | "fnic" | "csiostor" | "zfcp" => ControllerKind::FibreChannel,
        "iscsi_tcp" | "qla4xxx" | "be2iscsi" | "bnx2i" | "cxgb4i" | "ib_iser" => {
            ControllerKind::Iscsi
        }
        "virtio_scsi" | "vmw_pvscsi" | "storvsc" | "hv_storvsc" | "xen-scsifront" => {
            ControllerKind::Virtual
        }
        // It has the class of RAID and only leads to NVMe drives.
        "vmd" => ControllerKind::Other,
        _ => match device.map(PciDevice::kind) {
            Some("0104") => ControllerKind::Raid,
            Some("0107") => ControllerKind::Sas,
            Some("0105" | "0106") => ControllerKind::Sata,
            Some("0c04") => ControllerKind::FibreChannel,
            _ => ControllerKind::Other,
        },
    }
}

fn note_absences(controller: &StorageController, address: &str, absent: &mut Absences) {
    let keeps_firmware = matches!(controller.kind, ControllerKind::Raid | ControllerKind::Sas);
    match &controller.driver {
        None => absent.note(address, "disks", "no driver is bound to this controller"),
        Some(driver) if keeps_firmware && controller.firmware.is_none() => absent.note(
            address,
            "firmware",
            format!("the driver {driver} does not tell it"),
        ),
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Bytes, Entry};

    /// The path of the device below `/sys/devices`, number of the host, attributes.
    type Host<'a> = (&'a str, u32, &'a [(&'a str, &'a str)]);

    fn tree(hosts: &[Host<'_>]) -> Tree {
        let mut files = Tree::default();
        for (device, number, attributes) in hosts {
            let host = format!("host{number}");
            let place = format!("devices/{device}/{host}/scsi_host/{host}");
            files.insert(
                format!("{HOSTS}/{host}"),
                Entry::Link(format!("../../{place}")),
            );
            for (name, text) in *attributes {
                let entry = Entry::File(Bytes::from(*text));
                files.insert(format!("/sys/{place}/{name}"), entry);
            }
        }
        files
    }

    fn function(address: &str, class: &str, vendor: &str, driver: Option<&str>) -> PciDevice {
        PciDevice {
            address: address.into(),
            class: class.into(),
            vendor_id: vendor.into(),
            driver: driver.map(str::to_owned),
            ..PciDevice::default()
        }
    }

    #[test]
    fn controllers_tell_what_their_drivers_tell() {
        let files = tree(&[
            (
                "pci0000:00/0000:00:17.0/ata1",
                9,
                &[("proc_name", "ahci\n")],
            ),
            (
                "pci0000:00/0000:00:17.0/ata2",
                10,
                &[("proc_name", "ahci\n")],
            ),
            (
                "pci0000:17/0000:18:00.0",
                0,
                &[
                    ("proc_name", "mpt3sas\n"),
                    ("version_fw", "16.17.00.05\n"),
                    ("version_bios", "08.37.00.00\n"),
                    ("board_name", "HBA330 Mini\n"),
                    ("board_assembly", "\n"),
                    ("host_sas_address", "0x5d0946600a1b2c00\n"),
                    ("state", "running\n"),
                ],
            ),
            (
                "pci0000:5c/0000:5c:00.0",
                1,
                &[("proc_name", "megaraid_sas\n"), ("state", "running\n")],
            ),
            (
                "pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0",
                2,
                &[("proc_name", "usb-storage\n")],
            ),
            (
                "pci0000:80/0000:81:00.0",
                3,
                &[
                    ("proc_name", "smartpqi\n"),
                    ("model", "P408i-a SR Gen10\n"),
                    ("firmware_version", "5.00-0\n"),
                    ("serial_number", "PEYHC0DRHBV3J6\n"),
                ],
            ),
            (
                "platform/HISI0162:01",
                11,
                &[("proc_name", "hisi_sas_v2_hw\n")],
            ),
        ]);
        let devices = [
            function("0000:00:17.0", "010601", "8086", Some("ahci")),
            function("0000:04:00.0", "010000", "1af4", Some("virtio-pci")),
            function("0000:18:00.0", "010700", "1000", Some("mpt3sas")),
            function("0000:5c:00.0", "010400", "1000", Some("megaraid_sas")),
            function("0000:5e:00.0", "0c0400", "1077", None),
            function("0000:81:00.0", "010700", "9005", Some("smartpqi")),
            function("0000:97:00.5", "010400", "8086", Some("vmd")),
        ];
        let mut absent = Absences::default();
        let found = read(&files, &devices, &mut absent);
        let told: Vec<_> = found
            .iter()
            .map(|found| (found.kind, found.hosts.join(" "), found.firmware.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                (ControllerKind::Sata, "host9 host10".to_owned(), None),
                (ControllerKind::Sas, "host0".to_owned(), Some("16.17.00.05")),
                (ControllerKind::Raid, "host1".to_owned(), None),
                (ControllerKind::FibreChannel, String::new(), None),
                (ControllerKind::Raid, "host3".to_owned(), Some("5.00-0")),
                (ControllerKind::Other, String::new(), None),
                (ControllerKind::Sas, "host11".to_owned(), None),
            ]
        );
        assert_eq!(
            found[1],
            StorageController {
                address: Some("0000:18:00.0".into()),
                kind: ControllerKind::Sas,
                driver: Some("mpt3sas".into()),
                hosts: vec!["host0".into()],
                model: Some("HBA330 Mini".into()),
                firmware: Some("16.17.00.05".into()),
                bios: Some("08.37.00.00".into()),
                sas_address: Some("0x5d0946600a1b2c00".into()),
                state: Some("running".into()),
                ..StorageController::default()
            }
        );
        assert_eq!(found[4].serial.as_deref(), Some("PEYHC0DRHBV3J6"));
        let reasons: Vec<String> = absent
            .into_list()
            .into_iter()
            .map(|absence| format!("{}: {}", absence.subject, absence.reason))
            .collect();
        assert_eq!(
            reasons,
            [
                "0000:5c:00.0: the driver megaraid_sas does not tell it",
                "0000:5e:00.0: no driver is bound to this controller",
            ]
        );
    }
}
