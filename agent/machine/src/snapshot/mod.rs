// SPDX-License-Identifier: Apache-2.0
//! Reads what discovery needs, once, into a [`Snapshot`].
//!
//! What is read is the list in [`list`]; nothing is decided here. A file or a
//! device that cannot be read becomes an entry that says so, and a device that
//! does not answer is waited for only so long.

mod content;
mod drives;
mod each_device;
mod ethtool;
mod ipmi;
mod list;
mod netlink;
mod nvme;
mod recorder;

use ironseed_core::snapshot::{Snapshot, Uname};
use nix::sys::utsname::uname;
use nix::time::{ClockId, clock_gettime};

use crate::root::Root;
use recorder::Recorder;

/// How far a snapshot goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This machine: files, netlink, device content, NVMe and IPMI requests.
    /// What decisions about disks and networks need; taken often.
    Live,
    /// This machine as [`Reach::Live`] has it, and what only a report wants:
    /// health and abilities of drives. Taken for an inspection.
    Thorough,
    /// Only the files below the root: a captured tree, of another machine.
    Files,
}

/// Reads the machine.
///
/// It blocks for as long as the slowest device takes, at most a few seconds;
/// call it from a thread that may.
#[must_use]
pub fn take(root: &Root, reach: Reach) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let mut recorder = Recorder::new(root);
    for rows in list::FILES {
        recorder.record(rows);
    }
    for directory in list::WITH_ANCESTORS {
        recorder.record_ancestors(directory, list::ANCESTOR_FILES);
    }
    snapshot.files = recorder.finish();
    match reach {
        Reach::Live => take_live(root, &mut snapshot),
        Reach::Thorough => take_thorough(root, &mut snapshot),
        Reach::Files => take_files(root, &mut snapshot),
    }
    snapshot
}

/// Asks the devices that have more to say, while the rest is read.
fn take_thorough(root: &Root, snapshot: &mut Snapshot) {
    nvme::identify_all(root, snapshot);
    let drives = drives::ask_in_background(root, snapshot);
    read_live(root, snapshot);
    drives.finish(snapshot);
    snapshot.since_boot_ms = since_boot_ms();
}

fn take_live(root: &Root, snapshot: &mut Snapshot) {
    nvme::identify_all(root, snapshot);
    read_live(root, snapshot);
    snapshot.since_boot_ms = since_boot_ms();
}

fn read_live(root: &Root, snapshot: &mut Snapshot) {
    let bmc = ipmi::ask_in_background(root);
    snapshot.uname = match uname() {
        Ok(name) => Uname {
            node_name: name.nodename().to_string_lossy().into_owned(),
            release: name.release().to_string_lossy().into_owned(),
            version: name.version().to_string_lossy().into_owned(),
            machine: name.machine().to_string_lossy().into_owned(),
        },
        Err(error) => {
            snapshot
                .problems
                .insert("uname".into(), error.desc().into());
            Uname::default()
        }
    };
    match netlink::links() {
        Ok(links) => snapshot.links = links,
        Err(error) => {
            snapshot
                .problems
                .insert("netlink".into(), error.to_string());
        }
    }
    if let Err(error) = ethtool::add_speeds(&mut snapshot.links) {
        snapshot
            .problems
            .insert("ethtool".into(), error.to_string());
    }
    content::read_all(root, snapshot);
    bmc.finish(snapshot);
}

/// What a captured tree can say about itself without asking the kernel.
fn take_files(root: &Root, snapshot: &mut Snapshot) {
    let file = |path: &str| root.read_text(path).unwrap_or_default();
    snapshot.uname = Uname {
        node_name: file("/proc/sys/kernel/hostname"),
        release: file("/proc/sys/kernel/osrelease"),
        version: file("/proc/sys/kernel/version"),
        machine: file("/proc/sys/kernel/arch"),
    };
}

/// Time since the kernel started, in milliseconds.
fn since_boot_ms() -> u64 {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |time| {
        u64::try_from(std::time::Duration::from(time).as_millis()).unwrap_or(0)
    })
}
