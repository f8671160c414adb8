// SPDX-License-Identifier: Apache-2.0
//! Reads the configuration spaces of PCI functions, as far as
//! [`ironseed_core::pci_config`] wants them.

use std::os::unix::fs::FileExt as _;

use ironseed_core::pci_config;
use ironseed_core::snapshot::{Bytes, Entry, Tree};
use nix::fcntl::OFlag;

use super::recorder::words;
use crate::root::Root;

/// Where the kernel lists every function.
const DEVICES: &str = "/sys/bus/pci/devices";

/// Records `config` of every function that is in the tree. Bytes that were not
/// asked for are zero in it.
pub(super) fn read_config_spaces(root: &Root, files: &mut Tree) {
    let directories: Vec<String> = files
        .names(DEVICES)
        .iter()
        .filter_map(|name| files.canonical(&format!("{DEVICES}/{name}")))
        .collect();
    for directory in directories {
        let path = format!("{directory}/config");
        let entry = match root.open_at(&path, OFlag::O_RDONLY) {
            Ok(file) => {
                let read = |at: usize, length: usize| {
                    let mut bytes = vec![0; length];
                    file.read_exact_at(&mut bytes, u64::try_from(at).ok()?)
                        .ok()
                        .map(|()| bytes)
                };
                Entry::File(Bytes(pci_config::record(read)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => Entry::Unreadable(words(&error)),
        };
        files.insert(path, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_the_capabilities_say_is_recorded_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |path: &str| directory.path().join(path);
        let function = "sys/devices/pci0000:00/0000:00:01.0";
        std::fs::create_dir_all(at(function)).expect("make");
        std::fs::create_dir_all(at("sys/bus/pci/devices")).expect("make");
        let link = "../../../devices/pci0000:00/0000:00:01.0";
        symlink(link, at("sys/bus/pci/devices/0000:00:01.0")).expect("link");
        // Vendor, capabilities bit, pointer to PCI Express: 8 GT/s x8 of 16 GT/s x16.
        let mut space = vec![0; 4096];
        space[..2].copy_from_slice(&[0xb3, 0x15]);
        space[6] = 0x10;
        space[0x34] = 0x60;
        space[0x60] = 0x10;
        space[0x6c..0x70].copy_from_slice(&[0x04, 0x71, 0x41, 0]);
        space[0x72..0x74].copy_from_slice(&[0x83, 0x10]);
        space[0x90] = 0xaa;
        std::fs::write(at(function).join("config"), &space).expect("write");
        let root = Root::open(directory.path()).expect("open");
        let mut files = Tree::default();
        files.insert(
            "/sys/bus/pci/devices/0000:00:01.0",
            Entry::Link(link.into()),
        );
        files.insert(
            "/sys/devices/pci0000:00/0000:00:01.0/vendor",
            Entry::File(Bytes::from("0x15b3\n")),
        );
        read_config_spaces(&root, &mut files);
        let recorded = files
            .bytes("/sys/bus/pci/devices/0000:00:01.0/config")
            .expect("it is recorded");
        assert_eq!(recorded, &space[..0x74]);
        let express = pci_config::parse(recorded).express.expect("PCI Express");
        assert_eq!(express.now.width, Some(8));
        assert_eq!(express.most.speed_mts, Some(16_000));
    }
}
