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
use ironseed_core::snapshot::anonymise::{Key, anonymise};
use ironseed_machine::root::Root;
use ironseed_machine::snapshot::{Reach, take};
use serde_json::{Value, json, to_value};

/// Machine, number, and why the two programs differ on purpose.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "16amd64-4n4c-cgroup-distance-merge",
        "packages",
        CONTROL_GROUP,
    ),
    (
        "16amd64-4n4c-cgroup-distance-merge",
        "processors",
        CONTROL_GROUP,
    ),
    (
        "16amd64-4n4c-cgroup-distance-merge",
        "memory",
        CONTROL_GROUP,
    ),
    ("16amd64-8n2c-cpusets", "packages", CONTROL_GROUP),
    ("16amd64-8n2c-cpusets", "cores", CONTROL_GROUP),
    ("16amd64-8n2c-cpusets", "processors", CONTROL_GROUP),
    ("16em64t-4s2c2t-offlines", "processors", OFFLINE),
    ("16em64t-4s2ca2c-cpusetreorder", "cores", CONTROL_GROUP),
    ("16em64t-4s2ca2c-cpusetreorder", "processors", CONTROL_GROUP),
    ("32amd64-4s2n4c-cgroup2", "packages", CONTROL_GROUP),
    ("32amd64-4s2n4c-cgroup2", "cores", CONTROL_GROUP),
    ("32amd64-4s2n4c-cgroup2", "processors", CONTROL_GROUP),
    ("32amd64-4s2n4c-cgroup2", "memory", CONTROL_GROUP),
    (
        "4fake-4gr1nu1pu",
        "processors",
        "two of the four processors belong to no memory node, and hwloc leaves them out",
    ),
    ("4ia64-4s", "packages", OLD_KERNEL),
    ("4ia64-4s", "cores", OLD_KERNEL),
    ("offline-cpu0-node0", "processors", OFFLINE),
    ("offline-cpu0-node0", "memory", OFFLINE),
    ("16amd64-4n4c-cgroup-distance-merge", "nodes", CONTROL_GROUP),
    ("16amd64-8n2c-cpusets", "nodes", CONTROL_GROUP),
    ("32amd64-4s2n4c-cgroup2", "nodes", CONTROL_GROUP),
    (
        "4fake-4gr1nu1pu",
        "nodes",
        "hwloc leaves out the two nodes whose processors it leaves out",
    ),
    (
        "8em64t-2s2ca2c-buggynuma",
        "nodes",
        "hwloc leaves out nodes that the firmware described wrongly",
    ),
    (
        "fakememinitiators-1np2c+1npp+gi",
        "nodes",
        "hwloc leaves out the five nodes that have no memory",
    ),
    (
        "nvidiagpunumanodes",
        "nodes",
        "hwloc leaves out the nodes that are memory of GPUs",
    ),
    (
        "16ia64-8n2s",
        "packages",
        "the firmware gives the two packages of a node the same number, by which they are counted",
    ),
    (
        "40intel64-4n10c+pci-conflicts",
        "packages",
        "one sibling map was falsified for hwloc, which then drops a package",
    ),
    (
        "64amd64-4s2n4ca2co",
        "cores",
        "the kernel calls the two halves of a Bulldozer module threads of one core",
    ),
    (
        "8em64t-2s2ca2c-buggynuma",
        "memory",
        "hwloc adds up the nodes, which the firmware described wrongly",
    ),
    (
        "fakememinitiators-1np2c+1npp+gi",
        "cores",
        "the tree has no sibling lists, and its virtual cores share numbers between dies",
    ),
    (
        "nvidiagpunumanodes",
        "memory",
        "hwloc leaves out the memory of GPUs, the kernel counts it as its own",
    ),
];

const CONTROL_GROUP: &str =
    "hwloc counts what the control group of its process may use, the inventory what is there";
const OFFLINE: &str =
    "hwloc counts processors and memory that are online, the inventory what is present";
const OLD_KERNEL: &str = "the kernel is too old to list siblings, and its firmware numbers nothing";

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

/// Another key must not change what kind of machine it is.
#[test]
fn an_anonymous_machine_is_the_same_machine() {
    for package in ["hwloc", "util-linux"] {
        for machine in machines(package) {
            let stored = snapshot(package, &machine);
            let anonymous = anonymise(&stored, &Key([9; 32])).expect("anonymise");
            let (before, after) = (inventory(&stored), inventory(&anonymous));
            assert_eq!(before.cpu, after.cpu, "{machine}");
            assert_eq!(before.memory, after.memory, "{machine}");
            let disks = |inventory: &Inventory| -> Vec<_> {
                let disks = inventory.disks.iter();
                disks
                    .map(|disk| (disk.name.clone(), disk.size, disk.model.clone()))
                    .collect()
            };
            assert_eq!(disks(&before), disks(&after), "{machine}");
            let links = |inventory: &Inventory| -> Vec<_> {
                let links = inventory.interfaces.iter();
                links
                    .map(|link| (link.name.clone(), link.pci_address.clone()))
                    .collect()
            };
            assert_eq!(links(&before), links(&after), "{machine}");
            for (link, other) in before.interfaces.iter().zip(&after.interfaces) {
                assert_ne!(link.mac_address, other.mac_address, "{machine}");
                let maker = |mac: &str| mac.get(..8).map(str::to_owned);
                assert_eq!(
                    maker(&link.mac_address),
                    maker(&other.mac_address),
                    "{machine}"
                );
            }
        }
    }
}
