// SPDX-License-Identifier: Apache-2.0
//! Compares block devices with what lsblk's authors expect it to print.

use ironseed_core::block::{BlockDevice, BlockKind};
use ironseed_core::inventory::block_devices;

use super::{machines, snapshot, suite};

/// The lines of a table below its header.
fn rows(text: &str) -> Vec<&str> {
    text.lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .collect()
}

/// The word in a column, from 0.
fn word(line: &str, column: usize) -> &str {
    line.split_whitespace().nth(column).unwrap_or_default()
}

/// What stands below a heading, up to the next.
fn below<'a>(header: &str, line: &'a str, heading: &str, next: &str) -> &'a str {
    let (from, to) = (header.find(heading), header.find(next));
    let (from, to) = (from.expect("a heading"), to.expect("a heading"));
    line.get(from..to.min(line.len()))
        .unwrap_or_default()
        .trim()
}

/// A size as lsblk prints it: one digit after the point, none if it is zero.
fn human(size: u64) -> String {
    let (mut unit, mut letters) = (1_u64, "BKMGTP".chars());
    let mut letter = letters.next().expect("a letter");
    while size / unit >= 1024 {
        unit *= 1024;
        letter = letters.next().expect("a letter");
    }
    let tenths = (size * 10 + unit / 2) / unit;
    match tenths % 10 {
        0 => format!("{}{letter}", tenths / 10),
        digit => format!("{}.{digit}{letter}", tenths / 10),
    }
}

fn kind(device: &BlockDevice) -> &'static str {
    match device.kind {
        BlockKind::Disk => "disk",
        BlockKind::Partition => "part",
        BlockKind::Loop => "loop",
        BlockKind::Mapper => "lvm",
        BlockKind::Rom => "rom",
        _ => "other",
    }
}

#[test]
fn sizes_are_printed_as_lsblk_does() {
    for (size, text) in [
        (10 << 20, "10M"),
        (240_057_409_536, "223.6G"),
        (512, "512B"),
    ] {
        assert_eq!(human(size), text);
    }
}

#[test]
fn block_devices_are_those_lsblk_prints() {
    let mut compared = 0;
    for machine in machines("util-linux") {
        let table = |name: &str| {
            let path = suite("util-linux").join(format!("suite/lsblk-{machine}-{name}"));
            std::fs::read_to_string(path).expect("lsblk's authors say what is in it")
        };
        let (basic, vendor, topology) = (table("basic"), table("vendor"), table("topo"));
        let header = vendor.lines().next().expect("a header");
        let blocks = block_devices(&snapshot("util-linux", &machine));
        let mut names = std::collections::BTreeSet::new();
        for (at, line) in rows(&basic).into_iter().enumerate() {
            // NAME KNAME MAJ:MIN RM SIZE TYPE MOUNTPOINT, the tree's lines before the name.
            let name = word(line, 1);
            let device = blocks.get(&format!("/dev/{name}"));
            let device = device.unwrap_or_else(|| panic!("{machine}: {name} is not found"));
            assert_eq!(device.number, word(line, 2), "{machine}: {name}");
            assert_eq!(
                u8::from(device.removable),
                word(line, 3).parse().unwrap_or(9),
                "{name}"
            );
            assert_eq!(human(device.size), word(line, 4), "{machine}: {name}");
            assert_eq!(kind(device), word(line, 5), "{machine}: {name}");
            let place = word(line, 6);
            assert!(
                place.is_empty() == device.mounts.is_empty()
                    && (place.is_empty() || device.mounts.iter().any(|mount| mount == place)),
                "{machine}: {name}: {:?} {place}",
                device.mounts
            );
            // The other tables have the same devices in the same lines.
            let line = rows(&vendor)[at];
            if device.kind == BlockKind::Disk {
                let model = below(header, line, "MODEL", "VENDOR");
                assert_eq!(
                    device.model.as_deref().unwrap_or_default(),
                    model,
                    "{machine}: {name}"
                );
                let maker = below(header, line, "VENDOR", "REV");
                assert!(
                    line.contains(device.vendor.as_deref().unwrap_or_default()),
                    "{machine}: {name}: {maker}"
                );
            }
            let line = rows(&topology)[at]
                .rsplit_once(' ')
                .map_or("", |(before, _)| before);
            let sectors: Vec<u32> = line
                .split_whitespace()
                .rev()
                .take(2)
                .filter_map(|word| word.parse().ok())
                .collect();
            assert_eq!(
                sectors,
                [device.logical_sectors, device.physical_sectors],
                "{name}"
            );
            names.insert(name.to_owned());
            compared += 1;
        }
        for device in blocks.0.iter().filter(|device| device.size > 0) {
            let name = device.name.trim_start_matches("/dev/");
            assert!(
                names.contains(name),
                "{machine}: {name} is not printed by lsblk"
            );
        }
    }
    assert!(compared > 20, "{compared} devices compared");
}
