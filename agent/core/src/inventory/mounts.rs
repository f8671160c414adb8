// SPDX-License-Identifier: Apache-2.0
//! Where block devices are mounted, or used as swap space.

use std::collections::BTreeMap;

use crate::snapshot::Tree;

/// Mount points by device number (`8:1`) and by device node: file systems with
/// numbers of their own (btrfs) are found by the node only. Swap space is shown
/// as lsblk does, `[SWAP]`.
pub(super) fn mounts(files: &Tree) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |key: &str, place: &str| {
        let places = found.entry(key.to_owned()).or_default();
        if !places.iter().any(|known| known == place) {
            places.push(place.to_owned());
        }
    };
    for line in files
        .text("/proc/self/mountinfo")
        .unwrap_or_default()
        .lines()
    {
        if let Some((number, source, place)) = mount(line) {
            add(number, &place);
            add(&unescaped(source), &place);
        }
    }
    for line in files
        .text("/proc/swaps")
        .unwrap_or_default()
        .lines()
        .skip(1)
    {
        if let Some(device) = line.split_whitespace().next() {
            add(&unescaped(device), "[SWAP]");
        }
    }
    found
}

/// Device number, source and mount point of a line (`proc_pid_mountinfo(5)`).
fn mount(line: &str) -> Option<(&str, &str, String)> {
    let (fields, rest) = line.split_once(" - ")?;
    let mut fields = fields.split(' ');
    let number = fields.nth(2)?;
    let place = fields.nth(1)?;
    let source = rest.split(' ').nth(1)?;
    Some((number, source, unescaped(place)))
}

/// The kernel writes blanks and backslashes as three octal digits.
fn unescaped(text: &str) -> String {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                plain.push(code);
                rest = &after[3..];
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Bytes, Entry};

    #[test]
    fn mounts_and_swap_are_found() {
        let mut files = Tree::default();
        let mounts_text = "36 35 8:1 / /mnt/my\\040disk rw,noatime master:1 - ext4 /dev/sda1 rw\n\
            40 35 0:31 /sub /data rw - btrfs /dev/sdb rw\n\
            40 35 0:31 /other /data2 rw shared:2 - btrfs /dev/sdb rw\n\
            broken line\n";
        let swaps = "Filename\t\t\t\tType\t\tSize\n/dev/sda2 partition 100 0 -2\n";
        files.insert(
            "/proc/self/mountinfo",
            Entry::File(Bytes::from(mounts_text)),
        );
        files.insert("/proc/swaps", Entry::File(Bytes::from(swaps)));
        let found = mounts(&files);
        assert_eq!(found["8:1"], ["/mnt/my disk"]);
        assert_eq!(found["/dev/sdb"], ["/data", "/data2"]);
        assert_eq!(found["/dev/sda2"], ["[SWAP]"]);
    }
}
