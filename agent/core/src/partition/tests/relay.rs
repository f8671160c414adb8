// SPDX-License-Identifier: Apache-2.0
//! Tables converted from one size of sectors to another.

use super::*;

fn relaid(disk: &Disk, to: u32) -> Result<(Disk, Relaid), TableError> {
    let relaid = relay(&disk.head, disk.sector, to, disk.size)?;
    let new = Disk {
        sector: to,
        size: disk.size,
        head: relaid.head.clone(),
    };
    Ok((new, relaid))
}

#[test]
fn partitions_stay_at_their_bytes() {
    for (from, to) in [(512, 4096), (4096, 512)] {
        let disk = gpt_disk(from, 64 * MIB, 200 * MIB, &[(1, 20), (20, 63)]);
        assert_eq!(made_for(&disk.head, to, disk.size, &mut |_| false), from);
        assert_eq!(made_for(&disk.head, from, disk.size, &mut |_| false), from);
        let (new, relaid) = relaid(&disk, to).expect("possible");
        let table = new.table().expect("a table");
        let old = disk.table().expect("a table");
        assert_eq!(table.partitions(), old.partitions());
        let unit = u64::from(to);
        let last = relaid.behind.last().expect("a backup");
        assert_eq!(last.offset, 200 * MIB - unit);
        assert!(last.bytes.starts_with(gpt::SIGNATURE));
        assert_eq!(relaid.made_for, from);
        // Nobody shall find the old one.
        assert_ne!(new.head[from as usize..from as usize + 8], *gpt::SIGNATURE);
        let covered = u32::from_le_bytes(new.head[458..462].try_into().expect("four"));
        assert_eq!(u64::from(covered), 200 * MIB / unit - 1);
    }
}

#[test]
fn an_end_within_a_sector_grows() {
    let mut disk = gpt_disk(512, 64 * MIB, 200 * MIB, &[(1, 20)]);
    let last = 20 * 2048 - 1 - 3_u64;
    disk.head[1024 + 40..1024 + 48].copy_from_slice(&last.to_le_bytes());
    refresh_checksums(&mut disk);
    let (new, _) = relaid(&disk, 4096).expect("possible");
    let partitions = new.table().expect("a table").partitions();
    assert_eq!(partitions[0].length, 19 * MIB);
}

#[test]
fn what_cannot_be_converted_is_named() {
    let moved = |first: u64, kind: &[u8]| {
        let mut disk = gpt_disk(512, 64 * MIB, 200 * MIB, &[(1, 20)]);
        disk.head[1024..1024 + kind.len()].copy_from_slice(kind);
        disk.head[1024 + 32..1024 + 40].copy_from_slice(&first.to_le_bytes());
        refresh_checksums(&mut disk);
        let result = relaid(&disk, 4096);
        result.map(|(new, _)| new.table().expect("a table").partitions()[0].offset)
    };
    let text = |result: Result<u64, TableError>| result.map_err(|error| error.to_string());
    assert_eq!(
        text(moved(2049, b"")),
        Err("partition 1 does not begin at a multiple of 4096 bytes, the disk's sectors".into())
    );
    assert_eq!(
        text(moved(34, b"")),
        Err("partition 1 begins where the table of a disk with sectors of 4096 bytes lies".into())
    );
    // Old installers put the BIOS boot partition right behind the table.
    assert_eq!(moved(34, b"Hah!IdontNeedEFI"), Ok(24576));
    let full = gpt_disk(512, 64 * MIB, 64 * MIB, &[(1, 64)]);
    let mut disk = Disk { ..full };
    let last = 64 * 2048 - 34_u64;
    disk.head[1024 + 40..1024 + 48].copy_from_slice(&last.to_le_bytes());
    refresh_checksums(&mut disk);
    assert_eq!(
        relaid(&disk, 4096).map(|_| ()),
        Err(TableError::Damaged(
            "a partition lies where the backup of the table must go"
        ))
    );
}

