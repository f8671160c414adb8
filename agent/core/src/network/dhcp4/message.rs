// SPDX-License-Identifier: Apache-2.0
//! DHCP messages (RFC 2131 §2).

use std::net::Ipv4Addr;

use bootconfig::MacAddr;

use crate::network::dhcp4::options::{Options, Truncated, code};

/// `op` of a message from a client.
pub const BOOT_REQUEST: u8 = 1;
/// `op` of a message from a server.
pub const BOOT_REPLY: u8 = 2;

/// Length of everything before the options, magic cookie included.
const FIXED: usize = 240;
/// The cookie that says that options follow.
const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// Ethernet, in `htype`.
const ETHERNET: u8 = 1;
/// Shorter messages are dropped by BOOTP relays (RFC 1542 §2.1).
const MIN_LENGTH: usize = 300;
const BROADCAST_FLAG: u16 = 0x8000;

/// What a message is (option 53).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// Client: is there a server?
    Discover,
    /// Server: you could have this.
    Offer,
    /// Client: I take it, I still have it, or I keep it.
    Request,
    /// Client: somebody else has the address.
    Decline,
    /// Server: it is yours.
    Ack,
    /// Server: you may not have it.
    Nak,
    /// One that this client neither sends nor understands.
    Other(u8),
}

impl MessageType {
    fn number(self) -> u8 {
        match self {
            MessageType::Discover => 1,
            MessageType::Offer => 2,
            MessageType::Request => 3,
            MessageType::Decline => 4,
            MessageType::Ack => 5,
            MessageType::Nak => 6,
            MessageType::Other(number) => number,
        }
    }

    fn from_number(number: u8) -> Self {
        match number {
            1 => MessageType::Discover,
            2 => MessageType::Offer,
            3 => MessageType::Request,
            4 => MessageType::Decline,
            5 => MessageType::Ack,
            6 => MessageType::Nak,
            other => MessageType::Other(other),
        }
    }
}

/// Why bytes are not a DHCP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not even the fixed part.
    #[error("the message has {0} bytes, fewer than 240")]
    TooShort(usize),
    /// Not DHCP at all, or plain BOOTP.
    #[error("the magic cookie is missing")]
    NoMagic,
    /// For another kind of network.
    #[error("the hardware address is not an Ethernet address (type {htype}, length {hlen})")]
    NotEthernet {
        /// Type of hardware.
        htype: u8,
        /// Length of its addresses.
        hlen: u8,
    },
    /// An option is cut off.
    #[error(transparent)]
    Option(#[from] Truncated),
    /// Option 53 is missing.
    #[error("the message has no type")]
    NoType,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// [`BOOT_REQUEST`] or [`BOOT_REPLY`].
    pub op: u8,
    /// What it is.
    pub kind: MessageType,
    /// Number of the exchange, chosen by the client.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// Whether the answer shall be broadcast.
    pub broadcast: bool,
    /// The address the client has and can be reached at.
    pub ciaddr: Ipv4Addr,
    /// The address the server gives.
    pub yiaddr: Ipv4Addr,
    /// The client's hardware address.
    pub chaddr: MacAddr,
    /// Options, without the type.
    pub options: Options,
}

impl Message {
    /// A client's message without options and addresses.
    #[must_use]
    pub fn request(kind: MessageType, xid: u32, chaddr: MacAddr) -> Self {
        Self {
            op: BOOT_REQUEST,
            kind,
            xid,
            secs: 0,
            broadcast: false,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            chaddr,
            options: Options::default(),
        }
    }

    /// The message as bytes, at least 300 of them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; FIXED];
        bytes[0] = self.op;
        bytes[1] = ETHERNET;
        bytes[2] = 6;
        bytes[4..8].copy_from_slice(&self.xid.to_be_bytes());
        bytes[8..10].copy_from_slice(&self.secs.to_be_bytes());
        let flags = if self.broadcast { BROADCAST_FLAG } else { 0 };
        bytes[10..12].copy_from_slice(&flags.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.ciaddr.octets());
        bytes[16..20].copy_from_slice(&self.yiaddr.octets());
        bytes[28..34].copy_from_slice(&self.chaddr.0);
        bytes[236..240].copy_from_slice(&MAGIC);
        let mut options = self.options.clone();
        options.set(code::MESSAGE_TYPE, [self.kind.number()]);
        bytes.extend(options.write());
        if bytes.len() < MIN_LENGTH {
            bytes.resize(MIN_LENGTH, code::PAD);
        }
        bytes
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// [`Malformed`] says what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let short = || Malformed::TooShort(bytes.len());
        let (fixed, rest) = bytes.split_first_chunk::<FIXED>().ok_or_else(short)?;
        if fixed[236..] != MAGIC {
            return Err(Malformed::NoMagic);
        }
        if fixed[1] != ETHERNET || fixed[2] != 6 {
            return Err(Malformed::NotEthernet {
                htype: fixed[1],
                hlen: fixed[2],
            });
        }
        let options = read_options(fixed, rest)?;
        let kind = options.byte(code::MESSAGE_TYPE).ok_or(Malformed::NoType)?;
        let address =
            |at: usize| Ipv4Addr::new(fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]);
        let mut chaddr = MacAddr([0; 6]);
        chaddr.0.copy_from_slice(&fixed[28..34]);
        Ok(Self {
            op: fixed[0],
            kind: MessageType::from_number(kind),
            xid: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            secs: u16::from_be_bytes([fixed[8], fixed[9]]),
            broadcast: fixed[10] & 0x80 != 0,
            ciaddr: address(12),
            yiaddr: address(16),
            chaddr,
            options,
        })
    }
}

