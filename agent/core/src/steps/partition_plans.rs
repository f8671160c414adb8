// SPDX-License-Identifier: Apache-2.0
//! Tests: from `image_info` of a partition image to its operations.

use serde_json::{Value, json};

use super::plans::settings;
use super::{StepContext, StepPhase, find};
use crate::block::samples::{disk, partition};
use crate::block::{BlockDevice, BlockDevices};
use crate::fault::Fault;
use crate::node::Node;
use crate::partition::layout::{Label, Role};
use crate::plan::{Claim, Op, PartitionWork, Plan};

const MIB: u64 = 1 << 20;

struct Case {
    node: Value,
    info: Value,
    drive: Value,
    blocks: Vec<BlockDevice>,
    uefi: bool,
    ignore: bool,
}

/// A UEFI machine with a disk of 20 GiB and a root of 10 GiB.
fn case(info: Value) -> Case {
    Case {
        node: json!({}),
        info,
        drive: Value::Null,
        blocks: vec![disk("/dev/vda", 20)],
        uefi: true,
        ignore: false,
    }
}

fn plan(case: &Case) -> Result<Plan, Fault> {
    let mut info = json!({"id": "root.raw", "urls": ["http://h/root.raw"],
        "checksum": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "image_type": "partition", "root_mb": 10240});
    if let (Some(info), Value::Object(more)) = (info.as_object_mut(), case.info.clone()) {
        info.extend(more);
    }
    let node: Node = serde_json::from_value(case.node.clone()).expect("a node");
    let mut settings = settings();
    settings.partition_image.ignore_boot_loader_failure = case.ignore;
    let context = StepContext {
        node: &node,
        blocks: &BlockDevices(case.blocks.clone()),
        settings: &settings,
        uefi: case.uefi,
        written: None,
    };
    let arguments = json!({"image_info": info, "configdrive": case.drive});
    let step = find(StepPhase::Deploy, "write_image").expect("a step");
    (step.plan)(&context, arguments.as_object().expect("an object"))
}

/// Each operation as the log would tell it.
fn told(plan: &Plan) -> Vec<String> {
    let told = |op: &Op| match op {
        Op::Partition { work, .. } => work.to_string(),
        other => serde_json::to_value(other).expect("json")["op"].to_string(),
    };
    plan.ops.iter().map(told).collect()
}

fn works(plan: &Plan) -> impl Iterator<Item = &PartitionWork> {
    plan.ops.iter().filter_map(|op| match op {
        Op::Partition { work, .. } => Some(work),
        _ => None,
    })
}

fn table(plan: &Plan) -> (Label, Vec<(Role, u64, u64)>) {
    let layout = works(plan).find_map(|work| match work {
        PartitionWork::Identify { layout, .. } => Some(layout),
        _ => None,
    });
    let layout = layout.expect("identified at the end");
    let places = layout.places.iter();
    let places = places.map(|place| (place.role, place.offset / MIB, place.length / MIB));
    (layout.label, places.collect())
}

fn everything() -> Value {
    json!({"swap_mb": 1024, "ephemeral_mb": "2048", "ephemeral_format": "ext4"})
}

#[test]
fn everything_is_made_before_the_table() {
    let plan = plan(&Case {
        drive: json!("http://h/drive"),
        ..case(everything())
    })
    .expect("a plan");
    assert_eq!(
        told(&plan),
        [
            "writing image root.raw into partition 5 (root)",
            "making vfat in partition 1 (EFI system)",
            "making ext4 in partition 2 (ephemeral)",
            "making swap in partition 3 (swap)",
            "writing the config drive into partition 4 (config drive)",
            "copying the boot loader into partition 1 (EFI system)",
            "writing the partition table",
            "\"reread-partitions\"",
            "identifying the partitions",
            "\"sync\"",
        ]
    );
    let expected = vec![
        (Role::EfiSystem, 1, 550),
        (Role::Ephemeral, 551, 2048),
        (Role::Swap, 2599, 1024),
        (Role::ConfigDrive, 3623, 64),
        (Role::Root, 3687, 10240),
    ];
    assert_eq!(table(&plan), (Label::Gpt, expected));
    assert!(plan.destroys());
    let choice = plan.choices.last().expect("told");
    assert_eq!(
        (choice.device.as_str(), choice.reason.as_str()),
        (
            "partition 5 (root) of /dev/vda",
            "10240 MiB from 3687 MiB on"
        )
    );
    let shown = serde_json::to_value(&plan.ops[1]).expect("json");
    assert_eq!(
        (&shown["op"], &shown["work"]),
        (&json!("partition"), &json!("make-file-system"))
    );
}

#[test]
fn the_boot_mode_decides_on_table_and_partitions() {
    let bios = |capabilities: &str| Case {
        node: json!({"instance_info": {"deploy_boot_mode": "bios"},
            "properties": {"capabilities": capabilities}}),
        ignore: true,
        ..case(json!({"swap_mb": 100}))
    };
    let swap_at = |start| [(Role::Swap, start, 100), (Role::Root, start + 100, 10240)];
    let (label, places) = table(&plan(&bios("")).expect("a plan"));
    assert_eq!((label, places), (Label::Msdos, swap_at(1).to_vec()));
    let found = plan(&bios("disk_label:gpt")).expect("a plan");
    let mut expected = vec![(Role::BiosBoot, 1, 1)];
    expected.extend(swap_at(2));
    assert_eq!(table(&found), (Label::Gpt, expected));
    assert!(told(&found).contains(&"wiping partition 1 (BIOS boot)".to_owned()));
    assert!(!told(&found).iter().any(|text| text.contains("boot loader")));
    let uefi = plan(&Case {
        node: json!({"instance_info": {"deploy_boot_mode": "uefi",
            "capabilities": {"disk_label": "msdos"}}}),
        ..case(json!({}))
    });
    assert_eq!(table(&uefi.expect("a plan")).0, Label::Gpt);
}

