// SPDX-License-Identifier: Apache-2.0
//! What `install_bootloader` changes, for firmware in every state.

use super::esp::tests::{csv, esp, file};
use super::*;
use crate::fault::Fault;
use crate::lifecycle::BootloaderRequest;
use crate::plan::{Op, Plan};

/// A boot entry of another disk.
fn entry(number: u16, label: &str) -> EfiVariable {
    let partition = HardDrive {
        number: 7,
        start_lba: 34,
        size_lba: 1000,
        guid: uuid::Uuid::from_u128(u128::from(number)),
    };
    EfiVariable {
        name: variables::entry_name(number),
        attributes: 7,
        data: LoadOption::file(label, partition, r"\old.efi")
            .encode()
            .unwrap(),
    }
}

fn order(numbers: &[u16]) -> EfiVariable {
    EfiVariable {
        name: variables::boot_order_name(),
        attributes: 7,
        data: variables::encode_numbers(numbers),
    }
}

fn debian() -> Vec<EspFile> {
    vec![
        csv("EFI/debian/BOOTX64.CSV", "shimx64.efi,debian,,Boot"),
        file("EFI/debian/shimx64.efi"),
    ]
}

fn two_loaders() -> Vec<EspFile> {
    vec![file("EFI/BOOT/BOOTX64.EFI"), file("EFI/BOOT/BOOTAA64.EFI")]
}

fn facts(files: Vec<EspFile>, variables: Vec<EfiVariable>) -> BootFacts {
    BootFacts {
        disk: "/dev/sda".into(),
        efi: Some(EfiFacts {
            esp: Some(esp(files)),
            variables,
        }),
    }
}

fn planned(files: Vec<EspFile>, variables: Vec<EfiVariable>) -> Plan {
    plan(&facts(files, variables), &BootloaderRequest::default()).unwrap()
}

/// The operations, one short line each.
fn shown(plan: &Plan) -> Vec<String> {
    plan.ops
        .iter()
        .map(|op| match op {
            Op::DeleteEfiVariable { name, .. } => format!("delete {}", &name[..8]),
            Op::SetEfiVariable { variable, .. }
                if variable.name == variables::boot_order_name() =>
            {
                format!("order {:x?}", variables::numbers(&variable.data))
            }
            Op::SetEfiVariable { variable, .. } => {
                assert_eq!(variable.attributes, 7);
                let option = LoadOption::decode(&variable.data).unwrap();
                let Some(DeviceNode::File(path)) = option.path.0.last() else {
                    panic!("{} names no file", option.path);
                };
                format!("{} {} {path}", &variable.name[..8], option.description)
            }
            Op::Sync => "sync".to_owned(),
            other => panic!("{other:?} is no business of boot entries"),
        })
        .collect()
}

