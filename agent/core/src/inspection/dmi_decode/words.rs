// SPDX-License-Identifier: Apache-2.0
//! How dmidecode writes numbers, names and strings.

use serde_json::{Map, Value, json};

use crate::smbios::Structure;
use crate::smbios::memory_names::name;

/// What a number without a name is called.
pub(super) const OUT_OF_SPEC: &str = "<OUT OF SPEC>";
const UNITS: &[&str] = &["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];

/// One structure as an object.
pub(super) struct Section(Map<String, Value>);

impl Section {
    pub(super) fn new(structure: &Structure<'_>) -> Self {
        let handle = format!(
            "Handle 0x{:04X}, DMI type {}, {} bytes",
            structure.handle,
            structure.kind,
            structure.length()
        );
        Self(Map::from_iter([("Handle".to_owned(), json!(handle))]))
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// A line with a value, left out if there is none. A value of blanks alone
    /// is none for whoever reads the lines, and becomes a list.
    pub(super) fn put(&mut self, key: &str, value: Option<impl Into<String>>) {
        let Some(value) = value else {
            return;
        };
        let value = value.into();
        let value = match value.trim() {
            "" => json!([]),
            text => json!(text),
        };
        self.0.insert(key.to_owned(), value);
    }

    /// A line without a value and the lines below it.
    pub(super) fn put_list(&mut self, key: &str, values: &[&str]) {
        self.0.insert(key.to_owned(), json!(values));
    }
}

/// The string a byte refers to. What is not ASCII is shown as dots.
pub(super) fn string(structure: &Structure<'_>, offset: usize) -> Option<String> {
    Some(match structure.byte(offset)? {
        0 => "Not Specified".to_owned(),
        number => structure.stored_string(number).map_or_else(
            || "<BAD INDEX>".to_owned(),
            |bytes| bytes.iter().map(|byte| printable(*byte)).collect(),
        ),
    })
}

fn printable(byte: u8) -> char {
    if (0x20..0x7f).contains(&byte) {
        char::from(byte)
    } else {
        '.'
    }
}

/// The name of a number, or that it has none.
pub(super) fn named(list: &[&'static str], number: u8) -> &'static str {
    name(list, number).unwrap_or(OUT_OF_SPEC)
}

/// A number with its unit, where 0 is unknown.
pub(super) fn with_unit(number: u32, unit: &str) -> String {
    if number == 0 {
        "Unknown".to_owned()
    } else {
        format!("{number} {unit}")
    }
}

/// The names of the bits, or `None`.
pub(super) fn joined(names: &[&str]) -> String {
    if names.is_empty() {
        "None".to_owned()
    } else {
        names.join(" ")
    }
}

/// A size in the largest unit in which no part of the next smaller one is lost.
/// `unit` is the index of the unit the size is given in: 0 bytes, 1 kB, 2 MB.
pub(super) fn size(size: u64, unit: usize) -> String {
    let part = |index: usize| (size >> (10 * index)) & 0x3ff;
    let highest = (0..=6).rev().find(|index| part(*index) != 0).unwrap_or(0);
    let (number, index) = match highest.checked_sub(1) {
        Some(below) if part(below) != 0 => (part(highest) * 1024 + part(below), below),
        _ => (part(highest), highest),
    };
    let unit = UNITS.get(index + unit).copied().unwrap_or(OUT_OF_SPEC);
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_in_a_fitting_unit() {
        for (number, unit, expected) in [
            (0, 0, "0 bytes"),
            (512, 0, "512 bytes"),
            (1536 << 20, 0, "1536 MB"),
            (16 << 30, 0, "16 GB"),
            (7680 << 20, 1, "7680 GB"),
            (16_384, 2, "16 GB"),
            (100_001, 2, "100001 MB"),
            (1000, 1, "1000 kB"),
            (u64::MAX, 2, "16383 <OUT OF SPEC>"),
        ] {
            assert_eq!(size(number, unit), expected, "{number} {unit}");
        }
    }
}
