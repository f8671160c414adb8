// SPDX-License-Identifier: Apache-2.0
//! Firmware: which one, how it boots, and what it would boot (DSP0134 §7.1,
//! UEFI specification §3.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Absences, Source};
use crate::boot::LoadOption;
use crate::boot::variables::{GLOBAL_GUID, entry_number, numbers};
use crate::inventory::text_or_none;
use crate::smbios::version;
use crate::snapshot::Tree;

const BIOS: u8 = 0;
const EFI: &str = "/sys/firmware/efi";
const VARIABLES: &str = "/sys/firmware/efi/efivars";
/// Bytes of the attributes before each variable's value.
const ATTRIBUTES: usize = 4;

/// The machine's firmware.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Firmware {
    /// Who made it.
    pub vendor: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Date, in the vendor's spelling.
    pub date: Option<String>,
    /// Release of the system firmware, `2.10`.
    pub release: Option<String>,
    /// Release of the embedded controller's firmware, `1.7`.
    pub controller_release: Option<String>,
    /// Version of the SMBIOS tables, `3.2`.
    pub smbios_version: Option<String>,
    /// How this system was started: `uefi` or `bios`.
    pub boot_mode: String,
    /// Whether the firmware is 64-bit or 32-bit; null in BIOS mode.
    pub uefi_bits: Option<u8>,
    /// Whether Secure Boot is enforced.
    pub secure_boot: Option<bool>,
    /// Whether Secure Boot waits for its keys.
    pub setup_mode: Option<bool>,
    /// Boot entries, by number.
    pub boot_entries: Vec<BootEntry>,
    /// Numbers of the entries in the order they are tried.
    pub boot_order: Vec<String>,
    /// The entry that started this system.
    pub boot_current: Option<String>,
    /// The entry that the next start alone uses.
    pub boot_next: Option<String>,
}

/// A boot entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BootEntry {
    /// Its number, four hexadecimal digits: `001A`.
    pub number: String,
    /// What the firmware's menu shows.
    pub label: String,
    /// Whether the firmware tries it.
    pub active: bool,
    /// What is loaded: the device path as text.
    pub path: String,
}

pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> Firmware {
    let files = source.files;
    let text = |offset, attribute: &str| {
        source
            .smbios
            .iter()
            .find(|structure| structure.kind == BIOS)
            .and_then(|bios| bios.string(offset))
            .or_else(|| text_or_none(files, &format!("/sys/class/dmi/id/{attribute}")))
    };
    let uefi = files.exists(EFI);
    let mut firmware = Firmware {
        vendor: text(0x04, "bios_vendor"),
        version: absent.expect(
            text(0x05, "bios_version"),
            "firmware",
            "version",
            "no SMBIOS table tells it",
        ),
        date: text(0x08, "bios_date"),
        release: release(source, 0x14, "bios_release"),
        controller_release: release(source, 0x16, "ec_firmware_release"),
        smbios_version: files
            .bytes("/sys/firmware/dmi/tables/smbios_entry_point")
            .and_then(version)
            .map(|(major, minor)| format!("{major}.{minor}")),
        boot_mode: if uefi { "uefi" } else { "bios" }.into(),
        ..Firmware::default()
    };
    if uefi {
        read_efi(files, &mut firmware, absent);
    }
    firmware
}

/// Major and minor release in two bytes, 0xFF if there is none (DSP0134 §7.1).
fn release(source: &Source<'_>, offset: usize, attribute: &str) -> Option<String> {
    let stored = source
        .smbios
        .iter()
        .find(|structure| structure.kind == BIOS)
        .and_then(|bios| bios.bytes::<2>(offset));
    match stored {
        Some([0xff, _] | [_, 0xff]) => None,
        Some([major, minor]) => Some(format!("{major}.{minor}")),
        None => text_or_none(source.files, &format!("/sys/class/dmi/id/{attribute}")),
    }
}

