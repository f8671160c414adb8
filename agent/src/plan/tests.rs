// SPDX-License-Identifier: Apache-2.0
//! Plans over captured machines, from the flags to the exit status.

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct CommandLine {
    #[command(flatten)]
    arguments: PlanArguments,
}

/// Kept for as long as it is looked at.
fn machine() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/dell-poweredge/snapshot.json"
    );
    let target = directory.path().join("ironseed-snapshot.json");
    std::fs::copy(fixture, &target).expect("a copy");
    directory
}

fn parsed(flags: &[&str]) -> Result<PlanArguments, clap::Error> {
    let all = ["plan"].iter().chain(flags);
    CommandLine::try_parse_from(all).map(|line| line.arguments)
}

/// A machine of values: no capture holds a disk that could be planned for alone.
fn over(blocks: &BlockDevices, flags: &[&str]) -> Shown {
    let arguments = parsed(flags).expect("good flags");
    let question = &arguments.question;
    let phase = phase_of(&question.step).expect("a step");
    let (args, notes) = question.arguments().expect("good arguments");
    let settings = crate::settings::steps(
        &bootconfig::resolve(&bootconfig::RawSources::default()).expect("defaults"),
    );
    let context = StepContext {
        node: &question.node(),
        blocks,
        settings: &settings,
        uefi: true,
        written: None,
    };
    let mut shown = planned(phase, question, &args, &context);
    shown.notes = notes;
    shown
}

fn blocks() -> BlockDevices {
    use ironseed_core::block::{BlockDevice, BlockKind};
    let disk = |name: &str, gib: u64, model: &str| BlockDevice {
        name: name.into(),
        kind: BlockKind::Disk,
        size: gib << 30,
        logical_sectors: 512,
        model: Some(model.into()),
        serial: Some(format!("S-{model}")),
        ..BlockDevice::default()
    };
    BlockDevices(vec![
        disk("/dev/sda", 200, "large"),
        disk("/dev/sdb", 100, "small"),
    ])
}

const IMAGE: &[&str] = &["--image", "http://192.0.2.1/debian.qcow2", "--no-fetch"];

