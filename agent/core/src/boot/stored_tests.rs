// SPDX-License-Identifier: Apache-2.0
//! Firmware that stores something else than it was given, and what follows.

use super::*;
use crate::boot::device_path::HardDrive;
use crate::boot::{BootOrder, NewEntry, Place};

fn drive(guid: u128) -> HardDrive {
    HardDrive {
        number: 1,
        start_lba: 0x800,
        size_lba: 0x1000,
        guid: uuid::Uuid::from_u128(guid),
    }
}

fn variable(option: &LoadOption) -> EfiVariable {
    EfiVariable {
        name: variables::entry_name(1),
        attributes: 7,
        data: option.encode().expect("bytes"),
    }
}

fn option() -> LoadOption {
    LoadOption::file("debian", drive(1), r"\EFI\debian\shimx64.efi")
}

#[test]
fn entries_are_compared_by_what_they_boot() {
    let wanted = variable(&option());
    let changed = |change: fn(&mut LoadOption)| {
        let mut option = option();
        change(&mut option);
        Some(variable(&option))
    };
    let attributes = |attributes| {
        Some(EfiVariable {
            attributes,
            ..wanted.clone()
        })
    };
    let cases: Vec<(&str, Option<EfiVariable>, &str)> = vec![
        ("the same", Some(wanted.clone()), "as wanted"),
        (
            "the way to the disk in front",
            changed(|option| {
                option.path.0.insert(
                    0,
                    DeviceNode::Other {
                        kind: 1,
                        sub_kind: 1,
                        data: vec![0, 0x17],
                    },
                );
            }),
            "rewritten",
        ),
        (
            "another label",
            changed(|option| option.description = "Disk 1: debian".into()),
            "rewritten",
        ),
        (
            "data of the firmware",
            changed(|option| option.optional_data = vec![0; 4]),
            "rewritten",
        ),
        (
            "another case",
            changed(|option| {
                option.path.0[1] = DeviceNode::File(r"\efi\debian\SHIMX64.EFI".into());
            }),
            "rewritten",
        ),
        ("more attributes", attributes(0x27), "rewritten"),
        ("gone at the next reset", attributes(6), "lost"),
        ("dropped", None, "lost"),
        ("inactive", changed(|option| option.attributes = 0), "lost"),
        (
            "another file",
            changed(|option| option.path.0[1] = DeviceNode::File(r"\x.efi".into())),
            "lost",
        ),
        (
            "another partition",
            changed(|option| option.path.0[0] = DeviceNode::HardDrive(drive(2))),
            "lost",
        ),
        ("no path", changed(|option| option.path.0.clear()), "lost"),
        (
            "no load option",
            Some(EfiVariable {
                data: vec![1],
                ..wanted.clone()
            }),
            "lost",
        ),
    ];
    for (what, found, expected) in cases {
        let stored = Stored::entry(&wanted, found.as_ref());
        assert_eq!(kind(&stored), expected, "{what}: {stored:?}");
    }
}

fn kind(stored: &Stored) -> &'static str {
    match stored {
        Stored::AsWanted => "as wanted",
        Stored::Rewritten(_) => "rewritten",
        Stored::Lost(_) => "lost",
    }
}

#[test]
fn orders_are_compared_by_what_comes_first() {
    let order = BootOrder {
        attributes: 7,
        others: vec![2, 3],
    };
    let wanted = order.variable(&[1], &[]);
    for (numbers, expected) in [
        (&[1, 2, 3][..], "as wanted"),
        (&[1, 3, 2], "rewritten"),
        (&[1], "rewritten"),
        (&[2, 1, 3], "rewritten"),
        (&[2, 3], "lost"),
        (&[], "lost"),
    ] {
        let found = EfiVariable {
            data: variables::encode_numbers(numbers),
            ..wanted.clone()
        };
        let stored = Stored::order(&wanted, &[1], Some(&found));
        assert_eq!(kind(&stored), expected, "{numbers:?}: {stored:?}");
    }
    assert_eq!(kind(&Stored::order(&wanted, &[1], None)), "lost");
    let Stored::Rewritten(text) = Stored::order(
        &wanted,
        &[1],
        Some(&EfiVariable {
            data: vec![2, 0, 1, 0],
            ..wanted.clone()
        }),
    ) else {
        panic!("others come first");
    };
    assert_eq!(text, "the firmware tries others before Boot0001: 0002,0001");
}

#[test]
fn entries_that_are_gone_leave_the_order() {
    let order = BootOrder {
        attributes: 0x27,
        others: vec![2, 3, 4],
    };
    let variable = order.variable(&[9, 1], &[3]);
    assert_eq!(variables::numbers(&variable.data), [9, 1, 2, 4]);
    assert_eq!(variable.attributes, 0x27);
}

fn entries(fallback: bool) -> BootEntries {
    let new = |number| NewEntry {
        number,
        variable: EfiVariable {
            name: variables::entry_name(number),
            ..variable(&option())
        },
        reason: String::new(),
    };
    BootEntries {
        place: Place {
            disk: "/dev/sda".into(),
            partition: 1,
        },
        delete_first: Vec::new(),
        new: vec![new(1), new(2)],
        order: BootOrder {
            attributes: 7,
            others: Vec::new(),
        },
        delete_after: Vec::new(),
        spare: Vec::new(),
        fallback: fallback.then(|| r"\EFI\BOOT\BOOTX64.EFI".to_owned()),
        unreadable: None,
    }
}

#[test]
fn a_refusal_fails_only_where_nothing_else_boots_the_disk() {
    let refused = || Err(Refusal::NoRoom.to_string());
    // Results of two entries and of the order, warnings with and without the
    // path that needs no entry; none: a fault.
    for (first, second, order, with, without) in [
        (Ok(()), Ok(()), Ok(()), 0, Some(0)),
        (refused(), Ok(()), Ok(()), 1, Some(1)),
        (refused(), refused(), Ok(()), 3, None),
        (Ok(()), Ok(()), refused(), 2, None),
    ] {
        let results = Results {
            entries: vec![first, second],
            order,
        };
        let warnings = entries(true).conclude(&results).expect("it boots");
        assert_eq!(warnings.len(), with, "{warnings:?}");
        match entries(false).conclude(&results) {
            Ok(warnings) => assert_eq!(Some(warnings.len()), without),
            Err(fault) => {
                assert_eq!(without, None, "{fault}");
                assert_eq!(fault.code(), "efi-variable");
                let text = fault.to_string();
                assert!(
                    text.contains("no room") && text.contains("partition 1 of /dev/sda"),
                    "{text}"
                );
            }
        }
    }
}
