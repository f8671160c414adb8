// SPDX-License-Identifier: Apache-2.0
//! What the kernel can refuse.

use std::io;
use std::net::IpAddr;

use crate::net::bond_options::BondOptionError;

/// A failed operation on the network.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// No netlink socket.
    #[error("cannot open a netlink socket")]
    Netlink(#[source] io::Error),
    /// No thread or event loop for the network.
    #[error("cannot start the network's thread")]
    Thread(#[source] io::Error),
    /// The list of links, addresses or routes cannot be read.
    #[error("cannot list the {what} of this machine")]
    List {
        /// `links`, `addresses` or `routes`.
        what: &'static str,
        /// The kernel's answer.
        source: rtnetlink::Error,
    },
    /// A link cannot be changed.
    #[error("cannot {what} link {link}")]
    Link {
        /// `bring up`, `bring down`, `make`, `remove`, `set the MTU of`, ….
        what: &'static str,
        /// Its name.
        link: String,
        /// The kernel's answer.
        source: rtnetlink::Error,
    },
    /// A bond's options are wrong.
    #[error("cannot make {bond}")]
    BondOption {
        /// Its name.
        bond: String,
        /// Which option.
        source: BondOptionError,
    },
    /// An address cannot be added or removed.
    #[error("cannot {what} address {address}")]
    Address {
        /// `add` or `remove`.
        what: &'static str,
        /// The address.
        address: IpAddr,
        /// The kernel's answer.
        source: rtnetlink::Error,
    },
    /// A route cannot be added or removed.
    #[error("cannot {what} the route to {destination}")]
    Route {
        /// `add` or `remove`.
        what: &'static str,
        /// Network and prefix length, and the gateway if there is one.
        destination: String,
        /// The kernel's answer.
        source: rtnetlink::Error,
    },
    /// A link that must be there is not.
    #[error("there is no link {0}")]
    NoLink(&'static str),
    /// No socket for router advertisements.
    #[error("cannot listen for router advertisements")]
    Routers(#[source] io::Error),
    /// A setting of the kernel cannot be changed.
    #[error("cannot write {value} to {path}")]
    Setting {
        /// The file below `/proc/sys`.
        path: String,
        /// What it should be.
        value: u32,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel knows no way to an address.
    #[error("there is no route to {0}")]
    NoRoute(IpAddr),
    /// A socket of the port does not work.
    #[error("cannot {what} on port {port}")]
    Packet {
        /// Such as `listen for DHCP` or `send DHCP`.
        what: &'static str,
        /// Index of the link.
        port: u32,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The resolver's file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl NetError {
    /// Whether this is what the kernel answered.
    pub(super) fn is(&self, errno: nix::errno::Errno) -> bool {
        let (Self::Link { source, .. } | Self::Address { source, .. } | Self::Route { source, .. }) =
            self
        else {
            return false;
        };
        let rtnetlink::Error::NetlinkError(error) = source else {
            return false;
        };
        error.raw_code() == -(errno as i32)
    }

    /// The error and its causes in one line.
    #[must_use]
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}