#[test]
fn a_disk_that_could_not_boot_is_refused_before_it_is_touched() {
    let cases = [
        (json!({}), false, "the node shall boot by BIOS"),
        (
            json!({"instance_info": {"deploy_boot_mode": "bios"}}),
            true,
            "the node shall boot by BIOS",
        ),
        (
            json!({"properties": {"capabilities": "secure_boot:true"}}),
            false,
            "this system was not started by UEFI",
        ),
    ];
    for (node, uefi, text) in cases {
        let attempt = |ignore| {
            plan(&Case {
                node: node.clone(),
                uefi,
                ignore,
                ..case(json!({}))
            })
        };
        let fault = attempt(false).expect_err(text);
        assert!(fault.to_string().contains(text), "{fault}");
        assert_eq!(fault.wire_type(), "InvalidImage");
        assert!(attempt(true).is_ok());
    }
}

#[test]
fn unusable_requests_are_named() {
    let cases = [
        (
            json!({"root_mb": null}),
            "argument image_info.root_mb: is missing or 0",
        ),
        (
            json!({"root_mb": -1}),
            "argument image_info.root_mb: is not a whole number of MiB",
        ),
        (
            json!({"swap_mb": [1]}),
            "argument image_info.swap_mb: is not a whole number of MiB",
        ),
        (
            json!({"swap_mb": "x"}),
            "argument image_info.swap_mb: is not a whole number of MiB",
        ),
        (
            json!({"ephemeral_mb": 100, "ephemeral_format": "xfs"}),
            "argument image_info.ephemeral_format: xfs cannot be made by this agent; there are ext4 and vfat",
        ),
        (
            json!({"ephemeral_mb": 7, "ephemeral_format": null}),
            "argument image_info.ephemeral_mb: ext4 can have 8 to 16777215 MiB",
        ),
        (
            json!({"preserve_ephemeral": "perhaps"}),
            "argument image_info.preserve_ephemeral: is not a truth value",
        ),
        (
            json!({"preserve_ephemeral": true}),
            "argument image_info.preserve_ephemeral: is set, but ephemeral_mb asks for no ephemeral partition",
        ),
        (
            json!({"root_mb": 20480}),
            "/dev/vda cannot be partitioned as wanted: the partitions need 21031 MiB (EFI system 550, root 20480), and the disk has room for 20479 MiB",
        ),
    ];
    for (info, text) in cases {
        let fault = plan(&case(info)).expect_err(text);
        assert_eq!(fault.to_string(), text);
        assert_eq!(fault.wire_type(), "InvalidCommandParamsError");
    }
}

/// The disk after a deployment with [`everything`].
fn deployed(change: fn(&mut Vec<BlockDevice>)) -> Vec<BlockDevice> {
    let sizes = [(1, 550), (551, 2048), (2599, 1024), (3623, 10240)];
    let mut blocks = vec![disk("/dev/vda", 20)];
    for (number, (start, size)) in (1..).zip(sizes) {
        blocks.push(BlockDevice {
            start: Some(start * MIB),
            size: size * MIB,
            partition_type: Some("0fc63daf-8483-4772-8e79-3d69d8477de4".into()),
            ..partition("/dev/vda", number, 1)
        });
    }
    change(&mut blocks);
    blocks
}

fn rebuild(change: fn(&mut Vec<BlockDevice>)) -> Result<Plan, Fault> {
    let mut info = everything();
    info["preserve_ephemeral"] = json!("True");
    // What is kept need not be something this agent could make.
    info["ephemeral_format"] = json!("xfs");
    plan(&Case {
        blocks: deployed(change),
        ..case(info)
    })
}

#[test]
fn preserving_leaves_table_and_ephemeral_partition_alone() {
    let plan = rebuild(|_| ()).expect("a plan");
    assert_eq!(
        told(&plan),
        [
            "checking the partition table",
            "writing image root.raw into partition 4 (root)",
            "making vfat in partition 1 (EFI system)",
            "making swap in partition 3 (swap)",
            "copying the boot loader into partition 1 (EFI system)",
            "\"reread-partitions\"",
            "identifying the partitions",
            "\"sync\"",
        ]
    );
    let claim = works(&plan).find_map(|work| match work {
        PartitionWork::WriteImage { claim, .. } => Some(claim),
        _ => None,
    });
    let Some(Claim::Partitions(places)) = claim else {
        panic!("the disk would be wiped: {claim:?}");
    };
    assert!(places.iter().all(|place| place.role != Role::Ephemeral));
    assert_eq!(places.len(), 3);
}

#[test]
fn preserving_needs_the_partitions_that_would_be_made() {
    type Change = fn(&mut Vec<BlockDevice>);
    let changes: [(Change, &str); 4] = [
        (
            |blocks| blocks.truncate(1),
            "it is of another kind, or there is none",
        ),
        (
            |blocks| drop(blocks.pop()),
            "it has 3 partitions instead of 4",
        ),
        (
            |blocks| blocks[2].size -= MIB,
            "partition 2 (ephemeral) would have 2048 MiB",
        ),
        (
            |blocks| {
                for block in &mut blocks[1..] {
                    block.partition_type = Some("0x83".into());
                }
            },
            "it is of another kind",
        ),
    ];
    for (change, text) in changes {
        let fault = rebuild(change).expect_err(text);
        assert_eq!(fault.code(), "partition-layout");
        assert!(fault.to_string().contains(text), "{fault}");
    }
}
