// SPDX-License-Identifier: Apache-2.0
//! Compares the numbers of discovery with those hwloc's authors expect.

use std::collections::BTreeSet;

use ironseed_core::snapshot::Snapshot;

use super::{inventory, judge, machines, snapshot, suite};

/// What hwloc counts.
#[derive(Debug, Default, Clone, Copy)]
struct Numbers {
    packages: Option<usize>,
    cores: Option<usize>,
    /// Logical processors that are online.
    units: Option<usize>,
    memory_nodes: Option<usize>,
    memory_kib: Option<u64>,
}

/// From `lstopo -v` (a summary by kind at the end) or its XML.
fn expected(text: &str) -> Numbers {
    let counted = |kind: &str, number: u32| {
        let mark = format!(" {kind} (type #{number})");
        let from_summary = text.lines().find_map(|line| {
            let (before, _) = line.split_once(&mark)?;
            before.rsplit(' ').next()?.parse().ok()
        });
        let objects = text.matches(&format!("<object type=\"{kind}\"")).count();
        from_summary.or((objects > 0).then_some(objects))
    };
    let memory = text
        .lines()
        .find(|line| line.starts_with("Machine "))
        .and_then(|line| {
            line.split_once("total=")?
                .1
                .split_once("KB")?
                .0
                .parse()
                .ok()
        });
    Numbers {
        packages: counted("Package", 1),
        cores: counted("Core", 2),
        units: counted("PU", 3),
        memory_nodes: counted("NUMANode", 13),
        memory_kib: memory,
    }
}

/// Cores: groups of processors that are threads of the same; where an old kernel
/// does not list them, by package and number.
fn cores(snapshot: &Snapshot) -> Option<usize> {
    let files = &snapshot.files;
    let cpus = "/sys/devices/system/cpu";
    let found: BTreeSet<String> = files
        .names(cpus)
        .into_iter()
        .filter_map(|cpu| {
            let text = |name: &str| files.text(&format!("{cpus}/{cpu}/topology/{name}"));
            let by_number = || {
                let (package, core) = (text("physical_package_id")?, text("core_id")?);
                Some(format!("{package} {core}"))
            };
            text("thread_siblings_list")
                .map(str::to_owned)
                .or_else(by_number)
        })
        .collect();
    (!found.is_empty()).then_some(found.len())
}

/// Memory nodes; a kernel without support for them shows none and has one.
fn memory_nodes(snapshot: &Snapshot) -> Option<usize> {
    let names = snapshot.files.names("/sys/devices/system/node");
    let numbered = names.iter().filter(|name| {
        name.strip_prefix("node")
            .is_some_and(|number| number.parse::<u32>().is_ok())
    });
    Some(numbered.count().max(1))
}

/// Whether two amounts of memory are the same: hwloc adds up what the nodes have,
/// of which the kernel keeps a little for itself.
fn is_as_much(ours: Option<u64>, theirs: u64) -> bool {
    ours.is_none_or(|ours| ours.abs_diff(theirs) * 25 < theirs)
}

#[test]
fn processors_are_those_hwloc_finds() {
    let mut differences = Vec::new();
    let mut compared = 0;
    for machine in machines("hwloc") {
        let directory = suite("hwloc").join("suite");
        let text = [".output", ".xml.output"]
            .iter()
            .find_map(|end| std::fs::read_to_string(directory.join(format!("{machine}{end}"))).ok())
            .expect("hwloc's authors say what is in it");
        let theirs = expected(&text);
        let snapshot = snapshot("hwloc", &machine);
        let ours = inventory(&snapshot);
        for (number, ours, theirs) in [
            ("packages", ours.cpu.socket_count, theirs.packages),
            ("cores", cores(&snapshot), theirs.cores),
            ("nodes", memory_nodes(&snapshot), theirs.memory_nodes),
            ("processors", Some(ours.cpu.count), theirs.units),
        ] {
            compared += usize::from(theirs.is_some());
            if theirs.is_some() && ours != theirs {
                let words = format!("we find {ours:?}, hwloc finds {theirs:?}");
                differences.push((machine.clone(), number.to_owned(), words));
            }
        }
        let ours = ours.memory.total.map(|bytes| bytes / 1024);
        if let Some(theirs) = theirs
            .memory_kib
            .filter(|theirs| !is_as_much(ours, *theirs))
        {
            compared += 1;
            let words = format!("we find {ours:?} KiB, hwloc finds {theirs} KiB");
            differences.push((machine.clone(), "memory".to_owned(), words));
        }
    }
    assert!(compared > 120, "{compared} numbers compared");
    judge(differences, "hwloc");
}