/// What it is, files of the partition, variables, operations without the last.
type Case = (&'static str, Vec<EspFile>, Vec<EfiVariable>, Vec<String>);

#[test]
fn plans_for_every_state_of_the_firmware() {
    let shim = r"debian \EFI\debian\shimx64.efi";
    let cases: Vec<Case> = vec![
        (
            "nothing there at all",
            debian(),
            vec![],
            vec![format!("Boot0000 {shim}"), "order [0]".into()],
        ),
        (
            "entries without an order",
            debian(),
            vec![entry(0, "UiApp"), entry(2, "PXE")],
            vec![format!("Boot0001 {shim}"), "order [1]".into()],
        ),
        (
            "every duplicate goes, others keep their order",
            debian(),
            vec![
                entry(0, "UiApp"),
                entry(1, "debian"),
                entry(2, "PXE"),
                entry(3, "Debian"),
                entry(9, "debian"),
                order(&[2, 9, 0, 1, 3]),
            ],
            vec![
                "delete Boot0001".into(),
                "delete Boot0009".into(),
                format!("Boot0001 {shim}"),
                "order [1, 2, 0, 3]".into(),
            ],
        ),
        (
            "numbers without an entry leave the order",
            debian(),
            vec![entry(4, "PXE"), order(&[8, 4, 0, 4])],
            vec![format!("Boot0000 {shim}"), "order [0, 4]".into()],
        ),
        (
            "several boot loaders in their order",
            two_loaders(),
            vec![
                entry(0, "ironic2"),
                entry(1, "PXE"),
                entry(2, "ironic1"),
                order(&[1, 2, 0]),
            ],
            vec![
                "delete Boot0000".into(),
                "delete Boot0002".into(),
                r"Boot0000 ironic1 \EFI\BOOT\BOOTAA64.EFI".into(),
                r"Boot0002 ironic2 \EFI\BOOT\BOOTX64.EFI".into(),
                "order [0, 2, 1]".into(),
            ],
        ),
    ];
    for (what, files, variables, mut expected) in cases {
        expected.push("sync".into());
        assert_eq!(shown(&planned(files, variables)), expected, "{what}");
    }
}

#[test]
fn the_number_space_can_be_full() {
    let all = |label: &str| -> Vec<EfiVariable> {
        let data = entry(0, label).data;
        (0..=u16::MAX)
            .map(|number| EfiVariable {
                name: variables::entry_name(number),
                attributes: 7,
                data: data.clone(),
            })
            .collect()
    };
    let fault = plan(&facts(debian(), all("PXE")), &BootloaderRequest::default()).unwrap_err();
    assert!(matches!(fault, Fault::EfiVariable { .. }), "{fault}");
    let mut variables = all("PXE");
    variables[0xfffe] = entry(0xfffe, "debian");
    let shown = shown(&planned(debian(), variables));
    assert_eq!(shown[0], "delete BootFFFE");
    assert_eq!(shown[1], r"BootFFFE debian \EFI\debian\shimx64.efi");
}

#[test]
fn names_and_attributes_of_the_firmware_are_kept() {
    let mut odd = entry(0xa, "debian");
    odd.name = odd.name.replace("000A", "000a");
    let mut locked = order(&[0xa]);
    locked.attributes = 0x27;
    let plan = planned(debian(), vec![odd.clone(), locked]);
    let Some(Op::DeleteEfiVariable { name, .. }) = plan.ops.first() else {
        panic!("the old entry is not deleted: {:?}", plan.ops);
    };
    assert_eq!(*name, odd.name);
    let Some(Op::SetEfiVariable { variable, .. }) = plan.ops.get(2) else {
        panic!("the order is not set: {:?}", plan.ops);
    };
    assert_eq!(variable.attributes, 0x27);
}

#[test]
fn the_entry_points_to_the_partition() {
    let plan = planned(debian(), vec![]);
    let Some(Op::SetEfiVariable { variable, reason }) = plan.ops.first() else {
        panic!("no entry is set: {:?}", plan.ops);
    };
    let option = LoadOption::decode(&variable.data).unwrap();
    let path = concat!(
        "HD(1,GPT,b3a7d6a0-3cf7-4f9a-9e8a-6a7d9c0e4f21,0x800,0x100000)",
        r"/File(\EFI\debian\shimx64.efi)"
    );
    assert_eq!(option.path.to_string(), path);
    assert!(option.is_active());
    assert!(reason.contains(path), "{reason}");
    assert!(!plan.destroys());
    assert_eq!(plan.choices.len(), 1);
    assert!(plan.choices[0].chosen);
}

#[test]
fn the_running_entry_is_named_before_it_goes() {
    let current = EfiVariable {
        name: format!("BootCurrent-{}", variables::GLOBAL_GUID),
        attributes: 6,
        data: vec![1, 0],
    };
    let plan = planned(
        debian(),
        vec![entry(0, "debian"), entry(1, "debian"), current],
    );
    let reasons: Vec<bool> = plan
        .ops
        .iter()
        .filter_map(|op| match op {
            Op::DeleteEfiVariable { reason, .. } => Some(reason.contains("started this system")),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [false, true]);
}

#[test]
fn nothing_to_boot_is_a_failure_only_if_something_is_expected() {
    let bios = BootFacts {
        disk: "/dev/sda".into(),
        efi: None,
    };
    let empty = facts(vec![file("readme.txt")], vec![entry(0, "PXE"), order(&[0])]);
    for facts in [bios, empty] {
        for (root_uuid, quiet) in [
            (None, true),
            (Some("0x00000000"), true),
            (Some("0x1a2b3c4d"), false),
            (Some("b2e0f3c9-7d0a-4b6e-8e0e-3f1f6a0f8a11"), false),
        ] {
            let request = BootloaderRequest {
                root_uuid: root_uuid.map(str::to_owned),
                ..BootloaderRequest::default()
            };
            match plan(&facts, &request) {
                Ok(plan) => {
                    assert!(quiet, "{root_uuid:?}");
                    assert!(plan.ops.is_empty());
                    assert_eq!(plan.choices.last().map(|choice| choice.chosen), Some(false));
                }
                Err(fault) => {
                    assert!(!quiet, "{root_uuid:?}: {fault}");
                    assert!(matches!(fault, Fault::NoBootLoader { .. }), "{fault}");
                }
            }
        }
    }
}

#[test]
fn uefi_without_a_system_partition_always_fails() {
    let facts = BootFacts {
        disk: "/dev/sda".into(),
        efi: Some(EfiFacts {
            esp: None,
            variables: Vec::new(),
        }),
    };
    let fault = plan(&facts, &BootloaderRequest::default()).unwrap_err();
    assert_eq!(fault.wire_type(), "DeviceNotFound");
}
