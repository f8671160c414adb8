// SPDX-License-Identifier: Apache-2.0
//! What is shown of a step is what the step would do.

use serde_json::json;

use super::*;
use crate::block::BlockDevices;
use crate::block::samples::{disk, partition};
use crate::image::format::HEAD;
use crate::image::qcow2::Header;
use crate::node::Node;
use crate::steps::plans::settings;

fn shown(step: &str, hints: Value, blocks: &BlockDevices) -> DryRun {
    let node: Node =
        serde_json::from_value(json!({"properties": {"root_device": hints}})).expect("a node");
    let arguments = json!({"image_info": {"id": "x", "urls": ["http://h/x.qcow2"],
        "disk_format": "qcow2", "checksum": "0".repeat(64)}});
    let settings = settings();
    let context = StepContext {
        node: &node,
        blocks,
        settings: &settings,
        written: None,
        uefi: true,
    };
    let phase = phase_of(step).unwrap_or(StepPhase::Deploy);
    dry_run(
        phase,
        step,
        arguments.as_object().expect("an object"),
        &context,
    )
}

fn judged(head: &[u8], length: Option<u64>, declared: Value, disk: u64) -> ImageFacts {
    let served = Served {
        url: "http://h/x".into(),
        head: head.to_vec(),
        compression: None,
        length,
        ranges: true,
    };
    judged_served(served, declared, disk)
}

fn judged_served(served: Served, declared: Value, disk: u64) -> ImageFacts {
    let arguments = json!({"image_info": {"id": "x", "urls": ["http://h/x"],
        "disk_format": declared, "checksum": "0".repeat(64)}});
    let arguments = arguments.as_object().expect("an object");
    let request = steps::image_request(arguments, &settings()).expect("a request");
    let target = DeviceIdentity {
        name: "/dev/sda".into(),
        size: disk,
        serial: None,
        wwn: None,
    };
    judge(&request, &served, Some(&target))
}

/// The beginning of a qcow2 image, version 2, of 512 MiB.
fn qcow2() -> Vec<u8> {
    let mut header = vec![0; HEAD];
    header[..4].copy_from_slice(b"QFI\xfb");
    header[7] = 2;
    header[23] = 16;
    header[24..32].copy_from_slice(&(512_u64 << 20).to_be_bytes());
    header[39] = 1;
    header[45] = 3;
    header[53] = 1;
    header[59] = 1;
    header
}

/// A head with bytes at a place.
fn head(at: usize, mark: &[u8]) -> Vec<u8> {
    let mut head = vec![0; HEAD];
    head[at..at + mark.len()].copy_from_slice(mark);
    head
}

/// Head, declared format, length; format found, size on disk, fault.
type Judged<'a> = (Vec<u8>, Value, u64, &'a str, Option<u64>, Option<&'a str>);

#[test]
fn images_are_judged_by_their_beginning() {
    let gib = 1 << 30;
    let qcow2 = qcow2();
    let virtual_size = Header::parse(&qcow2).expect("a header").size;
    let cases: Vec<Judged<'_>> = vec![
        (
            qcow2.clone(),
            json!("qcow2"),
            500,
            "qcow2",
            Some(virtual_size),
            None,
        ),
        (
            qcow2,
            json!("raw"),
            500,
            "qcow2",
            Some(virtual_size),
            Some("image-invalid"),
        ),
        (
            head(510, &[0x55, 0xaa]),
            json!("raw"),
            gib,
            "gpt",
            Some(gib),
            None,
        ),
        (
            head(0, &[]),
            Value::Null,
            gib + 1,
            "raw",
            Some(gib + 1),
            Some("image-too-large"),
        ),
        (
            head(0, b"vhdxfile"),
            Value::Null,
            5,
            "vhdx",
            None,
            Some("image-invalid"),
        ),
        (Vec::new(), json!("raw"), 0, "raw", Some(0), None),
    ];
    for (head, declared, length, format, size, fault) in cases {
        let facts = judged(&head, Some(length), declared, gib);
        assert_eq!(facts.format, format, "{facts:?}");
        assert_eq!(facts.disk_size, size, "{facts:?}");
        assert_eq!(facts.problem.as_ref().map(|p| p.code), fault, "{facts:?}");
        assert_eq!(facts.fits, size.map(|size| size <= gib), "{facts:?}");
    }
    let facts = judged(&head(0, &[]), None, json!("raw"), gib);
    assert_eq!((facts.disk_size, facts.fits), (None, None));
}

#[test]
fn the_size_of_a_compressed_file_is_not_that_of_the_disk() {
    let facts = |head: &[u8], declared| {
        judged_served(
            Served {
                url: "http://h/x".into(),
                head: head.to_vec(),
                compression: Some(crate::image::compression::Codec::Zstd),
                length: Some(7),
                ranges: true,
            },
            declared,
            1 << 30,
        )
    };
    let raw = facts(&head(510, &[0x55, 0xaa]), json!("raw"));
    assert_eq!((raw.disk_size, raw.file_size), (None, Some(7)));
    assert_eq!(raw.compression.as_deref(), Some("zstd"));
    assert_eq!(facts(&qcow2(), json!("qcow2")).disk_size, Some(512 << 20));
}

