// SPDX-License-Identifier: Apache-2.0
//! DHCPv6 options: their numbers, and lists of them (RFC 8415 §21.1).

use std::net::Ipv6Addr;

/// Option codes (RFC 8415 §24; 23, 24: RFC 3646; 31: RFC 4075; 56: RFC 5908).
pub mod code {
    /// Who the client is.
    pub const CLIENT_ID: u16 = 1;
    /// Who the server is.
    pub const SERVER_ID: u16 = 2;
    /// Addresses that belong together, with times.
    pub const IA_NA: u16 = 3;
    /// One address.
    pub const IA_ADDRESS: u16 = 5;
    /// What the client wants to know.
    pub const OPTION_REQUEST: u16 = 6;
    /// How much the client shall like this server, 0 to 255.
    pub const PREFERENCE: u16 = 7;
    /// Hundredths of a second since the client began to ask.
    pub const ELAPSED_TIME: u16 = 8;
    /// How it went.
    pub const STATUS_CODE: u16 = 13;
    /// Two messages instead of four.
    pub const RAPID_COMMIT: u16 = 14;
    /// DNS servers.
    pub const DNS_SERVERS: u16 = 23;
    /// DNS search list.
    pub const DOMAIN_LIST: u16 = 24;
    /// NTP servers, the old way.
    pub const SNTP_SERVERS: u16 = 31;
    /// Seconds after which stateless information should be asked for again.
    pub const INFORMATION_REFRESH_TIME: u16 = 32;
    /// NTP servers by address, multicast group or name.
    pub const NTP_SERVER: u16 = 56;
    /// The longest wait between two SOLICITs, in seconds.
    pub const SOL_MAX_RT: u16 = 82;
    /// The longest wait between two INFORMATION-REQUESTs, in seconds.
    pub const INF_MAX_RT: u16 = 83;
}

/// An option runs beyond its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("option {0} is longer than the message")]
pub struct Truncated(pub u16);

/// A list of options in the order of the message; a code may come again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options(Vec<(u16, Vec<u8>)>);

impl Options {
    /// Reads a list that fills the whole field. Three bytes or less at the end
    /// cannot be an option and are an error too.
    ///
    /// # Errors
    ///
    /// [`Truncated`] if an option is longer than the field.
    pub fn read(field: &[u8]) -> Result<Self, Truncated> {
        let mut options = Vec::new();
        let mut rest = field;
        while !rest.is_empty() {
            let Some((head, after)) = rest.split_first_chunk::<4>() else {
                return Err(Truncated(u16::from(rest[0])));
            };
            let code = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = after.get(..length).ok_or(Truncated(code))?;
            options.push((code, value.to_vec()));
            rest = &after[length..];
        }
        Ok(Self(options))
    }

    /// The list as bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        for (code, value) in &self.0 {
            let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
            bytes.extend(code.to_be_bytes());
            bytes.extend(length.to_be_bytes());
            bytes.extend(&value[..usize::from(length)]);
        }
        bytes
    }

    /// Adds an option at the end.
    pub fn push(&mut self, code: u16, value: impl Into<Vec<u8>>) {
        self.0.push((code, value.into()));
    }

    /// The bytes of the first option with this code.
    #[must_use]
    pub fn get(&self, code: u16) -> Option<&[u8]> {
        self.all(code).next()
    }

    /// The bytes of every option with this code.
    pub fn all(&self, code: u16) -> impl Iterator<Item = &[u8]> {
        self.0
            .iter()
            .filter(move |(found, _)| *found == code)
            .map(|(_, value)| value.as_slice())
    }

    /// An option of one byte.
    #[must_use]
    pub fn byte(&self, code: u16) -> Option<u8> {
        match self.get(code)? {
            [byte] => Some(*byte),
            _ => None,
        }
    }

    /// An option of four bytes.
    #[must_use]
    pub fn word(&self, code: u16) -> Option<u32> {
        self.get(code)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// A list of addresses; bytes left over are ignored.
    #[must_use]
    pub fn addresses(&self, code: u16) -> Vec<Ipv6Addr> {
        let (addresses, _) = self.get(code).unwrap_or_default().as_chunks::<16>();
        addresses.iter().copied().map(Ipv6Addr::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        let bytes = [0, 7, 0, 1, 255, 0, 14, 0, 0, 0, 7, 0, 1, 9];
        let options = Options::read(&bytes).expect("well formed");
        assert_eq!(options.byte(code::PREFERENCE), Some(255));
        assert_eq!(options.get(code::RAPID_COMMIT), Some(&[][..]));
        assert_eq!(options.all(code::PREFERENCE).count(), 2);
        assert_eq!(options.get(code::SERVER_ID), None);
        assert_eq!(options.write(), bytes);
    }

    #[test]
    fn what_runs_over_the_end_is_named() {
        let cases: [(&[u8], u16); 4] = [
            (&[0], 0),
            (&[0, 7, 0], 0),
            (&[0, 7, 0, 2, 1], 7),
            (&[1, 2, 255, 255], 0x102),
        ];
        for (bytes, code) in cases {
            assert_eq!(Options::read(bytes), Err(Truncated(code)), "{bytes:?}");
        }
    }

    #[test]
    fn values_have_the_size_of_their_type() {
        let mut options = Options::default();
        options.push(1, [1]);
        options.push(2, [1, 2, 3, 4]);
        options.push(3, [9; 33]);
        assert_eq!((options.byte(1), options.byte(2)), (Some(1), None));
        assert_eq!(
            (options.word(2), options.word(3)),
            (Some(0x0102_0304), None)
        );
        assert_eq!(options.addresses(3), [Ipv6Addr::from([9; 16]); 2]);
        assert!(options.addresses(77).is_empty());
    }
}
