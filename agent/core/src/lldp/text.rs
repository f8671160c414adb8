// SPDX-License-Identifier: Apache-2.0
//! Octets of a neighbour as text. A neighbour is a stranger: what it sends must
//! not move a cursor or colour a screen.

use std::net::{Ipv4Addr, Ipv6Addr};

/// IANA address family numbers, as LLDP uses them.
pub(super) const IPV4: u8 = 1;
pub(super) const IPV6: u8 = 2;
const MAC: u8 = 6;

/// The octets as text if they are printable UTF-8. Trailing zero octets are
/// left out: some switches send their C strings whole.
pub(super) fn printable(octets: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(without_zeros(octets)).ok()?;
    let sound = !text.is_empty() && !text.chars().any(unprintable);
    sound.then(|| text.to_owned())
}

/// The octets as text, with a replacement character for all that is not, and
/// whether nothing had to be replaced.
pub(super) fn cleaned(octets: &[u8]) -> (String, bool) {
    let text = String::from_utf8_lossy(without_zeros(octets));
    let clean: String = text
        .chars()
        .map(|c| if unprintable(c) { '\u{fffd}' } else { c })
        .collect();
    let sound = clean.as_bytes() == without_zeros(octets);
    (clean, sound)
}

/// Line ends and tabs are common in system descriptions.
pub(super) fn unprintable(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

/// The text in one line, for a sentence.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_zeros(octets: &[u8]) -> &[u8] {
    let end = octets.iter().rposition(|octet| *octet != 0);
    octets
        .get(..end.map_or(0, |last| last + 1))
        .unwrap_or_default()
}

/// `de:ad:be:ef`.
pub(super) fn colons(octets: &[u8]) -> String {
    let parts: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    parts.join(":")
}

/// The name of an IANA address family.
pub(super) fn family_name(family: u8) -> String {
    match family {
        IPV4 => "ipv4".to_owned(),
        IPV6 => "ipv6".to_owned(),
        MAC => "mac".to_owned(),
        other => format!("family-{other}"),
    }
}

/// An address of an IANA family in its usual form; `None` if its length does
/// not fit the family.
pub(super) fn address(family: u8, octets: &[u8]) -> Option<String> {
    match family {
        IPV4 => <[u8; 4]>::try_from(octets)
            .ok()
            .map(|octets| Ipv4Addr::from(octets).to_string()),
        IPV6 => <[u8; 16]>::try_from(octets)
            .ok()
            .map(|octets| Ipv6Addr::from(octets).to_string()),
        MAC => (octets.len() == 6).then(|| colons(octets)),
        _ => Some(colons(octets)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_cannot_write_on_the_screen() {
        let cases: [(&[u8], &str, bool); 5] = [
            (b"leaf-1\0\0", "leaf-1", true),
            (b"Line 1\r\nLine 2", "Line 1\r\nLine 2", true),
            (b"\x1b[31mred", "\u{fffd}[31mred", false),
            (b"caf\xe9", "caf\u{fffd}", false),
            (b"", "", true),
        ];
        for (octets, text, sound) in cases {
            assert_eq!(cleaned(octets), (text.to_owned(), sound), "{octets:x?}");
        }
    }
}
