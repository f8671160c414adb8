// SPDX-License-Identifier: Apache-2.0
//! The image as data: which directory, file and link goes where, with which mode.

use hardware_profiles::Never;

use crate::closure::Closure;
use crate::cpio::Entry;
use crate::firmware::Collected;
use crate::index;
use crate::kernel::Kernel;

/// Where the kernel starts PID 1 (init/main.c, `ramdisk_execute_command`).
pub const INIT: &str = "init";
/// The agent's program.
pub const AGENT: &str = "usr/bin/ironseed-agent";

/// Directories PID 1 mounts something on, or that hold files of the running system.
const DIRECTORIES: &[&str] = &[
    "dev", "etc", "mnt", "proc", "root", "run", "sys", "tmp", "usr", "usr/bin", "var",
];

/// The kernel looks for firmware, and PID 1 for modules, below /lib.
const LINKS: &[(&str, &str)] = &[("lib", "usr/lib")];

/// `localhost` does not resolve without.
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";

/// The programs of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// PID 1.
    pub init: Vec<u8>,
    /// The agent.
    pub agent: Vec<u8>,
}

/// Where the modules of that kernel version are.
#[must_use]
pub fn module_directory(version: &str) -> String {
    format!("usr/lib/modules/{version}")
}

/// The first segment: what Debian compressed, and firmware. Sorted by path.
#[must_use]
pub fn drivers(kernel: &Kernel, closure: &Closure, firmware: &Collected) -> Vec<Entry> {
    let directory = module_directory(&kernel.version);
    let modules = closure.modules.iter().filter_map(|(name, chosen)| {
        let path = format!("{directory}/{}", chosen.module.path);
        Some(Entry::file(&path, 0o644, kernel.file(name)?.to_vec()))
    });
    let blobs = firmware.blobs.iter().map(|(name, blob)| {
        let path = format!("usr/lib/firmware/{name}.xz");
        Entry::file(&path, 0o644, blob.xz.clone())
    });
    let extra = Entry::directory("usr/lib/firmware");
    with_parents(modules.chain(blobs).chain([extra]).collect())
}

/// The second segment: programs, the module index and configuration. Sorted by path.
#[must_use]
pub fn system(
    version: &str,
    closure: &Closure,
    never: &[&Never],
    programs: Programs,
) -> Vec<Entry> {
    let directory = module_directory(version);
    let text = |path: &str, content: String| Entry::file(path, 0o644, content.into_bytes());
    let mut entries: Vec<Entry> = DIRECTORIES
        .iter()
        .map(|path| Entry::directory(path))
        .collect();
    entries.extend(
        LINKS
            .iter()
            .map(|(path, target)| Entry::symlink(path, target)),
    );
    entries.extend([
        Entry::file(INIT, 0o755, programs.init),
        Entry::file(AGENT, 0o755, programs.agent),
        text(
            &format!("{directory}/modules.dep"),
            index::dependencies(closure),
        ),
        text(
            &format!("{directory}/modules.alias"),
            index::aliases(closure),
        ),
        text(
            &format!("{directory}/modules.softdep"),
            index::soft_dependencies(closure),
        ),
        text("etc/modules-load.d/ironseed.conf", index::at_boot(closure)),
        text("etc/modprobe.d/ironseed.conf", index::blacklist(never)),
        text("etc/hosts", HOSTS.to_owned()),
        text("etc/os-release", os_release()),
    ]);
    for entry in &mut entries {
        if entry.path == "tmp" {
            entry.mode |= 0o1777;
        } else if entry.path == "root" {
            entry.mode &= !0o077;
        }
    }
    with_parents(entries)
}

/// os-release(5).
fn os_release() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "NAME=\"Ironseed\"\nID=ironseed\nVERSION_ID={version}\nPRETTY_NAME=\"Ironseed {version}\"\n\
         ANSI_COLOR=\"0;32\"\n"
    )
}

/// Adds the directories that paths imply; the kernel does not make them. Sorting puts
/// each before what is in it.
fn with_parents(mut entries: Vec<Entry>) -> Vec<Entry> {
    let implied: Vec<Entry> = entries
        .iter()
        .flat_map(|entry| parents(&entry.path))
        .map(Entry::directory)
        .collect();
    entries.extend(implied);
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries.dedup_by(|later, earlier| later.path == earlier.path);
    entries
}

fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system_entries() -> Vec<Entry> {
        let programs = Programs {
            init: b"init".to_vec(),
            agent: b"agent".to_vec(),
        };
        system("6.12", &Closure::default(), &[], programs)
    }

    #[test]
    fn every_parent_comes_first_and_once() {
        let entries = system_entries();
        for (position, entry) in entries.iter().enumerate() {
            for parent in parents(&entry.path) {
                let at = entries.iter().position(|other| other.path == parent);
                assert!(
                    at.is_some_and(|at| at < position),
                    "{parent} before {}",
                    entry.path
                );
            }
            assert_eq!(
                entries
                    .iter()
                    .filter(|other| other.path == entry.path)
                    .count(),
                1,
                "{}",
                entry.path
            );
        }
    }

    #[test]
    fn modes() {
        let entries = system_entries();
        for (path, mode) in [
            ("init", 0o100_755),
            (AGENT, 0o100_755),
            ("etc/hosts", 0o100_644),
            ("tmp", 0o041_777),
            ("root", 0o040_700),
            ("proc", 0o040_755),
            ("usr/lib/modules/6.12", 0o040_755),
            ("lib", 0o120_777),
        ] {
            let entry = entries.iter().find(|entry| entry.path == path).unwrap();
            assert_eq!(format!("{:o}", entry.mode), format!("{mode:o}"), "{path}");
        }
    }
}
