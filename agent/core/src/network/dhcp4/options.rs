// SPDX-License-Identifier: Apache-2.0
//! DHCP options: their numbers, and the list of them in a message.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Option codes (RFC 2132; 119: RFC 3397; 121: RFC 3442).
pub mod code {
    /// Filler without length.
    pub const PAD: u8 = 0;
    /// Subnet mask.
    pub const SUBNET_MASK: u8 = 1;
    /// Routers, best first.
    pub const ROUTER: u8 = 3;
    /// DNS servers.
    pub const DNS_SERVER: u8 = 6;
    /// DNS domain of the client.
    pub const DOMAIN_NAME: u8 = 15;
    /// Largest packet on this network.
    pub const INTERFACE_MTU: u8 = 26;
    /// NTP servers.
    pub const NTP_SERVER: u8 = 42;
    /// The address a client asks for.
    pub const REQUESTED_ADDRESS: u8 = 50;
    /// Seconds the address may be used.
    pub const LEASE_TIME: u8 = 51;
    /// Options go on in the fields `file` and `sname`.
    pub const OVERLOAD: u8 = 52;
    /// What the message is.
    pub const MESSAGE_TYPE: u8 = 53;
    /// Which server speaks or is spoken to.
    pub const SERVER_ID: u8 = 54;
    /// What the client wants to know.
    pub const PARAMETER_LIST: u8 = 55;
    /// A server's words for people.
    pub const MESSAGE: u8 = 56;
    /// The longest message the client takes.
    pub const MAX_SIZE: u8 = 57;
    /// Seconds until the lease should be prolonged.
    pub const RENEWAL_TIME: u8 = 58;
    /// Seconds until any server should be asked to.
    pub const REBINDING_TIME: u8 = 59;
    /// What kind of client it is.
    pub const VENDOR_CLASS: u8 = 60;
    /// DNS search list.
    pub const DOMAIN_SEARCH: u8 = 119;
    /// Routes with prefix lengths.
    pub const CLASSLESS_ROUTES: u8 = 121;
    /// End of the list.
    pub const END: u8 = 255;
}

/// An option runs beyond its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("option {0} is longer than the message")]
pub struct Truncated(pub u8);

/// The options of one message, by code. The parts of an option that comes
/// several times are joined (RFC 3396).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options(BTreeMap<u8, Vec<u8>>);

impl Options {
    /// Adds one field of a message: `code`, `length`, bytes, again and again.
    /// A missing end mark is tolerated, as old servers forget it.
    ///
    /// # Errors
    ///
    /// [`Truncated`] if an option is longer than the field.
    pub fn read(&mut self, field: &[u8]) -> Result<(), Truncated> {
        let mut rest = field;
        while let Some((&code, after)) = rest.split_first() {
            match code {
                code::PAD => rest = after,
                code::END => return Ok(()),
                _ => {
                    let (&length, after) = after.split_first().ok_or(Truncated(code))?;
                    let value = after.get(..usize::from(length)).ok_or(Truncated(code))?;
                    self.0.entry(code).or_default().extend_from_slice(value);
                    rest = &after[usize::from(length)..];
                }
            }
        }
        Ok(())
    }

