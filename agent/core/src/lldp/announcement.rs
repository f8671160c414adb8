// SPDX-License-Identifier: Apache-2.0
//! What this machine says of itself on a port, as a frame
//! (IEEE 802.1AB-2016 clauses 8 and 9.1.2).

use std::net::IpAddr;

use bootconfig::MacAddr;

use super::frame::{ETHERTYPE, GROUPS};
use super::system::System;
use super::text::{IPV4, IPV6, unprintable};
use super::tlv::{END, write};

/// How long our words count, in seconds: four intervals of 30 s and one second
/// (802.1AB clause 9.2.5.22, `txTTL`).
const TTL_S: u16 = 121;

/// Longest text in octets (clauses 8.5.5 to 8.5.7).
const LONGEST_TEXT: usize = 255;

/// More addresses are left out, so that the frame fits into an ordinary one.
const MOST_ADDRESSES: usize = 8;

/// Shortest frame of Ethernet without its checksum, in octets.
const SHORTEST_FRAME: usize = 60;

/// Bit of the capability "station only" (table 8-4).
const STATION_ONLY: u16 = 1 << 7;

/// Subtype of a chassis identifier that is a MAC address (table 8-2).
const CHASSIS_MAC: u8 = 4;

/// Subtype of a port identifier that is a MAC address (table 8-3).
const PORT_MAC: u8 = 3;

/// An interface number is the kernel's index of the link (clause 8.5.9.5).
const IF_INDEX: u8 = 2;

/// An address at which this machine can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalAddress {
    /// Index of the link that has it.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
}

/// Everything that is said on one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Names the machine.
    pub chassis: MacAddr,
    /// Names the port.
    pub port: MacAddr,
    /// The address the frame comes from: that of the port now, which a bond
    /// can have changed.
    pub source: MacAddr,
    /// The kernel's name of the port.
    pub port_name: String,
    /// What is the same on every port.
    pub system: System,
    /// Where the machine can be reached through this port; the first eight
    /// count.
    pub addresses: Vec<LocalAddress>,
}

impl Announcement {
    /// The frame, from the destination address on, without checksum.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let mut frame = self.begun(TTL_S);
        text(&mut frame, 4, &self.port_name);
        text(
            &mut frame,
            5,
            self.system.name.as_deref().unwrap_or_default(),
        );
        text(&mut frame, 6, &self.system.description);
        let [high, low] = STATION_ONLY.to_be_bytes();
        write(&mut frame, 7, &[high, low, high, low]);
        for address in self.addresses.iter().take(MOST_ADDRESSES) {
            write(&mut frame, 8, &management_address(*address));
        }
        ended(frame)
    }

    /// The frame that takes everything back: the machine leaves
    /// (clause 9.1.2.2).
    #[must_use]
    pub fn farewell(&self) -> Vec<u8> {
        ended(self.begun(0))
    }

    /// Whether a neighbour that heard the other one takes both for the same
    /// machine and port.
    pub(super) fn is_from(&self, other: &Self) -> bool {
        (self.chassis, self.port) == (other.chassis, other.port)
    }

    /// Header, chassis ID, port ID and time to live.
    fn begun(&self, ttl: u16) -> Vec<u8> {
        let [nearest_bridge, ..] = GROUPS;
        let mut frame = nearest_bridge.to_vec();
        frame.extend(self.source.0);
        frame.extend(ETHERTYPE.to_be_bytes());
        write(&mut frame, 1, &mac(CHASSIS_MAC, self.chassis));
        write(&mut frame, 2, &mac(PORT_MAC, self.port));
        write(&mut frame, 3, &ttl.to_be_bytes());
        frame
    }
}

fn ended(mut frame: Vec<u8>) -> Vec<u8> {
    write(&mut frame, END, &[]);
    frame.resize(frame.len().max(SHORTEST_FRAME), 0);
    frame
}

fn mac(subtype: u8, address: MacAddr) -> Vec<u8> {
    [&[subtype][..], &address.0].concat()
}

/// Nothing is said where there is nothing to say.
fn text(frame: &mut Vec<u8>, kind: u8, words: &str) {
    let words = sendable(words);
    if !words.is_empty() {
        write(frame, kind, words.as_bytes());
    }
}

/// The text without what could harm whoever shows it, cut to what fits, at the
/// end of a character.
fn sendable(words: &str) -> String {
    let mut left = LONGEST_TEXT;
    words
        .chars()
        .filter(|c| !unprintable(*c))
        .take_while(|c| match left.checked_sub(c.len_utf8()) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        })
        .collect()
}

