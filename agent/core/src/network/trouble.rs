// SPDX-License-Identifier: Apache-2.0
//! What is wrong with the addresses of a port, by name.

use std::fmt;
use std::net::IpAddr;

use bootconfig::MacAddr;

use crate::fault::Owner;

/// Something that keeps a port from having the addresses and routes it was
/// given, or that somebody should know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressTrouble {
    /// Somebody else has the address. It was given up.
    InUse {
        /// The address.
        address: IpAddr,
        /// The hardware address of whoever has it, where it is known.
        by: Option<MacAddr>,
    },
    /// Several DHCP servers answer.
    OtherServers {
        /// Whose answer was taken.
        taken: IpAddr,
        /// Who answered besides.
        others: Vec<IpAddr>,
    },
    /// A server's answer could not be used.
    UnusableAnswer {
        /// The server.
        server: IpAddr,
        /// What is wrong with its answer.
        reason: String,
    },
    /// The router of the default route does not answer ARP.
    GatewaySilent {
        /// The router.
        gateway: IpAddr,
    },
    /// The kernel or the card does not take what a server gave.
    NotTaken {
        /// What was wanted and what came of it.
        reason: String,
    },
}

impl AddressTrouble {
    /// Short stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "address-in-use",
            Self::OtherServers { .. } => "several-dhcp-servers",
            Self::UnusableAnswer { .. } => "unusable-dhcp-answer",
            Self::GatewaySilent { .. } => "gateway-silent",
            Self::NotTaken { .. } => "lease-not-taken",
        }
    }

    /// Who can end it.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::Environment
    }

    /// What to check next, as an instruction.
    #[must_use]
    pub fn next(&self) -> &'static str {
        match self {
            Self::InUse { .. } => {
                "find the other machine by its hardware address, and take the address out of the DHCP range or off that machine"
            }
            Self::OtherServers { .. } => "switch one of the DHCP servers on this network off",
            Self::UnusableAnswer { .. } => {
                "check this host's entry and the range at the DHCP server"
            }
            Self::GatewaySilent { .. } => {
                "check the router option of the DHCP server and the VLAN of the switch port"
            }
            Self::NotTaken { .. } => "compare what the DHCP server gives with what the card can do",
        }
    }
}

impl fmt::Display for AddressTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse {
                address,
                by: Some(by),
            } => write!(f, "address {address} is in use by {by}"),
            Self::InUse { address, by: None } => {
                write!(f, "address {address} is in use by another machine")
            }
            Self::OtherServers { taken, others } => {
                let others: Vec<String> = others.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "several DHCP servers answer: {taken} was taken, {} not",
                    others.join(", ")
                )
            }
            Self::UnusableAnswer { server, reason } => {
                write!(
                    f,
                    "the answer of DHCP server {server} is of no use: {reason}"
                )
            }
            Self::GatewaySilent { gateway } => {
                write!(f, "gateway {gateway} does not answer ARP on this network")
            }
            Self::NotTaken { reason } => f.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_says_what_it_is_and_what_to_do() {
        let address = IpAddr::from([192, 0, 2, 50]);
        let server = IpAddr::from([192, 0, 2, 1]);
        let cases = [
            (
                AddressTrouble::InUse {
                    address,
                    by: Some(MacAddr([2, 0, 0, 0, 0, 9])),
                },
                "address 192.0.2.50 is in use by 02:00:00:00:00:09",
            ),
            (
                AddressTrouble::InUse { address, by: None },
                "address 192.0.2.50 is in use by another machine",
            ),
            (
                AddressTrouble::OtherServers {
                    taken: server,
                    others: vec![address],
                },
                "several DHCP servers answer: 192.0.2.1 was taken, 192.0.2.50 not",
            ),
            (
                AddressTrouble::UnusableAnswer {
                    server,
                    reason: "no time".into(),
                },
                "the answer of DHCP server 192.0.2.1 is of no use: no time",
            ),
            (
                AddressTrouble::GatewaySilent { gateway: server },
                "gateway 192.0.2.1 does not answer ARP on this network",
            ),
        ];
        let mut codes = std::collections::BTreeSet::new();
        for (trouble, expected) in cases {
            assert_eq!(trouble.to_string(), expected);
            assert!(!trouble.next().is_empty());
            codes.insert(trouble.code());
        }
        assert_eq!(codes.len(), 4);
    }
}
