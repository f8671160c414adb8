// SPDX-License-Identifier: Apache-2.0
//! Reads the parts of every block device that tell what is on it.
//!
//! Devices are read at the same time; see [`super::each_device`].

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use ironseed_core::snapshot::{DeviceContent, Entry, Snapshot, Tree};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::each_device::Asked;
use super::recorder::{DEVICE, words};
use crate::root::Root;

/// How long all devices together may take; an idle disk first has to spin up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Device names whose content says nothing about the machine.
const NEVER: &[&str] = &["fd", "ram", "zram"];

/// Reads every device that has a medium.
pub(super) fn read_all(root: &Root, snapshot: &mut Snapshot) {
    let devices = devices(&snapshot.files);
    let root = root.clone();
    let asked = Asked::start(devices, PATIENCE, move |name, size, tell| {
        tell(read(&root, name, size));
    });
    let silent = asked.finish(|name, content| match content {
        Ok(content) => {
            snapshot.contents.insert(name.to_owned(), content);
        }
        Err(error) => problem(snapshot, name, words(&error)),
    });
    for (name, reason) in silent {
        problem(snapshot, &name, reason);
    }
}

fn problem(snapshot: &mut Snapshot, name: &str, words: String) {
    snapshot.problems.insert(format!("/dev/{name}"), words);
}

/// Kernel names and sizes of the devices to read.
fn devices(files: &Tree) -> Vec<(String, u64)> {
    files
        .names("/sys/class/block")
        .into_iter()
        .filter(|name| !NEVER.iter().any(|never| is_numbered(name, never)))
        .filter(|name| !files.flag(&format!("/sys/class/block/{name}/hidden")))
        .filter_map(|name| {
            let path = format!("/sys/class/block/{name}");
            match files.entry_at(&path) {
                Some(Entry::Link(_)) => {}
                _ => return None,
            }
            let sectors: u64 = files.number(&format!("{path}/size"))?;
            (sectors > 0).then(|| (name.to_owned(), sectors * 512))
        })
        .collect()
}

fn is_numbered(name: &str, kind: &str) -> bool {
    name.strip_prefix(kind)
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn read(root: &Root, name: &str, size: u64) -> std::io::Result<DeviceContent> {
    // The kernel writes `!` where a device node has a directory (`cciss!c0d0`).
    let file: File = root.open_at(&format!("/dev/{}", name.replace('!', "/")), DEVICE)?;
    // Only these bytes are wanted: without this the kernel reads on after each
    // of them. A refusal changes nothing but the speed.
    let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_RANDOM);
    let mut content = DeviceContent::new(size);
    let mut buffer = Vec::new();
    for (position, length) in DeviceContent::ranges_to_read(size) {
        buffer.resize(usize::try_from(length).unwrap_or_default(), 0);
        file.read_exact_at(&mut buffer, position)?;
        content.insert(position, &buffer);
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironseed_core::snapshot::Bytes;

    #[test]
    fn only_devices_with_a_medium_are_read_and_trouble_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(directory.path().join("dev")).expect("make");
        std::fs::write(directory.path().join("dev/sda"), vec![7_u8; 1 << 20]).expect("write");
        let root = Root::open(directory.path()).expect("open");
        let mut snapshot = Snapshot::default();
        for (name, sectors) in [
            ("sda", "2048"),
            ("sdb", "2048"),
            ("sr0", "0"),
            ("ram0", "8192"),
        ] {
            let device = format!("/sys/devices/virtual/block/{name}");
            let files = &mut snapshot.files;
            files.insert(
                format!("/sys/class/block/{name}"),
                Entry::Link(device.clone()),
            );
            files.insert(format!("{device}/size"), Entry::File(Bytes::from(sectors)));
        }
        read_all(&root, &mut snapshot);
        assert_eq!(snapshot.contents.keys().collect::<Vec<_>>(), ["sda"]);
        assert_eq!(snapshot.contents["sda"].read(510, 2), Some(vec![7, 7]));
        assert_eq!(snapshot.problems.len(), 1);
        assert_eq!(snapshot.problems["/dev/sdb"], "No such file or directory");
    }
}
