// SPDX-License-Identifier: Apache-2.0
//! Tables on made-up disks, sound and hostile.

mod relay;

use super::*;

const MIB: u64 = 1 << 20;

/// Where a test's disk is only its first MiB and its patches.
struct Disk {
    sector: u32,
    size: u64,
    head: Vec<u8>,
}

/// A GPT as an image of `image` bytes has it, with partitions of these MiB ranges.
fn gpt_disk(sector: u32, image: u64, size: u64, partitions: &[(u64, u64)]) -> Disk {
    let s = sector as usize;
    let mut head = vec![0; HEAD];
    head[510..512].copy_from_slice(&[0x55, 0xaa]);
    head[446 + 4] = 0xee;
    head[446 + 8] = 1;
    let last = image / u64::from(sector) - 1;
    let size_in_mbr = u32::try_from(last).expect("small");
    head[446 + 12..446 + 16].copy_from_slice(&size_in_mbr.to_le_bytes());
    let mut entries = vec![0; 128 * 128];
    for (entry, (from, to)) in entries.chunks_exact_mut(128).zip(partitions) {
        entry[..16].fill(7);
        let unit = MIB / u64::from(sector);
        entry[32..40].copy_from_slice(&(from * unit).to_le_bytes());
        entry[40..48].copy_from_slice(&(to * unit - 1).to_le_bytes());
        entry[56] = b'r';
    }
    let entry_sectors = (128 * 128_u64).div_ceil(u64::from(sector));
    let mut header = [0; 92];
    header[..8].copy_from_slice(gpt::SIGNATURE);
    header[10] = 1;
    header[12] = 92;
    header[24] = 1;
    header[32..40].copy_from_slice(&last.to_le_bytes());
    header[40..48].copy_from_slice(&(2 + entry_sectors).to_le_bytes());
    header[48..56].copy_from_slice(&(last - entry_sectors - 1).to_le_bytes());
    header[72] = 2;
    header[80] = 128;
    header[84] = 128;
    header[88..].copy_from_slice(&crc32fast::hash(&entries).to_le_bytes());
    let checksum = crc32fast::hash(&header).to_le_bytes();
    header[16..20].copy_from_slice(&checksum);
    head[s..s + 92].copy_from_slice(&header);
    head[2 * s..2 * s + entries.len()].copy_from_slice(&entries);
    Disk { sector, size, head }
}

fn mbr_disk(size: u64, partitions: &[(u64, u64)]) -> Disk {
    let mut head = vec![0; HEAD];
    head[440..444].copy_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
    head[510..512].copy_from_slice(&[0x55, 0xaa]);
    for (index, (from, to)) in partitions.iter().enumerate() {
        let at = 446 + index * 16;
        head[at + 4] = 0x83;
        let sectors = |mib: u64| u32::try_from(mib * 2048).expect("small").to_le_bytes();
        head[at + 8..at + 12].copy_from_slice(&sectors(*from));
        head[at + 12..at + 16].copy_from_slice(&sectors(to - from));
    }
    Disk {
        sector: 512,
        size,
        head,
    }
}

impl Disk {
    fn table(&self) -> Result<Table, TableError> {
        Table::read(&self.head, self.sector, self.size)
    }

    fn apply(&mut self, patches: &[Patch]) {
        for patch in patches {
            assert_eq!(patch.offset % u64::from(self.sector), 0);
            assert_eq!(patch.bytes.len() % self.sector as usize, 0);
            assert!(patch.offset + patch.bytes.len() as u64 <= self.size);
            if let Ok(at) = usize::try_from(patch.offset)
                && at + patch.bytes.len() <= HEAD
            {
                self.head[at..at + patch.bytes.len()].copy_from_slice(&patch.bytes);
            }
        }
    }
}

fn gpt_of(disk: &Disk) -> Gpt {
    match disk.table() {
        Ok(Table::Gpt(gpt)) => gpt,
        other => panic!("no GPT: {other:?}"),
    }
}

