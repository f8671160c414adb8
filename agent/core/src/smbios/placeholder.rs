// SPDX-License-Identifier: Apache-2.0
//! Texts that firmware ships where a value should have been filled in.

/// Lower-case, as the vendors wrote them.
const PLACEHOLDERS: &[&str] = &[
    "0123456789",
    "[empty]",
    "default string",
    "dimm not installed",
    "empty",
    "fill by oem",
    "n/a",
    "no dimm",
    "no module installed",
    "none",
    "not available",
    "not installed",
    "not present",
    "not provided",
    "not specified",
    "o.e.m.",
    "system manufacturer",
    "system product name",
    "system serial number",
    "system version",
    "to be filled by o.e.m.",
    "to be filled by o.e.m",
    "undefined",
    "unknown",
    "unspecified",
];

/// Characters that fields are filled with.
const FILLERS: &[char] = &['0', 'f', 'x', '-', '.', '*', '?'];

/// Whether a text says nothing about this machine.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    text.is_empty() || PLACEHOLDERS.contains(&text.as_str()) || is_filler(&text)
}

/// One character over and over, as in unwritten serial numbers. One or two of
/// them may be a version.
fn is_filler(text: &str) -> bool {
    text.len() > 3
        && FILLERS
            .iter()
            .any(|filler| text.chars().all(|char| char == *filler))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_values() {
        for (text, expected) in [
            ("To Be Filled By O.E.M.", true),
            ("Not Specified", true),
            (" ", true),
            ("00000000", true),
            ("XXXXXXX", true),
            ("0000000A", false),
            ("00", false),
            ("ABC1234", false),
            ("Dell Inc.", false),
        ] {
            assert_eq!(is_placeholder(text), expected, "{text}");
        }
    }
}