fn read_efi(files: &Tree, firmware: &mut Firmware, absent: &mut Absences) {
    firmware.uefi_bits = files.number(&format!("{EFI}/fw_platform_size"));
    let names = files.names(VARIABLES);
    if names.is_empty() {
        let reason = "the firmware's variables are not readable";
        absent.note("firmware", "Secure Boot and boot entries", reason);
        return;
    }
    let number = |name: &str| {
        let number = numbers(global(files, name)?).first().copied()?;
        Some(format!("{number:04X}"))
    };
    let flag = |name: &str| global(files, name)?.first().map(|byte| *byte == 1);
    let secure_boot = flag("SecureBoot");
    let reason = "the firmware has no such variable";
    firmware.secure_boot = absent.expect(secure_boot, "firmware", "secure_boot", reason);
    firmware.setup_mode = flag("SetupMode");
    firmware.boot_current = number("BootCurrent");
    firmware.boot_next = number("BootNext");
    firmware.boot_order = numbers(global(files, "BootOrder").unwrap_or_default())
        .into_iter()
        .map(|number| format!("{number:04X}"))
        .collect();
    for name in names {
        let Some(number) = entry_number(name).map(|number| format!("{number:04X}")) else {
            continue;
        };
        match value(files, name).and_then(LoadOption::decode) {
            Some(option) => firmware.boot_entries.push(BootEntry {
                number,
                active: option.is_active(),
                path: option.path.to_string(),
                label: option.description,
            }),
            None => absent.note(format!("Boot{number}"), "boot entry", "it is damaged"),
        }
    }
    firmware
        .boot_entries
        .sort_by(|one, other| one.number.cmp(&other.number));
}

fn global<'a>(files: &'a Tree, name: &str) -> Option<&'a [u8]> {
    value(files, &format!("{name}-{GLOBAL_GUID}"))
}

fn value<'a>(files: &'a Tree, name: &str) -> Option<&'a [u8]> {
    files
        .bytes(&format!("{VARIABLES}/{name}"))?
        .get(ATTRIBUTES..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smbios::structures;
    use crate::smbios::tests::Builder;
    use crate::snapshot::{Bytes, Entry, Snapshot};

    fn firmware(table: &[u8], variables: &[(&str, Vec<u8>)]) -> (Firmware, Vec<String>) {
        let mut snapshot = Snapshot::default();
        for (name, data) in variables {
            let mut bytes = vec![7, 0, 0, 0];
            bytes.extend(data);
            let path = format!("{VARIABLES}/{name}-{GLOBAL_GUID}");
            snapshot.files.insert(path, Entry::File(Bytes(bytes)));
        }
        let structures = structures(table);
        let source = Source {
            snapshot: &snapshot,
            files: &snapshot.files,
            smbios: &structures,
        };
        let mut absent = Absences::default();
        let found = read(&source, &mut absent);
        let absent = absent.into_list();
        (
            found,
            absent.into_iter().map(|absence| absence.subject).collect(),
        )
    }

    fn option(active: u8, label: &str) -> Vec<u8> {
        let mut option = vec![active, 0, 0, 0, 4, 0];
        option.extend(label.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        option.extend([0x7f, 0xff, 4, 0]);
        option
    }

    #[test]
    fn entries_order_and_secure_boot_are_told() {
        let (found, absent) = firmware(
            &[],
            &[
                ("Boot0010", option(0, "PXE")),
                ("Boot0002", option(1, "debian")),
                ("Boot0003", vec![1, 0]),
                ("BootOrder", vec![2, 0, 0x10, 0]),
                ("BootCurrent", vec![2, 0]),
                ("BootNext", vec![0x10, 0]),
                ("BootOptionSupport", vec![1, 0, 0, 0]),
                ("SecureBoot", vec![1]),
                ("SetupMode", vec![0]),
            ],
        );
        assert_eq!(found.boot_mode, "uefi");
        assert_eq!(
            (found.secure_boot, found.setup_mode),
            (Some(true), Some(false))
        );
        assert_eq!(found.boot_order, ["0002", "0010"]);
        assert_eq!(found.boot_current.as_deref(), Some("0002"));
        assert_eq!(found.boot_next.as_deref(), Some("0010"));
        let labels: Vec<_> = found
            .boot_entries
            .iter()
            .map(|entry| (entry.number.as_str(), entry.label.as_str(), entry.active))
            .collect();
        assert_eq!(labels, [("0002", "debian", true), ("0010", "PXE", false)]);
        assert_eq!(absent, ["Boot0003", "firmware"]);
    }

    #[test]
    fn releases_may_be_missing() {
        let mut fixed = vec![0_u8; 0x18 - 4];
        fixed[0x14 - 4..].copy_from_slice(&[2, 10, 0xff, 0xff]);
        fixed[0x05 - 4] = 1;
        let table = Builder::default().add(0, 0, &fixed, &["1.0"]).end();
        let (found, absent) = firmware(&table, &[]);
        assert_eq!(found.release.as_deref(), Some("2.10"));
        assert_eq!(found.controller_release, None);
        assert_eq!(found.boot_mode, "bios");
        assert!(absent.is_empty(), "a BIOS has no Secure Boot to miss");
    }
}
