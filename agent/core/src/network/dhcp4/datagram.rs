// SPDX-License-Identifier: Apache-2.0
//! A UDP message inside IPv4, for a packet socket on a port that has no
//! address yet (RFC 791, RFC 768). Without the Ethernet header, which the
//! kernel adds and removes.

use std::net::Ipv4Addr;

/// Where clients listen.
pub const CLIENT_PORT: u16 = 68;
/// Where servers listen.
pub const SERVER_PORT: u16 = 67;

const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const UDP: u8 = 17;

/// Why a packet is not a UDP message for a DHCP client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotForUs {
    /// Headers are missing or lie about lengths.
    #[error("the packet is cut off")]
    Truncated,
    /// Another protocol, another port or a fragment.
    #[error("the packet is not a UDP message to port 68")]
    OtherTraffic,
    /// It was damaged on the way.
    #[error("the checksum of the IP header is wrong")]
    Checksum,
}

/// Wraps a client's message.
#[must_use]
pub fn build(source: Ipv4Addr, destination: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    let udp_length = UDP_HEADER + payload.len();
    let length16 = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let mut packet = vec![0; IP_HEADER + UDP_HEADER];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&length16(IP_HEADER + udp_length));
    // Do not fragment; 64 hops.
    packet[6] = 0x40;
    packet[8] = 64;
    packet[9] = UDP;
    packet[12..16].copy_from_slice(&source.octets());
    packet[16..20].copy_from_slice(&destination.octets());
    let header = checksum(sum(&packet[..IP_HEADER], 0));
    packet[10..12].copy_from_slice(&header.to_be_bytes());
    packet[20..22].copy_from_slice(&CLIENT_PORT.to_be_bytes());
    packet[22..24].copy_from_slice(&SERVER_PORT.to_be_bytes());
    packet[24..26].copy_from_slice(&length16(udp_length));
    packet.extend_from_slice(payload);
    // The checksum covers the addresses, the protocol and the UDP length too.
    let pseudo = u32::from(UDP) + u32::try_from(udp_length).unwrap_or(u32::MAX);
    let body = sum(&packet[IP_HEADER..], sum(&packet[12..20], pseudo));
    let body = match checksum(body) {
        // 0 would mean "not computed".
        0 => u16::MAX,
        value => value,
    };
    packet[26..28].copy_from_slice(&body.to_be_bytes());
    packet
}

/// The sender's address and the message inside a packet to a DHCP client.
///
/// The UDP checksum is not looked at: between virtual machines and network
/// namespaces the sender leaves it to a card that does not exist, so a packet
/// socket sees it unfinished. The exchange number and the hardware address in
/// the message protect better.
///
/// # Errors
///
/// [`NotForUs`] says why the packet does not count.
pub fn parse(packet: &[u8]) -> Result<(Ipv4Addr, &[u8]), NotForUs> {
    let first = *packet.first().ok_or(NotForUs::Truncated)?;
    let header_length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_length < IP_HEADER {
        return Err(NotForUs::OtherTraffic);
    }
    let header = packet.get(..header_length).ok_or(NotForUs::Truncated)?;
    if checksum(sum(header, 0)) != 0 {
        return Err(NotForUs::Checksum);
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff;
    if header[9] != UDP || fragment != 0 {
        return Err(NotForUs::OtherTraffic);
    }
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    // Ethernet pads short packets, so more than `total` bytes may be there.
    let body = packet
        .get(header_length..total)
        .ok_or(NotForUs::Truncated)?;
    let (udp, payload) = body
        .split_first_chunk::<UDP_HEADER>()
        .ok_or(NotForUs::Truncated)?;
    if u16::from_be_bytes([udp[2], udp[3]]) != CLIENT_PORT {
        return Err(NotForUs::OtherTraffic);
    }
    let length = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
    let payload = length
        .checked_sub(UDP_HEADER)
        .and_then(|length| payload.get(..length))
        .ok_or(NotForUs::Truncated)?;
    let source = Ipv4Addr::new(header[12], header[13], header[14], header[15]);
    Ok((source, payload))
}

/// The running sum of RFC 1071; the last byte of an odd number counts as the
/// upper half of a word.
fn sum(bytes: &[u8], start: u32) -> u32 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let words = pairs.iter().fold(start, |sum, pair| {
        sum + u32::from(u16::from_be_bytes(*pair))
    });
    words + odd.first().map_or(0, |byte| u32::from(*byte) << 8)
}

