// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::snapshot::{Bmc, BmcChannel, BmcParameter, NetworkLink};

fn file(text: &str) -> Entry {
    Entry::File(Bytes::from(text))
}

fn text<'a>(snapshot: &'a Snapshot, path: &str) -> &'a str {
    snapshot.files.text(path).expect(path)
}

#[test]
fn the_same_value_gets_the_same_replacement_everywhere() {
    let mut snapshot = Snapshot::default();
    for (path, entry) in [
        ("/sys/class/net/eth0/address", file("24:6e:96:0a:0b:0c\n")),
        ("/sys/class/nvme/nvme0/serial", file("S4XYZ0123\n")),
        (
            "/sys/class/block/sda/device/wwid",
            file("naa.5000c500a1b2c3d4\n"),
        ),
        (
            "/sys/class/dmi/id/product_uuid",
            file("4c4c4544-0042-3510-8051-b6c04f4e3132\n"),
        ),
        (
            "/proc/cmdline",
            file(
                "BOOTIF=01-24-6e-96-0a-0b-0c ipa-agent-token=verysecret1 quiet \
                  ipa-api-url=http://user:Pa55word@ironic.rack7.example.org:6385 ip=10.11.12.13::10.11.12.1:255.255.255.0",
            ),
        ),
        (
            "/sys/bus/x/246E960A0B0C",
            Entry::Link("../S4XYZ0123".into()),
        ),
    ] {
        snapshot.files.insert(path, entry);
    }
    let mut controller = vec![0; 4096];
    controller[4..24].copy_from_slice(b"S4XYZ0123           ");
    snapshot
        .nvme_controllers
        .insert("nvme0".into(), Bytes(controller));
    snapshot.uname.node_name = "rack7-node3".into();
    snapshot.links.push(NetworkLink {
        name: "eth0".into(),
        address: vec![0x24, 0x6e, 0x96, 0x0a, 0x0b, 0x0c],
        addresses: vec![("10.11.12.13".parse().expect("an address"), 24)],
        ..NetworkLink::default()
    });
    snapshot.bmc = Some(Bmc {
        channels: vec![BmcChannel {
            channel: 1,
            parameters: vec![BmcParameter {
                parameter: 3,
                set: 0,
                data: Bytes(vec![10, 11, 12, 13]),
            }],
            ..BmcChannel::default()
        }],
        ..Bmc::default()
    });
    let found = anonymise(&snapshot, &Key([1; 32])).expect("anonymise");

    let mac = text(&found, "/sys/class/net/eth0/address");
    assert!(mac.starts_with("24:6e:96:") && mac != "24:6e:96:0a:0b:0c");
    let link = found.links.first().expect("the link");
    let parts: Vec<String> = link
        .address
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(parts.join(":"), mac);
    let line = text(&found, "/proc/cmdline");
    assert!(
        line.contains(&format!("BOOTIF=01-{}", parts.join("-"))),
        "{line}"
    );
    for secret in [
        "verysecret1",
        "user",
        "Pa55word",
        "ironic.rack7",
        "10.11.12",
    ] {
        assert!(!line.contains(secret), "{secret} in {line}");
    }
    let (address, _) = link.addresses.first().expect("an address");
    assert!(line.contains(&address.to_string()), "{line}");
    let lan = found
        .bmc
        .as_ref()
        .and_then(|bmc| bmc.channels.first()?.parameters.first());
    assert_eq!(
        lan.map(|lan| lan.data.0.clone()),
        address
            .to_string()
            .split('.')
            .map(|octet| octet.parse().ok())
            .collect()
    );
    let serial = text(&found, "/sys/class/nvme/nvme0/serial");
    assert!(serial.starts_with(|c: char| c.is_ascii_uppercase()) && serial.len() == 9);
    assert_eq!(&found.nvme_controllers["nvme0"].0[4..13], serial.as_bytes());
    let upper = parts.join("").to_uppercase();
    assert_eq!(
        found.files.entry_at(&format!("/sys/bus/x/{upper}")),
        Some(&Entry::Link(format!("../{serial}")))
    );
    assert!(text(&found, "/sys/class/block/sda/device/wwid").starts_with("naa.5000c50"));
    assert_ne!(found.uname.node_name, snapshot.uname.node_name);
    assert_eq!(anonymise(&snapshot, &Key([1; 32])).expect("again"), found);
    assert_ne!(anonymise(&snapshot, &Key([2; 32])).expect("another"), found);
}

