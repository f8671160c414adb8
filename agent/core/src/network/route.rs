// SPDX-License-Identifier: Apache-2.0
//! A route, whoever told it.

use std::fmt;
use std::net::IpAddr;

/// A route through one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Where to; of the same family as the gateway, unless the gateway is
    /// link-local.
    pub destination: IpAddr,
    /// How many of its leading bits count; 0: everything.
    pub prefix_len: u8,
    /// Through which router; none: the destination is on this network.
    pub gateway: Option<IpAddr>,
}

impl Route {
    /// The route to everything else through this router.
    #[must_use]
    pub fn default_through(gateway: IpAddr) -> Self {
        let destination = match gateway {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0_u16; 8]),
        };
        Self {
            destination,
            prefix_len: 0,
            gateway: Some(gateway),
        }
    }

    /// Whether it leads to everything that has no route of its own.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.prefix_len == 0
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_default() {
            f.write_str("default")?;
        } else {
            write!(f, "{}/{}", self.destination, self.prefix_len)?;
        }
        match self.gateway {
            Some(gateway) => write!(f, " via {gateway}"),
            None => Ok(()),
        }
    }
}
