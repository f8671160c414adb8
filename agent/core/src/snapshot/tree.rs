// SPDX-License-Identifier: Apache-2.0
//! The tree of files in a snapshot, with links that work as in the kernel.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Bytes;

/// How many links one look-up follows before it gives up, as the kernel does.
const MAX_LINKS: usize = 40;

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// A file and its bytes.
    File(Bytes),
    /// A symbolic link and its target, as stored.
    Link(String),
    /// A directory. Directories above an entry need none of their own.
    Directory,
    /// Something that is there but could not be read: the kernel's words.
    Unreadable(String),
}

/// Files, links and directories by absolute path without links in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree(BTreeMap<String, Entry>);

impl Tree {
    /// Puts an entry at an absolute path, in place of what was there.
    pub fn insert(&mut self, path: impl Into<String>, entry: Entry) {
        self.0.insert(path.into(), entry);
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every path and entry, in path order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// The entry at exactly this path; links on the way are not followed.
    #[must_use]
    pub fn entry_at(&self, path: &str) -> Option<&Entry> {
        self.0.get(path)
    }

    /// The path that `path` leads to when every link is followed, if something
    /// is there.
    #[must_use]
    pub fn canonical(&self, path: &str) -> Option<String> {
        let resolved = self.follow(path)?;
        (resolved.is_empty() || self.is_present(&resolved)).then_some(resolved)
    }

    /// Whether something is at the path, links followed.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.canonical(path).is_some()
    }

    /// The entry a path leads to, links followed.
    #[must_use]
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.0.get(&self.follow(path)?)
    }

    /// The bytes of a file.
    #[must_use]
    pub fn bytes(&self, path: &str) -> Option<&[u8]> {
        match self.entry(path)? {
            Entry::File(bytes) => Some(&bytes.0),
            _ => None,
        }
    }

    /// The text of a file without surrounding white space and NULs; `None` if
    /// it is empty or not UTF-8.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        let text = std::str::from_utf8(self.bytes(path)?).ok()?;
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then_some(text)
    }

    /// The number in a file, decimal.
    #[must_use]
    pub fn number<T: FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// Whether a file holds a number other than zero.
    #[must_use]
    pub fn flag(&self, path: &str) -> bool {
        self.number::<i64>(path).is_some_and(|number| number != 0)
    }

    /// The last part of a link's target: the driver's or the bus's name.
    #[must_use]
    pub fn link_name(&self, path: &str) -> Option<&str> {
        let (parent, name) = path.rsplit_once('/')?;
        match self.0.get(&format!("{}/{name}", self.follow(parent)?))? {
            Entry::Link(target) => target.rsplit('/').next(),
            _ => None,
        }
    }

    /// The names directly below a directory, in order, links followed on the way.
    #[must_use]
    pub fn names(&self, directory: &str) -> Vec<&str> {
        let Some(resolved) = self.follow(directory) else {
            return Vec::new();
        };
        let mut names: Vec<&str> = Vec::new();
        for (path, _) in self.below(&resolved) {
            let rest = &path[resolved.len() + 1..];
            let name = rest.split('/').next().unwrap_or(rest);
            if names.last() != Some(&name) {
                names.push(name);
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    fn below<'a>(&'a self, directory: &str) -> impl Iterator<Item = (&'a String, &'a Entry)> {
        let prefix = format!("{directory}/");
        self.0
            .range::<String, _>((Bound::Included(&prefix), Bound::Unbounded))
            .take_while(move |(path, _)| path.starts_with(&prefix))
    }

    fn is_present(&self, path: &str) -> bool {
        self.0.contains_key(path) || self.below(path).next().is_some()
    }

    /// Follows every link of a path; `None` after too many of them.
    fn follow(&self, path: &str) -> Option<String> {
        let mut left: Vec<&str> = path.split('/').rev().collect();
        let mut done = String::with_capacity(path.len());
        let mut links = 0;
        while let Some(part) = left.pop() {
            match part {
                "" | "." => {}
                ".." => done.truncate(done.rfind('/').unwrap_or(0)),
                name => {
                    let length = done.len();
                    done.push('/');
                    done.push_str(name);
                    if let Some(Entry::Link(target)) = self.0.get(&done) {
                        links += 1;
                        if links > MAX_LINKS {
                            return None;
                        }
                        done.truncate(if target.starts_with('/') { 0 } else { length });
                        left.extend(target.split('/').rev());
                    }
                }
            }
        }
        Some(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, Entry)]) -> Tree {
        let mut tree = Tree::default();
        for (path, entry) in entries {
            tree.insert(*path, entry.clone());
        }
        tree
    }

    fn file(text: &str) -> Entry {
        Entry::File(Bytes::from(text))
    }

    #[test]
    fn links_lead_where_the_kernel_leads() {
        let tree = tree(&[
            (
                "/sys/class/net/eth0",
                Entry::Link("../../devices/pci0000:00/0000:00:03.0/net/eth0".into()),
            ),
            (
                "/sys/devices/pci0000:00/0000:00:03.0/net/eth0/device",
                Entry::Link("../../../0000:00:03.0".into()),
            ),
            (
                "/sys/devices/pci0000:00/0000:00:03.0/vendor",
                file("0x8086\n"),
            ),
            (
                "/sys/devices/pci0000:00/0000:00:03.0/driver",
                Entry::Link("../../../bus/pci/drivers/e1000e".into()),
            ),
            ("/a", Entry::Link("/b".into())),
            ("/b", Entry::Link("a".into())),
        ]);
        assert_eq!(
            tree.text("/sys/class/net/eth0/device/vendor"),
            Some("0x8086")
        );
        assert_eq!(
            tree.link_name("/sys/class/net/eth0/device/driver"),
            Some("e1000e")
        );
        assert_eq!(
            tree.canonical("/sys/class/net/eth0/device").as_deref(),
            Some("/sys/devices/pci0000:00/0000:00:03.0")
        );
        assert!(!tree.exists("/sys/class/net/eth0/bonding"));
        assert_eq!(tree.canonical("/a"), None, "a loop of links leads nowhere");
    }

    #[test]
    fn names_are_each_named_once() {
        let tree = tree(&[
            ("/d/a", Entry::Directory),
            ("/d/a-b", file("1")),
            ("/d/a/x", file("1")),
            ("/d/a/y", file("1")),
            ("/da", file("1")),
        ]);
        assert_eq!(tree.names("/d"), ["a", "a-b"]);
        assert_eq!(tree.names("/d/a"), ["x", "y"]);
        assert!(tree.names("/nothing").is_empty());
    }

    #[test]
    fn text_is_trimmed_and_numbers_are_read() {
        let tree = tree(&[
            ("/n", file("512\n")),
            ("/empty", file("\n")),
            ("/dt", Entry::File(Bytes(b"Board X\0".to_vec()))),
            ("/bad", Entry::File(Bytes(vec![0xff]))),
            ("/gone", Entry::Unreadable("Input/output error".into())),
        ]);
        assert_eq!(tree.number::<u32>("/n"), Some(512));
        assert!(tree.flag("/n"));
        assert_eq!(tree.text("/empty"), None);
        assert_eq!(tree.text("/dt"), Some("Board X"));
        assert_eq!(tree.text("/bad"), None);
        assert_eq!(tree.text("/gone"), None);
        assert!(tree.exists("/gone"));
    }
}
