// SPDX-License-Identifier: Apache-2.0
//! Texts that firmware ships where a value should have been filled in.

/// Lower-case, as the vendors wrote them.
const PLACEHOLDERS: &[&str] = &[
    "0123456789",
    "default string",
    "empty",
    "n/a",
    "no dimm",
    "none",
    "not available",
    "not provided",
    "not specified",
    "o.e.m.",
    "system manufacturer",
    "system product name",
    "system serial number",
    "system version",
    "to be filled by o.e.m.",
    "to be filled by o.e.m",
    "unknown",
    "unspecified",
    "xxxxxxx",
];

/// Whether a text says nothing about this machine.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    text.is_empty() || PLACEHOLDERS.contains(&text.as_str())
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
            ("ABC1234", false),
            ("Dell Inc.", false),
        ] {
            assert_eq!(is_placeholder(text), expected, "{text}");
        }
    }
}
