// SPDX-License-Identifier: Apache-2.0
//! Why a BGP speaker ends a session: the NOTIFICATION message (RFC 4271 §4.5).
//!
//! It is two numbers and some bytes. The numbers are kept as they came, since
//! one that is not in the table below is a reason too.

use std::fmt;

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Error code.
    pub code: u8,
    /// Error subcode.
    pub subcode: u8,
    /// What it is about.
    pub data: Vec<u8>,
}

/// Longest text shown of a shutdown's reason (RFC 9003 allows 255 bytes).
const TEXT_LIMIT: usize = 128;

impl Notification {
    /// The header's marker is not all ones.
    pub const NOT_SYNCHRONISED: (u8, u8) = (1, 1);
    /// The header's length is not one of this type.
    pub const BAD_LENGTH: (u8, u8) = (1, 2);
    /// There is no message of that type.
    pub const BAD_TYPE: (u8, u8) = (1, 3);
    /// OPEN cannot be read.
    pub const BAD_OPEN: (u8, u8) = (2, 0);
    /// Another version than 4.
    pub const BAD_VERSION: (u8, u8) = (2, 1);
    /// The AS number is not one we speak with.
    pub const BAD_PEER_AS: (u8, u8) = (2, 2);
    /// The identifier is none, or ours.
    pub const BAD_IDENTIFIER: (u8, u8) = (2, 3);
    /// A parameter that is not known.
    pub const BAD_PARAMETER: (u8, u8) = (2, 4);
    /// A hold time of 1 or 2 s.
    pub const BAD_HOLD_TIME: (u8, u8) = (2, 6);
    /// A capability that is needed is missing.
    pub const MISSING_CAPABILITY: (u8, u8) = (2, 7);
    /// The attributes of an UPDATE cannot be told apart.
    pub const BAD_ATTRIBUTES: (u8, u8) = (3, 1);
    /// An optional attribute cannot be read.
    pub const BAD_OPTIONAL_ATTRIBUTE: (u8, u8) = (3, 9);
    /// A network that cannot be read.
    pub const BAD_NETWORK: (u8, u8) = (3, 10);
    /// Nothing was heard for the hold time.
    pub const HOLD_TIME: (u8, u8) = (4, 0);
    /// A message that has no place in the state OpenSent.
    pub const NOT_IN_OPEN_SENT: (u8, u8) = (5, 1);
    /// A message that has no place in the state OpenConfirm.
    pub const NOT_IN_OPEN_CONFIRM: (u8, u8) = (5, 2);
    /// A message that has no place in the state Established.
    pub const NOT_IN_ESTABLISHED: (u8, u8) = (5, 3);
    /// This side is going away.
    pub const SHUTDOWN: (u8, u8) = (6, 2);
    /// Both sides had connected; the other connection stays.
    pub const COLLISION: (u8, u8) = (6, 7);

    /// A reason without data.
    #[must_use]
    pub fn new((code, subcode): (u8, u8)) -> Self {
        Self::with((code, subcode), &[])
    }

    /// A reason with what it is about.
    #[must_use]
    pub fn with((code, subcode): (u8, u8), data: &[u8]) -> Self {
        Self {
            code,
            subcode,
            data: data.to_vec(),
        }
    }

    /// Its numbers.
    #[must_use]
    pub fn numbers(&self) -> (u8, u8) {
        (self.code, self.subcode)
    }

    fn name(&self) -> &'static str {
        match (self.code, self.subcode) {
            (1, 1) => "connection not synchronised",
            (1, 2) => "bad message length",
            (1, 3) => "bad message type",
            (1, _) => "error in a message header",
            (2, 1) => "unsupported version",
            (2, 2) => "bad peer AS",
            (2, 3) => "bad BGP identifier",
            (2, 4) => "unsupported optional parameter",
            (2, 6) => "unacceptable hold time",
            (2, 7) => "unsupported capability",
            (2, 11) => "role mismatch",
            (2, _) => "error in OPEN",
            (3, 1) => "malformed attribute list",
            (3, 9) => "error in an optional attribute",
            (3, 10) => "invalid network field",
            (3, _) => "error in UPDATE",
            (4, _) => "hold timer expired",
            (5, _) => "message not expected in this state",
            (6, 1) => "maximum number of prefixes reached",
            (6, 2) => "administrative shutdown",
            (6, 3) => "peer deconfigured",
            (6, 4) => "administrative reset",
            (6, 5) => "connection rejected",
            (6, 6) => "other configuration change",
            (6, 7) => "connection collision resolution",
            (6, 8) => "out of resources",
            (6, 9) => "hard reset",
            (6, 10) => "BFD down",
            (6, _) => "cease",
            _ => "unknown reason",
        }
    }

    /// What a hard reset is about: the reason it wraps, so that a neighbour with
    /// graceful restart does not keep the routes (RFC 8538 §3.1).
    fn wrapped(&self) -> Option<Self> {
        match *self.data.as_slice() {
            [code, subcode, ref data @ ..] if self.numbers() == (6, 9) => {
                Some(Self::with((code, subcode), data))
            }
            _ => None,
        }
    }

    /// The operator's words with a shutdown or reset (RFC 9003).
    fn words(&self) -> Option<String> {
        if !matches!(self.numbers(), (6, 2 | 4)) {
            return None;
        }
        let (length, rest) = self.data.split_first()?;
        let bytes = rest.get(..usize::from(*length))?;
        let text = String::from_utf8_lossy(bytes);
        let printable = text.chars().filter(|character| !character.is_control());
        let text: String = printable.take(TEXT_LIMIT).collect();
        (!text.is_empty()).then_some(text)
    }

    /// The AS number a refusal is about: ours, as the neighbour read it.
    fn refused_as(&self) -> Option<u32> {
        if self.numbers() != Self::BAD_PEER_AS {
            return None;
        }
        match *self.data.as_slice() {
            [a, b] => Some(u32::from_be_bytes([0, 0, a, b])),
            [a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.name(), self.code, self.subcode)?;
        if let Some(number) = self.refused_as() {
            write!(f, ": AS {number}")?;
        }
        if let Some(words) = self.words() {
            write!(f, ": \"{words}\"")?;
        }
        match self.wrapped() {
            // One that wraps another one is nobody's.
            Some(reason) if reason.numbers() != self.numbers() => write!(f, ": {reason}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_as_words() {
        let shutdown = [&[7][..], b"upgrade\x07"].concat();
        let cases = [
            (Notification::new((6, 2)), "administrative shutdown (6/2)"),
            (
                Notification::with((6, 2), &shutdown),
                "administrative shutdown (6/2): \"upgrade\"",
            ),
            (
                Notification::with((6, 4), &[200, b'x']),
                "administrative reset (6/4)",
            ),
            (
                Notification::with((2, 2), &65001_u16.to_be_bytes()),
                "bad peer AS (2/2): AS 65001",
            ),
            (
                Notification::with((6, 9), &[6, 9, 6, 9]),
                "hard reset (6/9)",
            ),
            (Notification::new((99, 1)), "unknown reason (99/1)"),
            (Notification::new((3, 200)), "error in UPDATE (3/200)"),
        ];
        for (notification, expected) in cases {
            assert_eq!(notification.to_string(), expected);
        }
    }
}
