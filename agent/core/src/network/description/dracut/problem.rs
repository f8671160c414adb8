// SPDX-License-Identifier: Apache-2.0
//! What is wrong with words about the network.

use std::fmt;

use bootconfig::{NetworkWord, Origin};
use thiserror::Error;

/// A word that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{origin}: {word}: {fault}")]
pub struct WordProblem {
    /// Where it stands.
    pub origin: Origin,
    /// The word, fit to be shown.
    pub word: String,
    /// What is wrong.
    pub fault: WordFault,
}

impl WordProblem {
    pub(super) fn new(word: &NetworkWord, fault: WordFault) -> Self {
        Self {
            origin: word.origin.clone(),
            word: word.to_string(),
            fault,
        }
    }
}

/// All words that cannot be used, in the order in which they stand.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct WordProblems(pub Vec<WordProblem>);

/// What is wrong with a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WordFault {
    /// A part is not what stands there.
    Part {
        /// Which part.
        part: Part,
        /// What stands there.
        found: String,
        /// What may be meant.
        suggestion: Option<&'static str>,
    },
    /// Parts are left over.
    TooLong {
        /// The form the word has.
        form: &'static str,
    },
    /// An IPv6 address whose colons would divide the word.
    WithoutBrackets,
    /// An address without its network.
    WithoutNetmask,
    /// Gateway and address of different families.
    GatewayOfOtherFamily,
    /// An address and nothing that says for which port.
    WithoutInterface,
    /// A route and nothing that says through which port.
    RouteWithoutInterface,
    /// Two words give one link different values.
    Contradiction {
        /// The link.
        link: String,
        /// Of what.
        of: &'static str,
        /// Where the other word stands.
        other: Origin,
    },
    /// A link is made twice.
    Twice {
        /// Its name.
        link: String,
        /// Where it was made first.
        other: Origin,
    },
    /// A port of a bond that shall also be something of its own.
    PortOfBond {
        /// The port.
        port: String,
        /// The bond.
        bond: String,
    },
    /// Links that carry each other.
    Circle {
        /// One of them.
        link: String,
    },
    /// `bootdev=` names no link of the other words.
    UnknownBootdev,
    /// Several links have a default route and nothing says which counts.
    SeveralGateways {
        /// The link with the other one.
        other: String,
    },
    /// A hardware address for a link whose card `ifname=` finds by it.
    MacOfNamedCard,
    /// The agent makes no bridges.
    Bridge,
}

/// A part of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// How addresses are got.
    Method,
    /// Name of a link.
    Interface,
    /// An address.
    Address,
    /// The address of a router.
    Gateway,
    /// A network mask.
    Netmask,
    /// A network with its prefix length.
    Network,
    /// The largest packet.
    Mtu,
    /// A hardware address.
    Mac,
    /// A DNS server, or MTU and hardware address.
    Tail,
    /// A DNS server.
    NameServer,
    /// A VLAN's name.
    VlanName,
    /// An option of the bonding driver.
    BondOption,
    /// The bonding mode.
    BondMode,
    /// The runner of a team.
    TeamRunner,
    /// 0 or 1.
    Switch,
}

impl Part {
    /// What would be right, to follow "expected".
    fn expected(self) -> &'static str {
        match self {
            Part::Method => {
                "one of dhcp, on, any, dhcp6, auto6, either6, link6, single-dhcp, ibft, off, none"
            }
            Part::Interface => "the name of a network link, at most 15 characters",
            Part::Address => "an IP address, IPv6 in brackets",
            Part::Gateway => "the IP address of a router, IPv6 in brackets",
            Part::Netmask => "a network mask or prefix length, such as 255.255.255.0 or 24",
            Part::Network => "a network such as 192.0.2.0/24 or [2001:db8::/64]",
            Part::Mtu => "an MTU from 68 to 65535, with IPv6 at least 1280",
            Part::Mac => "a MAC address such as 52:54:00:12:34:56",
            Part::Tail => "MTU and MAC address, or the IP addresses of DNS servers",
            Part::NameServer => "the IP address of a DNS server",
            Part::VlanName => {
                "a VLAN name that ends in its number from 1 to 4094, such as vlan5 or eth0.5"
            }
            Part::BondOption => "options of the bonding driver such as mode=802.3ad,miimon=100",
            Part::BondMode => {
                "a bonding mode: balance-rr, active-backup, balance-xor, broadcast, 802.3ad, \
                 balance-tlb or balance-alb, or its number"
            }
            Part::TeamRunner => {
                "one of activebackup, roundrobin, broadcast, loadbalance, random, lacp"
            }
            Part::Switch => "0 or 1",
        }
    }
}

impl fmt::Display for WordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part {
                part,
                found,
                suggestion,
            } => {
                write!(f, "expected {}, found ", part.expected())?;
                match found.is_empty() {
                    true => f.write_str("nothing")?,
                    false => f.write_str(found)?,
                }
                match suggestion {
                    Some(word) => write!(f, ", did you mean {word}?"),
                    None => Ok(()),
                }
            }
            Self::TooLong { form } => write!(f, "has more parts than {form}"),
            Self::WithoutBrackets => f.write_str("an IPv6 address must be in brackets here"),
            Self::WithoutNetmask => write!(
                f,
                "the address has no network mask, expected {}",
                Part::Netmask.expected()
            ),
            Self::GatewayOfOtherFamily => {
                f.write_str("address and gateway must both be IPv4 or both IPv6")
            }
            Self::WithoutInterface => f.write_str(
                "names no interface for the address, and neither bootdev= nor BOOTIF= tells it",
            ),
            Self::RouteWithoutInterface => f.write_str(
                "no address of the other words is in the gateway's network: name the interface \
                 behind the gateway",
            ),
            Self::Contradiction { link, of, other } => {
                write!(f, "{link} has another {of} in {other}")
            }
            Self::Twice { link, other } => write!(f, "{link} is made by {other} already"),
            Self::PortOfBond { port, bond } => {
                write!(
                    f,
                    "{port} is a port of {bond} and cannot have its own address, VLAN or other bond"
                )
            }
            Self::Circle { link } => write!(f, "{link} would carry itself"),
            Self::UnknownBootdev => f.write_str("no ip= names this interface"),
            Self::SeveralGateways { other } => write!(
                f,
                "{other} has a default route as well: bootdev= must name the interface whose gateway counts"
            ),
            Self::MacOfNamedCard => f.write_str(
                "ifname= finds this interface by its MAC address, which cannot be replaced as well",
            ),
            Self::Bridge => {
                f.write_str("the agent makes no bridges: give the address to the port itself")
            }
        }
    }
}
