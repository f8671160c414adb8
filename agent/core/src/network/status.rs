// SPDX-License-Identifier: Apache-2.0
//! What the network of this machine looks like now, port by port, and what is
//! missing.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bootconfig::MacAddr;

use crate::network::bgp::RoutingStatus;
use crate::network::dhcp4::client::Ignored;
use crate::network::dhcp6::Dhcp6State;
use crate::network::names::ServerName;
use crate::network::ra::Router;
use crate::network::{
    AddressTrouble, Difference, Information, KernelRoute, LacpState, Lease, Lease6, LinkKind,
    NetworkMode, NetworkPlan, primary, resolver,
};

/// The state of the whole network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkStatus {
    /// Configured by the agent or only observed.
    pub mode: NetworkMode,
    /// The ports, by index.
    pub ports: Vec<PortStatus>,
    /// `BOOTIF` as it was told, whether or not there is such a port.
    pub boot_mac: Option<MacAddr>,
    /// BGP, where the machine speaks it: its addresses are on no port then.
    pub routing: Option<RoutingStatus>,
    /// What the network shall be; empty if it is only observed.
    pub plan: NetworkPlan,
    /// In what the kernel's network differs from the plan; the plan is applied
    /// if nothing does.
    pub differences: Vec<Difference>,
    /// The routes of the main table as the kernel has them.
    pub routes: Vec<KernelRoute>,
}

/// The state of one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortStatus {
    /// The kernel's number of the link.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its hardware address.
    pub mac: Option<MacAddr>,
    /// Whether it leads to the BMC and nowhere else ([`super::internal`]).
    pub internal: bool,
    /// What it is.
    pub kind: LinkKind,
    /// Name of the bond or bridge it belongs to.
    pub controller: Option<String>,
    /// What LACP has come to on it, where LACP is spoken.
    pub lacp: Option<LacpState>,
    /// Used before other ports (`ipa-network-interface`, else `BOOTIF`).
    pub preferred: bool,
    /// Whether there is something at the other end of the cable.
    pub carrier: bool,
    /// Since when the carrier is as it is; time since boot.
    pub carrier_since: Duration,
    /// What its DHCPv4 client does.
    pub dhcp: DhcpState,
    /// Since when; time since boot.
    pub dhcp_since: Duration,
    /// The lease it holds and when it was put into the kernel.
    pub lease: Option<PortLease>,
    /// Its addresses of the plan, once the kernel has them.
    pub planned: Option<PlannedAddresses>,
    /// What its DHCPv6 client does.
    pub dhcp6: Dhcp6State,
    /// Since when; time since boot.
    pub dhcp6_since: Duration,
    /// The DHCPv6 lease it holds.
    pub lease6: Option<PortLease6>,
    /// What a DHCPv6 server told without giving an address (flag O).
    pub information: Option<Information>,
    /// The routers it hears, those that shall be liked most first.
    pub routers: Vec<Router>,
    /// When it first got an address that others can reach.
    pub answered: Option<Answered>,
    /// Its addresses as the kernel has them, with their prefix lengths; without
    /// those that cannot be used yet, or because another machine has them.
    pub addresses: Vec<(IpAddr, u8)>,
    /// DHCPv4 answers that were not for this port or made no sense.
    pub ignored: Ignored,
    /// The same for DHCPv6.
    pub ignored6: Ignored,
    /// What is wrong with its addresses.
    pub address_troubles: Vec<AddressTrouble>,
    /// Why the link could not be set up as wanted.
    pub trouble: Option<String>,
}

/// A lease in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortLease {
    /// What the server gave.
    pub lease: Lease,
    /// When this port first got an address; time since boot.
    pub first: Duration,
    /// Position among the ports that got an address: 0 answered first.
    pub order: u32,
    /// The metric of its routes ([`primary::metric`]).
    pub metric: u32,
}

/// Static addresses in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedAddresses {
    /// When the port first had one of them; time since boot.
    pub first: Duration,
    /// Position among the ports that got an address.
    pub order: u32,
    /// The metric of its planned routes ([`primary::metric`]).
    pub metric: u32,
}

/// A DHCPv6 lease in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortLease6 {
    /// What the server gave.
    pub lease: Lease6,
    /// When it was put into the kernel first; time since boot.
    pub first: Duration,
}

/// When a port first got an address that others can reach, of either family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// Time since boot.
    pub at: Duration,
    /// Position among the ports: 0 was first.
    pub order: u32,
}

/// What a DHCPv4 client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DhcpState {
    /// It is not used on this port.
    #[default]
    Off,
    /// It waits for the carrier.
    NoCarrier,
    /// It asks whether there is a server.
    Discovering {
        /// How often it has asked.
        attempts: u32,
    },
    /// It takes an offer.
    Requesting {
        /// Whose.
        server: Ipv4Addr,
    },
    /// The link was away; it asks whether its old address is still good.
    Verifying,
    /// It has an address.
    Bound,
    /// It asks its server to prolong the lease.
    Renewing,
    /// Its server does not answer; it asks any server.
    Rebinding,
}

