// SPDX-License-Identifier: Apache-2.0
//! Domain names as they travel in DHCP options and router advertisements
//! (RFC 1035 §3.1, §4.1.4), and servers that may be told by name.

use std::fmt;
use std::net::IpAddr;

/// The longest name in bytes, length bytes included (RFC 1035 §2.3.4).
const LONGEST: usize = 255;

/// Whether a list of names may abbreviate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// A name may end in the tail of an earlier one: DHCPv4 (RFC 3397).
    Allowed,
    /// Every name is whole: DHCPv6 (RFC 8415 §10) and router advertisements
    /// (RFC 8106 §5.2).
    Forbidden,
}

/// A list of names, in order and without duplicates. Nothing if the list is
/// damaged; a name that cannot stand in `/etc/resolv.conf` is left out, and so
/// is the root, which pads the lists of router advertisements.
#[must_use]
pub fn read_list(bytes: &[u8], compression: Compression) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (labels, after) = read_labels(bytes, at, compression)?;
        at = after;
        if let Some(name) = host_name(&labels)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    Some(names)
}

/// The labels of the name at `start`, and where the next name begins. An
/// abbreviation must point before the part it belongs to, so every chain of
/// them ends.
fn read_labels(
    bytes: &[u8],
    start: usize,
    compression: Compression,
) -> Option<(Vec<&[u8]>, usize)> {
    let mut labels = Vec::new();
    let (mut at, mut part, mut length) = (start, start, 0);
    let mut after = None;
    loop {
        let first = *bytes.get(at)?;
        match first {
            0 => return Some((labels, after.unwrap_or(at + 1))),
            1..=63 => {
                let end = at + 1 + usize::from(first);
                labels.push(bytes.get(at + 1..end)?);
                length += 1 + usize::from(first);
                at = end;
            }
            0xc0..=0xff if compression == Compression::Allowed => {
                let second = *bytes.get(at + 1)?;
                let target = usize::from(u16::from_be_bytes([first & 0x3f, second]));
                if target >= part {
                    return None;
                }
                after = after.or(Some(at + 2));
                at = target;
                part = target;
            }
            _ => return None,
        }
        if length >= LONGEST {
            return None;
        }
    }
}

/// A name that fits into a file: letters, digits, hyphens and underscores.
fn host_name(labels: &[&[u8]]) -> Option<String> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fits = |label: &&[u8]| label.iter().all(plain);
    if labels.is_empty() || !labels.iter().all(fits) {
        return None;
    }
    let texts = labels.iter().map(|label| std::str::from_utf8(label));
    let texts: Vec<&str> = texts.collect::<Result<_, _>>().ok()?;
    Some(texts.join("."))
}

/// A server told by address or by name, such as an NTP server (RFC 5908 §4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerName {
    /// Its address.
    Address(IpAddr),
    /// A name that has to be looked up.
    Name(String),
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerName::Address(address) => address.fmt(f),
            ServerName::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 3397 §2 in one piece.
    const APPLE: &[u8] = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";

    #[test]
    fn lists_are_read() {
        type Case<'a> = (&'a [u8], Compression, Option<Vec<&'a str>>);
        use Compression::{Allowed, Forbidden};
        let long = [&[63; 64][..]; 4].concat();
        let cases: [Case<'_>; 13] = [
            (
                APPLE,
                Allowed,
                Some(vec!["eng.apple.com", "marketing.apple.com"]),
            ),
            (APPLE, Forbidden, None),
            (b"\x01a\x00\x01b\x00", Forbidden, Some(vec!["a", "b"])),
            (b"\x01a\x00\x01a\x00", Forbidden, Some(vec!["a"])),
            // Padding of a router advertisement.
            (b"\x01a\x01b\x00\x00\x00\x00", Forbidden, Some(vec!["a.b"])),
            // What would spoil the file.
            (b"\x03a b\x00\x01c\x00", Forbidden, Some(vec!["c"])),
            (b"\x02a\n\x00", Forbidden, Some(vec![])),
            // Cut off, to itself, forwards, in a circle, too long.
            (b"\x03ab", Forbidden, None),
            (b"\x01a", Forbidden, None),
            (b"\xc0\x00", Allowed, None),
            (b"\x01a\xc0\x05\x00\x01b\x00", Allowed, None),
            (b"\x01a\xc0\x00", Allowed, None),
            (&long, Forbidden, None),
        ];
        for (bytes, compression, expected) in cases {
            let expected: Option<Vec<String>> =
                expected.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(read_list(bytes, compression), expected, "{bytes:?}");
        }
    }

    #[test]
    fn every_cut_is_survived() {
        for length in 0..APPLE.len() {
            let names = read_list(&APPLE[..length], Compression::Allowed);
            let whole = matches!(length, 0 | 15);
            assert_eq!(names.is_some(), whole, "{length}");
        }
    }
}
