// SPDX-License-Identifier: Apache-2.0
//! What the network of this machine looks like now, port by port, and what is
//! missing.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bootconfig::MacAddr;

use crate::event::Wait;
use crate::network::bgp::RoutingStatus;
use crate::network::dhcp4::client::Ignored;
use crate::network::{Lease, NetworkMode, NetworkPlan, primary};

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
    /// Used before other ports (`ipa-network-interface`, else `BOOTIF`).
    pub preferred: bool,
    /// Whether there is something at the other end of the cable.
    pub carrier: bool,
    /// Since when the carrier is as it is; time since boot.
    pub carrier_since: Duration,
    /// What its DHCP client does.
    pub dhcp: DhcpState,
    /// Since when; time since boot.
    pub dhcp_since: Duration,
    /// The lease it holds and when it was put into the kernel.
    pub lease: Option<PortLease>,
    /// Its addresses as the kernel has them, with their prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Answers that were not for this port or made no sense.
    pub ignored: Ignored,
    /// Why the lease or the link could not be set up as wanted.
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

/// What a DHCP client does.
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
            preferred: false,
            carrier: false,
            carrier_since: now,
            dhcp: DhcpState::Off,
            dhcp_since: now,
            lease: None,
            addresses: vec![],
            ignored: Ignored::default(),
            trouble: None,
        }
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

    /// What keeps the machine off the network; nothing once any port has an
    /// address that others can reach.
    #[must_use]
    pub fn wait(&self) -> Option<Wait> {
        let names = |ports: &mut dyn Iterator<Item = &PortStatus>| -> Vec<String> {
            ports.map(|port| port.name.clone()).collect()
        };
        let mut usable = self.ports.iter().filter(|port| !port.internal);
        if let Some(routing) = &self.routing {
            routing.wait()
        } else if self.primary().is_some() {
            None
        } else if usable.clone().next().is_none() {
            Some(Wait::NoNetworkCard)
        } else if usable.clone().any(|port| port.carrier) {
            Some(Wait::NoDhcpAnswer {
                ports: names(&mut usable.filter(|port| port.carrier)),
            })
        } else {
            Some(Wait::NoLink {
                ports: names(&mut usable),
            })
        }
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
    fn the_wait_names_what_is_missing() {
        let bmc = || {
            let mut port = port(9, "usb0", true, Some(([16, 1, 15, 2], 0)));
            port.internal = true;
            port
        };
        let cases = [
            (vec![], Some(Wait::NoNetworkCard)),
            (vec![bmc()], Some(Wait::NoNetworkCard)),
            (
                vec![port(2, "eno1", false, None), bmc()],
                Some(Wait::NoLink {
                    ports: vec!["eno1".into()],
                }),
            ),
            (
                vec![port(2, "eno1", false, None), port(3, "eno2", false, None)],
                Some(Wait::NoLink {
                    ports: vec!["eno1".into(), "eno2".into()],
                }),
            ),
            (
                vec![port(2, "eno1", false, None), port(3, "eno2", true, None)],
                Some(Wait::NoDhcpAnswer {
                    ports: vec!["eno2".into()],
                }),
            ),
            (
                vec![port(2, "eno1", true, Some(([169, 254, 1, 2], 0)))],
                Some(Wait::NoDhcpAnswer {
                    ports: vec!["eno1".into()],
                }),
            ),
            (
                vec![
                    port(2, "eno1", false, None),
                    port(3, "eno2", true, Some(([192, 0, 2, 9], 0))),
                ],
                None,
            ),
        ];
        for (ports, expected) in cases {
            let status = NetworkStatus {
                ports,
                ..NetworkStatus::default()
            };
            assert_eq!(status.wait(), expected);
        }
    }
}