#[test]
fn identity_in_firmware_and_device_data_is_replaced_and_sums_stay_right() {
    let mut ata = vec![0_u8; 512];
    for (at, byte) in b"WD-WCC1234567       ".iter().enumerate() {
        ata[20 + (at ^ 1)] = *byte;
    }
    ata[216..224].copy_from_slice(&[0x00, 0x50, 0xe5, 0x4e, 0x34, 0x12, 0x78, 0x56]);
    ata[510] = 0xa5;
    let sum = ata.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    ata[511] = 0_u8.wrapping_sub(sum);
    let mut page = vec![0, 0x89, 2, 0x38];
    page.resize(60, 0);
    page.extend(&ata);

    let mac_node = [3, 0x0b, 37, 0, 0x24, 0x6e, 0x96, 1, 2, 3, 0, 0];
    let ip_node = [
        3, 0x0c, 27, 0, 10, 1, 2, 3, 10, 9, 9, 9, 0, 0, 0, 0, 6, 0, 0, 10, 1, 2, 254,
    ];
    let boot: Vec<u8> = [&mac_node[..], &[0; 29], &ip_node, &[0; 8]].concat();
    let mut snapshot = Snapshot::default();
    for (path, bytes) in [
        ("/sys/class/block/sda/device/vpd_pg89", &page),
        (
            "/sys/firmware/efi/efivars/Boot0001-8be4df61-93ca-11d2-aa0d-00e098032b8c",
            &boot,
        ),
    ] {
        snapshot
            .files
            .insert(path, Entry::File(Bytes(bytes.clone())));
    }
    let found = anonymise(&snapshot, &Key([3; 32])).expect("anonymise");
    let after = found
        .files
        .bytes("/sys/class/block/sda/device/vpd_pg89")
        .expect("the page");
    let serial = collect::ata_text(&after[80..100]);
    assert!(
        serial.contains('-') && !serial.contains("WCC1234567"),
        "{serial}"
    );
    assert_ne!(after[276..284], page[276..284]);
    assert_eq!(after[276..278], page[276..278], "NAA and maker stay");
    let sum = after[60..]
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    assert_eq!(sum, 0);
    let after = found
        .files
        .bytes("/sys/firmware/efi/efivars/Boot0001-8be4df61-93ca-11d2-aa0d-00e098032b8c")
        .expect("the variable keeps its name");
    assert_eq!(after[..7], boot[..7]);
    assert_ne!(after[7..10], boot[7..10]);
    for at in [45, 49, 60] {
        assert_ne!(after[at..at + 4], boot[at..at + 4], "address at {at}");
    }
    assert_eq!(after.len(), boot.len());
}

#[test]
fn neighbours_are_replaced() {
    let frame: Vec<u8> = [
        &[
            1, 0x80, 0xc2, 0, 0, 0x0e, 0x04, 0x88, 0x5a, 0x92, 0xec, 0x54, 0x88, 0xcc,
        ][..],
        &[2, 7, 4, 0x04, 0x88, 0x5a, 0x92, 0xec, 0x59],
        &[10, 11],
        b"leaf3-rack7",
        &[16, 12, 5, 1, 10, 0, 0, 7, 2, 0, 0, 0, 1, 0],
        &[0, 0],
    ]
    .concat();
    let mut snapshot = Snapshot::default();
    snapshot
        .files
        .insert("/frame", Entry::File(Bytes(frame.clone())));
    let found = anonymise(&snapshot, &Key([4; 32])).expect("anonymise");
    let after = found.files.bytes("/frame").expect("the frame");
    assert_eq!(after.len(), frame.len());
    assert_eq!(
        (&after[6..9], &after[17..20]),
        (&frame[6..9], &frame[17..20])
    );
    assert_ne!(
        (&after[9..12], &after[20..23]),
        (&frame[9..12], &frame[20..23])
    );
    assert!(!String::from_utf8_lossy(after).contains("leaf3-rack7"));
    assert!(!after.windows(4).any(|window| window == [10, 0, 0, 7]));
}