#[test]
fn a_record_is_converted_by_what_is_found_at_its_places() {
    let disk = mbr_disk(300 * MIB, &[(1, 100), (100, 200)]);
    let known = |places: &'static [u64]| move |at: u64| places.contains(&at);
    let tell =
        |real, known: &mut dyn FnMut(u64) -> bool| made_for(&disk.head, real, disk.size, known);
    assert_eq!(tell(4096, &mut known(&[MIB])), 512);
    assert_eq!(tell(4096, &mut known(&[8 * MIB])), 4096);
    assert_eq!(tell(4096, &mut known(&[])), 512);
    assert_eq!(tell(512, &mut known(&[])), 512);
    assert_eq!(tell(512, &mut known(&[8 * MIB])), 512);
    let small = mbr_disk(300 * MIB, &[(1, 10)]);
    let alone = |at| made_for(&small.head, 512, small.size, &mut known(at));
    assert_eq!((alone(&[8 * MIB]), alone(&[MIB, 8 * MIB])), (4096, 512));
    let (new, relaid) = relaid(&disk, 4096).expect("possible");
    assert_eq!(relaid.behind, []);
    let of = |disk: &Disk| disk.table().expect("a table").partitions();
    assert_eq!(of(&new), of(&disk));
    assert_eq!(disk_identifier(&new.head), 0x1a2b_3c4d);
    let back = super::relay(&new.head, 4096, 512, disk.size).expect("possible");
    assert_eq!(back.head, disk.head);
}

#[test]
fn records_that_cannot_be_converted_are_named() {
    let changed = |at: usize, value: u8| {
        let mut disk = mbr_disk(300 * MIB, &[(1, 100)]);
        disk.head[446 + at] = value;
        let result = relaid(&disk, 4096).map(|_| ());
        result.map_err(|error| error.to_string())
    };
    let extended = "partition 1 is an extended one, whose logical partitions cannot be converted to the disk's sectors; use a GPT";
    assert_eq!(changed(4, 0x05), Err(extended.into()));
    assert_eq!(
        changed(8, 63),
        Err("partition 1 does not begin at a multiple of 4096 bytes, the disk's sectors".into())
    );
    assert_eq!(
        changed(9, 0),
        Err("partition 1 begins where the table of a disk with sectors of 4096 bytes lies".into())
    );
    assert_eq!(
        changed(15, 0x7f),
        Err("it is damaged: a partition ends behind the end of the disk".into())
    );
}

#[test]
fn a_hybrid_record_is_kept() {
    let mut disk = gpt_disk(512, 64 * MIB, 200 * MIB, &[(1, 20)]);
    let second = 446 + 16;
    disk.head[second + 4] = 0x83;
    disk.head[second + 8..second + 12].copy_from_slice(&2048_u32.to_le_bytes());
    disk.head[second + 12..second + 16].copy_from_slice(&(19 * 2048_u32).to_le_bytes());
    disk.head[446 + 12..446 + 16].copy_from_slice(&2047_u32.to_le_bytes());
    let (new, _) = relaid(&disk, 4096).expect("possible");
    let number = |at: usize| u32::from_le_bytes(new.head[at..at + 4].try_into().expect("four"));
    assert_eq!((number(second + 8), number(second + 12)), (256, 19 * 256));
    assert_eq!((number(446 + 8), number(446 + 12)), (1, 255));
    assert!(matches!(new.table(), Ok(Table::Gpt(_))));
}

#[test]
fn damaged_tables_never_panic_when_they_are_converted() {
    let mut seed = 5_u64;
    let mut noise = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut possible = 0;
    for round in 0..4000 {
        let mut disk = match round % 3 {
            0 => mbr_disk(300 * MIB, &[(1, 100)]),
            1 => gpt_disk(512, 64 * MIB, 300 * MIB, &[(1, 20), (20, 30)]),
            _ => gpt_disk(4096, 64 * MIB, 300 * MIB, &[(1, 20)]),
        };
        for _ in 0..1 + noise() % 4 {
            let at = 440 + usize::try_from(noise() % 9000).expect("small");
            disk.head[at] ^= 1 << (noise() % 8);
        }
        if round % 3 > 0 {
            refresh_checksums(&mut disk);
        }
        if round % 11 == 0 {
            let length = usize::try_from(noise() % 10_000).expect("small");
            disk.head.truncate(length);
        }
        for to in [512, 4096] {
            let Ok(new) = relay(&disk.head, disk.sector, to, disk.size) else {
                continue;
            };
            possible += 1;
            assert_eq!(new.head.len(), disk.head.len());
            for patch in &new.behind {
                assert!(patch.offset + patch.bytes.len() as u64 <= disk.size);
                assert_eq!(patch.offset % u64::from(to), 0);
            }
            let of = |head, sector| Table::read(head, sector, disk.size);
            if let (Ok(old), Ok(now)) = (of(&disk.head, disk.sector), of(&new.head, to)) {
                assert_eq!(old.partitions().len(), now.partitions().len());
            }
        }
    }
    assert!(possible > 500, "only {possible} rounds got past the checks");
}
