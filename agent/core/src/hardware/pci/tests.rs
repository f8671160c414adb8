// SPDX-License-Identifier: Apache-2.0
//! Whole machines.

use super::*;
use crate::smbios::structures;
use crate::smbios::tests::Builder;
use crate::snapshot::{Bytes, Entry, Snapshot};

/// A tree of functions: the path below `/sys/devices`, and files in it.
pub(in crate::hardware) fn machine(functions: &[(&str, &[(&str, &str)])]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (path, files) in functions {
        let name = path.rsplit('/').next().expect("a name");
        let link = Entry::Link(format!("../../../devices/{path}"));
        snapshot.files.insert(format!("{DEVICES}/{name}"), link);
        for (file, text) in *files {
            let entry = match text.strip_prefix("-> ") {
                Some(target) => Entry::Link(target.into()),
                None => Entry::File(Bytes::from(*text)),
            };
            snapshot
                .files
                .insert(format!("/sys/devices/{path}/{file}"), entry);
        }
    }
    snapshot
}

fn read_machine(snapshot: &Snapshot, table: &[u8]) -> (Vec<PciDevice>, Vec<super::super::Absence>) {
    let smbios = structures(table);
    let source = Source {
        snapshot,
        files: &snapshot.files,
        smbios: &smbios,
    };
    let mut absent = Absences::default();
    let devices = read(&source, &read_slots(&smbios), &mut absent);
    (devices, absent.into_list())
}

/// A root port with a network card of two functions below it.
fn card_in_a_slot() -> Snapshot {
    let function: &[(&str, &str)] = &[
        ("vendor", "0x15b3\n"),
        ("device", "0x1019\n"),
        ("class", "0x020000\n"),
        ("subsystem_vendor", "0x1028\n"),
        ("subsystem_device", "0x0008\n"),
        ("revision", "0x00\n"),
        ("current_link_speed", "8.0 GT/s PCIe\n"),
        ("current_link_width", "4\n"),
        ("max_link_speed", "16.0 GT/s PCIe\n"),
        ("max_link_width", "16\n"),
        ("numa_node", "1\n"),
        ("iommu_group", "-> ../../../../kernel/iommu_groups/27"),
        ("driver", "-> ../../../../bus/pci/drivers/mlx5_core"),
        ("sriov_totalvfs", "16\n"),
        ("sriov_numvfs", "2\n"),
        (
            "aer_dev_correctable",
            "RxErr 7\nBadTLP 1\nTOTAL_ERR_COR 8\n",
        ),
        ("aer_dev_nonfatal", "Undefined 0\nTOTAL_ERR_NONFATAL 0\n"),
        ("aer_dev_fatal", "Undefined 0\nTOTAL_ERR_FATAL 0\n"),
    ];
    machine(&[
        (
            "pci0000:3a/0000:3a:00.0",
            &[
                ("vendor", "0x8086\n"),
                ("device", "0x2030\n"),
                ("class", "0x060400\n"),
                ("subsystem_vendor", "0x0000\n"),
                ("subsystem_device", "0x0000\n"),
                ("max_link_speed", "8.0 GT/s PCIe\n"),
                ("max_link_width", "8\n"),
                ("current_link_speed", "8.0 GT/s PCIe\n"),
                ("current_link_width", "4\n"),
                ("numa_node", "-1\n"),
            ],
        ),
        ("pci0000:3a/0000:3a:00.0/0000:3b:00.0", function),
        ("pci0000:3a/0000:3a:00.0/0000:3b:00.1", function),
    ])
}

#[test]
fn a_card_is_told_with_its_slot_and_link() {
    let slot = [1, 0xb6, 0x0d, 4, 4, 1, 0, 4, 1, 0, 0, 0x3b, 0];
    let table = Builder::default()
        .add(9, 0x900, &slot, &["PCIe Slot 1"])
        .end();
    let (devices, absent) = read_machine(&card_in_a_slot(), &table);
    assert_eq!(devices.len(), 3);
    assert!(absent.is_empty(), "{absent:?}");
    let card = &devices[2];
    assert_eq!(
        serde_json::to_value(card).expect("JSON"),
        serde_json::json!({
            "address": "0000:3b:00.1",
            "parent": "0000:3a:00.0",
            "class": "020000",
            "class_name": "Ethernet controller",
            "vendor_id": "15b3",
            "device_id": "1019",
            "vendor": "Mellanox Technologies",
            "subsystem_vendor_id": "1028",
            "subsystem_device_id": "0008",
            "subsystem_vendor": "Dell",
            "revision": "00",
            "slot": "PCIe Slot 1",
            "link": {
                "speed_mts": 8000,
                "width": 4,
                "speed_max_mts": 16_000,
                "width_max": 16,
                "port_speed_max_mts": 8000,
                "port_width_max": 8,
            },
            "iommu_group": 27,
            "numa_node": 1,
            "driver": "mlx5_core",
            "sriov_vfs_max": 16,
            "sriov_vfs": 2,
            "errors": {"correctable": 8, "nonfatal": 0, "fatal": 0},
        })
    );
    let port = &devices[0];
    assert_eq!(port.slot, None, "the port is not in the slot");
    assert_eq!(port.subsystem_vendor_id, None);
    assert_eq!(port.numa_node, None);
}

