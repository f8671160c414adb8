// SPDX-License-Identifier: Apache-2.0
//! Tests: the tools of the distributions judge what is made.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::*;
use crate::block::fake::FakeDisk;

const MIB: u64 = 1 << 20;

/// A device over a named file. The beginning of every group of blocks holds
/// garbage, as on a used disk; the rest of large ones is sparse.
fn device(size: u64, sector: u32) -> (NamedTempFile, Arc<FakeDisk>) {
    let named = NamedTempFile::new().expect("a file");
    let disk = FakeDisk::new(named.reopen().expect("open"), "/dev/vda", size, sector);
    let disk = disk.expect("a disk");
    let garbage = vec![0xa5; 5 << 20];
    for at in (0..size).step_by(128 << 20).take(20) {
        let length = (size - at).min(garbage.len() as u64);
        let length = usize::try_from(length).expect("small");
        disk.put(at, &garbage[..length]).expect("filled");
    }
    (named, disk)
}

fn date() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

fn output(program: &str, arguments: &[&str], file: &Path) -> (bool, String) {
    let output = Command::new(program).args(arguments).arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = text(&output.stdout) + &text(&output.stderr);
    (output.status.success(), all)
}

#[test]
fn a_check_of_ext4_finds_nothing_to_complain_about() {
    let sizes = [
        8 * MIB,
        64 * MIB,
        64 * MIB + 4096,
        128 * MIB,
        // A last group that is too small for its tables, and one that is not.
        129 * MIB,
        131 * MIB,
        1000 * MIB + 512,
        20 << 30,
        2 << 40,
    ];
    for size in sizes {
        let (file, disk) = device(size, 512);
        make(&disk, FileSystem::Ext4, "ephemeral0", date()).expect("made");
        let (clean, text) = output("e2fsck", &["-f", "-n"], file.path());
        assert!(clean, "{size} bytes: {text}");
        // What -n does not count as an error it still asks about.
        let asked = ["invalid", "wrong", "Fix?", "? no"];
        let asked = asked.iter().find(|word| text.contains(**word));
        assert_eq!(asked, None, "{size} bytes: {text}");
    }
}

#[test]
fn ext4_is_what_it_shall_be() {
    let (file, disk) = device(300 * MIB, 4096);
    make(&disk, FileSystem::Ext4, "ephemeral0", date()).expect("made");
    let (sound, text) = output("dumpe2fs", &[], file.path());
    assert!(sound, "{text}");
    for line in [
        "Filesystem volume name:   ephemeral0",
        "Block count:              76800",
        "Journal inode:            8",
        "Total journal size:       16M",
        "Checksum type:            crc32c",
        "Filesystem state:         clean",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(text.contains("has_journal") && text.contains("metadata_csum"));
    assert!(!text.contains("Filesystem UUID:          <none>"));
    let (sound, text) = output("debugfs", &["-R", "ls -l /"], file.path());
    assert!(sound && text.contains("lost+found"), "{text}");
}

#[test]
fn files_can_be_put_into_ext4() {
    let (file, disk) = device(64 * MIB, 512);
    make(&disk, FileSystem::Ext4, "x", date()).expect("made");
    let source = NamedTempFile::new().expect("a file");
    std::fs::write(source.path(), vec![7; 5 << 20]).expect("written");
    let write = format!("write {} file", source.path().display());
    let (_, text) = output("debugfs", &["-w", "-R", &write], file.path());
    let (clean, check) = output("e2fsck", &["-f", "-n"], file.path());
    assert!(clean && check.contains("12/4096 files"), "{text}{check}");
}

#[test]
fn fat_is_checked_with_all_sizes_of_sectors() {
    let cases = [
        (550 * MIB, 512, "FAT32"),
        (550 * MIB, 4096, "FAT32"),
        (40 * MIB, 512, "FAT32"),
        (40 * MIB, 4096, "FAT16"),
        (8 * MIB, 512, "FAT"),
    ];
    for (size, sector, version) in cases {
        let (file, disk) = device(size, sector);
        make(&disk, FileSystem::Vfat, "efi-part", date()).expect("made");
        let (clean, text) = output("fsck.fat", &["-n", "-v"], file.path());
        assert!(clean, "{size} bytes, sectors of {sector}: {text}");
        let (_, text) = output("blkid", &["-p", "-o", "export"], file.path());
        let found = ["TYPE=vfat", "LABEL=efi-part", version];
        let missing = found.iter().find(|word| !text.contains(**word));
        assert_eq!(missing, None, "{size} bytes, sectors of {sector}: {text}");
    }
}

#[test]
fn swap_is_recognised_and_has_its_label() {
    let (file, disk) = device(64 * MIB, 512);
    make(&disk, FileSystem::Swap, "swap1", date()).expect("made");
    let (sound, text) = output("swaplabel", &[], file.path());
    assert!(sound && text.contains("LABEL: swap1"), "{text}");
    assert!(text.contains("UUID:"), "{text}");
    let (_, text) = output("blkid", &["-p"], file.path());
    assert!(text.contains("TYPE=\"swap\""), "{text}");
}

#[test]
fn nothing_of_what_was_there_is_recognised() {
    let (file, disk) = device(200 * MIB, 512);
    // btrfs keeps a copy of its superblock there, RAID one near the end.
    disk.put((64 << 20) + 64, b"_BHRfS_M").expect("put");
    disk.put(200 * MIB - (64 << 10), &0xa92b_4efc_u32.to_le_bytes())
        .expect("put");
    make(&disk, FileSystem::Swap, "swap1", date()).expect("made");
    let (_, text) = output("wipefs", &[], file.path());
    let kinds: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(kinds.len(), 1, "{text}");
}

#[test]
fn impossible_sizes_are_errors() {
    let (_file, disk) = device(4 * MIB, 512);
    let error = make(&disk, FileSystem::Ext4, "x", date()).expect_err("too small");
    assert!(error.to_string().contains("size"), "{error}");
}
