// SPDX-License-Identifier: Apache-2.0
//! Boot variables of machines, stored as text: `name attributes value`, the
//! numbers hexadecimal, the GUID left out because it is always the same.

use ironseed_core::boot::EfiVariable;
use ironseed_core::boot::variables::GLOBAL_GUID;
use ironseed_core::boot::{Architecture, EfiFacts, EspContents, EspFile, EspPartition};

/// Name and text of every stored dump.
pub(crate) const DUMPS: &[(&str, &str)] = &[
    (
        "broken-paths",
        include_str!("../../../../tests/fixtures/efi/broken-paths.vars"),
    ),
    (
        "dell-duplicates",
        include_str!("../../../../tests/fixtures/efi/dell-duplicates.vars"),
    ),
    (
        "dell-poweredge",
        include_str!("../../../../tests/fixtures/efi/dell-poweredge.vars"),
    ),
    (
        "dell-redeployed",
        include_str!("../../../../tests/fixtures/efi/dell-redeployed.vars"),
    ),
    (
        "hpe-full-paths",
        include_str!("../../../../tests/fixtures/efi/hpe-full-paths.vars"),
    ),
    (
        "lenovo-locked",
        include_str!("../../../../tests/fixtures/efi/lenovo-locked.vars"),
    ),
    (
        "next-dangles",
        include_str!("../../../../tests/fixtures/efi/next-dangles.vars"),
    ),
    (
        "next-is-kept",
        include_str!("../../../../tests/fixtures/efi/next-is-kept.vars"),
    ),
    (
        "nothing",
        include_str!("../../../../tests/fixtures/efi/nothing.vars"),
    ),
    (
        "odd-labels",
        include_str!("../../../../tests/fixtures/efi/odd-labels.vars"),
    ),
    (
        "ovmf-new",
        include_str!("../../../../tests/fixtures/efi/ovmf-new.vars"),
    ),
    (
        "ovmf-shim",
        include_str!("../../../../tests/fixtures/efi/ovmf-shim.vars"),
    ),
    (
        "supermicro-spellings",
        include_str!("../../../../tests/fixtures/efi/supermicro-spellings.vars"),
    ),
];

/// The variables of a dump.
pub(crate) fn read(dump: &str) -> Vec<EfiVariable> {
    let lines = dump.lines().filter(|line| !line.starts_with('#'));
    lines.map(variable).collect()
}

fn variable(line: &str) -> EfiVariable {
    let fields: Vec<&str> = line.split(' ').collect();
    let [name, attributes, value] = fields[..] else {
        panic!("not three fields: {line}");
    };
    let digits = value.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("digits");
        u8::from_str_radix(pair, 16).expect("a byte")
    };
    EfiVariable {
        name: format!("{name}-{GLOBAL_GUID}"),
        attributes: u32::from_str_radix(attributes, 16).expect("attributes"),
        data: digits.map(byte).collect(),
    }
}

/// An image of Debian: shim in front of GRUB, and at the path without an entry.
pub(crate) fn debian(fallback: bool) -> EspContents {
    let csv = "shimx64.efi,debian,,This is the boot entry for debian";
    let csv: Vec<u8> = csv.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut files = vec![
        file("EFI/debian/BOOTX64.CSV", Some(csv)),
        file("EFI/debian/shimx64.efi", None),
        file("EFI/debian/grubx64.efi", None),
    ];
    if fallback {
        files.push(file("EFI/BOOT/BOOTX64.EFI", None));
    }
    EspContents {
        partition: EspPartition {
            number: 1,
            start_lba: 0x800,
            size_lba: 0x2_0000,
            guid: "b3a7d6a0-3cf7-4f9a-9e8a-6a7d9c0e4f21"
                .parse()
                .expect("a GUID"),
        },
        files,
    }
}

fn file(path: &str, csv: Option<Vec<u8>>) -> EspFile {
    EspFile {
        path: path.into(),
        size: 4096,
        csv,
    }
}

/// What boot entries are decided on.
pub(crate) fn facts(variables: Vec<EfiVariable>, fallback: bool) -> EfiFacts {
    EfiFacts {
        esp: Some(debian(fallback)),
        architecture: Architecture::X64,
        variables: Ok(variables),
    }
}
