// SPDX-License-Identifier: Apache-2.0
//! Tests: boot loaders out of root file systems that are odd or hostile. Whole
//! deployments are in `image/tests/partition.rs`.

use std::process::Command;

use fatfs::{FileSystem as Fat, FsOptions};
use ironseed_core::partition::layout::{Label, lay_out};

use super::*;
use crate::block::BlockStream;
use crate::block::fake::FakeDisk;
use crate::clock::TestClock;

const MIB: u64 = 1 << 20;

/// A root file system as `mke2fs` makes it out of some files.
fn root(kind: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let tree = directory.path().join("tree");
    std::fs::create_dir_all(&tree).expect("made");
    for (path, content) in files {
        let path = tree.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, content).expect("written");
    }
    let image = directory.path().join("image");
    let output = Command::new("mke2fs")
        .args(["-q", "-t", kind, "-d"])
        .arg(&tree)
        .arg(&image)
        .arg("8M")
        .output()
        .expect("e2fsprogs is installed");
    assert!(output.status.success(), "{output:?}");
    std::fs::read(image).expect("the image")
}

fn grub() -> Vec<u8> {
    (0..=250).cycle().take(300_000).collect()
}

fn layout() -> Layout {
    let sizes = [(Role::EfiSystem, 40), (Role::Root, 8)];
    lay_out(Label::Gpt, &sizes, 512, 50 * MIB).expect("fits")
}

/// Copies out of a root file system; gives what is on the new EFI system
/// partition, and why nothing is.
fn copied(root: &[u8]) -> (Vec<(String, u64)>, Option<String>) {
    let file = tempfile::tempfile().expect("a file");
    let fake = FakeDisk::new(file, "/dev/vda", 50 * MIB, 512).expect("a disk");
    let layout = layout();
    let (esp, place) = (layout.places[0], layout.places[1]);
    fake.put(place.offset, root).expect("put");
    let clock = TestClock::default();
    let device = fake.identity();
    let disk = Disk {
        block: Arc::new(Arc::clone(&fake)),
        device: &device,
        surroundings: Surroundings {
            clock: &clock,
            observer: &|_| (),
        },
    };
    disk.make_file_system(esp, FileSystem::Vfat, "efi-part")
        .expect("made");
    let problem = disk.copy_boot_loader(place, esp).expect("no fault");
    let window = disk.window(esp);
    let fat = Fat::new(BlockStream::new(&window), FsOptions::new()).expect("FAT");
    let mut found = Vec::new();
    let mut waiting = vec![(fat.root_dir(), String::new())];
    while let Some((directory, prefix)) = waiting.pop() {
        for entry in directory.iter() {
            let entry = entry.expect("sound");
            let name = entry.file_name();
            if entry.is_dir() && name != "." && name != ".." {
                waiting.push((entry.to_dir(), format!("{prefix}{name}/")));
            } else if entry.is_file() {
                found.push((format!("{prefix}{name}"), entry.len()));
            }
        }
    }
    found.sort();
    (found, problem)
}

#[test]
fn boot_loaders_come_from_all_versions_of_ext() {
    let grub = grub();
    let files: [(&str, &[u8]); 3] = [
        ("boot/efi/EFI/debian/grubx64.efi", &grub),
        ("boot/efi/EFI/debian/BOOTX64.CSV", b"shim"),
        ("etc/hostname", b"x"),
    ];
    for kind in ["ext2", "ext3", "ext4"] {
        let (found, problem) = copied(&root(kind, &files));
        assert_eq!(problem, None, "{kind}");
        let expected = [
            ("EFI/debian/BOOTX64.CSV".to_owned(), 4),
            ("EFI/debian/grubx64.efi".to_owned(), 300_000),
        ];
        assert_eq!(found, expected, "{kind}");
    }
}

#[test]
fn without_a_boot_loader_the_reason_is_told_and_nothing_is_copied() {
    let cases = [
        (
            root("ext4", &[("etc/hostname", b"x")]),
            "has no directory /boot/efi/EFI",
        ),
        (
            root("ext4", &[("boot/efi/EFI", b"a file")]),
            "has no directory /boot/efi/EFI",
        ),
        (vec![0xa5; 8 << 20], "needs a sound ext4"),
        (
            root("ext4", &[("boot/efi/EFI/a:b.efi", b"no name for FAT")]),
            "/boot/efi/EFI/a:b.efi",
        ),
        (
            root(
                "ext4",
                &[("boot/efi/EFI/a/b/c/d/e/f/g/h/i/j/k/l/m/n", b"x")],
            ),
            "is too deep",
        ),
    ];
    for (root, reason) in cases {
        let (found, problem) = copied(&root);
        let problem = problem.expect(reason);
        assert!(problem.contains(reason), "{problem}");
        assert_eq!(found, []);
    }
}

#[test]
fn damaged_root_file_systems_never_break_the_copy() {
    let grub = grub();
    let sound = root("ext4", &[("boot/efi/EFI/debian/grubx64.efi", &grub)]);
    // Everything that is not zero in front of the files' content is metadata.
    let places: Vec<usize> = (1024..sound.len())
        .filter(|at| sound[*at] != 0 && sound[at & !0xfff..][..4096] != grub[..4096])
        .take(60_000)
        .collect();
    let mut seed = 41_u64;
    let mut next = |limit: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % limit as u64).expect("small")
    };
    for _ in 0..40 {
        let mut damaged = sound.clone();
        for _ in 0..=next(4) {
            damaged[places[next(places.len())]] ^= 1 << next(8);
        }
        let (found, problem) = copied(&damaged);
        assert!(problem.is_none() || found.is_empty(), "{problem:?}");
    }
    for length in [0, 1024, 2048, 5000, 100_000, 1 << 20] {
        let (_, problem) = copied(&sound[..length]);
        assert!(problem.is_some() || length > 50_000, "{length}");
    }
}
