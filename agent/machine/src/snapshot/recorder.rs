// SPDX-License-Identifier: Apache-2.0
//! Copies files, links and directories of a root into a [`Tree`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use ironseed_core::snapshot::{Bytes, Entry, Tree};
use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::root::{Kind, Root};

/// No file that discovery reads is longer; `/proc/cpuinfo` of the largest
/// machines is about 1 MiB.
const LONGEST_FILE: u64 = 4 << 20;
/// How many links one path may lead through, as in the kernel.
const MAX_LINKS: usize = 40;

/// Reads into a tree; every path is read once, every directory listed once.
pub(super) struct Recorder<'a> {
    root: &'a Root,
    tree: Tree,
    listed: HashMap<String, BTreeMap<String, Kind>>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(root: &'a Root) -> Self {
        Self {
            root,
            tree: Tree::default(),
            listed: HashMap::new(),
        }
    }

    pub(super) fn finish(self) -> Tree {
        self.tree
    }

    /// Records every name below every directory that the patterns match.
    pub(super) fn record(&mut self, list: &[(&str, &[&str])]) {
        for (pattern, names) in list {
            for directory in self.directories_matching(pattern) {
                self.record_in(&directory, names);
            }
        }
    }

    /// Records these names in every directory from what the pattern matches up
    /// to the root of the device tree.
    pub(super) fn record_ancestors(&mut self, pattern: &str, names: &[&str]) {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for mut path in self.directories_matching(pattern) {
            while path.starts_with("/sys/devices/") && seen.insert(path.clone()) {
                self.record_in(&path, names);
                path.truncate(path.rfind('/').unwrap_or(0));
            }
        }
    }

    /// The directories that match a pattern in which `*` stands for any part of
    /// a name, by their canonical paths.
    fn directories_matching(&mut self, pattern: &str) -> Vec<String> {
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let mut next = Vec::new();
            for directory in found {
                if part.contains('*') {
                    let names: Vec<String> = self.names_matching(&directory, part);
                    next.extend(names.iter().map(|name| format!("{directory}/{name}")));
                } else {
                    next.push(format!("{directory}/{part}"));
                }
            }
            found = next
                .iter()
                .filter_map(|directory| self.canonical(directory))
                .collect();
        }
        found
    }

    fn names_matching(&mut self, directory: &str, pattern: &str) -> Vec<String> {
        self.list(directory)
            .keys()
            .filter(|name| matches(pattern, name))
            .cloned()
            .collect()
    }

    /// Records names of a directory whose path is canonical.
    fn record_in(&mut self, directory: &str, names: &[&str]) {
        for name in names {
            if name.contains('*') {
                for name in self.names_matching(directory, name) {
                    self.record_path(directory, &name);
                }
            } else {
                self.record_path(directory, name);
            }
        }
    }

    /// Records what is at a name: a link (and that its target is there), a
    /// directory, or a file and its bytes.
    fn record_path(&mut self, directory: &str, name: &str) {
        let path = format!("{directory}/{name}");
        if self.tree.entry_at(&path).is_some() {
            return;
        }
        let entry = match self.list(directory).get(name) {
            None => return,
            Some(Kind::Directory) => Entry::Directory,
            Some(Kind::File) => self.read_file(&path),
            Some(Kind::Link) => {
                // Recorded on the way; the target is worth knowing only if it
                // is really there.
                if let Some(target) = self.canonical(&path)
                    && self.tree.entry_at(&target).is_none()
                {
                    self.tree.insert(target, Entry::Directory);
                }
                return;
            }
        };
        self.tree.insert(path, entry);
    }

    fn read_file(&self, path: &str) -> Entry {
        match self.root.read_at_most(path, LONGEST_FILE) {
            Ok(bytes) => Entry::File(Bytes(bytes)),
            Err(error) => Entry::Unreadable(words(&error)),
        }
    }

    /// Follows the links of a path, recording each; `None` if nothing is there.
    fn canonical(&mut self, path: &str) -> Option<String> {
        let mut left: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut done = String::new();
        let mut links = 0;
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => {}
                ".." => done.truncate(done.rfind('/').unwrap_or(0)),
                name => match self.list(&done).get(name)? {
                    Kind::Link => {
                        links += 1;
                        if links > MAX_LINKS {
                            return None;
                        }
                        let target = self.link(&format!("{done}/{name}"))?;
                        if target.starts_with('/') {
                            done.clear();
                        }
                        left.extend(target.split('/').rev().map(str::to_owned));
                    }
                    Kind::Directory | Kind::File => {
                        done.push('/');
                        done.push_str(name);
                    }
                },
            }
        }
        Some(done)
    }

    /// The target of a link, which is recorded.
    fn link(&mut self, path: &str) -> Option<String> {
        if let Some(Entry::Link(target)) = self.tree.entry_at(path) {
            return Some(target.clone());
        }
        match self.root.read_link(path) {
            Ok(target) => {
                self.tree.insert(path, Entry::Link(target.clone()));
                Some(target)
            }
            Err(error) => {
                self.tree.insert(path, Entry::Unreadable(words(&error)));
                None
            }
        }
    }

    /// What is in a directory, by its canonical path.
    fn list(&mut self, directory: &str) -> &BTreeMap<String, Kind> {
        if !self.listed.contains_key(directory) {
            let content = self.root.entries(directory).unwrap_or_default();
            self.listed.insert(directory.to_owned(), content);
        }
        // The entry was made above if it was missing.
        self.listed.entry(directory.to_owned()).or_default()
    }
}

