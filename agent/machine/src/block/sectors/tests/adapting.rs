// SPDX-License-Identifier: Apache-2.0
//! File systems on disks with larger sectors than theirs.

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use ironseed_core::partition::fat::Fat;

use super::super::store::{Cursor, OnDisk};
use super::super::*;
use super::made::{Loop, MIB, Made, SERIAL, noise, run, text};
use crate::block::fake::FakeDisk;

const HEAD: usize = 1 << 20;

/// Does what the writer of images does: holds the first MiB back meanwhile.
fn adapted(disk: &Arc<FakeDisk>) -> (Result<(), Fault>, Vec<String>) {
    let mut first = disk.content(0, HEAD).expect("content");
    disk.put(0, &vec![0; HEAD]).expect("held back");
    let told = Mutex::new(Vec::new());
    let observer = |event: Event| told.lock().expect("told").push(event.to_string());
    let result = adapt(disk, "/dev/vda", &mut first, &observer);
    let front = disk.content(0, HEAD).expect("content");
    assert!(front.iter().all(|byte| *byte == 0), "something is bootable");
    if result.is_ok() {
        disk.put(0, &first).expect("written");
    }
    (result, told.into_inner().expect("told"))
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("EFI/BOOT/BOOTX64.EFI", noise(900_000)),
        ("EFI/debian/grubx64.efi", noise(70_001)),
        ("EFI/A Directory with Spaces/größe.cfg", noise(1)),
        ("empty.txt", Vec::new()),
    ]
}

fn assert_files(disk: &Arc<FakeDisk>, files: &[(&str, Vec<u8>)]) {
    let mut head = disk.content(0, HEAD).expect("content");
    let table = Table::read(&head, 4096, disk.identity().size).expect("a table");
    let esp = table.partitions().remove(0);
    assert_eq!(table.role(esp.number), Role::Esp);
    head.clear();
    let mut front = Front {
        block: disk,
        first: &mut head,
    };
    let mut boot = vec![0; 512];
    front.read(esp.offset, &mut boot).expect("read");
    let fat = Fat::read(&boot, esp.length).expect("sound");
    assert_eq!(fat.sector, 4096);
    let pages = OnDisk::new(&mut front, esp.offset, esp.length);
    let volume = volume::open(Cursor::new(pages, esp.length)).expect("a FAT");
    assert_eq!(volume.volume_id(), SERIAL);
    let label = volume.read_volume_label_from_root_dir().expect("read");
    assert_eq!(label.as_deref(), Some("ESP"));
    for (path, expected) in files {
        let mut content = Vec::new();
        let root = volume.root_dir();
        let mut file = root.open_file(path).expect(path);
        file.read_to_end(&mut content).expect("read");
        assert!(content == *expected, "{path} has another content");
    }
}

/// What fsck.fat says of the first partition.
fn assert_clean(disk: &Arc<FakeDisk>, made: &Made, from: u64, mib: u64) {
    let length = usize::try_from(mib * MIB).expect("small");
    let bytes = disk.content(from * MIB, length).expect("content");
    let path = made.directory.path().join("partition");
    std::fs::write(&path, bytes).expect("a file");
    run("fsck.fat", &["-n", text(&path)]);
}

#[test]
fn every_kind_of_fat_is_converted() {
    for (mib, options) in [
        (300, &["-F", "32", "-s", "8"][..]), // its counts can be changed
        (100, &["-F", "32", "-s", "1"]),     // FAT32 becomes FAT16
        (40, &["-F", "16", "-s", "4"]),
        (40, &["-F", "16", "-s", "8", "-R", "8"]),
        (8, &["-F", "12"]),
    ] {
        let made = Made::gpt(mib + 4, &[(1, mib, "ef00")]);
        made.fat(1, mib, options, &files());
        let (disk, path) = made.on_disk((mib + 20) * MIB, 4096);
        let (result, told) = adapted(&disk);
        assert_eq!(result, Ok(()), "{options:?}");
        assert_eq!(told.len(), 2, "{told:?}");
        assert_files(&disk, &files());
        assert_clean(&disk, &made, 1, mib);
        if let Some(device) = Loop::new(&path) {
            let said = run("sgdisk", &["-v", &device.0]);
            assert!(said.contains("No problems found"), "{said}");
            run("sfdisk", &["--verify", &device.0]);
            drop(device);
            let esp = Loop::of_partition(&path, MIB, mib * MIB).expect("one more");
            let said = run("blkid", &["-p", &esp.0]);
            assert!(said.contains("UUID=\"1234-ABCD\""), "{said}");
            let said = run("mdir", &["-i", &esp.0, "-/", "::"]);
            assert!(said.contains("BOOTX64"), "{said}");
        }
    }
}

#[test]
fn what_is_too_large_for_memory_is_staged_behind_the_last_partition() {
    let large = vec![("EFI/Linux/uki.efi", noise(20 << 20)), ("b.efi", noise(9))];
    let made = Made::gpt(104, &[(1, 100, "ef00")]);
    made.fat(1, 100, &["-F", "32", "-s", "1"], &large);
    let (disk, _) = made.on_disk(210 * MIB, 4096);
    let (result, _) = adapted(&disk);
    assert_eq!(result, Ok(()));
    assert_files(&disk, &large);
    assert_clean(&disk, &made, 1, 100);
    let staged = disk.content(102 * MIB, 100 << 20).expect("content");
    assert!(staged.iter().all(|byte| *byte == 0), "a copy lies around");

    let (disk, _) = made.on_disk(150 * MIB, 4096);
    let fault = adapted(&disk).0.expect_err("no room");
    assert_eq!(fault.code(), "sector-size");
    assert!(fault.to_string().contains("partition 1 has a FAT file system made for sectors of 512 bytes: making it anew takes more than 16 MiB"), "{fault}");
}