#[test]
fn the_backup_moves_to_the_end_of_the_disk() {
    for sector in [512, 4096] {
        let mut disk = gpt_disk(sector, 64 * MIB, 200 * MIB, &[(1, 20)]);
        let mut gpt = gpt_of(&disk);
        let patches = gpt.fit_to_disk().expect("room");
        let unit = u64::from(sector);
        let last = &patches[1];
        assert_eq!(last.offset, 200 * MIB - unit);
        assert!(last.bytes.starts_with(gpt::SIGNATURE));
        assert_eq!(patches[0].offset + 16384, last.offset);
        disk.apply(&patches);
        let again = gpt_of(&disk);
        assert_eq!(
            again.last_usable(),
            200 * MIB / unit - 16384_u64.div_ceil(unit) - 2
        );
        assert_eq!(again.partitions(), gpt.partitions());
        assert_eq!(again.partitions()[0].offset, MIB);
        assert_eq!(again.partitions()[0].length, 19 * MIB);
        assert_eq!(again.partitions()[0].name.as_deref(), Some("r"));
        let covered = u32::from_le_bytes(disk.head[458..462].try_into().expect("four"));
        assert_eq!(u64::from(covered), 200 * MIB / unit - 1);
    }
}

#[test]
fn a_config_drive_takes_the_last_64_mib_of_a_gpt() {
    let mut disk = gpt_disk(512, 64 * MIB, 1024 * MIB, &[(1, 20)]);
    let mut gpt = gpt_of(&disk);
    disk.apply(&gpt.fit_to_disk().expect("room"));
    let mut table = disk.table().expect("a table");
    let place = config_drive::add(&mut table, [0xff; 16], disk.size).expect("room");
    assert_eq!(place.partition.number, 2);
    assert_eq!(place.partition.offset, 959 * MIB);
    assert!(place.partition.length >= 64 * MIB);
    disk.apply(&place.patches);
    let partitions = disk.table().expect("a table").partitions();
    assert_eq!(partitions[1], place.partition);
    assert!(config_drive::is_labelled(&partitions[1], None));
    assert!(!config_drive::is_labelled(&partitions[0], None));
    assert!(config_drive::is_labelled(&partitions[0], Some("CONFIG-2")));
}

#[test]
fn a_partition_at_the_end_leaves_no_room() {
    let disk = gpt_disk(512, 200 * MIB, 200 * MIB, &[(1, 199)]);
    let mut table = disk.table().expect("a table");
    assert_eq!(
        config_drive::add(&mut table, [1; 16], disk.size),
        Err(TableError::NoRoom("other partitions lie there".into()))
    );
}

#[test]
fn a_config_drive_becomes_a_primary_partition_of_an_mbr() {
    let mut disk = mbr_disk(300 * MIB, &[(1, 100)]);
    let mut table = disk.table().expect("a table");
    let place = config_drive::add(&mut table, [0; 16], disk.size).expect("room");
    assert_eq!(
        (place.partition.number, place.partition.offset),
        (2, 236 * MIB)
    );
    disk.apply(&place.patches);
    assert_eq!(disk.table().expect("a table").partitions().len(), 2);
    assert_eq!(disk.head[446 + 16 + 4], 0x0c);
    assert_eq!(disk_identifier(&disk.head), 0x1a2b_3c4d);

    let mut large = mbr_disk(3 << 40, &[(1, 100)]).table().expect("a table");
    let place = config_drive::add(&mut large, [0; 16], 3 << 40).expect("room");
    let end = place.partition.offset + place.partition.length;
    assert_eq!(end, ((1_u64 << 32) - 1) * 512);

    let full = mbr_disk(300 * MIB, &[(1, 2), (2, 3), (3, 4), (4, 5)]);
    let mut table = full.table().expect("a table");
    assert_eq!(
        config_drive::add(&mut table, [0; 16], full.size),
        Err(TableError::NoRoom(
            "all four primary partitions are in use".into()
        ))
    );
}

