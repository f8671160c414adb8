// SPDX-License-Identifier: Apache-2.0
//! Boot entries byte by byte: as machines keep them, and as the UEFI
//! specification (§3.1.3, §10) lays them out.

use super::*;

/// A boot entry and what it says.
pub(super) struct Golden {
    what: &'static str,
    /// The variable without its attributes, hexadecimal.
    bytes: &'static str,
    attributes: u32,
    label: &'static str,
    path: &'static str,
    data: &'static str,
}

pub(super) const GOLDEN: &[Golden] = &[
    Golden {
        what: "the setup program of OVMF, hidden and outside the order",
        bytes: "090100002c0055006900410070007000000004071400c9bdb87cebf8344faaea3ee4af6516a104061400 \
              21aa2c4614760345836e8ab6f46623317fff0400",
        attributes: 0x109,
        label: "UiApp",
        path: r"Path(4,7,c9bdb87cebf8344faaea3ee4af6516a1)/Path(4,6,21aa2c4614760345836e8ab6f4662331)",
        data: "",
    },
    Golden {
        what: "Debian on a disk",
        bytes: "010000006200640065006200690061006e00000004012a00010000000008000000000000000010000000 \
              0000a0d6a7b3f73c9a4f9e8a6a7d9c0e4f210202040434005c004500460049005c006400650062006900 \
              61006e005c007300680069006d007800360034002e0065006600690000007fff0400",
        attributes: 0x1,
        label: "debian",
        path: r"HD(1,GPT,b3a7d6a0-3cf7-4f9a-9e8a-6a7d9c0e4f21,0x800,0x100000)/File(\EFI\debian\shimx64.efi)",
        data: "",
    },
    Golden {
        what: "Windows, with data for its boot manager",
        bytes: "010000007400570069006e0064006f0077007300200042006f006f00740020004d0061006e0061006700 \
              65007200000004012a000200000000180e00000000000020030000000000b49a0b5f5c4d8e4b8a6d2f1b \
              6f3c7d100202040446005c004500460049005c004d006900630072006f0073006f00660074005c004200 \
              6f006f0074005c0062006f006f0074006d006700660077002e0065006600690000007fff040057494e44 \
              4f5753000100000088000000780000004200430044004f0042004a004500430054003d007b0039006400 \
              6500610038003600320063002d0035006300640064002d0034006500370030002d006100630063003100 \
              2d006600330032006200330034003400640034003700390035007d000000010000001000000004000000 \
              7fff0400",
        attributes: 0x1,
        label: "Windows Boot Manager",
        path: r"HD(2,GPT,5f0b9ab4-4d5c-4b8e-8a6d-2f1b6f3c7d10,0xe1800,0x32000)/File(\EFI\Microsoft\Boot\bootmgfw.efi)",
        data: "57494e444f5753000100000088000000780000004200430044004f0042004a004500430054003d007b00 \
              390064006500610038003600320063002d0035006300640064002d0034006500370030002d0061006300 \
              630031002d006600330032006200330034003400640034003700390035007d0000000100000010000000 \
              040000007fff0400",
    },
    Golden {
        what: "the network, made by the firmware of a virtual machine",
        bytes: "0100000056005500450046004900200050005800450076003400200028004d00410043003a0035003200 \
              35003400300030003100320033003400350036002900000002010c00d041030a00000000010106000003 \
              030b2500525400123456000000000000000000000000000000000000000000000000000001030c1b0000 \
              000000000000000000000000000000000000000000007fff04004eac0881119f594d850ee21a522c59b2",
        attributes: 0x1,
        label: "UEFI PXEv4 (MAC:525400123456)",
        path: r"Path(2,1,d041030a00000000)/Path(1,1,0003)/Path(3,11,525400123456000000000000000000000000000000000000000000000000000001)/Path(3,12,0000000000000000000000000000000000000000000000)",
        data: "4eac0881119f594d850ee21a522c59b2",
    },
    Golden {
        what: "a BIOS entry as Dell firmware keeps it",
        bytes: "0100000031004800610072006400200064007200690076006500200043003a000000010417004518193a \
              865f784e8fcec4cff59f9daa0b000005011600020000004861726420447269766520433a007fff040000 \
              00474f00004e4f",
        attributes: 0x1,
        label: "Hard drive C:",
        path: r"Path(1,4,4518193a865f784e8fcec4cff59f9daa0b0000)/Path(5,1,020000004861726420447269766520433a00)",
        data: "0000474f00004e4f",
    },
    Golden {
        what: "an MBR partition",
        bytes: "0100000046006d0062007200000004012a00010000000008000000000000002003000000000078563412 \
              0000000000000000000000000101040418005c0062006f006f0074002e0065006600690000007fff0400",
        attributes: 0x1,
        label: "mbr",
        path: r"Path(4,1,0100000000080000000000000020030000000000785634120000000000000000000000000101)/File(\boot.efi)",
        data: "",
    },
    Golden {
        what: "a label beyond ASCII",
        bytes: "01000000540047007200f600df00650020002f54a85220003dd880de000004012a008000000022000000 \
              000000000000000002000000a0d6a7b3f73c9a4f9e8a6a7d9c0e4f210202040426005c00450046004900 \
              5c0067007200f600df0065005c0078002e0065006600690000007fff0400",
        attributes: 0x1,
        label: "Größe 启动 🚀",
        path: r"HD(128,GPT,b3a7d6a0-3cf7-4f9a-9e8a-6a7d9c0e4f21,0x22,0x200000000)/File(\EFI\größe\x.efi)",
        data: "",
    },
];

