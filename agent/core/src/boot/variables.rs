// SPDX-License-Identifier: Apache-2.0
//! Names and values of the firmware's boot variables (UEFI specification §3.3),
//! spelled as efivarfs spells them: `Boot0001-8be4df61-93ca-11d2-aa0d-00e098032b8c`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An EFI variable as efivarfs holds it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EfiVariable {
    /// Name with GUID: `BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c`.
    pub name: String,
    /// Attribute bits (UEFI specification, `GetVariable`).
    pub attributes: u32,
    /// The value.
    pub data: Vec<u8>,
}

impl fmt::Debug for EfiVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.data.len())
    }
}

/// `EFI_GLOBAL_VARIABLE`, the vendor GUID of every boot variable.
pub const GLOBAL_GUID: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// `NON_VOLATILE | BOOTSERVICE_ACCESS | RUNTIME_ACCESS`.
pub const ATTRIBUTES: u32 = 7;

/// Name of the list that says which entry is tried when.
const BOOT_ORDER: &str = "BootOrder";
/// Name of the number of the entry that started this system.
const BOOT_CURRENT: &str = "BootCurrent";
/// Name of the number of the entry that is tried once, before the order.
const BOOT_NEXT: &str = "BootNext";

/// The name without its GUID, if the GUID is the one of boot variables.
fn global(name: &str) -> Option<&str> {
    let (name, guid) = name.split_once('-')?;
    guid.eq_ignore_ascii_case(GLOBAL_GUID).then_some(name)
}

/// Whether a file of efivarfs is `Boot####`, `BootOrder`, `BootCurrent` or `BootNext`.
#[must_use]
pub fn is_boot_variable(name: &str) -> bool {
    matches!(global(name), Some(BOOT_ORDER | BOOT_CURRENT | BOOT_NEXT))
        || entry_number(name).is_some()
}

/// The number of a `Boot####` variable. Small letters are wrong, but seen, and
/// occupy the number as well.
#[must_use]
pub fn entry_number(name: &str) -> Option<u16> {
    let digits = global(name)?.strip_prefix("Boot")?;
    let valid = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !valid {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

/// The name of an entry's variable.
#[must_use]
pub fn entry_name(number: u16) -> String {
    format!("Boot{number:04X}-{GLOBAL_GUID}")
}

/// The name of the boot order's variable.
#[must_use]
pub fn boot_order_name() -> String {
    format!("{BOOT_ORDER}-{GLOBAL_GUID}")
}

/// The boot order, if the firmware has one.
#[must_use]
pub fn boot_order(variables: &[EfiVariable]) -> Option<&EfiVariable> {
    named(variables, BOOT_ORDER)
}

/// The entry that started this system, if the firmware says so.
#[must_use]
pub fn boot_current(variables: &[EfiVariable]) -> Option<u16> {
    numbers(&named(variables, BOOT_CURRENT)?.data)
        .first()
        .copied()
}

/// The variable that names the entry to try once, if it names one.
#[must_use]
pub fn boot_next(variables: &[EfiVariable]) -> Option<(&EfiVariable, u16)> {
    let variable = named(variables, BOOT_NEXT)?;
    Some((variable, *numbers(&variable.data).first()?))
}

fn named<'a>(variables: &'a [EfiVariable], name: &str) -> Option<&'a EfiVariable> {
    variables
        .iter()
        .find(|variable| global(&variable.name) == Some(name))
}

/// The numbers in `BootOrder` or `BootCurrent`; half a number at the end is dropped.
#[must_use]
pub fn numbers(data: &[u8]) -> Vec<u16> {
    let (units, _) = data.as_chunks::<2>();
    units.iter().map(|unit| u16::from_le_bytes(*unit)).collect()
}

/// The value of a boot order.
#[must_use]
pub fn encode_numbers(numbers: &[u16]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let guid = GLOBAL_GUID;
        for (name, number) in [
            (format!("Boot0000-{guid}"), Some(0)),
            (format!("Boot00FE-{guid}"), Some(0xfe)),
            (format!("Boot00fe-{guid}"), Some(0xfe)),
            (format!("BootFFFF-{}", guid.to_uppercase()), Some(0xffff)),
            (format!("BootOrder-{guid}"), None),
            (format!("Boot001-{guid}"), None),
            (format!("Boot00001-{guid}"), None),
            (format!("Boot+001-{guid}"), None),
            (format!("Driver0001-{guid}"), None),
            ("Boot0001-605dab50-e046-4300-abb6-3dd810dd8b23".into(), None),
            ("Boot0001".into(), None),
        ] {
            assert_eq!(entry_number(&name), number, "{name}");
        }
        assert_eq!(entry_name(0x1a), format!("Boot001A-{guid}"));
    }

    #[test]
    fn boot_variables_are_recognised() {
        for (name, expected) in [
            (boot_order_name(), true),
            (entry_name(7), true),
            (format!("BootCurrent-{GLOBAL_GUID}"), true),
            (format!("BootNext-{GLOBAL_GUID}"), true),
            (format!("BootOptionSupport-{GLOBAL_GUID}"), false),
            (format!("Boot0001x-{GLOBAL_GUID}"), false),
        ] {
            assert_eq!(is_boot_variable(&name), expected, "{name}");
        }
    }

    #[test]
    fn numbers_are_little_endian_pairs() {
        assert_eq!(numbers(&[1, 0, 0xfe, 0xff, 9]), [1, 0xfffe]);
        assert_eq!(encode_numbers(&[1, 0xfffe]), [1, 0, 0xfe, 0xff]);
        let current = EfiVariable {
            name: format!("BootCurrent-{GLOBAL_GUID}"),
            attributes: 6,
            data: vec![3, 0],
        };
        assert_eq!(boot_current(std::slice::from_ref(&current)), Some(3));
        let next = EfiVariable {
            name: format!("BootNext-{GLOBAL_GUID}"),
            ..current.clone()
        };
        let empty = EfiVariable {
            data: vec![3],
            ..next.clone()
        };
        assert_eq!(boot_next(&[current]), None);
        assert_eq!(boot_next(&[empty]), None);
        assert_eq!(boot_next(std::slice::from_ref(&next)), Some((&next, 3)));
        assert_eq!(boot_current(&[]), None);
    }
}