fn checksum(sum: u32) -> u16 {
    let mut folded = sum;
    while folded > 0xffff {
        folded = (folded & 0xffff) + (folded >> 16);
    }
    !u16::try_from(folded).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A DHCP offer's headers as dnsmasq sends them, payload cut to 4 bytes.
    fn received() -> Vec<u8> {
        let mut packet = build(
            Ipv4Addr::new(192, 0, 2, 1),
            Ipv4Addr::new(192, 0, 2, 9),
            b"DHCP",
        );
        packet[20..22].copy_from_slice(&67_u16.to_be_bytes());
        packet[22..24].copy_from_slice(&68_u16.to_be_bytes());
        packet
    }

    #[test]
    fn headers_are_those_of_the_standards() {
        let packet = build(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, &[0xab; 3]);
        assert_eq!(packet.len(), 31);
        assert_eq!(packet[..10], [0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17]);
        assert_eq!(packet[20..26], [0, 68, 0, 67, 0, 11]);
        // A correct checksum makes the sum over what it covers come out as 0.
        assert_eq!(checksum(sum(&packet[..20], 0)), 0);
        let pseudo = 17 + 11;
        assert_eq!(
            checksum(sum(&packet[20..], sum(&packet[12..20], pseudo))),
            0
        );
    }

    #[test]
    fn an_answer_is_unwrapped() {
        let mut padded = received();
        padded.extend([0; 18]);
        let expected: (Ipv4Addr, &[u8]) = (Ipv4Addr::new(192, 0, 2, 1), b"DHCP");
        assert_eq!(parse(&received()), Ok(expected));
        assert_eq!(parse(&padded), Ok(expected));
    }

    #[test]
    fn other_packets_are_told_apart() {
        let with = |at: usize, byte: u8| {
            let mut packet = received();
            packet[at] = byte;
            packet[10..12].copy_from_slice(&[0, 0]);
            let header = checksum(sum(&packet[..20], 0));
            packet[10..12].copy_from_slice(&header.to_be_bytes());
            packet
        };
        let cases = [
            (vec![], NotForUs::Truncated),
            (vec![0x60; 60], NotForUs::OtherTraffic),
            (received()[..30].to_vec(), NotForUs::Truncated),
            (with(9, 6), NotForUs::OtherTraffic),
            (with(7, 1), NotForUs::OtherTraffic),
            (with(3, 200), NotForUs::Truncated),
            (with(3, 10), NotForUs::Truncated),
            (with(23, 67), NotForUs::OtherTraffic),
            (with(25, 7), NotForUs::Truncated),
            (with(25, 99), NotForUs::Truncated),
        ];
        for (packet, expected) in cases {
            assert_eq!(parse(&packet), Err(expected), "{packet:?}");
        }
        let mut damaged = received();
        damaged[13] ^= 1;
        assert_eq!(parse(&damaged), Err(NotForUs::Checksum));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_survived() {
        let good = received();
        for length in 0..good.len() {
            assert!(parse(&good[..length]).is_err(), "{length}");
        }
        for bit in 0..good.len() * 8 {
            let mut packet = good.clone();
            packet[bit / 8] ^= 1 << (bit % 8);
            if let Ok((_, payload)) = parse(&packet) {
                assert!(payload.len() <= 4, "bit {bit}");
                assert!(bit >= 160, "the header's checksum must catch bit {bit}");
            }
        }
    }
}
