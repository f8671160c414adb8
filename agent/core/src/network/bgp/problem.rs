// SPDX-License-Identifier: Apache-2.0
//! Why there is no BGP session with a neighbour, and what to check next.

use std::fmt;

use super::notification::Notification;

/// The last reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The neighbour does not answer TCP at all.
    Unanswered,
    /// It does not answer, and segments with a wrong TCP-MD5 signature, or
    /// without one, were dropped at the same time.
    Password,
    /// TCP failed; the kernel's words.
    Unreachable(String),
    /// The neighbour closed the connection without a reason.
    Closed,
    /// The neighbour gave a reason.
    Received(Notification),
    /// We refused.
    Sent(Notification),
    /// A message of ours could not be written.
    Unwritable(String),
}

impl Problem {
    /// What to check next, as an instruction.
    #[must_use]
    pub fn next(&self) -> &'static str {
        match self {
            Self::Unanswered => {
                "check that the switch speaks BGP on this port and that no filter drops TCP port 179; a session with a password on one side only looks the same"
            }
            Self::Password => {
                "compare osism-aa with the password of this neighbour in the switch's configuration"
            }
            Self::Unreachable(_) | Self::Closed => {
                "check that the switch has an unnumbered BGP neighbour on this port, with 'remote-as external'"
            }
            Self::Received(notification) => match notification.numbers() {
                Notification::BAD_PEER_AS => {
                    "compare osism-ipa-as with the remote AS the switch expects on this port"
                }
                (6, _) => "ask the operator of the switch; the session is tried again",
                _ => "look at the switch's BGP log for this neighbour",
            },
            Self::Sent(notification) => match notification.numbers() {
                Notification::BAD_PEER_AS => {
                    "give this machine another AS than the switch's with osism-ipa-as"
                }
                Notification::BAD_IDENTIFIER => {
                    "give this machine another osism-ipa-ipv4 than the switch's router id"
                }
                Notification::MISSING_CAPABILITY => {
                    "let the switch's BGP use AS numbers of four octets"
                }
                Notification::HOLD_TIME => "check the cable and the load of the switch",
                _ => "look at the switch's BGP log for this neighbour",
            },
            Self::Unwritable(_) => "send the agent's log to the project",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered => f.write_str("the neighbour does not answer"),
            Self::Password => f.write_str(
                "the neighbour has another password (TCP-MD5), or only one side has one",
            ),
            Self::Unreachable(words) => write!(f, "no connection: {words}"),
            Self::Closed => f.write_str("the neighbour closed the connection"),
            Self::Received(notification) => write!(f, "the neighbour says: {notification}"),
            Self::Sent(notification) => write!(f, "refused by this machine: {notification}"),
            Self::Unwritable(words) => write!(f, "a message cannot be written: {words}"),
        }
    }
}
