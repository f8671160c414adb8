// SPDX-License-Identifier: Apache-2.0
//! Hints against disks as real machines show them.

use serde_json::json;

use super::*;
use crate::block::samples::disk;

fn node(hints: Value) -> Node {
    serde_json::from_value(json!({"properties": {"root_device": hints}})).expect("a node")
}

fn samsung() -> BlockDevice {
    BlockDevice {
        model: Some("SAMSUNG MZ7LH960HAJR/007 ".into()),
        vendor: Some("ATA".into()),
        serial: Some("S45NNE0M1".into()),
        udev_serials: vec!["S45NNE0M1".into(), "SAMSUNG_MZ7LH960_S45NNE0M1".into()],
        wwn: Some("0x5002538e40".into()),
        hctl: Some("0:0:3:0".into()),
        transport: Some("sata".into()),
        ..disk("/dev/sda", 100)
    }
}

#[test]
fn each_hint_matches_as_upstream_does() {
    let cases = [
        (json!({"name": "/dev/sda"}), true),
        (json!({"name": "s== /dev/sda"}), true),
        (json!({"name": "<or> /dev/sdb <or> /dev/sda"}), true),
        (json!({"name": "<or> /dev/sdb <or> /dev/sdc"}), false),
        (json!({"model": "samsung mz7lh960hajr/007"}), true),
        (json!({"model": "<in> mz7lh960HAJR"}), true),
        (json!({"model": "<in> lh960hajr/0"}), true),
        (
            json!({"model": "<or> other one <or> samsung mz7lh960hajr/007"}),
            true,
        ),
        (json!({"model": "samsung"}), false),
        (json!({"vendor": "s!= ata"}), false),
        (json!({"vendor": "s> at"}), true),
        (json!({"vendor": "s>= ata"}), true),
        (json!({"vendor": "s< b"}), true),
        (json!({"vendor": "s<= at"}), false),
        (json!({"serial": "samsung_mz7lh960_s45nne0m1"}), true),
        (json!({"serial": "s!= S45NNE0M1"}), true),
        (json!({"wwn": "0x5002538E40"}), true),
        (json!({"wwn": "s!= 0x5002538e40"}), false),
        (json!({"by_path": "none"}), true),
        (json!({"wwn_with_extension": "s!= none"}), false),
        (json!({"hctl": "0:0:3:0"}), true),
        (json!({"tran": "sata"}), true),
        (json!({"rotational": false}), true),
        (json!({"rotational": "no"}), true),
        (json!({"rotational": "1"}), false),
        (json!({"size": 100}), true),
        (json!({"size": "100"}), true),
        (json!({"size": "= 50"}), true),
        (json!({"size": "=101"}), false),
        (json!({"size": "== 50"}), false),
        (json!({"size": "!= 50"}), true),
        (json!({"size": "< 101"}), true),
        (json!({"size": "<= 99"}), false),
        (json!({"size": ">=100"}), true),
        (json!({"size": "> 100"}), false),
        (json!({"size": ">= 100", "rotational": true}), false),
    ];
    for (hints, expected) in cases {
        let blocks = BlockDevices(vec![samsung()]);
        let found = choose_root_device(&blocks, &node(hints.clone()));
        assert_eq!(found.is_ok(), expected, "{hints}: {found:?}");
    }
}

#[test]
fn a_size_that_is_no_multiple_of_a_gibibyte_equals_no_size() {
    let mut odd = disk("/dev/sda", 100);
    odd.size += 512;
    let blocks = BlockDevices(vec![odd]);
    assert!(choose_root_device(&blocks, &node(json!({"size": 100}))).is_err());
    assert!(choose_root_device(&blocks, &node(json!({"size": "> 100"}))).is_ok());
}

#[test]
fn a_world_wide_name_matches_with_and_without_its_extension() {
    let volume = BlockDevice {
        wwn: Some("0x61866da066bca500".into()),
        wwn_with_extension: Some("0x61866da066bca5002f9c8b7a6f5e4dc0".into()),
        ..disk("/dev/sda", 10)
    };
    let blocks = BlockDevices(vec![volume]);
    for (hint, expected) in [
        ("0x61866da066bca500", true),
        ("0x61866da066bca5002f9c8b7a6f5e4dc0", true),
        ("0x2f9c8b7a6f5e4dc0", false),
    ] {
        let found = choose_root_device(&blocks, &node(json!({"wwn": hint})));
        assert_eq!(found.is_ok(), expected, "{hint}");
    }
}

#[test]
fn an_absent_serial_never_matches() {
    let blocks = BlockDevices(vec![disk("/dev/sda", 10)]);
    for hint in ["none", "s!= x", "<in> n"] {
        assert!(choose_root_device(&blocks, &node(json!({"serial": hint}))).is_err());
    }
}

