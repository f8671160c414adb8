// SPDX-License-Identifier: Apache-2.0
//! Runs discovery's decisions over the machines in `tests/fixtures` and compares
//! with what is kept there. `UPDATE_GOLDEN=1` writes what was found instead.

#[path = "inventory_fixtures/captures.rs"]
mod captures;

use std::path::{Path, PathBuf};

use ironseed_core::inventory::{Facts, block_devices, read};
use ironseed_core::snapshot::{Bytes, Entry, Snapshot};
use ironseed_machine::root::Root;
use ironseed_machine::snapshot::{Reach, take};
use serde_json::to_string_pretty;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

/// The stored snapshot of a machine; the SMBIOS table of the hand-written
/// server is built here, where it can be read.
fn snapshot(machine: &str) -> Snapshot {
    let text = std::fs::read_to_string(fixtures().join(machine).join("snapshot.json"))
        .expect("the fixture is there");
    let mut snapshot: Snapshot = serde_json::from_str(&text).expect("the fixture is a snapshot");
    if machine == "dell-poweredge" {
        let table = Entry::File(Bytes(dell_smbios()));
        snapshot.files.insert("/sys/firmware/dmi/tables/DMI", table);
    }
    snapshot
}

fn structure(table: &mut Vec<u8>, kind: u8, handle: u16, fixed: &[u8], strings: &[&str]) {
    table.extend([kind, u8::try_from(fixed.len() + 4).expect("short")]);
    table.extend(handle.to_le_bytes());
    table.extend(fixed);
    for string in strings {
        table.extend(string.as_bytes());
        table.push(0);
    }
    table.extend(if strings.is_empty() {
        &[0_u8, 0][..]
    } else {
        &[0]
    });
}

/// BIOS, system, two processors, twelve DIMMs of 16 GiB and as many empty slots,
/// as a PowerEdge's firmware lays them out.
fn dell_smbios() -> Vec<u8> {
    let mut table = Vec::new();
    let bios = [
        1, 2, 0, 0xe0, 3, 0xff, 0x90, 0xda, 0x99, 0x4c, 0, 0, 0, 0, 3, 0x0f, 2, 10, 0xff, 0xff,
    ];
    structure(
        &mut table,
        0,
        0,
        &bios,
        &["Dell Inc.", "2.10.0", "11/12/2020"],
    );
    let mut system = vec![1, 2, 0, 3];
    system.extend([0; 16]);
    system.extend([6, 4, 5]);
    let names = [
        "Dell Inc.",
        "PowerEdge R640",
        "ABC1234",
        "SKU=0716",
        "PowerEdge",
    ];
    structure(&mut table, 1, 0x100, &system, &names);
    for socket in 0..2_u16 {
        processor(&mut table, socket);
    }
    let mut array = vec![3, 3, 6, 0, 0, 0, 0x80, 0xfe, 0xff, 24, 0];
    array.extend((7680_u64 << 30).to_le_bytes());
    structure(&mut table, 16, 0x1000, &array, &[]);
    for slot in 0..24_u16 {
        memory_device(&mut table, slot);
    }
    structure(&mut table, 127, 0x7f00, &[], &[]);
    table
}

fn processor(table: &mut Vec<u8>, socket: u16) {
    let mut fixed = vec![0_u8; 0x30 - 4];
    let mut put = |offset: usize, bytes: &[u8]| {
        fixed[offset - 4..offset - 4 + bytes.len()].copy_from_slice(bytes);
    };
    put(
        0x04,
        &[
            1, 3, 0xb3, 2, 0x57, 6, 5, 0, 0xff, 0xfb, 0xeb, 0xbf, 3, 0x92,
        ],
    );
    put(0x12, &[0xa0, 0x28, 0xa0, 0x0f, 0x34, 0x08, 0x41, 0x36]);
    put(0x1a, &[0xff; 6]);
    put(0x23, &[20, 20, 40, 0xfc, 0, 0xb3, 0]);
    let strings = [
        &format!("CPU{}", socket + 1),
        "Intel",
        "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz",
    ];
    structure(table, 4, 0x400 + socket, &fixed, &strings);
}

