// SPDX-License-Identifier: Apache-2.0
//! Who the neighbour is and through which of its ports it speaks: chassis ID
//! and port ID (IEEE 802.1AB-2016 clauses 8.5.2 and 8.5.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{address, colons, printable};

/// Longest identifier, in octets without its subtype.
const LONGEST: usize = 255;

/// An identifier of a chassis or of a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Identifier {
    /// What kind it is: `chassis-component`, `interface-alias`, `port-component`,
    /// `mac-address`, `network-address`, `interface-name`, `agent-circuit-id`, `local`.
    pub kind: String,
    /// The identifier: text as it is; addresses in their usual form; anything
    /// else as octets, `de:ad:be:ef`.
    pub value: String,
}

/// What the octets after the subtype are.
#[derive(Debug, Clone, Copy)]
enum Content {
    Text,
    Mac,
    Network,
    Octets,
}

/// Subtypes of chassis identifiers from 1 on (802.1AB table 8-2).
const CHASSIS: [(&str, Content); 7] = [
    ("chassis-component", Content::Text),
    ("interface-alias", Content::Text),
    ("port-component", Content::Text),
    ("mac-address", Content::Mac),
    ("network-address", Content::Network),
    ("interface-name", Content::Text),
    ("local", Content::Text),
];

/// Subtypes of port identifiers from 1 on (802.1AB table 8-3).
const PORT: [(&str, Content); 7] = [
    ("interface-alias", Content::Text),
    ("port-component", Content::Text),
    ("mac-address", Content::Mac),
    ("network-address", Content::Network),
    ("interface-name", Content::Text),
    ("agent-circuit-id", Content::Octets),
    ("local", Content::Text),
];

pub(super) fn chassis(value: &[u8]) -> Result<Identifier, (Option<Identifier>, String)> {
    read(&CHASSIS, value)
}

pub(super) fn port(value: &[u8]) -> Result<Identifier, (Option<Identifier>, String)> {
    read(&PORT, value)
}

/// The identifier; or what can be kept of it and what is wrong.
fn read(
    kinds: &[(&str, Content)],
    value: &[u8],
) -> Result<Identifier, (Option<Identifier>, String)> {
    let [subtype, octets @ ..] = value else {
        return Err((None, "is empty".to_owned()));
    };
    if octets.is_empty() {
        return Err((None, "has a subtype but no identifier".to_owned()));
    }
    let known = usize::from(*subtype)
        .checked_sub(1)
        .and_then(|index| kinds.get(index));
    let made = |kind: &str, value: String| Identifier {
        kind: kind.to_owned(),
        value,
    };
    let Some((kind, content)) = known else {
        let kept = made(&format!("reserved-{subtype}"), colons(octets));
        return Err((Some(kept), format!("has the reserved subtype {subtype}")));
    };
    let broken = |problem: &str| {
        let kept = made(kind, colons(octets));
        Err((Some(kept), problem.to_owned()))
    };
    if octets.len() > LONGEST {
        return broken("is longer than 255 octets");
    }
    match content {
        Content::Octets => Ok(made(kind, colons(octets))),
        Content::Mac if octets.len() == 6 => Ok(made(kind, colons(octets))),
        Content::Mac => broken("is a MAC address that has not 6 octets"),
        Content::Network => match octets {
            [family, octets @ ..] if !octets.is_empty() => match address(*family, octets) {
                Some(address) => Ok(made(kind, address)),
                None => broken("is a network address whose length does not fit its family"),
            },
            _ => broken("is a network address without octets"),
        },
        Content::Text => match printable(octets) {
            Some(text) => Ok(made(kind, text)),
            None => broken("is not text"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_read_as_people_write_them() {
        let cases: [(&[u8], &str, &str); 8] = [
            (
                b"\x04\x44\x4c\xa8\x01\x02\x03",
                "mac-address",
                "44:4c:a8:01:02:03",
            ),
            (b"\x05\x01\xc0\x00\x02\x01", "network-address", "192.0.2.1"),
            (
                b"\x05\x02\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
                "network-address",
                "2001:db8::1",
            ),
            (b"\x05\x10\x01\x02", "network-address", "01:02"),
            (b"\x01FOC2151X0AB", "chassis-component", "FOC2151X0AB"),
            (b"\x06eth0", "interface-name", "eth0"),
            (b"\x07leaf-1", "local", "leaf-1"),
            (b"\x07leaf-1\0", "local", "leaf-1"),
        ];
        for (octets, kind, value) in cases {
            let found = chassis(octets).expect("sound");
            assert_eq!((found.kind.as_str(), found.value.as_str()), (kind, value));
        }
        let circuit = port(b"\x06\x01\x02").expect("sound");
        assert_eq!(circuit.value, "01:02");
    }

    #[test]
    fn what_is_broken_keeps_its_octets() {
        let long = [&[7][..], &[b'x'; 256]].concat();
        let cases: [(&[u8], Option<&str>, &str); 8] = [
            (b"", None, "is empty"),
            (b"\x04", None, "no identifier"),
            (b"\x04\x44\x4c", Some("44:4c"), "6 octets"),
            (b"\x05\x01\xc0\x00", Some("01:c0:00"), "does not fit"),
            (b"\x05\x01", Some("01"), "without octets"),
            (b"\x07\xff\xfe", Some("ff:fe"), "not text"),
            (b"\x09x", Some("78"), "reserved subtype 9"),
            (&long, Some("78:78"), "longer than 255"),
        ];
        for (octets, kept, words) in cases {
            let (found, problem) = chassis(octets).expect_err("broken");
            assert!(problem.contains(words), "{problem}");
            match kept {
                None => assert_eq!(found, None),
                Some(start) => assert!(found.expect("kept").value.starts_with(start)),
            }
        }
    }
}
