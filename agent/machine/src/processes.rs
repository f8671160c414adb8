// SPDX-License-Identifier: Apache-2.0
//! Which processes run (proc(5)).

use ironseed_core::network::report::Process;

use crate::root::Root;

/// Names of all processes, as `/proc/PID/comm` has them.
#[must_use]
pub fn names(root: &Root) -> Vec<String> {
    let all = root.names("/proc").unwrap_or_default();
    let numbers = all
        .into_iter()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    numbers
        .filter_map(|pid| root.read_text(&format!("/proc/{pid}/comm")).ok())
        .collect()
}

/// The process that asks.
#[must_use]
pub fn own(root: &Root) -> Process {
    let pid = std::process::id();
    Process {
        pid,
        started: started(root, pid).unwrap_or_default(),
    }
}

/// Whether the process still runs.
#[must_use]
pub fn runs(root: &Root, process: Process) -> bool {
    started(root, process.pid) == Some(process.started)
}

/// When a process started, in clock ticks since boot: field 22 of its `stat`,
/// counted behind the name in brackets, which may hold anything.
fn started(root: &Root, pid: u32) -> Option<u64> {
    let stat = root.read_text(&format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start() {
        let root = Root::live().expect("a root");
        let own = own(&root);
        assert!(own.started > 0);
        assert!(runs(&root, own));
        let other = Process {
            started: own.started + 1,
            ..own
        };
        assert!(!runs(&root, other));
        assert!(!names(&root).is_empty());
    }

    #[test]
    fn names_with_brackets_do_not_confuse() {
        let directory = tempfile::tempdir().expect("a directory");
        let process = directory.path().join("proc/7");
        std::fs::create_dir_all(&process).expect("make");
        let fields: Vec<String> = (3..=30).map(|field| field.to_string()).collect();
        let stat = format!("7 (a) b) {}\n", fields.join(" "));
        std::fs::write(process.join("stat"), stat).expect("write");
        let root = Root::open(directory.path()).expect("open");
        assert_eq!(started(&root, 7), Some(22));
    }
}
