// SPDX-License-Identifier: Apache-2.0
//! Gathers what goes into the log archive, without any external program.
//!
//! A source that cannot be read is left out, as Ironic's own agent does; there
//! is always an archive.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ironseed_core::inventory::block_devices;
use ironseed_core::log_archive::{
    self, BootVariables, FileSystemUse, Member, Process, last_lines, pack,
};
use ironseed_core::snapshot::Snapshot;
use nix::sys::statvfs::statvfs;

use crate::kmsg::each_record;
use crate::root::Root;

/// The agent's log, oldest part first.
const AGENT_LOGS: &[&str] = &["agent.log.1", "agent.log"];
/// Where it is.
const AGENT_LOG_DIRECTORY: &str = "/run/ironseed";
/// Where the firmware's variables are.
const EFI_VARIABLES: &str = "/sys/firmware/efi/efivars";
/// Bytes of the attributes before each variable's value.
const EFI_ATTRIBUTES: usize = 4;
/// Gathers and packs; `lines` limits logs to their last lines.
///
/// It reads many small files and blocks while it does; call it from a thread
/// that may.
#[must_use]
pub fn collect(root: &Root, snapshot: &Snapshot, lines: Option<usize>) -> String {
    let files = &snapshot.files;
    let mountinfo = root.read_text("/proc/self/mountinfo").unwrap_or_default();
    let mut members: Vec<Member> = Vec::new();
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            members.push(Member::new(name, text));
        }
    };
    for name in AGENT_LOGS {
        let path = format!("{AGENT_LOG_DIRECTORY}/{name}");
        let limit = log_archive::LARGEST_MEMBER as u64 * 2;
        let bytes = root.read_at_most(&path, limit).unwrap_or_default();
        add(
            name,
            last_lines(&String::from_utf8_lossy(&bytes), lines).to_owned(),
        );
    }
    add("dmesg", last_lines(&kernel_log(root), lines).to_owned());
    add(
        "lsblk",
        log_archive::tree_of_blocks(&block_devices(snapshot)),
    );
    add("ip_addr", log_archive::links(&snapshot.links));
    add("mount", log_archive::mounts(&mountinfo));
    add(
        "df",
        log_archive::file_systems(&file_systems(root, &mountinfo)),
    );
    add(
        "mdstat",
        files.text("/proc/mdstat").unwrap_or_default().to_owned(),
    );
    add(
        "efibootmgr",
        log_archive::efi_entries(&boot_variables(root)),
    );
    add("ps", log_archive::processes(&processes(root)));
    add("discovery-problems", log_archive::problems(snapshot));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    // Only an overlong name could fail, and the names are the ones above.
    pack(&members, now).unwrap_or_default()
}

/// The kernel's ring buffer, as dmesg prints it.
fn kernel_log(root: &Root) -> String {
    let mut text = String::new();
    // Without a readable log there is no member; of a broken one what was read.
    let _ = each_record(root, |record| {
        if let Some(line) = log_archive::kernel_record(record) {
            text.push_str(&line);
            text.push('\n');
        }
    });
    text
}

fn file_systems(root: &Root, mountinfo: &str) -> Vec<FileSystemUse> {
    let mut uses = Vec::new();
    for line in mountinfo.lines() {
        let place = line.split(' ').nth(4);
        let source = line
            .split_once(" - ")
            .and_then(|(_, rest)| rest.split(' ').nth(1));
        let (Some(place), Some(source)) = (place, source) else {
            continue;
        };
        let below = Path::new(place.trim_start_matches('/'));
        let Ok(answer) = statvfs(&root.path().join(below)) else {
            continue;
        };
        let unit = answer.fragment_size();
        if answer.blocks() > 0 {
            uses.push(FileSystemUse {
                place: place.to_owned(),
                source: source.to_owned(),
                size: answer.blocks() * unit,
                free: answer.blocks_available() * unit,
            });
        }
    }
    uses
}

fn processes(root: &Root) -> Vec<Process> {
    let mut pids: Vec<u32> = root
        .names("/proc")
        .unwrap_or_default()
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    pids.sort_unstable();
    pids.into_iter()
        .filter_map(|pid| {
            Some(Process {
                pid,
                // A process may be gone by now.
                stat: root.read_text(&format!("/proc/{pid}/stat")).ok()?,
                command_line: root
                    .read_at_most(&format!("/proc/{pid}/cmdline"), 4096)
                    .unwrap_or_default(),
            })
        })
        .collect()
}

fn boot_variables(root: &Root) -> BootVariables {
    root.names(EFI_VARIABLES)
        .unwrap_or_default()
        .into_iter()
        .filter(|name| name.starts_with("Boot") && !name.starts_with("BootOptionSupport"))
        .filter_map(|name| {
            let bytes = root
                .read_at_most(&format!("{EFI_VARIABLES}/{name}"), 64 << 10)
                .ok()?;
            Some((name, bytes.get(EFI_ATTRIBUTES..)?.to_vec()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_made_of_what_is_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |path: &str| directory.path().join(path);
        for path in ["run/ironseed", "proc/self", "proc/1", "proc/sys"] {
            std::fs::create_dir_all(at(path)).expect("make");
        }
        std::fs::write(at("run/ironseed/agent.log"), "one\ntwo\nthree\n").expect("write");
        std::fs::write(at("proc/1/stat"), "1 (init) S 0").expect("write");
        std::fs::write(
            at("proc/self/mountinfo"),
            "22 1 0:5 / / rw shared:2 - rootfs rootfs rw\n",
        )
        .expect("write");
        let root = Root::open(directory.path()).expect("open");
        let archive = collect(&root, &Snapshot::default(), Some(2));
        assert!(archive.starts_with("H4sI"), "gzip in base64");
        assert_eq!(processes(&root).len(), 1);
        let mountinfo = root.read_text("/proc/self/mountinfo").expect("mountinfo");
        assert_eq!(file_systems(&root, &mountinfo).len(), 1);
    }

    #[test]
    fn the_kernels_log_of_this_machine_is_readable_or_absent() {
        let root = Root::live().expect("a root");
        let log = kernel_log(&root);
        assert!(log.is_empty() || log.starts_with('['), "{log:.80}");
    }
}