#[test]
fn any_head_is_judged_without_a_panic() {
    let mut random = crate::inventory::random::Random::new(5);
    let qcow2 = qcow2();
    for round in 0..3000 {
        let mut head = qcow2.clone();
        head.truncate(random.below(head.len() + 1));
        if !head.is_empty() && round % 2 == 0 {
            let at = random.below(head.len());
            head[at] = random.byte();
        }
        judged(&head, Some(1), Value::Null, 1 << 30);
    }
}

#[test]
fn a_config_drive_file_may_be_packed_or_not() {
    let image = vec![7; 5000];
    let packed = config_drive_argument(image.clone()).expect("packed");
    let again = config_drive_argument(packed.clone().into_bytes()).expect("packed");
    for text in [packed, again] {
        let drive = config_drive::parse(&text).expect("a drive");
        assert_eq!(drive, ConfigDrive::Image(image.clone()));
    }
    assert!(config_drive_argument(Vec::new()).is_err());
}

fn two_disks() -> BlockDevices {
    BlockDevices(vec![
        disk("/dev/sda", 100),
        partition("/dev/sda", 1, 5),
        disk("/dev/sdb", 10),
    ])
}

#[test]
fn the_plan_of_an_image_is_shown_with_every_disk() {
    let shown = shown("write_image", Value::Null, &two_disks());
    assert!(shown.possible, "{shown:?}");
    assert_eq!(shown.guard, Verdict::Passed);
    assert_eq!(
        shown.target().map(|disk| disk.name.as_str()),
        Some("/dev/sdb")
    );
    let devices: Vec<(&str, bool)> = shown
        .devices
        .iter()
        .map(|choice| (choice.device.as_str(), choice.chosen))
        .collect();
    assert_eq!(devices, [("/dev/sda", false), ("/dev/sdb", true)]);
    let operations: Vec<(&str, bool)> = shown
        .operations
        .iter()
        .map(|operation| (operation.operation.as_str(), operation.destroys))
        .collect();
    assert_eq!(
        operations,
        [
            ("write-image", true),
            ("repair-gpt-backup", false),
            ("reread-partitions", false),
            ("sync", false)
        ]
    );
    assert_eq!(
        shown.operations[0].description,
        "writes http://h/x.qcow2 (qcow2), its first MiB last"
    );
}

#[test]
fn the_guard_names_its_protection_and_the_plan_is_still_shown() {
    let mut blocks = two_disks();
    blocks.0[2].mounts.push("/mnt".into());
    let shown = shown("write_image", Value::Null, &blocks);
    assert!(!shown.possible);
    assert_eq!(shown.operations.len(), 4);
    let Verdict::Refused { problem } = &shown.guard else {
        panic!("it is mounted: {shown:?}");
    };
    assert_eq!(problem.code, "device-protected");
    assert!(problem.text.contains("/dev/sdb is mounted on /mnt"));
}

#[test]
fn hints_that_nothing_satisfies_show_what_each_disk_has() {
    let mut blocks = two_disks();
    blocks.0[0].model = Some("SAMSUNG".into());
    let shown = shown("write_image", json!({"model": "wd"}), &blocks);
    assert!(!shown.possible);
    assert_eq!(shown.guard, Verdict::NoPlan);
    assert_eq!(
        shown.problem.as_ref().map(|p| p.code),
        Some("no-root-device")
    );
    let reasons: Vec<&str> = shown.devices.iter().map(|c| c.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "model 'SAMSUNG' does not match model 'wd'",
            "model 'none' does not match model 'wd'"
        ]
    );
}

#[test]
fn what_was_asked_wrongly_is_told_apart() {
    for (step, hints, of_the_question) in [
        ("write_image", json!({"modle": "wd"}), true),
        ("write_imgae", Value::Null, true),
        ("write_image", json!({"model": "wd"}), false),
    ] {
        let shown = shown(step, hints.clone(), &two_disks());
        let problem = shown.problem.expect("there is one");
        assert_eq!(
            problem.is_of_the_question(),
            of_the_question,
            "{step} {hints}"
        );
    }
}

#[test]
fn erasures_are_shown_for_each_device() {
    let metadata = shown("erase_devices_metadata", Value::Null, &two_disks());
    assert_eq!(metadata.phase, StepPhase::Clean);
    assert_eq!(metadata.operations.len(), 3);
    assert!(
        metadata
            .operations
            .iter()
            .all(|operation| operation.destroys)
    );
    let all = shown("erase_devices", Value::Null, &two_disks());
    assert_eq!(all.operations.len(), 2);
    assert_eq!(
        all.operations[0].description,
        "one pass of random data, then zeroes over every byte"
    );
}

#[test]
fn passes_are_put_into_words() {
    for (random_passes, zeroize, words) in [
        (0, true, "writes zeroes over every byte"),
        (0, false, "writes nothing"),
        (3, false, "3 passes of random data over every byte"),
    ] {
        let how = Overwrite {
            random_passes,
            zeroize,
        };
        assert_eq!(overwriting(how), words);
    }
}
