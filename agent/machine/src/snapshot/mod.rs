// SPDX-License-Identifier: Apache-2.0
//! Reads what discovery needs, once, into a [`Snapshot`].
//!
//! What is read is the list in [`list`]; nothing is decided here. A file or a
//! device that cannot be read becomes an entry that says so, and a device that
//! does not answer is waited for only so long.

pub mod archive;
mod content;
mod drives;
mod each_device;
mod enclosure;
mod ethtool;
mod genetlink;
mod ipmi;
mod list;
mod netlink;
mod nvme;
mod pci;
mod recorder;
mod tpm;

use ironseed_core::snapshot::{KernelLog, Snapshot, Uname};
use nix::sys::utsname::uname;
use nix::time::{ClockId, clock_gettime};

use crate::kmsg::each_record;
use crate::root::Root;
use recorder::{Recorder, words};

/// How far a snapshot goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This machine, for a decision about disks and networks: files, netlink,
    /// device content, NVMe and IPMI identities. Taken often.
    Live,
    /// This machine, for a report: also what devices take some time to tell,
    /// such as the health of drives, sensors and the EEPROMs of modules.
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
    // No decision needs these, and an enclosure takes a SCSI command for each slot.
    let for_a_report = reach != Reach::Live;
    let enclosures = for_a_report.then(|| enclosure::ask_in_background(root, &snapshot.files));
    if for_a_report {
        pci::read_config_spaces(root, &mut snapshot.files);
    }
    match reach {
        Reach::Live | Reach::Thorough => {
            take_live(root, &mut snapshot, reach == Reach::Thorough);
        }
        Reach::Files => take_files(root, &mut snapshot),
    }
    if let Some(enclosures) = enclosures {
        enclosures.finish(&mut snapshot);
    }
    snapshot
}

/// Slow devices are asked beside each other, while the rest is read.
fn take_live(root: &Root, snapshot: &mut Snapshot, thorough: bool) {
    let depth = if thorough {
        ipmi::Depth::Everything
    } else {
        ipmi::Depth::Identity
    };
    let bmc = ipmi::ask_in_background(root, depth);
    let tpms = thorough.then(|| tpm::ask_in_background(root, snapshot));
    nvme::identify_all(root, snapshot);
    let drives = thorough.then(|| drives::ask_in_background(root, snapshot));
    match read_uname() {
        Ok(name) => snapshot.uname = name,
        Err(error) => problem(snapshot, "uname", error.desc()),
    }
    match netlink::links() {
        Ok(links) => snapshot.links = links,
        Err(error) => problem(snapshot, "netlink", error.to_string()),
    }
    let ports = ethtool::ask_in_background(&snapshot.links, thorough);
    content::read_all(root, snapshot);
    ports.finish(snapshot);
    if let Some(tpms) = tpms {
        tpms.finish(snapshot);
    }
    if let Some(drives) = drives {
        drives.finish(snapshot);
    }
    bmc.finish(snapshot);
    if thorough {
        // After everything else, which may have made a device fail.
        read_kernel_log(root, snapshot);
    }
    snapshot.since_boot_ms = since_boot_ms();
}

/// One system call for each record: a thousand of them after a boot.
fn read_kernel_log(root: &Root, snapshot: &mut Snapshot) {
    let mut log = KernelLog::default();
    match each_record(root, |record| log.add(record)) {
        Ok(()) => snapshot.kernel_log = Some(log),
        Err(error) => problem(snapshot, "/dev/kmsg", words(&error)),
    }
}

fn problem(snapshot: &mut Snapshot, subject: &str, problem: impl Into<String>) {
    snapshot.problems.insert(subject.into(), problem.into());
}

fn read_uname() -> nix::Result<Uname> {
    let name = uname()?;
    Ok(Uname {
        node_name: name.nodename().to_string_lossy().into_owned(),
        release: name.release().to_string_lossy().into_owned(),
        version: name.version().to_string_lossy().into_owned(),
        machine: name.machine().to_string_lossy().into_owned(),
    })
}

/// What a captured tree can say about itself without asking the kernel: what a
/// capture keeps beside it, else what its files tell.
fn take_files(root: &Root, snapshot: &mut Snapshot) {
    if archive::add_beside(root, snapshot) {
        return;
    }
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
