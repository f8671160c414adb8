// SPDX-License-Identifier: Apache-2.0
//! The file systems of the image, as one table, and mounting them.

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

/// When a file system is mounted, and whether it has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// At the start; its absence is said.
    Required,
    /// At the start, if the kernel has it.
    Offered,
    /// As soon as this module is loaded.
    Module(&'static str),
}

#[derive(Debug)]
struct Mount {
    kind: &'static str,
    target: &'static str,
    flags: MsFlags,
    data: &'static str,
    when: When,
}

const SAFE: MsFlags = MsFlags::MS_NOSUID
    .union(MsFlags::MS_NODEV)
    .union(MsFlags::MS_NOEXEC);
const NO_DEVICES: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);
const NO_PROGRAMS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC);

/// In the order of mounting. The root is the kernel's initramfs. securityfs has the TPM's event
/// log, pstore what the last kernel said before it died.
#[rustfmt::skip]
const MOUNTS: [Mount; 9] = [
    Mount { kind: "proc",       target: "/proc",                      flags: SAFE,        data: "",                        when: When::Required },
    Mount { kind: "sysfs",      target: "/sys",                       flags: SAFE,        data: "",                        when: When::Required },
    Mount { kind: "devtmpfs",   target: "/dev",                       flags: NO_PROGRAMS, data: "mode=0755",               when: When::Required },
    Mount { kind: "devpts",     target: "/dev/pts",                   flags: NO_PROGRAMS, data: "mode=0620,ptmxmode=0666", when: When::Required },
    Mount { kind: "tmpfs",      target: "/run",                       flags: NO_DEVICES,  data: "mode=0755",               when: When::Required },
    Mount { kind: "tmpfs",      target: "/tmp",                       flags: NO_DEVICES,  data: "mode=1777",               when: When::Required },
    Mount { kind: "securityfs", target: "/sys/kernel/security",       flags: SAFE,        data: "",                        when: When::Offered },
    Mount { kind: "pstore",     target: "/sys/fs/pstore",             flags: SAFE,        data: "",                        when: When::Offered },
    Mount { kind: "efivarfs",   target: "/sys/firmware/efi/efivars",  flags: SAFE,        data: "",                        when: When::Module("efivarfs") },
];

/// A file system that is not there.
#[derive(Debug, thiserror::Error)]
#[error("mounting {kind} on {target}")]
pub struct MountError {
    kind: &'static str,
    target: &'static str,
    source: Errno,
}

/// Mounts what does not wait for a module. A file system that is mounted already (PID 1 began
/// again) stays as it is.
pub fn mount_at_start() -> Vec<MountError> {
    let mut mounted = HashSet::<String>::new();
    let mut errors = Vec::new();
    for entry in &MOUNTS {
        // A second proc is refused by the kernel, a second tmpfs would hide the first one.
        if matches!(entry.when, When::Module(_)) || mounted.contains(entry.target) {
            continue;
        }
        match mount_one(entry) {
            Ok(()) => {}
            Err(_) if entry.when == When::Offered => {}
            Err(error) => errors.push(error),
        }
        if entry.kind == "proc" {
            let table = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
            mounted = targets(&table).into_iter().map(str::to_owned).collect();
        }
    }
    errors
}

/// Mounts what waited for this module, if anything did and the machine has the place for it.
///
/// # Errors
/// The kernel refuses.
pub fn mount_of_module(module: &str) -> Result<(), MountError> {
    for entry in &MOUNTS {
        let waited = matches!(entry.when, When::Module(name) if name == module);
        // A machine that was not started by UEFI has no place for efivarfs.
        if waited && std::path::Path::new(entry.target).is_dir() {
            match mount_one(entry) {
                // The process that loads modules was started again: its
                // earlier life has mounted it.
                Err(MountError {
                    source: Errno::EBUSY,
                    ..
                }) => {}
                mounted => mounted?,
            }
        }
    }
    Ok(())
}

fn mount_one(entry: &Mount) -> Result<(), MountError> {
    // A place in sysfs cannot be made: it is there if the kernel has the feature.
    let _ = DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(entry.target);
    mount(
        Some(entry.kind),
        entry.target,
        Some(entry.kind),
        entry.flags,
        Some(entry.data),
    )
    .map_err(|source| MountError {
        kind: entry.kind,
        target: entry.target,
        source,
    })
}

/// The mount points in `/proc/self/mounts`, of which ours need no unquoting.
fn targets(table: &str) -> HashSet<&str> {
    table
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_mounted_before_what_is_below() {
        for (number, entry) in MOUNTS.iter().enumerate() {
            for later in MOUNTS.iter().skip(number + 1) {
                assert!(
                    !entry.target.starts_with(&format!("{}/", later.target)),
                    "{entry:?}"
                );
            }
        }
    }

    #[test]
    fn targets_of_a_mount_table() {
        let table =
            "rootfs / rootfs rw 0 0\nproc /proc proc rw,nosuid 0 0\ntmpfs /run tmpfs rw 0 0\nodd\n";
        assert_eq!(targets(table), HashSet::from(["/", "/proc", "/run"]));
    }
}