#[test]
fn broken_hints_are_named() {
    let cases = [
        (
            json!({"colour": "red"}),
            "argument root_device.colour: is not a known hint (there are: by_path, hctl, model, name, rotational, serial, size, tran, vendor, wwn, wwn_vendor_extension, wwn_with_extension)",
        ),
        (
            json!({"modell": "red"}),
            "argument root_device.modell: is not a known hint; did you mean model? (there are: by_path, hctl, model, name, rotational, serial, size, tran, vendor, wwn, wwn_vendor_extension, wwn_with_extension)",
        ),
        (
            json!({"model": 5}),
            "argument root_device.model: is not text",
        ),
        (
            json!({"model": " "}),
            "argument root_device.model: is empty; write a text, or s==, s!=, s<, s<=, s>, s>=, <in> or <or> before one",
        ),
        (
            json!({"model": "<or> a <or>"}),
            "argument root_device.model: is empty; write a text, or s==, s!=, s<, s<=, s>, s>=, <in> or <or> before one",
        ),
        (
            json!({"model": "= x"}),
            "argument root_device.model: operator = is not for text; use s==, s!=, s<, s<=, s>, s>=, <in> or <or>",
        ),
        (
            json!({"size": "<or> 1 <or> 2"}),
            "argument root_device.size: operator <or> is not for sizes; use ==, !=, <, <=, >, >= or =",
        ),
        (
            json!({"size": "<range-in> [ 1 2 ]"}),
            "argument root_device.size: operator <range-in> is not for sizes; use ==, !=, <, <=, >, >= or =",
        ),
        (
            json!({"size": 0}),
            "argument root_device.size: '0' is not a positive number of GiB; ==, !=, <, <=, >, >= or = may stand before one",
        ),
        (
            json!({"size": "1.5"}),
            "argument root_device.size: '1.5' is not a positive number of GiB; ==, !=, <, <=, >, >= or = may stand before one",
        ),
        (
            json!({"rotational": "maybe"}),
            "argument root_device.rotational: 'maybe' is neither true nor false; there are no operators",
        ),
    ];
    for (hints, text) in cases {
        let blocks = BlockDevices(vec![samsung()]);
        let fault = choose_root_device(&blocks, &node(hints)).expect_err("broken");
        assert_eq!(fault.to_string(), text);
    }
}

#[test]
fn without_hints_the_smallest_disk_of_four_gibibytes_wins() {
    let blocks = BlockDevices(vec![
        disk("/dev/sda", 100),
        disk("/dev/sdc", 4),
        disk("/dev/sdb", 4),
        disk("/dev/sdd", 3),
        BlockDevice {
            kind: BlockKind::Rom,
            ..disk("/dev/sr0", 4)
        },
    ]);
    let (best, choices) = choose_root_device(&blocks, &Node::default()).expect("a disk");
    assert_eq!(best.name, "/dev/sdb");
    let shown: Vec<(&str, bool, &str)> = choices
        .iter()
        .map(|choice| {
            (
                choice.device.as_str(),
                choice.chosen,
                choice.reason.as_str(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("/dev/sda", false, "is not the smallest disk"),
            ("/dev/sdc", false, "is not the smallest disk"),
            ("/dev/sdb", true, "smallest disk of at least 4 GiB"),
            ("/dev/sdd", false, "smaller than 4 GiB"),
            ("/dev/sr0", false, "not a disk"),
        ]
    );
}

#[test]
fn hints_that_no_disk_satisfies_are_explained() {
    let blocks = BlockDevices(vec![samsung()]);
    let fault =
        choose_root_device(&blocks, &node(json!({"model": "wd", "size": 100}))).expect_err("none");
    assert_eq!(fault.wire_type(), "DeviceNotFound");
    assert_eq!(
        fault.to_string(),
        "no disk to install on: wanted: model 'wd', size '100'; \
         /dev/sda: model 'SAMSUNG MZ7LH960HAJR/007 ' does not match model 'wd'"
    );
}

#[test]
fn skipped_disks_are_left_out() {
    let blocks = BlockDevices(vec![disk("/dev/sda", 10), disk("/dev/sdb", 20)]);
    let node: Node = serde_json::from_value(json!({"properties": {"skip_block_devices":
        [{"name": "/dev/sda"}, {"volume_name": "large"}]}}))
    .expect("a node");
    let (best, _) = choose_root_device(&blocks, &node).expect("a disk");
    assert_eq!(best.name, "/dev/sdb");
    let broken: Node =
        serde_json::from_value(json!({"properties": {"skip_block_devices": [{"x": "y"}]}}))
            .expect("a node");
    assert!(choose_root_device(&blocks, &broken).is_err());
}

#[test]
fn a_multipath_map_stands_for_its_paths() {
    let mut paths = [disk("/dev/sda", 10), disk("/dev/sdb", 10)];
    for path in &mut paths {
        path.holders = vec!["/dev/dm-0".into()];
    }
    let map = BlockDevice {
        kind: BlockKind::Multipath,
        ..disk("/dev/dm-0", 10)
    };
    let [first, second] = paths;
    let blocks = BlockDevices(vec![map, first, second]);
    let (best, _) = choose_root_device(&blocks, &Node::default()).expect("a disk");
    assert_eq!(best.name, "/dev/dm-0");
}