#[test]
fn a_slot_named_by_its_port_names_the_card() {
    let slot = [1, 0xb6, 0x0d, 4, 4, 1, 0, 4, 1, 0, 0, 0x3a, 0];
    let onboard = [1, 0x85, 1, 0, 0, 0x3b, 1];
    let table = Builder::default()
        .add(9, 0x900, &slot, &["SLOT7"])
        .add(41, 0x2900, &onboard, &["Integrated NIC 2"])
        .end();
    let mut snapshot = card_in_a_slot();
    snapshot.files.insert(
        "/sys/bus/pci/slots/7/address",
        Entry::File(Bytes::from("0000:3b:00\n")),
    );
    let (devices, _) = read_machine(&snapshot, &table);
    let slots: Vec<Option<&str>> = devices
        .iter()
        .map(|device| device.slot.as_deref())
        .collect();
    assert_eq!(slots, [Some("SLOT7"); 3]);
    assert_eq!(devices[1].physical_slot.as_deref(), Some("7"));
    assert_eq!(devices[1].onboard_label, None);
    assert_eq!(
        devices[2].onboard_label.as_deref(),
        Some("Integrated NIC 2")
    );
}

#[test]
fn the_configuration_space_fills_what_sysfs_does_not_show() {
    let mut snapshot = machine(&[(
        "pci0000:00/0000:00:1c.0",
        &[
            ("vendor", "0x8086"),
            ("device", "0x10fb"),
            ("class", "0x020000"),
        ],
    )]);
    let mut space = vec![0; 0x14c];
    space[..4].copy_from_slice(&[0x86, 0x80, 0xfb, 0x10]);
    space[6] = 0x10;
    space[0x34] = 0xa0;
    space[0xa0] = 0x10;
    space[0xac..0xb0].copy_from_slice(&[0x82, 0x34, 0x02, 0x00]);
    space[0xb2..0xb4].copy_from_slice(&[0x21, 0x10]);
    space[0x100..0x104].copy_from_slice(&[0x01, 0x00, 0x01, 0x14]);
    space[0x140..].copy_from_slice(&[
        0x03, 0, 0x01, 0, 0xf8, 0x06, 0x97, 0xff, 0xff, 0x0f, 0x7d, 0x40,
    ]);
    let path = "/sys/devices/pci0000:00/0000:00:1c.0/config";
    snapshot
        .files
        .insert(path, Entry::File(Bytes(space.clone())));
    let (devices, absent) = read_machine(&snapshot, &[]);
    let link = devices[0].link.as_ref().expect("a link");
    assert_eq!((link.speed_mts, link.width), (Some(2_500), Some(2)));
    assert_eq!((link.speed_max_mts, link.width_max), (Some(5_000), Some(8)));
    assert_eq!(
        devices[0].serial_number.as_deref(),
        Some("40-7d-0f-ff-ff-97-06-f8")
    );
    assert!(absent.is_empty());
    // The same as a part of the root complex.
    let mut integrated = space.clone();
    integrated[0xa2] = 0x92;
    snapshot.files.insert(path, Entry::File(Bytes(integrated)));
    let (devices, _) = read_machine(&snapshot, &[]);
    assert_eq!(devices[0].link, None);
    // Without the administrator's rights only the header is shown.
    space.truncate(64);
    snapshot.files.insert(path, Entry::File(Bytes(space)));
    let (devices, absent) = read_machine(&snapshot, &[]);
    assert_eq!((devices[0].link.as_ref(), absent.len()), (None, 1));
    assert_eq!(absent[0].value, "serial numbers");
}

#[test]
fn a_machine_without_pci_says_so() {
    let (devices, absent) = read_machine(&Snapshot::default(), &[]);
    assert!(devices.is_empty());
    assert_eq!(absent[0].subject, "pci");
}