#[test]
fn tables_that_are_not_there_are_named() {
    let sound = || gpt_disk(512, 64 * MIB, 64 * MIB, &[(1, 20)]);
    let changed = |change: fn(&mut Disk)| {
        let mut disk = sound();
        change(&mut disk);
        disk.table().map(|_| ()).map_err(|error| error.to_string())
    };
    type Case = (fn(&mut Disk), &'static str);
    let cases: [Case; 7] = [
        (|d| d.head.fill(0), "there is none"),
        (|d| d.head[446] = 0x33, "there is none"),
        (
            |d| d.head[512..604].fill(0),
            "it is damaged: the GPT header is missing",
        ),
        (
            |d| d.head[512 + 56] ^= 1,
            "it is damaged: the checksum of the header is wrong",
        ),
        (
            |d| d.head[1024] ^= 1,
            "it is damaged: the checksum of the entries is wrong",
        ),
        (
            |d| d.sector = 4096,
            "it is made for sectors of 512 bytes, but the disk has sectors of 4096 bytes",
        ),
        (
            |d| d.size = 10 * MIB,
            "it is damaged: a partition lies behind the end of the disk",
        ),
    ];
    for (change, problem) in cases {
        assert_eq!(changed(change), Err(problem.to_owned()));
    }
}

#[test]
fn labels_are_read_from_what_config_drives_are_made_of() {
    let with = |marks: &[(usize, &[u8])]| {
        let mut head = vec![0; label::HEAD];
        for (at, mark) in marks {
            head[*at..*at + mark.len()].copy_from_slice(mark);
        }
        label::read(&head)
    };
    let boot: (usize, &[u8]) = (510, &[0x55, 0xaa]);
    assert_eq!(
        with(&[(0x8001, b"CD001"), (0x8028, b"config-2   ")]).as_deref(),
        Some("config-2")
    );
    assert_eq!(
        with(&[boot, (82, b"FAT32   "), (71, b"CONFIG-2   ")]).as_deref(),
        Some("CONFIG-2")
    );
    assert_eq!(
        with(&[boot, (54, b"FAT16   "), (43, b"CONFIG-2   ")]).as_deref(),
        Some("CONFIG-2")
    );
    assert_eq!(
        with(&[(1080, &[0x53, 0xef]), (1144, b"config-2")]).as_deref(),
        Some("config-2")
    );
    assert_eq!(with(&[]), None);
    assert_eq!(label::read(&[0; 100]), None);
}

#[test]
fn damaged_tables_never_panic_and_patches_stay_on_the_disk() {
    let mut seed = 1_u64;
    let mut noise = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for round in 0..4000 {
        let mut disk = match round % 3 {
            0 => mbr_disk(300 * MIB, &[(1, 100)]),
            1 => gpt_disk(512, 64 * MIB, 300 * MIB, &[(1, 20), (20, 30)]),
            _ => gpt_disk(4096, 64 * MIB, 300 * MIB, &[(1, 20)]),
        };
        for _ in 0..1 + noise() % 6 {
            let at = 440 + usize::try_from(noise() % 9000).expect("small");
            disk.head[at] ^= 1 << (noise() % 8);
        }
        refresh_checksums(&mut disk);
        if round % 11 == 0 {
            disk.head
                .truncate(usize::try_from(noise() % 10_000).expect("small"));
        }
        let Ok(mut table) = disk.table() else {
            continue;
        };
        if let Table::Gpt(gpt) = &mut table
            && let Ok(patches) = gpt.fit_to_disk()
        {
            disk.apply(&patches);
        }
        if let Ok(place) = config_drive::add(&mut table, [3; 16], disk.size) {
            assert!(place.partition.offset + place.partition.length <= disk.size);
            disk.apply(&place.patches);
        }
    }
}

/// Damage is only interesting behind the checksums.
fn refresh_checksums(disk: &mut Disk) {
    let s = disk.sector as usize;
    let entries = crc32fast::hash(&disk.head[2 * s..2 * s + 128 * 128]);
    disk.head[s + 88..s + 92].copy_from_slice(&entries.to_le_bytes());
    disk.head[s + 16..s + 20].fill(0);
    let header = crc32fast::hash(&disk.head[s..s + 92]);
    disk.head[s + 16..s + 20].copy_from_slice(&header.to_le_bytes());
}
