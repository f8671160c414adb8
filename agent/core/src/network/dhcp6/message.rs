// SPDX-License-Identifier: Apache-2.0
//! DHCPv6 messages between client and server (RFC 8415 §8), and who the client
//! says it is (§11).

use bootconfig::MacAddr;

use crate::network::dhcp6::options::{Options, Truncated, code};

/// Largest number of an exchange: 24 bits.
pub const MAX_XID: u32 = 0x00ff_ffff;

/// What a message is (RFC 8415 §7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// Client: is there a server?
    Solicit,
    /// Server: you could have this.
    Advertise,
    /// Client: I take it.
    Request,
    /// Client: is my address right on this network?
    Confirm,
    /// Client: I keep it, to the server that gave it.
    Renew,
    /// Client: I keep it, to any server.
    Rebind,
    /// Server: the answer to everything but SOLICIT.
    Reply,
    /// Client: somebody else has the address.
    Decline,
    /// Client: I need no address, but what else do you know?
    InformationRequest,
    /// One that this client neither sends nor understands.
    Other(u8),
}

impl MessageType {
    const NUMBERS: [(u8, Self); 9] = [
        (1, Self::Solicit),
        (2, Self::Advertise),
        (3, Self::Request),
        (4, Self::Confirm),
        (5, Self::Renew),
        (6, Self::Rebind),
        (7, Self::Reply),
        (9, Self::Decline),
        (11, Self::InformationRequest),
    ];

    fn number(self) -> u8 {
        if let Self::Other(number) = self {
            return number;
        }
        let row = Self::NUMBERS.iter().find(|(_, kind)| *kind == self);
        row.map_or(0, |(number, _)| *number)
    }

    fn from_number(number: u8) -> Self {
        let row = Self::NUMBERS.iter().find(|(known, _)| *known == number);
        row.map_or(Self::Other(number), |(_, kind)| *kind)
    }
}

/// Why bytes are not a DHCPv6 message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not even a type and a number.
    #[error("the message has {0} bytes, fewer than 4")]
    TooShort(usize),
    /// An option is cut off.
    #[error(transparent)]
    Option(#[from] Truncated),
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: MessageType,
    /// Number of the exchange, chosen by the client; at most [`MAX_XID`].
    pub xid: u32,
    /// Everything else.
    pub options: Options,
}

impl Message {
    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = (self.xid & MAX_XID).to_be_bytes().to_vec();
        bytes[0] = self.kind.number();
        bytes.extend(self.options.write());
        bytes
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// [`Malformed`] says what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (head, rest) = bytes
            .split_first_chunk::<4>()
            .ok_or(Malformed::TooShort(bytes.len()))?;
        Ok(Self {
            kind: MessageType::from_number(head[0]),
            xid: u32::from_be_bytes([0, head[1], head[2], head[3]]),
            options: Options::read(rest)?,
        })
    }
}

/// Who the client is: a DUID-LL (RFC 8415 §11.4), made of the port's own
/// hardware address.
///
/// One identity for the whole machine would be the standard's idea, and
/// firmware uses the machine's UUID (RFC 6355). But whoever reserves addresses
/// for Ironic knows the MAC addresses of the node's ports: Neutron's and
/// Ironic's dnsmasq match a host by the MAC address they find in a DUID of this
/// kind. So each port is a client of its own, as it is for DHCPv4.
#[must_use]
pub fn duid(mac: MacAddr) -> Vec<u8> {
    // Type 3, hardware type 1 (Ethernet).
    let mut duid = vec![0, 3, 0, 1];
    duid.extend(mac.0);
    duid
}

/// The number of the port's addresses among the client's (RFC 8415 §12): the
/// last four bytes of the hardware address. The number of the link would be
/// another one after the next boot, and with it the address.
#[must_use]
pub fn iaid(mac: MacAddr) -> [u8; 4] {
    let [_, _, rest @ ..] = mac.0;
    rest
}

/// Numbers of status codes (RFC 8415 §21.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusCode {
    /// 0, and what no status means.
    Success,
    /// 1: the server does not say why.
    UnspecFail,
    /// 2: no address is free.
    NoAddrsAvail,
    /// 3: the server does not know the address.
    NoBinding,
    /// 4: the address belongs to another network.
    NotOnLink,
    /// 5: the client shall use multicast, as this one always does.
    UseMulticast,
    /// One nobody has defined for such messages.
    Other(u16),
}

impl StatusCode {
    /// The status in a list of options; nothing said is success.
    #[must_use]
    pub fn of(options: &Options) -> Self {
        let Some([high, low, ..]) = options.get(code::STATUS_CODE) else {
            return Self::Success;
        };
        match u16::from_be_bytes([*high, *low]) {
            0 => Self::Success,
            1 => Self::UnspecFail,
            2 => Self::NoAddrsAvail,
            3 => Self::NoBinding,
            4 => Self::NotOnLink,
            5 => Self::UseMulticast,
            other => Self::Other(other),
        }
    }
}

impl std::fmt::Display for StatusCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Success => f.write_str("Success"),
            Self::UnspecFail => f.write_str("UnspecFail"),
            Self::NoAddrsAvail => f.write_str("NoAddrsAvail"),
            Self::NoBinding => f.write_str("NoBinding"),
            Self::NotOnLink => f.write_str("NotOnLink"),
            Self::UseMulticast => f.write_str("UseMulticast"),
            Self::Other(number) => write!(f, "status {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([0x52, 0x54, 0, 1, 2, 3]);

    #[test]
    fn a_message_has_the_layout_of_the_standard() {
        let mut options = Options::default();
        options.push(code::CLIENT_ID, duid(MAC));
        let message = Message {
            kind: MessageType::InformationRequest,
            xid: 0xff12_3456,
            options,
        };
        let bytes = message.encode();
        assert_eq!(bytes[..8], [11, 0x12, 0x34, 0x56, 0, 1, 0, 10]);
        assert_eq!(bytes[8..], [0, 3, 0, 1, 0x52, 0x54, 0, 1, 2, 3]);
        assert_eq!(iaid(MAC), [0, 1, 2, 3]);
        let again = Message::decode(&bytes).expect("well formed");
        assert_eq!((again.kind, again.xid), (message.kind, 0x12_3456));
        assert_eq!(again.options, message.options);
    }

    #[test]
    fn every_type_survives_the_way_there_and_back() {
        for number in 0..=u8::MAX {
            assert_eq!(MessageType::from_number(number).number(), number);
        }
    }

    #[test]
    fn what_is_no_message_is_named() {
        let cases: [(&[u8], &str); 3] = [
            (&[], "the message has 0 bytes, fewer than 4"),
            (&[7, 0, 0], "the message has 3 bytes, fewer than 4"),
            (
                &[7, 0, 0, 1, 0, 2, 0, 4, 1],
                "option 2 is longer than the message",
            ),
        ];
        for (bytes, expected) in cases {
            let error = Message::decode(bytes).expect_err(expected);
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_status_is_read() {
        let cases: [(Option<&[u8]>, StatusCode); 5] = [
            (None, StatusCode::Success),
            (Some(&[0, 2, b'n', b'o']), StatusCode::NoAddrsAvail),
            (Some(&[0, 4]), StatusCode::NotOnLink),
            (Some(&[1, 0]), StatusCode::Other(256)),
            (Some(&[7]), StatusCode::Success),
        ];
        for (value, expected) in cases {
            let mut options = Options::default();
            if let Some(value) = value {
                options.push(code::STATUS_CODE, value);
            }
            assert_eq!(StatusCode::of(&options), expected, "{value:?}");
        }
    }
}
