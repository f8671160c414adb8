// SPDX-License-Identifier: Apache-2.0
//! Runs discovery over trees of real machines: those of the test suites of hwloc
//! and util-linux, which `scripts/fetch-machines` puts into `target/machines`.
//!
//! What is found is compared with golden files (`UPDATE_GOLDEN=1` writes them)
//! and with what hwloc and lsblk find in the same trees. Where they differ, the
//! reason stands in [`KNOWN`].

#[path = "real_machines/hwloc.rs"]
mod hwloc;
#[path = "real_machines/lsblk.rs"]
mod lsblk;

use std::path::{Path, PathBuf};

use ironseed_core::hardware;
use ironseed_core::inventory::{Facts, Inventory, block_devices, read};
use ironseed_core::snapshot::Snapshot;
use ironseed_machine::root::Root;
use ironseed_machine::snapshot::{Reach, take};
use serde_json::{Value, json, to_value};

/// Machine, number, and why the two programs differ on purpose.
const KNOWN: &[(&str, &str, &str)] = &[];

/// All golden files together; they are kept in the project.
const MOST_GOLDEN_BYTES: u64 = 1 << 20;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn golden_files() -> PathBuf {
    project().join("tests/fixtures/real-machines")
}

/// The directory of a package's trees and of what its authors expect.
fn suite(package: &str) -> PathBuf {
    let record = std::fs::read_to_string(golden_files().join("sources.txt")).expect("the record");
    let version = record
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|words| words.get(1) == Some(&package))
        .and_then(|words| words.get(2).map(|version| (*version).to_owned()))
        .expect("the package is recorded");
    let directory = project().join(format!("target/machines/{package}-{version}"));
    assert!(
        directory.join("trees").is_dir(),
        "the trees of real machines are missing: run scripts/fetch-machines"
    );
    directory
}

/// The names of the machines of a package.
fn machines(package: &str) -> Vec<String> {
    let trees = suite(package).join("trees");
    let entries = trees.read_dir().expect("the trees");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

fn snapshot(package: &str, machine: &str) -> Snapshot {
    let tree = suite(package).join("trees").join(machine);
    take(&Root::open(&tree).expect("the tree"), Reach::Files)
}

fn inventory(snapshot: &Snapshot) -> Inventory {
    read(snapshot, &Facts::default())
}

/// Whether this difference is explained.
fn is_known(machine: &str, number: &str) -> bool {
    KNOWN
        .iter()
        .any(|(at, what, _)| *at == machine && *what == number)
}

/// Fails with every difference that is not explained, and with every
/// explanation that nothing needs any more.
fn judge(differences: Vec<(String, String, String)>, package: &str) {
    let unexplained: Vec<String> = differences
        .iter()
        .filter(|(machine, number, _)| !is_known(machine, number))
        .map(|(machine, number, words)| format!("{machine}: {number}: {words}"))
        .collect();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    let names = machines(package);
    for (machine, number, _) in KNOWN
        .iter()
        .filter(|(at, ..)| names.iter().any(|name| name == at))
    {
        assert!(
            differences
                .iter()
                .any(|(at, what, _)| at == machine && what == number),
            "{machine}: {number} does not differ any more: take it out of KNOWN"
        );
    }
}

/// The inventory with one line for the flags, and how much there is of everything else.
fn golden(snapshot: &Snapshot) -> Value {
    let mut inventory = to_value(inventory(snapshot)).expect("JSON");
    let flags: Vec<String> =
        serde_json::from_value(inventory["cpu"]["flags"].clone()).expect("flags");
    inventory["cpu"]["flags"] = flags.join(" ").into();
    let blocks = block_devices(snapshot);
    let blocks: Vec<String> = blocks
        .0
        .iter()
        .map(|block| format!("{} {:?} {}", block.name, block.kind, block.size))
        .collect();
    let hardware = to_value(hardware::read(snapshot)).expect("JSON");
    json!({
        "inventory": inventory,
        "block_devices": blocks,
        "hardware": summary(&hardware, 0),
    })
}

/// Lists become their lengths, sections their plain values.
fn summary(value: &Value, depth: usize) -> Value {
    match value {
        Value::Array(items) => items.len().into(),
        Value::Object(members) if depth < 2 => members
            .iter()
            .map(|(name, value)| (name.clone(), summary(value, depth + 1)))
            .collect(),
        Value::Object(members) => members.len().into(),
        other => other.clone(),
    }
}

#[test]
fn every_machine_is_as_it_was() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for package in ["hwloc", "util-linux"] {
        for machine in machines(package) {
            let found = golden(&snapshot(package, &machine));
            let found = serde_json::to_string_pretty(&found).expect("JSON") + "\n";
            let path = golden_files().join(format!("{machine}.json"));
            if update {
                std::fs::write(&path, &found).expect("the golden file can be written");
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            let mut pairs = kept.lines().zip(found.lines());
            if kept != found {
                let first = pairs.find(|(kept, found)| kept != found);
                wrong.push(format!("{machine}: first at (kept, found) {first:?}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "UPDATE_GOLDEN=1 accepts what was found:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn golden_files_are_small_and_each_has_a_machine() {
    let mut names: Vec<String> = [machines("hwloc"), machines("util-linux")].concat();
    names.sort();
    let mut bytes = 0;
    let mut kept = Vec::new();
    for entry in golden_files().read_dir().expect("the golden files") {
        let path = entry.expect("an entry").path();
        bytes += path.metadata().expect("a file").len();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            kept.push(
                path.file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned(),
            );
        }
    }
    kept.sort();
    assert_eq!(kept, names);
    assert!(bytes < MOST_GOLDEN_BYTES, "{bytes} bytes");
}
