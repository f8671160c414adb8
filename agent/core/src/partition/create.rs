// SPDX-License-Identifier: Apache-2.0
//! A new partition table, as bytes to write in their order.

use super::Patch;
use super::gpt::blank;
use super::layout::{Label, Layout, Place, Role};

/// Linux and Linux swap.
const LINUX: u8 = 0x83;
const SWAP: u8 = 0x82;
/// The partition to boot from.
const ACTIVE: u8 = 0x80;

/// The table of a disk of `size` bytes. `unique` gives random bytes, for the
/// disk and each of its partitions. Until the last patch is written, the disk
/// has no table that anybody would accept.
pub fn table(
    layout: &Layout,
    sector: u32,
    size: u64,
    unique: &mut dyn FnMut() -> [u8; 16],
) -> Vec<Patch> {
    match layout.label {
        Label::Gpt => blank::table(&layout.places, sector, size, unique),
        Label::Msdos => vec![Patch {
            offset: 0,
            bytes: boot_record(&layout.places, sector, unique()),
        }],
    }
}

/// Four primary partitions at most, which the planner has made sure of.
fn boot_record(places: &[Place], sector: u32, unique: [u8; 16]) -> Vec<u8> {
    let narrow = |bytes: u64| u32::try_from(bytes / u64::from(sector)).unwrap_or(u32::MAX);
    let mut record = vec![0; sector as usize];
    // The identifier 0 would stand for none.
    record[440..444].copy_from_slice(&unique[..4]);
    record[440] |= 1;
    for (entry, place) in record[446..510].chunks_exact_mut(16).zip(places) {
        let active = if place.role == Role::Root { ACTIVE } else { 0 };
        let kind = if place.role == Role::Swap {
            SWAP
        } else {
            LINUX
        };
        // Cylinders, heads and sectors cannot express these places: "look at LBA".
        entry[..8].copy_from_slice(&[active, 0xfe, 0xff, 0xff, kind, 0xfe, 0xff, 0xff]);
        entry[8..12].copy_from_slice(&narrow(place.offset).to_le_bytes());
        entry[12..].copy_from_slice(&narrow(place.length).to_le_bytes());
    }
    record[510..512].copy_from_slice(&[0x55, 0xaa]);
    record
}

#[cfg(test)]
mod tests {
    use super::super::layout::lay_out;
    use super::super::{HEAD, Table};
    use super::*;
    use crate::inventory::table_entries;
    use crate::snapshot::DeviceContent;

    const ROLES: [(Role, u64); 4] = [
        (Role::Ephemeral, 10),
        (Role::Swap, 5),
        (Role::ConfigDrive, 1),
        (Role::Root, 40),
    ];

    fn written(label: Label, sector: u32, size: u64) -> (Layout, Vec<u8>) {
        let layout = lay_out(label, &ROLES, sector, size).expect("fits");
        let mut next = 0;
        let patches = table(&layout, sector, size, &mut || {
            next += 1;
            [next; 16]
        });
        let mut disk = vec![0; usize::try_from(size).expect("small")];
        for patch in patches {
            let at = usize::try_from(patch.offset).expect("small");
            disk[at..at + patch.bytes.len()].copy_from_slice(&patch.bytes);
        }
        (layout, disk)
    }

    #[test]
    fn our_own_reader_finds_what_was_planned() {
        for label in [Label::Gpt, Label::Msdos] {
            for sector in [512, 4096] {
                let size = 64 << 20;
                let (layout, disk) = written(label, sector, size);
                let table = Table::read(&disk[..HEAD], sector, size).expect("a table");
                let found: Vec<_> = table
                    .partitions()
                    .iter()
                    .map(|found| (found.number, found.offset, found.length))
                    .collect();
                let places = layout.places.iter();
                let expected: Vec<_> = places.map(|p| (p.number, p.offset, p.length)).collect();
                assert_eq!(found, expected, "{label:?} {sector}");
                let mut content = DeviceContent::new(size);
                content.insert(0, &disk[..HEAD]);
                let entries = table_entries(&content, sector);
                let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
                let data = "0fc63daf-8483-4772-8e79-3d69d8477de4";
                let expected = match label {
                    Label::Gpt => [data, "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", data, data],
                    Label::Msdos => ["0x83", "0x82", "0x83", "0x83"],
                };
                assert_eq!(kinds, expected);
            }
        }
    }

    #[test]
    fn the_root_partition_is_active_and_the_disk_has_an_identifier() {
        let (_, disk) = written(Label::Msdos, 512, 64 << 20);
        let flags: Vec<u8> = (0..4).map(|index| disk[446 + index * 16]).collect();
        assert_eq!(flags, [0, 0, 0, ACTIVE]);
        assert_eq!(disk[440..444], [1; 4]);
    }

    #[test]
    fn the_backup_comes_first_and_the_first_sector_last() {
        let size = 64 << 20;
        let layout = lay_out(Label::Gpt, &ROLES, 512, size).expect("fits");
        let patches = table(&layout, 512, size, &mut || [3; 16]);
        let offsets: Vec<u64> = patches.iter().map(|patch| patch.offset).collect();
        assert_eq!(offsets, [size - 33 * 512, size - 512, 1024, 512, 0]);
    }
}