/// A module in the first twelve slots, none in the others.
fn memory_device(table: &mut Vec<u8>, slot: u16) {
    let mut fixed = vec![0_u8; 0x54 - 4];
    let mut put = |offset: usize, bytes: &[u8]| {
        fixed[offset - 4..offset - 4 + bytes.len()].copy_from_slice(bytes);
    };
    put(0x04, &[0x00, 0x10, 0xfe, 0xff]);
    put(0x0e, &[9, 0, 1, 0, 0x1a, 0x80, 0x20]);
    let locator = format!("A{}", slot + 1);
    let serial = format!("2F1C80{slot:02X}");
    let mut strings = vec![locator.as_str()];
    if slot < 12 {
        put(0x08, &[72, 0, 64, 0, 0x00, 0x40]);
        put(0x15, &[0x75, 0x0b, 2, 3, 0, 4, 2]);
        put(0x20, &[0x75, 0x0b, 0xb0, 4, 0xb0, 4, 0xb0, 4, 3, 8, 0]);
        put(0x3c, &(16_u64 << 30).to_le_bytes());
        strings.extend(["00AD063200AD", &serial, "HMA82GR7CJR8N-WM"]);
    }
    structure(table, 17, 0x1100 + slot, &fixed, &strings);
}

fn compare(machine: &str, file: &str, found: serde_json::Result<String>) {
    let path = fixtures().join(machine).join(file);
    let found = found.expect("it can be serialised") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).expect("the golden file can be written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let difference = kept
        .lines()
        .zip(found.lines())
        .enumerate()
        .find(|(_, (kept, found))| kept != found);
    assert!(
        kept == found,
        "{machine}/{file} differs, first at {difference:?} (line, (kept, found)); \
         UPDATE_GOLDEN=1 accepts what was found"
    );
}

fn check(machine: &str) {
    let snapshot = snapshot(machine);
    let facts = Facts {
        boot_interface: Some("01-52-54-00-12-34-56".into()),
        ..Facts::default()
    };
    let inventory = read(&snapshot, &facts);
    compare(machine, "inventory.json", to_string_pretty(&inventory));
    let blocks = block_devices(&snapshot);
    compare(machine, "block-devices.json", to_string_pretty(&blocks));
    let hardware = ironseed_core::hardware::read(&snapshot);
    compare(machine, "hardware.json", to_string_pretty(&hardware));
}

#[test]
fn dell_poweredge() {
    check("dell-poweredge");
}

#[test]
fn arm64_ampere() {
    check("arm64-ampere");
}

#[test]
fn no_pci_no_dmi() {
    check("no-pci-no-dmi");
}

#[test]
fn qemu_q35() {
    check("qemu-q35");
}

#[test]
fn every_fixture_is_checked() {
    let mut names: Vec<String> = std::fs::read_dir(fixtures())
        .expect("the fixtures")
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("snapshot.json").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "arm64-ampere",
            "dell-poweredge",
            "no-pci-no-dmi",
            "qemu-q35"
        ]
    );
}

/// A stored tree, laid out as files and taken again, is the same machine.
#[test]
fn a_tree_on_disk_is_read_like_the_snapshot_it_was_made_from() {
    let stored = snapshot("dell-poweredge");
    let directory = tempfile::tempdir().expect("a directory");
    for (path, entry) in stored.files.iter() {
        let place = directory.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        match entry {
            Entry::File(bytes) => std::fs::write(&place, &bytes.0).unwrap(),
            Entry::Link(target) => std::os::unix::fs::symlink(target, &place).unwrap(),
            Entry::Directory => std::fs::create_dir_all(&place).unwrap(),
            Entry::Unreadable(_) => {}
        }
    }
    let root = Root::open(directory.path()).expect("the tree");
    let taken = take(&root, Reach::Files);
    assert_eq!(taken.problems.len(), 0);
    let disks = |snapshot: &Snapshot| ironseed_core::inventory::disks(&block_devices(snapshot));
    assert_eq!(disks(&taken), disks(&stored));
    let vendor = |snapshot: &Snapshot| read(snapshot, &Facts::default()).system_vendor;
    assert_eq!(vendor(&taken), vendor(&stored));
}