/// Length, family, address, link; no object identifier (clause 8.5.9).
fn management_address(address: LocalAddress) -> Vec<u8> {
    let (family, octets) = match address.address {
        IpAddr::V4(address) => (IPV4, address.octets().to_vec()),
        IpAddr::V6(address) => (IPV6, address.octets().to_vec()),
    };
    // Family and address: at most 17 octets.
    let length = if octets.len() == 4 { 5 } else { 17 };
    let mut value = vec![length, family];
    value.extend(octets);
    value.push(IF_INDEX);
    value.extend(address.link.to_be_bytes());
    value.push(0);
    value
}

#[cfg(test)]
mod tests {
    use super::super::{Neighbour, decode};
    use super::*;

    fn announcement() -> Announcement {
        Announcement {
            chassis: MacAddr([0x3c, 0xec, 0xef, 0, 0, 1]),
            port: MacAddr([0x3c, 0xec, 0xef, 0, 0, 2]),
            source: MacAddr([0x3c, 0xec, 0xef, 0, 0, 3]),
            port_name: "eno2".into(),
            system: System {
                name: Some("CZJ1234".into()),
                description: "ironseed-agent 0.1.0".into(),
            },
            addresses: vec![
                LocalAddress {
                    link: 3,
                    address: "192.0.2.7".parse().expect("an address"),
                },
                LocalAddress {
                    link: 9,
                    address: "2001:db8::7".parse().expect("an address"),
                },
            ],
        }
    }

    fn read(frame: &[u8]) -> Neighbour {
        let read = decode(frame).expect("an LLDP frame");
        assert_eq!(read.problems, Vec::<String>::new());
        read
    }

    #[test]
    fn what_is_said_is_understood() {
        let read = read(&announcement().frame());
        assert_eq!(read.source_address, "3c:ec:ef:00:00:03");
        let chassis = read.chassis_id.expect("told");
        assert_eq!(
            (chassis.kind.as_str(), chassis.value.as_str()),
            ("mac-address", "3c:ec:ef:00:00:01")
        );
        let port = read.port_id.expect("told");
        assert_eq!(
            (port.kind.as_str(), port.value.as_str()),
            ("mac-address", "3c:ec:ef:00:00:02")
        );
        assert_eq!(read.ttl_s, Some(121));
        assert_eq!(read.port_description.as_deref(), Some("eno2"));
        assert_eq!(read.system_name.as_deref(), Some("CZJ1234"));
        assert_eq!(
            read.system_description.as_deref(),
            Some("ironseed-agent 0.1.0")
        );
        assert_eq!(read.capabilities, ["station"]);
        assert_eq!(read.enabled_capabilities, ["station"]);
        let addresses: Vec<(&str, Option<u32>)> = read
            .management_addresses
            .iter()
            .map(|found| (found.address.as_str(), found.interface_number))
            .collect();
        assert_eq!(
            addresses,
            [("192.0.2.7", Some(3)), ("2001:db8::7", Some(9))]
        );
    }

    /// Every octet, as table 8-1 and clause 8.5 have them.
    #[test]
    fn the_farewell_has_what_it_must_have_and_nothing_else() {
        let mut expected = b"\x01\x80\xc2\0\0\x0e\x3c\xec\xef\0\0\x03\x88\xcc\
            \x02\x07\x04\x3c\xec\xef\0\0\x01\
            \x04\x07\x03\x3c\xec\xef\0\0\x02\
            \x06\x02\0\0\
            \0\0"
            .to_vec();
        expected.resize(60, 0);
        assert_eq!(announcement().farewell(), expected);
    }

    #[test]
    fn what_does_not_fit_is_cut_and_what_is_empty_left_out() {
        let mut long = announcement();
        long.system.name = Some(format!("{}é", "x".repeat(254)));
        long.system.description = String::new();
        long.port_name = "e\u{1b}no2\0".into();
        let address = long.addresses[1];
        long.addresses = vec![address; 40];
        let frame = long.frame();
        assert!(frame.len() < 1514, "{}", frame.len());
        let read = read(&frame);
        assert_eq!(read.system_name, Some("x".repeat(254)));
        assert_eq!(read.system_description, None);
        assert_eq!(read.port_description.as_deref(), Some("eno2"));
        assert_eq!(read.management_addresses.len(), 8);
    }
}
