// SPDX-License-Identifier: Apache-2.0
//! ARP for IPv4 over Ethernet (RFC 826), without the Ethernet header.

use std::net::Ipv4Addr;

use bootconfig::MacAddr;

/// Length of a packet. Ethernet pads it.
pub const LENGTH: usize = 28;

/// Hardware type Ethernet, protocol IPv4, and the lengths of their addresses.
const HEAD: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// An answer, else a question. What is said of the sender counts in both.
    pub reply: bool,
    /// The sender's hardware address.
    pub sender_hardware: MacAddr,
    /// The sender's address; unspecified in a probe.
    pub sender: Ipv4Addr,
    /// Whose hardware address is asked for.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Asks who has an address without saying that anybody has another one
    /// (RFC 5227 §1.1).
    #[must_use]
    pub fn probe(own: MacAddr, address: Ipv4Addr) -> Self {
        Self::question(own, Ipv4Addr::UNSPECIFIED, address)
    }

    /// Tells everybody who has an address (RFC 5227 §1.1).
    #[must_use]
    pub fn announcement(own: MacAddr, address: Ipv4Addr) -> Self {
        Self::question(own, address, address)
    }

    /// Asks who has an address.
    #[must_use]
    pub fn question(own: MacAddr, sender: Ipv4Addr, target: Ipv4Addr) -> Self {
        Self {
            reply: false,
            sender_hardware: own,
            sender,
            target,
        }
    }

    /// The packet as bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..6].copy_from_slice(&HEAD);
        bytes[7] = if self.reply { 2 } else { 1 };
        bytes[8..14].copy_from_slice(&self.sender_hardware.0);
        bytes[14..18].copy_from_slice(&self.sender.octets());
        bytes[24..28].copy_from_slice(&self.target.octets());
        bytes
    }

    /// Reads a packet; nothing if it is not ARP for IPv4 over Ethernet.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<LENGTH>()?;
        let reply = match bytes[6..8] {
            [0, 1] => false,
            [0, 2] => true,
            _ => return None,
        };
        let address =
            |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
        let mut sender_hardware = MacAddr([0; 6]);
        sender_hardware.0.copy_from_slice(&bytes[8..14]);
        bytes.starts_with(&HEAD).then(|| Self {
            reply,
            sender_hardware,
            sender: address(14),
            target: address(24),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_the_layout_of_the_standard() {
        let own = MacAddr([0x52, 0x54, 0, 0, 0, 1]);
        let address = Ipv4Addr::new(192, 0, 2, 50);
        let bytes = Arp::announcement(own, address).encode();
        assert_eq!(bytes[..8], [0, 1, 8, 0, 6, 4, 0, 1]);
        assert_eq!(bytes[8..18], [0x52, 0x54, 0, 0, 0, 1, 192, 0, 2, 50]);
        assert_eq!(bytes[18..], [0, 0, 0, 0, 0, 0, 192, 0, 2, 50]);
        let mut padded = bytes.to_vec();
        padded.extend([0; 18]);
        assert_eq!(Arp::decode(&padded), Some(Arp::announcement(own, address)));
        let mut reply = Arp::probe(own, address);
        reply.reply = true;
        assert_eq!(Arp::decode(&reply.encode()), Some(reply));
    }

    #[test]
    fn other_packets_are_told_apart() {
        let good = Arp::probe(MacAddr([2; 6]), Ipv4Addr::LOCALHOST).encode();
        for (at, byte) in [(1, 6), (2, 0x86), (4, 8), (5, 16), (7, 3), (6, 1)] {
            let mut bytes = good;
            bytes[at] = byte;
            assert_eq!(Arp::decode(&bytes), None, "{at}");
        }
        for length in 0..LENGTH {
            assert_eq!(Arp::decode(&good[..length]), None, "{length}");
        }
    }
}
