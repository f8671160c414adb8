// SPDX-License-Identifier: Apache-2.0
//! Configuration spaces of real devices, and broken ones.

use super::*;
use crate::inventory::random::Random;

/// Makes a configuration space from the lines of a hexadecimal dump
/// (`40: 10 80 …`); lines of zeroes may be left out.
fn from_dump(dump: &str) -> Vec<u8> {
    let mut space = Vec::new();
    for line in dump.lines().filter(|line| !line.trim().is_empty()) {
        let (at, bytes) = line.split_once(':').expect("an offset");
        let at = usize::from_str_radix(at.trim(), 16).expect("hexadecimal");
        let bytes: Vec<u8> = bytes
            .split_whitespace()
            .map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal"))
            .collect();
        if space.len() < at + bytes.len() {
            space.resize(at + bytes.len(), 0);
        }
        space[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    space
}

/// ConnectX-5 Ex: capabilities PCI Express, VPD, MSI-X, vendor, power management.
const CONNECTX_5: &str = "
00: b3 15 19 10 46 05 10 00 00 00 00 02 08 00 80 00
10: 0c 00 00 00 00 08 00 00 00 00 00 00 00 00 00 00
20: 00 00 00 00 00 00 00 00 00 00 00 00 b3 15 08 00
30: 00 00 70 e6 60 00 00 00 00 00 00 00 ff 01 00 00
40: 01 00 c3 81 08 00 00 00 03 9c cc 80 00 78 00 00
60: 10 48 02 00 e2 8f e0 11 5f 29 00 00 04 71 41 00
70: 08 00 04 11 00 00 00 00 00 00 00 00 00 00 00 00
80: 00 00 00 00 17 00 01 00 40 00 00 00 1e 00 80 01
90: 04 00 1e 00 00 00 00 00 00 00 00 00 11 c0 3f 80
a0: 00 20 00 00 00 30 00 00 00 00 00 00 00 00 00 00
c0: 09 40 18 00 0a 00 00 20 f0 1a 00 00 00 00 00 00
";

/// Intel 82599 whose link came up with 2.5 GT/s on two lanes after a surprise
/// removal. The extended capabilities are laid out as in its data sheet:
/// AER, serial number, ARI, SR-IOV.
const INTEL_82599: &str = "
00: 86 80 fb 10 00 00 10 00 01 00 00 02 10 00 80 00
10: 0c 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00
20: 0c 00 00 00 00 00 00 00 00 00 00 00 e5 19 11 d1
30: 00 00 00 00 40 00 00 00 00 00 00 00 00 01 00 00
40: 01 50 23 48 00 20 00 00 00 00 00 00 00 00 00 00
50: 05 70 80 01 00 00 00 00 00 00 00 00 00 00 00 00
70: 11 a0 3f 00 04 00 00 00 04 20 00 00 00 00 00 00
a0: 10 e0 02 00 c2 8c 00 10 10 28 0b 00 82 34 02 00
b0: 00 00 21 10 00 00 00 00 00 00 00 00 00 00 00 00
c0: 00 00 00 00 1f 00 00 00 00 00 00 00 00 00 00 00
d0: 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
100: 01 00 01 14 00 00 00 00 00 00 00 00 31 20 06 00
140: 03 00 01 15 f8 06 97 ff ff 0f 7d 40 00 00 00 00
150: 0e 00 01 16 00 01 00 00 00 00 00 00 00 00 00 00
160: 10 00 01 00 00 00 00 00 00 00 00 00 40 00 40 00
";

/// Intel Sunrise Point root port: an NVMe drive in a slot of 8 GT/s x4.
const ROOT_PORT: &str = "
00: 86 80 10 9d 07 04 10 00 f1 00 04 06 00 00 81 00
10: 00 00 00 00 00 00 00 00 00 02 02 00 d0 d0 00 20
20: 00 e8 f0 e8 01 70 f1 81 00 00 00 00 00 00 00 00
30: 00 00 00 00 40 00 00 00 00 00 00 00 ff 01 02 00
40: 10 80 42 01 01 80 00 00 20 00 10 00 43 40 72 01
50: 40 00 43 70 00 fd 04 00 00 00 48 01 08 00 00 00
80: 05 90 01 00 38 02 e0 fe 00 00 00 00 00 00 00 00
90: 0d a0 00 00 aa 17 5a 22 00 00 00 00 00 00 00 00
a0: 01 00 03 c8 00 00 00 00 00 00 00 00 00 00 00 00
100: 01 00 01 14 00 00 00 00 00 00 01 00 11 00 06 00
140: 0d 00 01 20 0f 00 00 00 00 00 00 00 00 00 00 00
200: 1e 00 01 22 1f 28 b0 00 0f ff a0 40 b0 00 00 00
220: 19 00 01 00 00 00 00 00 00 00 00 00 77 75 77 75
";

/// Intel Broadwell-EP DMI port: no link that this capability could tell of.
const DMI_PORT: &str = "
00: 86 80 00 6f 40 05 10 00 01 00 00 06 00 00 00 00
20: 00 00 00 00 00 00 00 00 00 00 00 00 86 80 00 00
30: 00 00 00 00 90 00 00 00 00 00 00 00 00 01 00 00
90: 10 e0 42 00 00 80 00 00 00 00 00 00 42 38 7a 00
b0: 00 00 00 00 9e 13 00 00 00 00 00 00 06 00 00 00
e0: 01 00 03 00 08 00 00 00 00 00 00 00 00 00 00 00
";

/// Samsung PM981: its header, capabilities laid out as in its data sheet, and the
/// serial number of zeroes that it has.
const SAMSUNG_NVME: &str = "
00: 4d 14 04 a8 06 05 10 00 00 02 08 01 00 00 00 00
10: 04 00 60 fd 00 00 00 00 00 00 00 00 00 00 00 00
20: 00 00 00 00 00 00 00 00 00 00 00 00 4d 14 01 a8
30: 00 00 00 00 40 00 00 00 00 00 00 00 0b 01 00 00
40: 01 50 03 00 08 00 00 00 00 00 00 00 00 00 00 00
50: 05 70 8a 00 00 00 00 00 00 00 00 00 00 00 00 00
70: 10 b0 02 00 c1 8f 00 10 30 29 00 00 43 08 47 00
80: 40 00 43 10 00 00 00 00 00 00 00 00 00 00 00 00
b0: 11 00 20 80 00 30 00 00 00 20 00 00 00 00 00 00
100: 01 00 82 14 00 00 00 00 00 00 00 00 30 20 46 00
140: 00 00 00 00 00 00 00 00 03 00 81 15 00 00 00 00
150: 00 00 00 00 00 00 00 00 04 00 81 18 00 00 00 00
180: 00 00 00 00 00 00 00 00 18 00 01 00 03 10 03 10
";

/// virtio device of this kind of virtual machines: capabilities, but not PCI Express.
const VIRTIO: &str = "
00: f4 1a 42 10 06 04 10 00 01 00 80 01 00 00 00 00
10: 04 00 08 00 40 00 00 00 00 00 00 00 00 00 00 00
30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00
40: 09 50 10 01 00 00 00 00 00 00 00 00 38 00 00 00
50: 09 60 10 03 00 00 00 00 00 20 00 00 01 00 00 00
60: 09 00 10 04 00 00 00 00 00 40 00 00 00 10 00 00
";

const DEVICES: &[&str] = &[
    CONNECTX_5,
    INTEL_82599,
    ROOT_PORT,
    DMI_PORT,
    SAMSUNG_NVME,
    VIRTIO,
];

#[test]
fn real_devices_tell_their_links() {
    let lanes = |speed_mts: u32, width: u8| Lanes {
        speed_mts: Some(speed_mts),
        width: Some(width),
    };
    for (dump, now, most) in [
        (CONNECTX_5, lanes(16_000, 16), lanes(16_000, 16)),
        (INTEL_82599, lanes(2_500, 2), lanes(5_000, 8)),
        (ROOT_PORT, lanes(8_000, 4), lanes(8_000, 4)),
        (DMI_PORT, Lanes::default(), lanes(5_000, 4)),
        (SAMSUNG_NVME, lanes(8_000, 4), lanes(8_000, 4)),
    ] {
        let express = parse(&from_dump(dump)).express;
        let expected = Express {
            integrated: false,
            now,
            most,
        };
        assert_eq!(express, Some(expected), "{dump}");
    }
    assert_eq!(parse(&from_dump(VIRTIO)), ConfigSpace::default());
}

#[test]
fn parts_of_the_root_complex_are_told() {
    let mut space = from_dump(CONNECTX_5);
    for (kind, expected) in [(0x02, false), (0x42, false), (0x92, true), (0xa2, true)] {
        space[0x62] = kind;
        let express = parse(&space).express.expect("PCI Express");
        assert_eq!(express.integrated, expected, "{kind:#x}");
    }
}

#[test]
fn serial_numbers_are_found_and_zeroes_are_none() {
    let serial = |dump| parse(&from_dump(dump)).serial_number;
    assert_eq!(serial(INTEL_82599), Some(0x407d_0fff_ff97_06f8));
    assert_eq!(serial(SAMSUNG_NVME), None);
    assert_eq!(serial(ROOT_PORT), None, "it has no such capability");
}

#[test]
fn only_registers_of_capabilities_are_read() {
    let space = from_dump(INTEL_82599);
    let mut reads = Vec::new();
    let recorded = record(|at, length| {
        reads.push((at, length));
        space.get(at..at + length).map(<[u8]>::to_vec)
    });
    assert_eq!(
        reads,
        [
            (0, 64),
            (0x40, 4),
            (0x50, 4),
            (0x70, 4),
            (0xa0, 4),
            (0xa0, 0x14),
            (0x100, 4),
            (0x140, 4),
            (0x144, 8)
        ]
    );
    assert_eq!(parse(&recorded), parse(&space));
    assert_eq!(recorded.len(), 0x14c);
}

#[test]
fn a_function_that_shows_only_its_header_tells_nothing_more() {
    let space = from_dump(CONNECTX_5);
    let recorded = record(|at, length| {
        space
            .get(at..at + length)
            .filter(|_| at + length <= 64)
            .map(<[u8]>::to_vec)
    });
    assert_eq!(recorded.len(), 0x3e, "the header, up to the interrupt pin");
    assert_eq!(parse(&recorded), ConfigSpace::default());
}

#[test]
fn lists_that_never_end_are_left() {
    let mut space = from_dump(CONNECTX_5);
    // MSI-X points back to VPD; PCI Express is unreachable.
    space[0x34] = 0x48;
    space[0x9d] = 0x48;
    assert_eq!(parse(&space).express, None);
    let mut space = from_dump(INTEL_82599);
    space[0x142..0x144].copy_from_slice(&[0x01, 0x10]);
    space[0x140] = 1;
    assert_eq!(parse(&space).serial_number, None, "0x140 points to 0x100");
    for byte in 0..=255 {
        let mut reads = 0;
        let found = walk(|_, length| {
            reads += 1;
            Some(vec![byte; length])
        });
        assert!(reads < 1200, "{byte:#x}: {reads} reads");
        assert_eq!(found.serial_number, None, "{byte:#x}");
    }
}

#[test]
fn broken_spaces_give_what_they_have() {
    let mut random = Random::new(23);
    for dump in DEVICES {
        let space = from_dump(dump);
        for cut in 0..=space.len() {
            let _ = parse(&space[..cut]);
        }
        for _ in 0..3_000 {
            let mut broken = space.clone();
            for _ in 0..=random.below(12) {
                let at = random.below(broken.len());
                broken[at] = random.byte();
            }
            broken.truncate(random.below(broken.len() + 1));
            let recorded = record(|at, length| broken.get(at..at + length).map(<[u8]>::to_vec));
            assert!(recorded.len() <= LARGEST);
            let read_in_full = |space: &[u8]| {
                walk(|at, length| space.get(at..at + length).map(<[u8]>::to_vec)).express
            };
            // What was recorded says the same, as far as the device answered.
            if let Some(express) = read_in_full(&broken) {
                assert_eq!(parse(&recorded).express, Some(express));
            }
        }
    }
}
