// SPDX-License-Identifier: Apache-2.0
//! Config drives on disks that cannot have them as they are.

use std::io::Read as _;
use std::sync::Arc;

use ironseed_core::partition::fat::Fat;
use ironseed_core::partition::label;

use super::super::store::{Cursor, OnDisk};
use super::super::*;
use super::made::{Loop, MIB, Made, SERIAL, run, text};
use crate::block::fake::FakeDisk;
use crate::block::partitions::{read_table, write_config_drive};
use crate::block::read_range;

const META: &str = "openstack/latest/meta_data.json";
const UNIQUE: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// As Ironic makes them.
fn iso(made: &Made, files: &[(&str, &str)]) -> Vec<u8> {
    let root = made.directory.path().join("drive");
    for (path, content) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(path, content).expect("a file");
    }
    let path = made.directory.path().join("drive.iso");
    let options = [
        "-quiet",
        "-allow-lowercase",
        "-allow-multidot",
        "-l",
        "-J",
        "-r",
        "-V",
        "config-2",
        "-o",
    ];
    let rest = [text(&path), text(&root)];
    run("genisoimage", &[&options[..], &rest].concat());
    std::fs::read(path).expect("an image")
}

fn image(sector: u32) -> (Made, Arc<FakeDisk>, std::path::PathBuf) {
    let made = Made::gpt(20, &[(1, 8, "8300")]);
    let (disk, path) = made.on_disk(300 * MIB, sector);
    let mut first = disk.content(0, 1 << 20).expect("content");
    adapt(&disk, "/dev/vda", &mut first, &|_| ()).expect("adapted");
    disk.put(0, &first).expect("written");
    (made, disk, path)
}

fn assert_rebuilt(disk: &Arc<FakeDisk>, sector: u32, id: u32, files: &[(&str, &str)]) {
    let table = read_table(disk, "/dev/vda").expect("a table");
    let partition = table.partitions().pop().expect("a partition");
    let head = read_range(disk, partition.offset, label::HEAD).expect("read");
    assert_eq!(label::read(&head).as_deref(), Some("CONFIG-2"));
    let fat = Fat::read(&head, partition.length).expect("a FAT");
    assert_eq!(fat.sector, sector);
    let mut front = Front {
        block: disk,
        first: &mut [],
    };
    let pages = OnDisk::new(&mut front, partition.offset, partition.length);
    let volume = volume::open(Cursor::new(pages, partition.length)).expect("a FAT");
    assert_eq!(volume.volume_id(), id);
    for (path, content) in files {
        let mut found = String::new();
        let root = volume.root_dir();
        let mut file = root.open_file(path).expect(path);
        file.read_to_string(&mut found).expect("read");
        assert_eq!(found, *content);
    }
}

#[test]
fn an_iso_becomes_fat_where_sectors_or_the_operator_demand_it() {
    let files = [
        (META, "{\"uuid\": 1}"),
        ("openstack/latest/user_data", "#!"),
    ];
    let id = u32::from_le_bytes([1, 2, 3, 4]);
    for (sector, always) in [(4096, false), (4096, true), (512, true)] {
        let (made, disk, path) = image(sector);
        let drive = iso(&made, &files);
        // The second time the partition is there already.
        for _ in 0..2 {
            let told = write_config_drive(&disk, "/dev/vda", &drive, UNIQUE, always);
            assert_eq!(told, Ok(None));
            assert_rebuilt(&disk, sector, id, &files);
        }
        let table = read_table(&disk, "/dev/vda").expect("a table");
        assert_eq!(table.partitions().len(), 2);
        if sector == 4096
            && let Some(device) = Loop::new(&path)
        {
            let said = run("sgdisk", &["-v", &device.0]);
            assert!(said.contains("No problems found"), "{said}");
            drop(device);
            let place = &table.partitions()[1];
            let drive = Loop::of_partition(&path, place.offset, place.length);
            let drive = drive.expect("one more");
            let said = run("blkid", &["-p", &drive.0]);
            assert!(said.contains("LABEL=\"CONFIG-2\""), "{said}");
            assert!(said.contains("UUID=\"0403-0201\""), "{said}");
            run("fsck.fat", &["-n", &drive.0]);
            let said = run("mtype", &["-i", &drive.0, &format!("::{META}")]);
            assert_eq!(said, "{\"uuid\": 1}");
        }
    }
    let (made, disk, _) = image(512);
    let drive = iso(&made, &files);
    let told = write_config_drive(&disk, "/dev/vda", &drive, UNIQUE, false);
    assert_eq!(told, Ok(None));
    let table = read_table(&disk, "/dev/vda").expect("a table");
    let at = table.partitions()[1].offset;
    assert!(disk.content(at, drive.len()).expect("content") == drive);
}

#[test]
fn a_fat_drive_is_made_anew_for_large_sectors_only() {
    let fat = Made::gpt(20, &[(1, 16, "0700")]);
    fat.fat(1, 16, &["-F", "16"], &[(META, b"{}".to_vec())]);
    let bytes = std::fs::read(&fat.path).expect("an image");
    let drive = &bytes[1 << 20..17 << 20];
    let (_made, disk, _) = image(4096);
    let told = write_config_drive(&disk, "/dev/vda", drive, UNIQUE, false);
    assert_eq!(told, Ok(None));
    assert_rebuilt(&disk, 4096, SERIAL, &[(META, "{}")]);
    let (_made, disk, _) = image(512);
    write_config_drive(&disk, "/dev/vda", drive, UNIQUE, true).expect("copied");
    let table = read_table(&disk, "/dev/vda").expect("a table");
    let at = table.partitions()[1].offset;
    assert!(disk.content(at, drive.len()).expect("content") == drive);
}

#[test]
fn what_cannot_be_rebuilt_is_copied_or_refused() {
    let (made, _, _) = image(512);
    // Two names that are one on FAT.
    let drive = iso(&made, &[("a/name", "1"), ("a/NAME", "2")]);
    let (_made, disk, _) = image(512);
    let told = write_config_drive(&disk, "/dev/vda", &drive, UNIQUE, true);
    let told = told.expect("copied").expect("a warning");
    assert!(told.contains("as FAT does not tell cases apart"), "{told}");
    let at = read_table(&disk, "/dev/vda").expect("a table").partitions()[1].offset;
    assert!(disk.content(at, drive.len()).expect("content") == drive);
    let (_made, disk, _) = image(4096);
    let fault = write_config_drive(&disk, "/dev/vda", &drive, UNIQUE, true).expect_err("4Kn");
    assert_eq!(fault.code(), "config-drive");
    assert!(
        fault.to_string().contains("sectors of 4096 bytes"),
        "{fault}"
    );
}
