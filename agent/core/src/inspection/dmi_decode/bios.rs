// SPDX-License-Identifier: Apache-2.0
//! BIOS information (DSP0134 §7.1).

use super::words::{Section, size, string};
use crate::smbios::Structure;
use crate::smbios::memory_names::flags;

/// Bits of the characteristics.
const CHARACTERISTICS: &[(u32, &str)] = &[
    (4, "ISA is supported"),
    (5, "MCA is supported"),
    (6, "EISA is supported"),
    (7, "PCI is supported"),
    (8, "PC Card (PCMCIA) is supported"),
    (9, "PNP is supported"),
    (10, "APM is supported"),
    (11, "BIOS is upgradeable"),
    (12, "BIOS shadowing is allowed"),
    (13, "VLB is supported"),
    (14, "ESCD support is available"),
    (15, "Boot from CD is supported"),
    (16, "Selectable boot is supported"),
    (17, "BIOS ROM is socketed"),
    (18, "Boot from PC Card (PCMCIA) is supported"),
    (19, "EDD is supported"),
    (
        20,
        "Japanese floppy for NEC 9800 1.2 MB is supported (int 13h)",
    ),
    (
        21,
        "Japanese floppy for Toshiba 1.2 MB is supported (int 13h)",
    ),
    (22, "5.25\"/360 kB floppy services are supported (int 13h)"),
    (23, "5.25\"/1.2 MB floppy services are supported (int 13h)"),
    (24, "3.5\"/720 kB floppy services are supported (int 13h)"),
    (25, "3.5\"/2.88 MB floppy services are supported (int 13h)"),
    (26, "Print screen service is supported (int 5h)"),
    (27, "8042 keyboard services are supported (int 9h)"),
    (28, "Serial services are supported (int 14h)"),
    (29, "Printer services are supported (int 17h)"),
    (30, "CGA/mono video services are supported (int 10h)"),
    (31, "NEC PC-98"),
];
/// Bit of the characteristics: they are not told.
const NOT_SUPPORTED: u64 = 1 << 3;
/// Bits of the first and the second extension byte.
const EXTENSIONS: [&[(u32, &str)]; 2] = [
    &[
        (0, "ACPI is supported"),
        (1, "USB legacy is supported"),
        (2, "AGP is supported"),
        (3, "I2O boot is supported"),
        (4, "LS-120 boot is supported"),
        (5, "ATAPI Zip drive boot is supported"),
        (6, "IEEE 1394 boot is supported"),
        (7, "Smart battery is supported"),
    ],
    &[
        (0, "BIOS boot specification is supported"),
        (1, "Function key-initiated network boot is supported"),
        (2, "Targeted content distribution is supported"),
        (3, "UEFI is supported"),
        (4, "System is a virtual machine"),
        (5, "Manufacturing mode is supported"),
        (6, "Manufacturing mode is enabled"),
    ],
];

pub(super) fn decode(bios: &Structure<'_>, section: &mut Section) {
    if bios.length() < 0x12 {
        return;
    }
    section.put("Vendor", string(bios, 0x04));
    section.put("Version", string(bios, 0x05));
    section.put("Release Date", string(bios, 0x08));
    if let Some(segment) = bios.word(0x06).filter(|segment| *segment != 0) {
        section.put("Address", Some(format!("0x{segment:04X}0")));
        section.put("Runtime Size", Some(runtime_size(segment)));
    }
    section.put("ROM Size", rom_size(bios));
    section.put_list("Characteristics", &characteristics(bios));
    section.put("BIOS Revision", revision(bios, 0x14));
    section.put("Firmware Revision", revision(bios, 0x16));
}

/// From the segment to the end of the first MiB.
fn runtime_size(segment: u16) -> String {
    let bytes = (0x1_0000 - u32::from(segment)) << 4;
    if bytes.is_multiple_of(1024) {
        format!("{} kB", bytes >> 10)
    } else {
        format!("{bytes} bytes")
    }
}

fn rom_size(bios: &Structure<'_>) -> Option<String> {
    match bios.byte(0x09)? {
        0xff => {
            // The top two bits are the unit. Old firmware means 16 MB.
            let extended = bios.word(0x18).unwrap_or(16);
            let number = extended & 0x3fff;
            Some(match extended >> 14 {
                0 => format!("{number} MB"),
                1 => format!("{number} GB"),
                _ => super::words::OUT_OF_SPEC.to_owned(),
            })
        }
        blocks => Some(size((u64::from(blocks) + 1) * 64, 1)),
    }
}

fn characteristics(bios: &Structure<'_>) -> Vec<&'static str> {
    let bits = bios.qword(0x0a).unwrap_or_default();
    let mut names = if bits & NOT_SUPPORTED == 0 {
        flags(CHARACTERISTICS, bits)
    } else {
        vec!["BIOS characteristics not supported"]
    };
    for (offset, list) in [0x12, 0x13].into_iter().zip(EXTENSIONS) {
        names.extend(flags(list, bios.byte(offset).unwrap_or_default().into()));
    }
    names
}

fn revision(bios: &Structure<'_>, offset: usize) -> Option<String> {
    match bios.bytes::<2>(offset)? {
        [0xff, _] | [_, 0xff] => None,
        [major, minor] => Some(format!("{major}.{minor}")),
    }
}
