// SPDX-License-Identifier: Apache-2.0
//! What is wrong with a `network_data.json`, and what is only odd.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

/// Problems and warnings that are spelled out; a file of another kind can have
/// thousands.
const TOLD: usize = 20;

/// One thing that cannot be meant. Each begins with the place in the file, and
/// the id of the link or network where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// The bytes are not JSON.
    #[error("wanted JSON, found none: {found}")]
    NotJson {
        /// The parser's words, with line and column.
        found: String,
    },
    /// It is JSON of another schema.
    #[error(
        "wanted Nova's network data, an object with links, networks and services; found {found}"
    )]
    Schema {
        /// What kind of value, or which keys.
        found: String,
    },
    /// There are more links or networks than any machine has.
    #[error("{at}: wanted at most {most} of them, found {found}")]
    TooMany {
        /// The list.
        at: String,
        /// The limit.
        most: usize,
        /// How many there are.
        found: usize,
    },
    /// A key has a value it cannot have.
    #[error("{at}: wanted {wanted}, found {found}")]
    Value {
        /// The key.
        at: String,
        /// What would be right.
        wanted: &'static str,
        /// The value, shortened if it is long.
        found: String,
    },
    /// A key without which the rest has no meaning is not there.
    #[error("{at}: wanted {wanted}, found nothing")]
    Absent {
        /// The key.
        at: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// A network, bond or VLAN refers to a link that is not there.
    #[error("{at}: wanted the id of a link, found {link}; the links are {known}")]
    UnknownLink {
        /// The key.
        at: String,
        /// The id that was found.
        link: String,
        /// The ids there are.
        known: String,
    },
    /// Something that can be there only once is there twice.
    #[error("{at}: {what} {value} is already that of {first}")]
    Twice {
        /// The second place.
        at: String,
        /// What it is, such as `the id` or `the MAC address`.
        what: &'static str,
        /// The value.
        value: String,
        /// The first place.
        first: String,
    },
    /// A port belongs to two bonds.
    #[error("{at}: {link} is already a port of the bond {bond}")]
    PortTwice {
        /// The second bond's list.
        at: String,
        /// The port.
        link: String,
        /// The first bond.
        bond: String,
    },
    /// A port of a bond has a network or VLAN of its own, which cannot work.
    #[error("{at}: {link} is a port of the bond {bond}; wanted the bond itself here")]
    PortUsed {
        /// Who uses it.
        at: String,
        /// The port.
        link: String,
        /// Its bond.
        bond: String,
    },
    /// Links lie on each other in a circle.
    #[error("{at}: the link lies on itself: {circle}")]
    Circle {
        /// One of them.
        at: String,
        /// All of them, the first one at the end again.
        circle: String,
    },
    /// Links lie on each other deeper than the kernel allows (`MAX_NEST_DEV`).
    #[error("{at}: wanted at most {most} links on top of each other, found more")]
    TooDeep {
        /// The uppermost link.
        at: String,
        /// The kernel's limit.
        most: usize,
    },
    /// Two routers shall have the traffic to everywhere.
    #[error(
        "{at}: a second default route for {family}, {second}; the first is {first}; wanted one for the whole machine"
    )]
    TwoDefaultRoutes {
        /// The second route.
        at: String,
        /// `IPv4` or `IPv6`.
        family: &'static str,
        /// The second router and its link.
        second: String,
        /// The first router and its link.
        first: String,
    },
    /// A gateway that cannot be reached through the link of its route.
    #[error("{at}: the gateway {gateway} cannot be reached through {link}: {why}")]
    Gateway {
        /// The key.
        at: String,
        /// The gateway.
        gateway: IpAddr,
        /// The route's link.
        link: String,
        /// Why not.
        why: String,
    },
    /// The packets are too small for the protocol.
    #[error("{at}: wanted at least {least} bytes for {family}, found {found}")]
    SmallMtu {
        /// The key.
        at: String,
        /// The smallest MTU of the protocol.
        least: u32,
        /// `IPv4` (RFC 791) or `IPv6` (RFC 8200 section 5).
        family: &'static str,
        /// What the file says.
        found: u32,
    },
    /// A VLAN's packets do not fit into those of the link below.
    #[error("{at}: wanted at most the {most} bytes of {parent}, found {found}")]
    LargeMtu {
        /// The VLAN's key.
        at: String,
        /// The MTU of the link below.
        most: u32,
        /// The link below.
        parent: String,
        /// The VLAN's MTU.
        found: u32,
    },
}

/// Everything that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", listed(.problems))]
pub struct Problems {
    /// In the order of the file; never empty.
    pub problems: Vec<Problem>,
}

fn listed(problems: &[Problem]) -> String {
    let mut texts: Vec<String> = problems
        .iter()
        .take(TOLD)
        .map(ToString::to_string)
        .collect();
    if problems.len() > TOLD {
        texts.push(format!("and {} more", problems.len() - TOLD));
    }
    texts.join("; ")
}

/// Something that is odd, and how it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A type of link Nova does not have.
    LinkType {
        /// The key.
        at: String,
        /// The type.
        found: String,
    },
    /// An option the bonding driver does not have.
    BondOption {
        /// The key.
        at: String,
    },
    /// A service nobody here uses.
    Service {
        /// The key.
        at: String,
        /// The service's type.
        found: String,
    },
    /// A route to an address inside of a network instead of to the network.
    HostBits {
        /// The key.
        at: String,
        /// The network as it is used.
        network: String,
    },
    /// A gateway outside of every network of its link.
    GatewayOutside {
        /// The key.
        at: String,
        /// The gateway.
        gateway: IpAddr,
        /// Its link.
        link: String,
    },
    /// A port of a bond has another MTU than the bond.
    PortMtu {
        /// The port's key.
        at: String,
        /// The bond's MTU in bytes.
        mtu: u32,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::LinkType { at, found } => {
                write!(f, "{at}: unknown type {found}, taken for a port")
            }
            Warning::BondOption { at } => {
                write!(f, "{at}: the bonding driver has no such option, ignored")
            }
            Warning::Service { at, found } => write!(f, "{at}: service {found} is not used"),
            Warning::HostBits { at, network } => {
                write!(f, "{at}: not the first address, taken for {network}")
            }
            Warning::GatewayOutside { at, gateway, link } => write!(
                f,
                "{at}: the gateway {gateway} is in no network of {link}, taken to be a neighbour there all the same"
            ),
            Warning::PortMtu { at, mtu } => {
                write!(f, "{at}: differs from the bond's, {mtu} bytes are used")
            }
        }
    }
}

/// What comes up while the file is read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

impl Reading {
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }
}