#[test]
fn hostile_bytes_never_break_the_search() {
    let mut random = crate::inventory::random::Random::new(11);
    for round in 0..=255_u8 {
        let bytes: Vec<u8> = (0..random.below(900))
            .map(|_| {
                let choice = random.below(4);
                if choice == 0 {
                    [3, 0x0c, 27, 0, 0x88, 0xcc, 1, 4][random.below(8)]
                } else {
                    random.byte()
                }
            })
            .collect();
        let mut snapshot = Snapshot::default();
        for name in ["DMI", "vpd_pg80", "vpd_pg83", "vpd_pg89", "Boot0001"] {
            snapshot
                .files
                .insert(format!("/{name}"), Entry::File(Bytes(bytes.clone())));
        }
        let mut content = crate::snapshot::DeviceContent::new(1 << 20);
        content.insert(0, &bytes);
        snapshot.contents.insert("sda".into(), content);
        let found = anonymise(&snapshot, &Key([round; 32])).expect("anonymise");
        for (path, entry) in found.files.iter() {
            let Entry::File(Bytes(after)) = entry else {
                panic!("{path}")
            };
            assert_eq!(after.len(), bytes.len(), "{path}");
        }
    }
}

#[test]
fn disks_keep_their_kind_and_lose_their_identity() {
    const SECTORS: u64 = 1 << 20;
    let size = SECTORS * 512;
    let id = [
        0x11_u8, 0x22, 0x33, 0x44, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    ];
    let mut entries = vec![0_u8; 128 * 128];
    entries[..16].copy_from_slice(&[0xaf; 16]);
    entries[16..32].copy_from_slice(&id);
    entries[56..64].copy_from_slice(b"h\0o\0m\0e\0");
    let mut header = vec![0_u8; 92];
    header[..8].copy_from_slice(b"EFI PART");
    header[12] = 92;
    header[56..72].copy_from_slice(&id);
    header[72] = 2;
    header[80] = 128;
    header[84] = 128;
    header[88..92].copy_from_slice(&crc32fast::hash(&entries).to_le_bytes());
    let sum = crc32fast::hash(&header);
    header[16..20].copy_from_slice(&sum.to_le_bytes());
    let mut start = vec![0_u8; 24 << 10];
    start[512..604].copy_from_slice(&header);
    start[1024..1024 + entries.len()].copy_from_slice(&entries);
    // What a file held, where no signature is looked for.
    start[20_000..20_006].copy_from_slice(b"secret");
    let mut disk = crate::snapshot::DeviceContent::new(size);
    disk.insert(0, &start);

    let mut ext = vec![0_u8; 24 << 10];
    ext[1080..1082].copy_from_slice(&[0x53, 0xef]);
    ext[1024 + 104..1024 + 120].copy_from_slice(&id);
    ext[1024 + 120..1024 + 132].copy_from_slice(b"customer-007");
    ext[1024 + 136..1024 + 142].copy_from_slice(b"/cust7");
    let mut partition = crate::snapshot::DeviceContent::new(size);
    partition.insert(0, &ext);

    let mut snapshot = Snapshot::default();
    snapshot.contents.insert("sda".into(), disk.clone());
    snapshot.contents.insert("sda1".into(), partition.clone());
    let found = anonymise(&snapshot, &Key([5; 32])).expect("anonymise");

    let before = crate::inventory::table_entries(&disk, 512);
    let after = crate::inventory::table_entries(&found.contents["sda"], 512);
    assert_eq!((before.len(), after.len()), (1, 1), "check sums are right");
    assert_eq!(before[0].kind, after[0].kind);
    assert_ne!(before[0].uuid, after[0].uuid);
    let after = crate::inventory::signature(&found.contents["sda1"]).expect("a signature");
    assert_eq!(after.kind, "ext2");
    let label = after.label.expect("a label");
    assert!(label.len() == 12 && label != "customer-007", "{label}");
    for (name, forbidden) in [
        ("sda", &b"secret"[..]),
        ("sda1", b"/cust7"),
        ("sda", &id),
        ("sda1", &id),
    ] {
        let bytes = found.contents[name]
            .read(0, 24 << 10)
            .expect("what was read");
        let is_left = bytes
            .windows(forbidden.len())
            .any(|window| window == forbidden);
        assert!(!is_left, "{name}: {forbidden:?}");
    }
}