fn with(flags: &[&'static str]) -> Vec<&'static str> {
    IMAGE.iter().chain(flags).copied().collect()
}

#[test]
fn flags_are_what_ironic_would_send() {
    let arguments = parsed(&with(&[
        "--hint",
        "size=>= 150",
        "--hint",
        "model= <in> LAR",
        "--disk-format",
        "qcow2",
        "--checksum",
        "http://h/sums",
    ]))
    .expect("good flags");
    let node = arguments.question.node();
    let hints = node.root_device_hints().expect("hints");
    assert_eq!(hints["size"], ">= 150");
    assert_eq!(hints["model"], "<in> LAR");
    let (args, notes) = arguments.question.arguments().expect("arguments");
    assert_eq!(args["image_info"]["id"], "debian.qcow2");
    assert_eq!(args["image_info"]["checksum"], "http://h/sums");
    assert!(notes.is_empty());
}

#[test]
fn wrong_questions_are_told_before_anything_is_read() {
    assert!(parsed(&["--hint", "size"]).is_err());
    assert!(parsed(&["--hint", "=5"]).is_err());
    for (flags, words) in [
        (vec![], "--image URL"),
        (with(&["--hint", "size=1", "--hint", "size=2"]), "twice"),
        (
            with(&["--config-drive", "/nowhere/at/all"]),
            "/nowhere/at/all",
        ),
        (vec!["--step", "erase_disks"], "erase_disks"),
    ] {
        match shown(&parsed(&flags).expect("flags")) {
            Err(Failed::Question(problem)) => assert!(problem.contains(words), "{problem}"),
            other => panic!("{flags:?}: {other:?}"),
        }
    }
}

#[test]
fn the_exit_status_tells_plan_no_plan_and_usage() {
    let code = |code: u8| format!("{:?}", ExitCode::from(code));
    for (flags, expected) in [
        (with(&[]), 0),
        (with(&["--hint", "model=small"]), 0),
        (with(&["--hint", "model=other"]), 1),
        (with(&["--hint", "modle=small"]), 2),
        (with(&["--hint", "size=~100"]), 2),
        (with(&["--checksum", "abc"]), 2),
        (vec!["--step", "erase_devices"], 0),
        (vec!["--step", "erase_devices_metadata"], 0),
    ] {
        let shown = over(&blocks(), &flags);
        assert_eq!(
            format!("{:?}", status(&shown)),
            code(expected),
            "{flags:?}: {shown:?}"
        );
    }
    let mut busy = blocks();
    busy.0[1].mounts.push("/".into());
    assert_eq!(format!("{:?}", status(&over(&busy, IMAGE))), code(1));
}

#[test]
fn the_text_names_every_disk_and_operation() {
    let blocks = blocks();
    let text = text::render(&over(&blocks, &with(&["--hint", "size=>= 50"])), &blocks);
    for words in [
        "can begin  yes",
        "guard      passed",
        "/dev/sda",
        "large",
        "S-small",
        "first disk with size '>= 50'",
        "satisfies the hints as well, but comes later",
        "write-image",
        "http://192.0.2.1/debian.qcow2",
        "no checksum is given",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    let text = text::render(&over(&blocks, &with(&["--hint", "model=x"])), &blocks);
    for words in [
        "can begin  no",
        "model 'small' does not match model 'x'",
        "no-plan",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "a pipe gets no colours");
}

#[test]
fn the_json_is_complete_and_says_no_secret() {
    let blocks = blocks();
    let text = text::json(&over(&blocks, IMAGE), &blocks);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["possible"], true);
    assert_eq!(value["devices"][1]["chosen"], true);
    assert_eq!(value["devices"][1]["serial"], "S-small");
    assert_eq!(value["operations"][0]["operation"], "write-image");
    assert_eq!(value["operations"][0]["destroys"], true);
    assert_eq!(value["guard"]["verdict"], "passed");
    assert_eq!(value["image"], Value::Null);
}

#[test]
fn an_image_that_is_refused_makes_the_plan_impossible() {
    let mut shown = over(&blocks(), IMAGE);
    let (args, _) = parsed(IMAGE)
        .expect("flags")
        .question
        .arguments()
        .expect("good");
    let settings = crate::settings::steps(
        &bootconfig::resolve(&bootconfig::RawSources::default()).expect("defaults"),
    );
    let request = steps::image_request(&args, &settings).expect("a request");
    let served = ironseed_core::dry_run::Served {
        url: "http://192.0.2.1/debian.qcow2".into(),
        head: b"QED\0".to_vec(),
        compression: None,
        length: Some(4),
        ranges: false,
    };
    let target = shown.plan.target().cloned();
    shown.judge(judge(&request, &served, target.as_ref()));
    assert!(!shown.plan.possible);
    assert!(text::render(&shown, &blocks()).contains("qed images are never acceptable"));
}

#[test]
fn a_capture_is_planned_for_like_a_machine() {
    let directory = machine();
    let root = directory.path().to_str().expect("a path");
    let flags = [
        "--root",
        root,
        "--image",
        "http://192.0.2.1/x",
        "--no-fetch",
    ];
    let (shown, blocks) = shown(&parsed(&flags).expect("flags")).expect("it is read");
    assert!(shown.plan.possible, "{shown:?}");
    let reason = |name: &str| {
        let choice = shown.plan.devices.iter().find(|one| one.device == name);
        choice.map(|one| (one.chosen, one.reason.as_str()))
    };
    assert_eq!(
        reason("/dev/sda"),
        Some((false, "is not the smallest disk"))
    );
    assert_eq!(reason("/dev/sdd"), Some((false, "path of a multipath map")));
    let target = shown.plan.target().expect("a disk");
    assert_eq!(reason(&target.name).map(|(chosen, _)| chosen), Some(true));
    assert!(text::render(&shown, &blocks).contains("PERC H730 Mini"));
    let nowhere = ["--root", "/nowhere/at/all", "--step", "erase_devices"];
    let failed = super::shown(&parsed(&nowhere).expect("flags"));
    assert!(matches!(failed, Err(Failed::Machine(_))));
}