impl Golden {
    pub(super) fn bytes(&self) -> Vec<u8> {
        unhex(self.bytes)
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}

#[test]
fn entries_are_read_and_written_back_unchanged() {
    for golden in GOLDEN {
        let bytes = golden.bytes();
        let option = LoadOption::decode(&bytes).unwrap();
        assert_eq!(option.description, golden.label, "{}", golden.what);
        assert_eq!(option.attributes, golden.attributes, "{}", golden.what);
        assert!(option.is_active(), "{}", golden.what);
        assert_eq!(option.path.to_string(), golden.path, "{}", golden.what);
        assert_eq!(option.optional_data, unhex(golden.data), "{}", golden.what);
        assert_eq!(option.encode().unwrap(), bytes, "{}", golden.what);
    }
}

#[test]
fn an_entry_of_ours_is_like_the_one_of_debian() {
    let debian = &GOLDEN[1];
    let partition = HardDrive {
        number: 1,
        start_lba: 0x800,
        size_lba: 0x10_0000,
        guid: uuid::uuid!("b3a7d6a0-3cf7-4f9a-9e8a-6a7d9c0e4f21"),
    };
    let option = LoadOption::file("debian", partition, r"\EFI\debian\shimx64.efi");
    assert_eq!(option.encode().unwrap(), debian.bytes());
}

#[test]
fn damage_costs_only_what_it_hits() {
    let debian = GOLDEN[1].bytes();
    // 6 bytes of header, 14 of label, then the device path.
    for (cut, nodes) in [(20, 0), (61, 0), (62, 1), (113, 1), (114, 2)] {
        let option = LoadOption::decode(&debian[..cut]).unwrap();
        assert_eq!(option.description, "debian");
        assert_eq!(option.path.0.len(), nodes, "cut at {cut}");
    }
    assert_eq!(
        LoadOption::decode(&debian[..19]),
        None,
        "no end of the label"
    );
    assert_eq!(LoadOption::decode(&debian[..5]), None, "no header");
    let mut looping = debian.clone();
    looping[22..24].copy_from_slice(&[0, 0]);
    let option = LoadOption::decode(&looping).unwrap();
    assert_eq!(option.path, DevicePath::default(), "a node without length");
}

#[test]
fn what_no_variable_can_hold_is_refused() {
    let partition = HardDrive {
        number: 1,
        start_lba: 0,
        size_lba: 0,
        guid: uuid::Uuid::nil(),
    };
    for (label, path, expected) in [
        (
            "a\0b",
            "x".to_owned(),
            EncodeError::ZeroCharacter("a\0b".into()),
        ),
        (
            "a",
            "x\0".to_owned(),
            EncodeError::ZeroCharacter("x\0".into()),
        ),
        ("a", "x".repeat(40_000), EncodeError::PathTooLong),
        ("a", "x".repeat(32_750), EncodeError::PathTooLong),
    ] {
        let option = LoadOption::file(label, partition, &path);
        assert_eq!(option.encode(), Err(expected), "{label}");
    }
}
