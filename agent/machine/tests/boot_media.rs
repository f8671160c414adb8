// SPDX-License-Identifier: Apache-2.0
//! The network configuration on a boot ISO, from the program that makes the
//! ISO for Ironic to the description of the network.
//!
//! Needs root for loop devices and mounts, and the programs `genisoimage`,
//! `mkfs.vfat` and `losetup` (Debian packages genisoimage, dosfstools, mount).
//! Kernels without ISO 9660 cannot mount the image; there the project's own
//! reader of such images reads the file.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bootconfig::virtual_media::{BlockFacts, BlockKind, BlockLink, published_medium};
use ironseed_core::inventory::signature;
use ironseed_core::iso9660;
use ironseed_core::network::description::network_data::{PATH, read};
use ironseed_core::network::plan::Addressing;
use ironseed_core::snapshot::DeviceContent;
use ironseed_machine::boot_sources;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

const PUBLISHER: &str = "6a1f7c1e-5b0e-4d6c-8d9f-3a2b1c0d9e8f";

const DATA: &str = r#"{
  "links": [{"id": "port0", "type": "phy", "ethernet_mac_address": "52:54:00:12:34:56"}],
  "networks": [{"id": "net0", "link": "port0", "type": "ipv4", "ip_address": "192.0.2.7",
    "netmask": "255.255.255.0", "network_id": "none",
    "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "192.0.2.1"}]}],
  "services": []
}"#;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} must be installed: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A loop device over a file.
struct Loop(String);

impl Loop {
    fn new(path: &Path) -> Self {
        let path = path.to_str().unwrap();
        Self(run("losetup", &["-r", "-f", "--show", path]))
    }

    /// What discovery would know of it, were it a drive of this kind.
    fn facts(&self, kind: BlockKind, transport: &str) -> BlockFacts {
        let file = File::open(&self.0).unwrap();
        let size = run("blockdev", &["--getsize64", &self.0]).parse().unwrap();
        let mut content = DeviceContent::new(size);
        for (position, length) in DeviceContent::ranges_to_read(size) {
            let mut buffer = vec![0; usize::try_from(length).unwrap()];
            file.read_exact_at(&mut buffer, position).unwrap();
            content.insert(position, &buffer);
        }
        let found = signature(&content).unwrap();
        BlockFacts {
            path: self.0.clone(),
            label: found.label,
            publisher: found.publisher,
            model: None,
            chain: vec![BlockLink {
                kind,
                transport: Some(transport.into()),
                size,
            }],
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["-d", &self.0]).status();
    }
}

/// An ISO with the options Ironic gives (`ironic/common/images.py`).
fn iso(directory: &Path, name: &str, label: &str, publisher: &str, data: Option<&str>) -> PathBuf {
    let tree = directory.join(format!("{name}.d"));
    fs::create_dir_all(tree.join("boot/grub")).unwrap();
    fs::write(tree.join("boot/grub/grub.cfg"), "set timeout=5\n").unwrap();
    if let Some(data) = data {
        fs::create_dir_all(tree.join("openstack/latest")).unwrap();
        fs::write(tree.join("openstack/latest/network_data.json"), data).unwrap();
    }
    let image = directory.join(name);
    let paths = [image.to_str().unwrap(), tree.to_str().unwrap()];
    let mut arguments = vec!["-quiet", "-r", "-J", "-l", "-V", label];
    arguments.extend(["-publisher", publisher, "-o"]);
    arguments.extend(paths);
    run("genisoimage", &arguments);
    image
}

/// The file on a medium.
fn network_data(device: &str) -> Option<Vec<u8>> {
    let known = fs::read_to_string("/proc/filesystems").unwrap();
    if known.lines().any(|line| line.ends_with("\tiso9660")) {
        return boot_sources::network_data(device).unwrap();
    }
    let image = fs::read(device).unwrap();
    let files = iso9660::read(&image).unwrap();
    let file = files.into_iter().find(|file| file.path == PATH)?;
    Some(file.content.unwrap().concat())
}

/// Mounts are seen by this thread only.
fn own_mounts() {
    let nothing = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing).unwrap();
}

#[test]
fn only_the_iso_of_this_boot_describes_the_network() {
    own_mounts();
    let directory = tempfile::tempdir().unwrap();
    let made = |name: &str, label: &str, publisher: &str, data| {
        Loop::new(&iso(directory.path(), name, label, publisher, data))
    };
    let tenant = DATA.replace("192.0.2.7", "192.0.2.66");
    let leftover = made("leftover", "config-2", "somebody", Some(&tenant));
    let ours = made("ours", "config-2", PUBLISHER, Some(DATA));
    let plain = made("plain", "VMEDIA_BOOT_ISO", PUBLISHER, None);
    let on_disk = ours.facts(BlockKind::Disk, "sata");
    assert!(
        on_disk
            .publisher
            .as_deref()
            .is_some_and(|publisher| publisher.eq_ignore_ascii_case(PUBLISHER)),
        "{on_disk:?}"
    );
    let devices = [leftover.facts(BlockKind::Rom, "usb"), on_disk];
    assert_eq!(published_medium(&devices, PUBLISHER), None);

    for (kind, transport) in [(BlockKind::Rom, "sata"), (BlockKind::Disk, "usb")] {
        let devices = [
            leftover.facts(BlockKind::Rom, "usb"),
            plain.facts(BlockKind::Rom, "usb"),
            ours.facts(kind, transport),
        ];
        let medium = published_medium(&devices, PUBLISHER).unwrap();
        assert_eq!(medium.path, ours.0);
        assert!(medium.may_configure_network());
        let bytes = network_data(&medium.path).unwrap();
        let data = read(&bytes).unwrap().unwrap();
        let [link] = &data.description.links[..] else {
            panic!("{data:?}");
        };
        assert_eq!(
            link.addressing,
            [Addressing::Static {
                address: [192, 0, 2, 7].into(),
                prefix_len: 24
            }]
        );
        assert_eq!(link.routes.len(), 1);
    }

    let alone = [plain.facts(BlockKind::Rom, "usb")];
    let medium = published_medium(&alone, PUBLISHER).unwrap();
    assert!(!medium.may_configure_network());
    assert_eq!(network_data(&medium.path), None);
}

/// A FAT volume has no publisher, so nobody can say whose it is.
#[test]
fn a_config_drive_without_publisher_does_not_count() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("fat");
    File::create(&image).unwrap().set_len(4 << 20).unwrap();
    run("mkfs.vfat", &["-n", "CONFIG-2", image.to_str().unwrap()]);
    let drive = Loop::new(&image);
    let facts = drive.facts(BlockKind::Disk, "usb");
    assert!(facts.is_virtual_media() && facts.may_configure_network());
    assert_eq!(facts.publisher, None);
    assert_eq!(published_medium(&[facts], PUBLISHER), None);
}
