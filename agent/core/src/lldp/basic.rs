// SPDX-License-Identifier: Apache-2.0
//! The basic management set: capabilities and management addresses
//! (IEEE 802.1AB-2016 clauses 8.5.8 and 8.5.9).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{address, colons, family_name};

/// System capabilities by bit (802.1AB table 8-4).
const CAPABILITIES: [&str; 11] = [
    "other",
    "repeater",
    "bridge",
    "wlan-access-point",
    "router",
    "telephone",
    "docsis",
    "station",
    "c-vlan",
    "s-vlan",
    "two-port-relay",
];

/// An address at which the neighbour can be managed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ManagementAddress {
    /// Address family: `ipv4`, `ipv6`, `mac`, or `family-N` with the number IANA gave it.
    pub family: String,
    /// The address.
    pub address: String,
    /// How the interface is numbered: `unknown`, `if-index`, `system-port`.
    pub interface_numbering: Option<String>,
    /// Number of the neighbour's interface that has the address.
    pub interface_number: Option<u32>,
}

/// What the neighbour is able to do, and what of it is switched on.
pub(super) fn capabilities(value: &[u8]) -> Option<(Vec<String>, Vec<String>)> {
    let [a, b, c, d, ..] = *value else {
        return None;
    };
    let names = |bits: u16| {
        let set = |(bit, name): (usize, &&str)| (bits >> bit & 1 == 1).then(|| (*name).to_owned());
        CAPABILITIES.iter().enumerate().filter_map(set).collect()
    };
    Some((
        names(u16::from_be_bytes([a, b])),
        names(u16::from_be_bytes([c, d])),
    ))
}

/// The address; or what can be kept of it and what is wrong.
pub(super) fn management_address(
    value: &[u8],
) -> Result<ManagementAddress, (Option<ManagementAddress>, String)> {
    let none = |problem: &str| Err((None, problem.to_owned()));
    let [length, after @ ..] = value else {
        return none("is empty");
    };
    let Some((identity, interface)) = after.split_at_checked(usize::from(*length)) else {
        return none("claims an address longer than the TLV");
    };
    let [family, octets @ ..] = identity else {
        return none("has no address");
    };
    if octets.is_empty() {
        return none("has no address");
    }
    let read = address(*family, octets);
    let mut found = ManagementAddress {
        family: family_name(*family),
        address: read.clone().unwrap_or_else(|| colons(octets)),
        ..ManagementAddress::default()
    };
    let [numbering, a, b, c, d, rest @ ..] = interface else {
        return Err((Some(found), "ends before its interface number".to_owned()));
    };
    found.interface_numbering = Some(match numbering {
        1 => "unknown".to_owned(),
        2 => "if-index".to_owned(),
        3 => "system-port".to_owned(),
        other => format!("reserved-{other}"),
    });
    found.interface_number = Some(u32::from_be_bytes([*a, *b, *c, *d]));
    let problem = match rest {
        _ if read.is_none() => Some("has an address whose length does not fit its family"),
        [] => Some("ends before its object identifier"),
        [length, oid @ ..] if usize::from(*length) > oid.len() => {
            Some("claims an object identifier longer than the TLV")
        }
        _ => None,
    };
    match problem {
        None => Ok(found),
        Some(problem) => Err((Some(found), problem.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_have_names() {
        let (able, enabled) = capabilities(&[0x00, 0x14, 0x00, 0x04]).expect("sound");
        assert_eq!(able, ["bridge", "router"]);
        assert_eq!(enabled, ["bridge"]);
        let (all, _) = capabilities(&[0xff, 0xff, 0, 0]).expect("sound");
        assert_eq!(all.len(), CAPABILITIES.len());
        assert_eq!(capabilities(&[0, 0x14, 0]), None);
    }

    #[test]
    fn management_addresses_of_every_family() {
        let cases: [(&[u8], &str, &str, u32); 3] = [
            (
                b"\x05\x01\xc0\0\x02\x09\x02\0\0\0\x07\0",
                "ipv4",
                "192.0.2.9",
                7,
            ),
            (
                b"\x11\x02\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x03\0\x0f\x42\x40\x02\x2b\x06",
                "ipv6",
                "2001:db8::1",
                1_000_000,
            ),
            (
                b"\x07\x06\x44\x4c\xa8\x01\x02\x03\x01\0\0\0\0\0",
                "mac",
                "44:4c:a8:01:02:03",
                0,
            ),
        ];
        for (octets, family, address, number) in cases {
            let found = management_address(octets).expect("sound");
            assert_eq!(
                (found.family.as_str(), found.address.as_str()),
                (family, address)
            );
            assert_eq!(found.interface_number, Some(number));
        }
    }

    #[test]
    fn a_broken_management_address_keeps_what_is_good() {
        let cases: [(&[u8], Option<&str>, &str); 8] = [
            (b"", None, "is empty"),
            (b"\0", None, "has no address"),
            (b"\x01\x01", None, "has no address"),
            (b"\x20\x01\xc0", None, "longer than the TLV"),
            (
                b"\x05\x01\xc0\0\x02\x09",
                Some("192.0.2.9"),
                "before its interface",
            ),
            (
                b"\x05\x01\xc0\0\x02\x09\x02\0\0\0\x07",
                Some("192.0.2.9"),
                "before its object",
            ),
            (
                b"\x05\x01\xc0\0\x02\x09\x02\0\0\0\x07\x09\x01",
                Some("192.0.2.9"),
                "object identifier longer",
            ),
            (
                b"\x04\x01\xc0\0\x02\x02\0\0\0\x07\0",
                Some("c0:00:02"),
                "does not fit",
            ),
        ];
        for (octets, kept, words) in cases {
            let (found, problem) = management_address(octets).expect_err("broken");
            assert!(problem.contains(words), "{problem}");
            assert_eq!(found.map(|found| found.address).as_deref(), kept);
        }
    }
}