impl PortStatus {
    /// A port of which nothing is known yet but its number and name, since
    /// `now` (time since boot).
    #[must_use]
    pub fn new(index: u32, name: &str, now: Duration) -> Self {
        Self {
            index,
            name: name.to_owned(),
            mac: None,
            internal: false,
            kind: LinkKind::Ethernet,
            controller: None,
            lacp: None,
            preferred: false,
            carrier: false,
            carrier_since: now,
            dhcp: DhcpState::Off,
            dhcp_since: now,
            lease: None,
            planned: None,
            dhcp6: Dhcp6State::Off,
            dhcp6_since: now,
            lease6: None,
            information: None,
            routers: vec![],
            answered: None,
            addresses: vec![],
            ignored: Ignored::default(),
            ignored6: Ignored::default(),
            address_troubles: vec![],
            trouble: None,
        }
    }

    /// Whether it is a bond.
    #[must_use]
    pub fn is_bond(&self) -> bool {
        matches!(&self.kind, LinkKind::Virtual(kind) if kind == "bond")
    }

    /// When it first got an address, from whomever; time since boot. An address
    /// nobody gave (a network that is only observed) was there from the start.
    #[must_use]
    pub fn first_address(&self) -> Duration {
        let leased = self.lease.as_ref().map(|lease| lease.first);
        let planned = self.planned.map(|planned| planned.first);
        let answered = self.answered.map(|answered| answered.at);
        let known = leased.into_iter().chain(planned).chain(answered);
        known.min().unwrap_or_default()
    }

    /// Position among the ports that got an address; a port whose addresses
    /// nobody gave comes last.
    #[must_use]
    pub fn order(&self) -> u32 {
        let leased = self.lease.as_ref().map(|lease| lease.order);
        let planned = self.planned.map(|planned| planned.order);
        let answered = self.answered.map(|answered| answered.order);
        let known = leased.into_iter().chain(planned).chain(answered);
        known.min().unwrap_or(u32::MAX)
    }

    /// What DHCPv6 servers tell besides addresses: with the lease, else
    /// without one.
    pub fn information6(&self) -> impl Iterator<Item = &Information> {
        let leased = self.lease6.iter().map(|held| &held.lease.information);
        leased.chain(&self.information)
    }

    /// The address other machines can reach this port at: not link-local, not
    /// loopback; IPv4 before IPv6. A port that leads to the BMC has none.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        let usable = || {
            let addresses = self.addresses.iter().filter(|_| !self.internal);
            addresses
                .map(|(address, _)| *address)
                .filter(|address| primary::is_routable(*address))
        };
        usable().find(IpAddr::is_ipv4).or_else(|| usable().next())
    }
}

impl NetworkStatus {
    /// The port whose address and routes count ([`primary::primary`]).
    #[must_use]
    pub fn primary(&self) -> Option<&PortStatus> {
        primary::primary(&self.ports)
    }

    /// The time servers that DHCP servers of both families tell, best first.
    #[must_use]
    pub fn ntp(&self) -> Vec<ServerName> {
        resolver::time_servers(self)
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// A port as tests need it; `address` also gives it a place in the order.
    pub(crate) fn port(
        index: u32,
        name: &str,
        carrier: bool,
        address: Option<([u8; 4], u32)>,
    ) -> PortStatus {
        let lease = address.map(|(address, order)| PortLease {
            lease: crate::network::dhcp4::lease::samples::lease(Ipv4Addr::from(address)),
            first: Duration::from_secs(5 + u64::from(order)),
            order,
            metric: primary::metric(false, order),
        });
        PortStatus {
            carrier,
            addresses: address
                .map(|(address, _)| (IpAddr::from(address), 24))
                .into_iter()
                .collect(),
            lease,
            ..PortStatus::new(index, name, Duration::from_secs(2))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::port;
    use super::*;

    #[test]
    fn a_static_address_counts_like_a_leased_one() {
        let planned = PlannedAddresses {
            first: Duration::from_secs(3),
            order: 0,
            metric: 1000,
        };
        let mut fixed = port(7, "bond0", true, Some(([192, 0, 2, 9], 0)));
        fixed.lease = None;
        fixed.planned = Some(planned);
        let leased = port(2, "eno1", true, Some(([198, 51, 100, 9], 1)));
        assert_eq!(fixed.first_address(), planned.first);
        let status = NetworkStatus {
            ports: vec![leased, fixed],
            ..NetworkStatus::default()
        };
        let primary = status.primary().map(|port| port.name.as_str());
        assert_eq!(primary, Some("bond0"));
        assert_eq!(status.wait(), None);
    }
}