/// The options after the fixed part, then those in `file` (128 bytes at 108)
/// and `sname` (64 bytes at 44) where option 52 says so (RFC 2131 §4.1).
fn read_options(fixed: &[u8; FIXED], rest: &[u8]) -> Result<Options, Truncated> {
    let mut options = Options::default();
    options.read(rest)?;
    let overload = options.byte(code::OVERLOAD).unwrap_or(0);
    if overload & 1 != 0 {
        options.read(&fixed[108..236])?;
    }
    if overload & 2 != 0 {
        options.read(&fixed[44..108])?;
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// xorshift64: enough to make bytes nobody chose.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn below(&mut self, limit: usize) -> usize {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
            usize::try_from(self.next() % limit).unwrap_or(0)
        }

        fn byte(&mut self) -> u8 {
            self.next().to_le_bytes()[0]
        }
    }

    fn sample() -> Message {
        let mut message = Message::request(
            MessageType::Request,
            0x1234_5678,
            MacAddr([0x52, 0x54, 0, 1, 2, 3]),
        );
        message.secs = 7;
        message.broadcast = true;
        message.ciaddr = Ipv4Addr::new(192, 0, 2, 7);
        message.options.set(code::REQUESTED_ADDRESS, [192, 0, 2, 7]);
        message
    }

    #[test]
    fn a_message_has_the_layout_of_the_standard() {
        let bytes = sample().encode();
        assert_eq!(bytes.len(), 300);
        assert_eq!(bytes[..4], [1, 1, 6, 0]);
        assert_eq!(bytes[4..12], [0x12, 0x34, 0x56, 0x78, 0, 7, 0x80, 0]);
        assert_eq!(bytes[12..16], [192, 0, 2, 7]);
        assert_eq!(bytes[28..34], [0x52, 0x54, 0, 1, 2, 3]);
        assert!(bytes[34..236].iter().all(|byte| *byte == 0));
        assert_eq!(bytes[236..243], [99, 130, 83, 99, 53, 1, 3]);
        assert_eq!(bytes[243..250], [50, 4, 192, 0, 2, 7, 255]);
    }

    #[test]
    fn what_was_written_is_read() {
        let mut expected = sample();
        expected.options.set(code::MESSAGE_TYPE, [3]);
        assert_eq!(Message::decode(&sample().encode()), Ok(expected));
    }

    #[test]
    fn options_go_on_in_the_server_name_and_file_fields() {
        let mut message = sample();
        message.options.set(code::OVERLOAD, [3]);
        let mut bytes = message.encode();
        bytes[108..115].copy_from_slice(&[3, 4, 192, 0, 2, 1, 255]);
        bytes[44..51].copy_from_slice(&[51, 4, 0, 0, 1, 0, 255]);
        let read = Message::decode(&bytes).expect("well formed");
        assert_eq!(
            read.options.addresses(code::ROUTER),
            [Ipv4Addr::new(192, 0, 2, 1)]
        );
        assert_eq!(read.options.word(code::LEASE_TIME), Some(256));
    }

    #[test]
    fn what_is_no_message_is_named() {
        let good = sample().encode();
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        let cases = [
            (
                good[..239].to_vec(),
                "the message has 239 bytes, fewer than 240",
            ),
            (with(236, 0), "the magic cookie is missing"),
            (
                with(2, 200),
                "the hardware address is not an Ethernet address (type 1, length 200)",
            ),
            (good[..240].to_vec(), "the message has no type"),
            (with(244, 250), "option 50 is longer than the message"),
        ];
        for (bytes, expected) in cases {
            let error = Message::decode(&bytes).expect_err(expected);
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn foreign_bytes_never_panic_and_reading_is_stable() {
        let good = sample().encode();
        let mut random = Random(0x5eed);
        let mut accepted = 0;
        for round in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..random.below(6) {
                let at = random.below(bytes.len());
                bytes[at] = random.byte();
            }
            if round % 3 == 0 {
                bytes.truncate(random.below(bytes.len() + 1));
            }
            if round % 5 == 0 {
                let from = 240.min(bytes.len());
                for byte in &mut bytes[from..] {
                    *byte = random.byte();
                }
            }
            if let Ok(message) = Message::decode(&bytes) {
                accepted += 1;
                let again = Message::decode(&message.encode());
                if message.options.get(code::OVERLOAD).is_none() {
                    assert_eq!(again.as_ref(), Ok(&message), "{bytes:?}");
                }
            }
        }
        assert!(
            accepted > 1000,
            "the cases must reach the reader: {accepted}"
        );
    }
}
