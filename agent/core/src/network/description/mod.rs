// SPDX-License-Identifier: Apache-2.0
//! What somebody wrote down about the network of this machine, before it is
//! known which links there are.
//!
//! Every source is read into the same value, a [`Description`]; one of them
//! counts ([`choose`]), and the plan binds it to the links
//! ([`crate::network::plan()`]). Without any description the agent asks for
//! addresses on every port.

pub mod choice;
pub mod network_data;

pub mod dracut;
pub mod ibft;
pub mod profile;

use std::fmt;
use std::net::IpAddr;

use bootconfig::MacAddr;

use crate::network::plan::{Addressing, Bond};
use crate::network::route::Route;

pub use choice::{Choice, Found, choose};

/// Who described the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `network_data.json` of virtual media (contract §2.4).
    NetworkData,
    /// dracut's words on the kernel command line (dracut.cmdline(7)).
    CommandLine,
    /// The iSCSI boot firmware table (the kernel's `/sys/firmware/ibft`).
    Ibft,
    /// The hardware profile.
    Profile,
    /// The words `osism-ipa-…` on the kernel command line.
    Osism,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::NetworkData => "network_data.json",
            Source::CommandLine => "the kernel command line",
            Source::Ibft => "the iSCSI boot firmware table",
            Source::Profile => "the hardware profile",
            Source::Osism => "osism-ipa-network",
        })
    }
}

/// A described network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Who says so.
    pub source: Source,
    /// The links; what carries a link may come behind it.
    pub links: Vec<DescribedLink>,
    /// DNS servers, best first.
    pub dns: Vec<IpAddr>,
    /// Domains that are tried behind a name without dots, best first.
    pub search: Vec<String>,
    /// How ports that are not described get addresses; none: the settings say
    /// whether they ask.
    pub others: Option<Vec<Addressing>>,
    /// Name of the link whose address and default route come first; none: the
    /// one with a default route.
    pub preferred: Option<String>,
    /// Whether DNS servers and search domains of leases and router
    /// advertisements are not used.
    pub ignore_lease_dns: bool,
}

impl Description {
    /// A description without any link yet.
    #[must_use]
    pub fn of(source: Source) -> Self {
        Self {
            source,
            links: vec![],
            dns: vec![],
            search: vec![],
            others: None,
            preferred: None,
            ignore_lease_dns: false,
        }
    }
}

/// What one link shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedLink {
    /// How other links of the description call it. A link that has to be made
    /// gets this name.
    pub name: String,
    /// What carries it.
    pub device: DescribedDevice,
    /// The hardware address it shall have; none: the one it has.
    pub mac: Option<MacAddr>,
    /// The largest packet in bytes; none: the card's default, or what DHCP says.
    pub mtu: Option<u32>,
    /// How it gets its addresses; none: it is only brought up.
    pub addressing: Vec<Addressing>,
    /// Routes through it.
    pub routes: Vec<Route>,
}

impl DescribedLink {
    /// A link that is only brought up.
    #[must_use]
    pub fn new(name: impl Into<String>, device: DescribedDevice) -> Self {
        Self {
            name: name.into(),
            device,
            mac: None,
            mtu: None,
            addressing: vec![],
            routes: vec![],
        }
    }
}

/// What carries a described link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DescribedDevice {
    /// A port of this machine.
    Port(PortMatch),
    /// Several links as one.
    Bond(Bond),
    /// A tagged network on another link.
    Vlan {
        /// Name of the link below, as in the description.
        parent: String,
        /// 1 to 4094.
        id: u16,
    },
    /// A link without any cable, for addresses of the machine itself.
    Dummy,
}

/// How a description names a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortMatch {
    /// By its permanent hardware address.
    Mac(MacAddr),
    /// By the name the kernel gives it.
    Name(String),
}

impl fmt::Display for PortMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortMatch::Mac(mac) => mac.fmt(f),
            PortMatch::Name(name) => f.write_str(name),
        }
    }
}