/// The kernel's words for an error, without the number.
pub(super) fn words(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(
        || error.to_string(),
        |number| Errno::from_raw(number).desc().to_owned(),
    )
}

/// Whether a name fits a pattern with one or more `*`.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Opens a device node for reading without waiting for its medium.
pub(super) const DEVICE: OFlag = OFlag::O_RDONLY.union(OFlag::O_NONBLOCK);

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn patterns_match_parts_of_names() {
        for (pattern, name, expected) in [
            ("*", "eth0", true),
            ("cpu*", "cpu17", true),
            ("cpu*", "xcpu1", false),
            ("vpd_pg*", "vpd_pg80", true),
            ("a*c", "abc", true),
            ("a*c", "abd", false),
            ("a*b*c", "a1b2c", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_links_and_directories_are_recorded_where_they_are() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |path: &str| directory.path().join(path);
        std::fs::create_dir_all(at("sys/devices/pci0/dev/net/eth0/bonding")).expect("make");
        std::fs::create_dir_all(at("sys/class/net")).expect("make");
        std::fs::write(
            at("sys/devices/pci0/dev/net/eth0/address"),
            "52:54:00:00:00:01\n",
        )
        .expect("write");
        symlink("../../devices/pci0/dev/net/eth0", at("sys/class/net/eth0")).expect("link");
        symlink("../../../dev", at("sys/devices/pci0/dev/net/eth0/device")).expect("link");
        symlink("../../../bus/pci", at("sys/devices/pci0/dev/subsystem")).expect("link");
        let root = Root::open(directory.path()).expect("open");
        let mut recorder = Recorder::new(&root);
        recorder.record(&[(
            "/sys/class/net/*",
            &["address", "bonding", "device", "missing"],
        )]);
        recorder.record_ancestors("/sys/class/net/*", &["subsystem"]);
        let tree = recorder.finish();
        assert_eq!(
            tree.text("/sys/class/net/eth0/address"),
            Some("52:54:00:00:00:01")
        );
        assert!(tree.exists("/sys/class/net/eth0/bonding"));
        assert!(tree.exists("/sys/class/net/eth0/device"));
        assert!(!tree.exists("/sys/class/net/eth0/missing"));
        assert_eq!(
            tree.link_name("/sys/devices/pci0/dev/subsystem"),
            Some("pci")
        );
    }

    /// `/proc/self/mem` cannot be read where nothing is mapped: the answer is the
    /// one that a broken device's attribute gives.
    #[test]
    fn an_attribute_that_cannot_be_read_keeps_the_kernels_words() {
        let root = Root::open(std::path::Path::new("/proc/self")).expect("open");
        let mut recorder = Recorder::new(&root);
        recorder.record(&[("/", &["mem", "comm"])]);
        let tree = recorder.finish();
        assert_eq!(
            tree.entry_at("/mem"),
            Some(&Entry::Unreadable("I/O error".into()))
        );
        assert!(tree.text("/comm").is_some(), "the others are read");
    }

    #[test]
    fn a_device_that_vanishes_costs_only_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |path: &str| directory.path().join(path);
        std::fs::create_dir_all(at("sys/class/block")).expect("make");
        for disk in ["sda", "sdb"] {
            std::fs::create_dir_all(at(&format!("sys/devices/{disk}/queue"))).expect("make");
            std::fs::write(at(&format!("sys/devices/{disk}/size")), "8\n").expect("write");
            let target = format!("../../devices/{disk}");
            symlink(target, at(&format!("sys/class/block/{disk}"))).expect("link");
        }
        symlink("../../devices/gone", at("sys/class/block/sdc")).expect("link");
        let root = Root::open(directory.path()).expect("open");
        let mut recorder = Recorder::new(&root);
        // The device is listed and then pulled, before its attributes are read.
        assert!(recorder.list("/sys/devices/sda").contains_key("size"));
        assert!(recorder.list("/sys/devices").contains_key("sda"));
        std::fs::remove_dir_all(at("sys/devices/sda")).expect("pull");
        recorder.record(&[
            ("/sys/class/block/*", &["size", "device"]),
            ("/sys/class/block/*/queue", &["rotational"]),
        ]);
        recorder.record_ancestors("/sys/class/block/*", &["subsystem"]);
        let tree = recorder.finish();
        assert_eq!(
            tree.entry("/sys/class/block/sda/size"),
            Some(&Entry::Unreadable("No such file or directory".into()))
        );
        assert_eq!(tree.number("/sys/class/block/sdb/size"), Some(8));
        assert!(!tree.exists("/sys/class/block/sdc"), "a link to nothing");
    }
}
