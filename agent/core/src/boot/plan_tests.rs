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
            architecture: Architecture::X64,
            variables: Ok(variables),
        }),
    }
}

fn planned(files: Vec<EspFile>, variables: Vec<EfiVariable>) -> Plan {
    plan(&facts(files, variables), &BootloaderRequest::default()).unwrap()
}

/// The one operation that is not the last.
fn entries(plan: &Plan) -> &BootEntries {
    let [Op::SetBootEntries { entries }, Op::Sync] = plan.ops.as_slice() else {
        panic!("{:?} is not about boot entries", plan.ops);
    };
    entries
}

/// What is changed, one short line each.
fn shown(plan: &Plan) -> Vec<String> {
    let entries = entries(plan);
    let deletions = |gone: &[Deletion]| -> Vec<String> {
        gone.iter()
            .map(|deletion| format!("delete {}", &deletion.name[..8]))
            .collect()
    };
    let mut lines = deletions(&entries.delete_first);
    for new in &entries.new {
        assert_eq!(new.variable.attributes, 7);
        let option = LoadOption::decode(&new.variable.data).unwrap();
        let Some(DeviceNode::File(path)) = option.path.0.last() else {
            panic!("{} names no file", option.path);
        };
        let name = &new.variable.name[..8];
        lines.push(format!("{name} {} {path}", option.description));
    }
    let new: Vec<u16> = entries.new.iter().map(|new| new.number).collect();
    let order = entries.order.variable(&new, &[]);
    lines.push(format!("order {:x?}", variables::numbers(&order.data)));
    lines.extend(deletions(&entries.delete_after));
    lines
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
                format!("Boot0001 {shim}"),
                "order [1, 2, 0, 3]".into(),
                "delete Boot0009".into(),
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
                r"Boot0002 ironic1 \EFI\BOOT\BOOTAA64.EFI".into(),
                r"Boot0000 ironic2 \EFI\BOOT\BOOTX64.EFI".into(),
                "order [2, 0, 1]".into(),
            ],
        ),
    ];
    for (what, files, variables, expected) in cases {
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
    let written_over = r"BootFFFE debian \EFI\debian\shimx64.efi";
    assert_eq!(
        shown(&planned(debian(), variables.clone()))[0],
        written_over
    );
    // One that cannot be written over makes room for the new one.
    variables[0xfffe].attributes = 0x27;
    let shown = shown(&planned(debian(), variables));
    assert_eq!(shown[..2], ["delete BootFFFE", written_over]);
}

#[test]
fn names_and_attributes_of_the_firmware_are_kept() {
    let mut odd = entry(0xa, "debian");
    odd.name = odd.name.replace("000A", "000a");
    let mut locked = order(&[0xa]);
    locked.attributes = 0x27;
    let plan = planned(debian(), vec![odd.clone(), locked]);
    let entries = entries(&plan);
    assert_eq!(entries.delete_after.len(), 1);
    assert_eq!(entries.delete_after[0].name, odd.name);
    assert_eq!(entries.order.attributes, 0x27);
    assert_eq!(entries.new[0].number, 0);
}

#[test]
fn an_entry_that_is_right_already_keeps_its_number() {
    let first = planned(debian(), vec![]);
    let data = entries(&first).new[0].variable.data.clone();
    let right = EfiVariable {
        data,
        ..entry(5, "debian")
    };
    let plan = planned(
        debian(),
        vec![entry(2, "debian"), right.clone(), order(&[2, 5])],
    );
    let entries = entries(&plan);
    assert_eq!(entries.new[0].variable, right);
    assert_eq!(entries.delete_after[0].number(), Some(2));
}

#[test]
fn the_entry_points_to_the_partition() {
    let plan = planned(debian(), vec![]);
    let new = &entries(&plan).new[0];
    let option = LoadOption::decode(&new.variable.data).unwrap();
    let path = concat!(
        "HD(1,GPT,b3a7d6a0-3cf7-4f9a-9e8a-6a7d9c0e4f21,0x800,0x100000)",
        r"/File(\EFI\debian\shimx64.efi)"
    );
    assert_eq!(option.path.to_string(), path);
    assert!(option.is_active());
    assert!(new.reason.contains(path), "{}", new.reason);
    assert!(!plan.destroys());
    let chosen: Vec<bool> = plan.choices.iter().map(|choice| choice.chosen).collect();
    assert_eq!(chosen, [true, false], "{:?}", plan.choices);
    assert!(plan.choices[1].device.starts_with("EFI/BOOT/BOOTX64.EFI"));
}

#[test]
fn the_path_without_an_entry_is_named_where_it_is() {
    let mut files = debian();
    files.push(file("EFI/Boot/bootx64.efi"));
    let plan = planned(files, vec![]);
    assert_eq!(
        entries(&plan).fallback.as_deref(),
        Some(r"\EFI\Boot\bootx64.efi")
    );
    assert_eq!(plan.choices.len(), 1);
}

#[test]
fn the_running_entry_is_named_before_it_goes() {
    let current = |number| EfiVariable {
        name: format!("BootCurrent-{}", variables::GLOBAL_GUID),
        attributes: 6,
        data: vec![number, 0],
    };
    let duplicates = [entry(0, "debian"), entry(1, "debian")];
    for (number, expected) in [(0, false), (1, true)] {
        let mut variables = duplicates.to_vec();
        variables.push(current(number));
        let plan = planned(debian(), variables);
        let [gone] = entries(&plan).delete_after.as_slice() else {
            panic!("one of two goes: {plan:?}");
        };
        assert_eq!(gone.reason.contains("started this system"), expected);
    }
}

#[test]
fn variables_that_cannot_be_read_leave_the_path_without_an_entry() {
    let mut files = debian();
    files.push(file("EFI/BOOT/BOOTX64.EFI"));
    for (files, boots) in [(debian(), false), (files, true)] {
        let mut facts = facts(files, vec![]);
        if let Some(efi) = &mut facts.efi {
            efi.variables = Err("listing: Operation not supported".into());
        }
        let plan = plan(&facts, &BootloaderRequest::default()).unwrap();
        let entries = entries(&plan);
        assert!(entries.new.is_empty());
        let nothing = Results {
            entries: Vec::new(),
            order: Ok(()),
        };
        match entries.conclude(&nothing) {
            Ok(warnings) => {
                assert!(boots);
                assert_eq!(warnings.len(), 2, "{warnings:?}");
                assert!(warnings[0].contains("not supported"));
            }
            Err(fault) => {
                assert!(!boots);
                assert!(fault.to_string().contains("not supported"), "{fault}");
            }
        }
    }
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
            architecture: Architecture::X64,
            variables: Ok(Vec::new()),
        }),
    };
    let fault = plan(&facts, &BootloaderRequest::default()).unwrap_err();
    assert_eq!(fault.wire_type(), "DeviceNotFound");
}