#[test]
fn a_root_file_system_for_small_sectors_is_refused_and_another_is_told() {
    // The superblocks of XFS and ext4 with small blocks.
    let xfs = |made: &Made, at: u64| {
        let mut head = vec![0; 4096];
        head[..4].copy_from_slice(b"XFSB");
        head[102..104].copy_from_slice(&512_u16.to_be_bytes());
        let file = std::fs::OpenOptions::new().write(true).open(&made.path);
        std::os::unix::fs::FileExt::write_all_at(&file.expect("a file"), &head, at * MIB)
            .expect("written");
    };
    let made = Made::gpt(40, &[(1, 8, "8300"), (9, 20, "8300")]);
    xfs(&made, 9);
    let (disk, _) = made.on_disk(60 * MIB, 4096);
    let fault = adapted(&disk).0.expect_err("no root");
    assert_eq!(
        fault.to_string(),
        "the image cannot work on /dev/vda with its sectors of 4096 bytes: partition 2 has an XFS made for sectors of 512 bytes: Linux cannot mount it there"
    );
    let made = Made::gpt(40, &[(1, 8, "8300"), (9, 20, "8300")]);
    made.ext4(1, 8, 1024, &[]);
    made.ext4(9, 20, 4096, &[]);
    let (disk, _) = made.on_disk(60 * MIB, 4096);
    let (result, told) = adapted(&disk);
    assert_eq!(result, Ok(()));
    assert_eq!(
        told[1],
        "warning: partition 1 has an ext file system made for sectors of 1024 bytes, but /dev/vda has 4096: Linux cannot mount it there"
    );
    // The type of a root file system counts more than its size.
    let made = Made::gpt(40, &[(1, 8, "8304"), (9, 20, "8300")]);
    made.ext4(1, 8, 1024, &[]);
    let (disk, _) = made.on_disk(60 * MIB, 4096);
    assert!(adapted(&disk).0.is_err());
}

#[test]
fn a_disk_with_the_right_sectors_is_left_alone() {
    let made = Made::gpt(60, &[(1, 40, "ef00")]);
    made.fat(1, 40, &[], &files());
    let (disk, _) = made.on_disk(60 * MIB, 512);
    let length = usize::try_from(60 * MIB).expect("small");
    let before = disk.content(0, length).expect("content");
    let (result, told) = adapted(&disk);
    assert_eq!((result, told), (Ok(()), Vec::new()));
    assert!(disk.content(0, length).expect("content") == before);
}

#[test]
fn a_table_is_judged_by_the_beginning_of_its_image() {
    let made = Made::gpt(60, &[]);
    run("sgdisk", &["-a1", "-n1:2049:+1M", text(&made.path)]);
    let head = std::fs::read(&made.path).expect("an image");
    let (disk, _) = made.on_disk(60 * MIB, 4096);
    let fault = check(&disk, "/dev/vda", &head[..64 << 10]).expect_err("unaligned");
    assert_eq!(
        fault.to_string(),
        "the image cannot work on /dev/vda with its sectors of 4096 bytes: partition 1 does not begin at a multiple of 4096 bytes, the disk's sectors"
    );
    for length in [0, 511, 512, 1024, 2000] {
        assert_eq!(check(&disk, "/dev/vda", &head[..length]), Ok(()));
    }
    let (disk, _) = made.on_disk(60 * MIB, 512);
    assert_eq!(check(&disk, "/dev/vda", &head[..64 << 10]), Ok(()));
}

#[test]
fn damaged_file_systems_are_refused_or_copied_but_never_break_the_converter() {
    let made = Made::gpt(20, &[(1, 16, "ef00")]);
    made.fat(1, 16, &["-F", "16", "-s", "2"], &files());
    let (disk, _) = made.on_disk(40 * MIB, 4096);
    let sound = disk.content(0, 3 << 20).expect("content");
    let mut seed = 91_u64;
    let mut random = |limit: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % limit as u64).expect("below a usize")
    };
    let (mut converted, mut refused) = (0, 0);
    for round in 0..60 {
        let mut damaged = sound.clone();
        // Boot sector, tables, root directory and the first directories.
        let area = if round % 4 == 0 { 64 } else { 90_000 };
        for _ in 0..=random(30) {
            let at = HEAD + random(area);
            damaged[at] = u8::try_from(random(256)).expect("a byte");
        }
        disk.put(0, &damaged).expect("written");
        match adapted(&disk).0 {
            Ok(()) => converted += 1,
            Err(fault) => {
                assert_eq!(fault.code(), "sector-size", "{fault}");
                refused += 1;
            }
        }
    }
    assert!(converted > 0 && refused > 0, "{converted} and {refused}");
}

#[test]
fn a_disk_that_fails_meanwhile_does_not_boot() {
    use crate::block::fake::Trouble;
    let made = Made::gpt(104, &[(1, 100, "ef00")]);
    made.fat(1, 100, &["-F", "32", "-s", "1"], &files());
    for after in [0, 4096, 30 << 20, 101 << 20] {
        let (disk, _) = made.on_disk(210 * MIB, 4096);
        disk.trouble(Trouble {
            fail_after: Some(after),
            ..Trouble::default()
        });
        assert_eq!(adapted(&disk).0.expect_err("it fails").code(), "device-io");
    }
}