    /// The list as bytes, with the end mark. The message type comes first,
    /// since some servers look for it there. Values longer than 255 bytes are
    /// split (RFC 3396).
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        let first = self.0.get_key_value(&code::MESSAGE_TYPE);
        let others = self
            .0
            .iter()
            .filter(|(code, _)| **code != code::MESSAGE_TYPE);
        for (code, value) in first.into_iter().chain(others) {
            if value.is_empty() {
                bytes.extend([*code, 0]);
            }
            for part in value.chunks(usize::from(u8::MAX)) {
                bytes.push(*code);
                bytes.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
                bytes.extend_from_slice(part);
            }
        }
        bytes.push(code::END);
        bytes
    }

    /// Sets one option.
    pub fn set(&mut self, code: u8, value: impl Into<Vec<u8>>) {
        self.0.insert(code, value.into());
    }

    /// The bytes of an option.
    #[must_use]
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.0.get(&code).map(Vec::as_slice)
    }

    /// An option of one byte.
    #[must_use]
    pub fn byte(&self, code: u8) -> Option<u8> {
        match self.get(code)? {
            [byte] => Some(*byte),
            _ => None,
        }
    }

    /// An option of two bytes.
    #[must_use]
    pub fn short(&self, code: u8) -> Option<u16> {
        self.get(code)?.try_into().ok().map(u16::from_be_bytes)
    }

    /// An option of four bytes.
    #[must_use]
    pub fn word(&self, code: u8) -> Option<u32> {
        self.get(code)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// An option that is one address.
    #[must_use]
    pub fn address(&self, code: u8) -> Option<Ipv4Addr> {
        self.word(code).map(Ipv4Addr::from)
    }

    /// An option that is a list of addresses; bytes left over are ignored.
    #[must_use]
    pub fn addresses(&self, code: u8) -> Vec<Ipv4Addr> {
        let (addresses, _) = self.get(code).unwrap_or_default().as_chunks::<4>();
        addresses.iter().copied().map(Ipv4Addr::from).collect()
    }

    /// An option that is a text: printable ASCII without spaces, as it goes
    /// into files. Anything else counts as absent. Trailing zeros, which some
    /// servers count in, are cut off.
    #[must_use]
    pub fn word_text(&self, code: u8) -> Option<String> {
        let text = std::str::from_utf8(self.get(code)?).ok()?;
        let text = text.trim_end_matches('\0');
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        plain.then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        type Case<'a> = (&'a [u8], u8, Option<&'a [u8]>);
        let cases: [Case<'_>; 6] = [
            (&[53, 1, 2, 255], 53, Some(&[2])),
            (&[0, 0, 53, 1, 2], 53, Some(&[2])),
            (&[255, 53, 1, 2], 53, None),
            (
                &[15, 2, b'a', b'.', 6, 0, 15, 1, b'b', 255],
                15,
                Some(b"a.b"),
            ),
            (&[6, 0, 255], 6, Some(&[])),
            (&[], 53, None),
        ];
        for (bytes, code, expected) in cases {
            let mut options = Options::default();
            assert_eq!(options.read(bytes), Ok(()), "{bytes:?}");
            assert_eq!(options.get(code), expected, "{bytes:?}");
        }
        for bytes in [&[53][..], &[53, 1], &[53, 1, 2, 6, 4, 1, 2, 3]] {
            assert!(Options::default().read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn values_have_the_size_of_their_type() {
        let mut options = Options::default();
        options.set(1, [1]);
        options.set(2, [1, 2]);
        options.set(4, [1, 2, 3, 4]);
        options.set(9, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!((options.byte(1), options.byte(2)), (Some(1), None));
        assert_eq!((options.short(2), options.short(4)), (Some(0x102), None));
        assert_eq!(
            (options.word(4), options.word(9)),
            (Some(0x0102_0304), None)
        );
        assert_eq!(options.addresses(9).len(), 2);
        assert!(options.addresses(77).is_empty());
    }

    #[test]
    fn texts_that_would_spoil_a_file_are_absent() {
        let cases: [(&[u8], Option<&str>); 6] = [
            (b"example.com", Some("example.com")),
            (b"example.com\0\0", Some("example.com")),
            (b"a\nnameserver 6.6.6.6", None),
            (b"two words", None),
            (b"\xff", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            let mut options = Options::default();
            options.set(15, bytes);
            assert_eq!(options.word_text(15).as_deref(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn long_values_are_split_and_joined() {
        let mut options = Options::default();
        options.set(53, [1]);
        options.set(121, vec![7; 600]);
        options.set(80, []);
        let bytes = options.write();
        assert_eq!(bytes[..3], [53, 1, 1]);
        let mut again = Options::default();
        assert_eq!(again.read(&bytes), Ok(()));
        assert_eq!(again, options);
    }
}
