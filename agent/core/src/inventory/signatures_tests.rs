// SPDX-License-Identifier: Apache-2.0
//! Generated devices, and devices with noise.

use super::super::random::Random;
use super::*;

const SIZE: u64 = 64 << 20;

/// A device of 64 MiB with these bytes at these positions.
fn device(parts: &[(u64, &[u8])]) -> DeviceContent {
    let mut content = DeviceContent::new(SIZE);
    for (first, length) in DeviceContent::ranges_to_read(SIZE) {
        let mut bytes = vec![0_u8; usize::try_from(length).expect("short")];
        for (position, part) in parts {
            for (offset, byte) in part.iter().enumerate() {
                let at = position + offset as u64;
                if (first..first + length).contains(&at) {
                    bytes[usize::try_from(at - first).expect("short")] = *byte;
                }
            }
        }
        content.insert(first, &bytes);
    }
    content
}

#[test]
fn signatures_are_told_apart() {
    let md = &0xa92b_4efc_u32.to_le_bytes()[..];
    let one = &1_u32.to_le_bytes()[..];
    let ext = |incompat: u8, compat: u8| {
        device(&[
            (1024 + 56, &[0x53, 0xef]),
            (1024 + 92, &[compat]),
            (1024 + 96, &[incompat]),
            (1024 + 120, b"root\0"),
        ])
    };
    let cases: Vec<(DeviceContent, &str, Option<&str>)> = vec![
        (ext(0x42, 4), "ext4", Some("root")),
        (ext(0x02, 4), "ext3", Some("root")),
        (ext(0x02, 0), "ext2", Some("root")),
        (device(&[(0, b"XFSB"), (108, b"data")]), "xfs", Some("data")),
        (
            device(&[(0x10040, b"_BHRfS_M"), (0x1012b, b"pool\0")]),
            "btrfs",
            Some("pool"),
        ),
        (
            device(&[
                (0x10000, &[1, 0x16, 0x19, 0x70]),
                (0x10018, &1801_u32.to_be_bytes()),
            ]),
            "gfs2",
            None,
        ),
        (
            device(&[(4096, md), (4100, one), (4128, b"node:0\0")]),
            "linux_raid_member",
            Some("node:0"),
        ),
        (
            device(&[(SIZE - 8192, md), (SIZE - 8188, one)]),
            "linux_raid_member",
            None,
        ),
        (device(&[(SIZE - 65_536, md)]), "linux_raid_member", None),
        (
            device(&[(512, b"LABELONE"), (536, b"LVM2 001")]),
            "LVM2_member",
            None,
        ),
        (
            device(&[(0, b"LUKS\xba\xbe\0\x02"), (24, b"secret-disk\0")]),
            "crypto_LUKS",
            Some("secret-disk"),
        ),
        (
            device(&[(1 << 20, &[0x0d, 0xd0, 0x01, 0xc0])]),
            "VMFS_volume_member",
            None,
        ),
        (
            device(&[(2 << 20, &[0x5e, 0xf1, 0xab, 0x2f])]),
            "VMFS",
            None,
        ),
        (
            device(&[(4086, b"SWAPSPACE2"), (1052, b"swap0")]),
            "swap",
            Some("swap0"),
        ),
        (device(&[(0, b"hsqs")]), "squashfs", None),
    ];
    for (content, kind, label) in cases {
        let found = signature(&content).expect(kind);
        assert_eq!((found.kind, found.label.as_deref()), (kind, label));
    }
    assert_eq!(signature(&device(&[])), None);
    assert_eq!(
        signature(&device(&[(510, &[0x55, 0xaa]), (446, &[0x80; 64])])),
        None,
        "a boot record is no file system"
    );
}

#[test]
fn iso9660_tells_volume_and_publisher() {
    let mut publisher = [b' '; 128];
    publisher[..11].copy_from_slice(b"OpenStack X");
    let content = device(&[
        (32_768, b"\x01CD001\x01"),
        (32_768 + 40, b"config-2                        "),
        (32_768 + 318, &publisher),
    ]);
    let found = signature(&content).expect("iso9660");
    assert_eq!(found.kind, "iso9660");
    assert_eq!(found.label.as_deref(), Some("config-2"));
    assert_eq!(found.publisher.as_deref(), Some("OpenStack X"));
}

/// A FAT16 boot sector: 512-byte sectors, 1 reserved, 2 FATs of 4 sectors.
fn fat16(label: &[u8; 11]) -> Vec<u8> {
    let mut sector = vec![0_u8; 512];
    sector[0] = 0xeb;
    sector[11..13].copy_from_slice(&512_u16.to_le_bytes());
    sector[13] = 4;
    sector[14] = 1;
    sector[16] = 2;
    sector[22] = 4;
    sector[43..54].copy_from_slice(label);
    sector[54..62].copy_from_slice(b"FAT16   ");
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

#[test]
fn fat_labels_come_from_the_root_directory_first() {
    let mut entry = [0_u8; 32];
    entry[..11].copy_from_slice(b"ir-vfd-dev ");
    entry[11] = 0x08;
    let boot = fat16(b"NO NAME    ");
    let with_entry = device(&[(0, &boot), (9 * 512, &entry)]);
    let found = signature(&with_entry).expect("vfat");
    assert_eq!(
        (found.kind, found.label.as_deref()),
        ("vfat", Some("ir-vfd-dev"))
    );
    let without = signature(&device(&[(0, &boot)])).expect("vfat");
    assert_eq!(without.label, None);
    let named = signature(&device(&[(0, &fat16(b"EFI        "))])).expect("vfat");
    assert_eq!(named.label.as_deref(), Some("EFI"));
}

#[test]
fn noise_never_breaks_the_reader() {
    let boot = fat16(b"EFI        ");
    let mut random = Random::new(5);
    for size in [0, 1, 511, 512, 4096, 70_000, SIZE] {
        assert_eq!(
            signature(&DeviceContent::new(size)),
            None,
            "nothing read of {size}"
        );
    }
    for _ in 0..3000 {
        let mut noise = boot.clone();
        for _ in 0..random.below(40) {
            let at = random.below(noise.len());
            noise[at] = random.byte();
        }
        let mut content = DeviceContent::new(1 + random.below(100_000) as u64);
        content.insert(0, &noise[..random.below(noise.len() + 1)]);
        let _ = signature(&content);
    }
}
