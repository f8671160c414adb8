// SPDX-License-Identifier: Apache-2.0
//! What keeps the machine off the network, by name.

use crate::event::Wait;
use crate::network::{
    AddressTrouble, Dhcp6State, DhcpState, LacpState, NetworkStatus, PortStatus, Subject,
};

impl NetworkStatus {
    /// What keeps the machine off the network; nothing once any port has an
    /// address that others can reach.
    #[must_use]
    pub fn wait(&self) -> Option<Wait> {
        if let Some(routing) = &self.routing {
            return routing.wait();
        }
        if self.primary().is_some() {
            return None;
        }
        if !self.plan.missing.is_empty() {
            return Some(Wait::MissingPorts {
                ports: self.plan.missing.iter().map(ToString::to_string).collect(),
            });
        }
        if self.ports.iter().all(|port| port.internal) {
            return Some(Wait::NoNetworkCard);
        }
        let conflicts = self.conflicts();
        if !conflicts.is_empty() {
            return Some(Wait::AddressInUse { conflicts });
        }
        let blocked = self.ports.iter().filter(|port| {
            let fault = |state: LacpState| state.is_fault() && !state.works();
            port.carrier && port.lacp.is_some_and(fault)
        });
        let blocked: Vec<String> = blocked.map(with_lacp).collect();
        let lacp_works = |port: &PortStatus| port.lacp.is_some_and(LacpState::works);
        if !blocked.is_empty() && !self.ports.iter().any(lacp_works) {
            return Some(Wait::BlockedByLacp { ports: blocked });
        }
        let asking: Vec<String> = self.names(|port| {
            let asks = port.dhcp != DhcpState::Off || port.dhcp6 != Dhcp6State::Off;
            port.carrier && (self.plan.source.is_none() || asks)
        });
        if !asking.is_empty() {
            return Some(Wait::NoDhcpAnswer { ports: asking });
        }
        self.wait_for_link()
    }

    /// The wait where nobody is asked for an address: without any link, or with
    /// a plan that cannot be applied.
    fn wait_for_link(&self) -> Option<Wait> {
        let bond = self
            .ports
            .iter()
            .find(|port| port.is_bond() && !port.carrier);
        if let Some(bond) = bond {
            let ports = self.names(|port| port.controller.as_deref() == Some(&bond.name));
            return Some(Wait::BondWithoutLink {
                bond: bond.name.clone(),
                ports,
            });
        }
        if self.names(|port| port.carrier).is_empty() {
            return Some(Wait::NoLink {
                ports: self.names(|_| true),
            });
        }
        // An address is what is waited for, so what is wrong with one counts
        // before the rest.
        let difference = self
            .differences
            .iter()
            .min_by_key(|difference| difference.subject != Subject::Address);
        Some(match difference {
            Some(difference) => Wait::NotAsDescribed {
                difference: difference.to_string(),
            },
            None => Wait::NoAddressDescribed {
                ports: self.names(|port| port.carrier),
            },
        })
    }

    fn names(&self, which: impl Fn(&PortStatus) -> bool) -> Vec<String> {
        let outward = self.ports.iter().filter(|port| !port.internal);
        let ports = outward.filter(|port| which(port));
        ports.map(|port| port.name.clone()).collect()
    }

    /// Addresses that were given up because somebody else has them.
    fn conflicts(&self) -> Vec<String> {
        let of = |port: &PortStatus| -> Vec<String> {
            let troubles = port.address_troubles.iter();
            troubles
                .filter(|trouble| matches!(trouble, AddressTrouble::InUse { .. }))
                .map(|trouble| format!("{}: {trouble}", port.name))
                .collect()
        };
        self.ports.iter().flat_map(of).collect()
    }
}

/// The name of a port and what LACP has come to on it.
fn with_lacp(port: &PortStatus) -> String {
    match port.lacp {
        Some(state) => format!("{} ({state})", port.name),
        None => port.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::network::description::PortMatch;
    use crate::network::description::Source;
    use crate::network::status::samples::port;
    use crate::network::{Difference, LinkKind, Missing, NetworkPlan};

    #[test]
    fn the_wait_names_what_is_missing() {
        let bmc = || {
            let mut port = port(9, "usb0", true, Some(([16, 1, 15, 2], 0)));
            port.internal = true;
            port
        };
        let with = |mut port: PortStatus, address: &str| {
            let address = address.parse().expect("an address");
            port.addresses.push((address, 64));
            port
        };
        let mut conflict = port(2, "eno1", true, None);
        conflict.address_troubles.push(AddressTrouble::InUse {
            address: IpAddr::from([192, 0, 2, 9]),
            by: None,
        });
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
            (
                vec![with(port(2, "eno1", true, None), "fe80::5")],
                Some(Wait::NoDhcpAnswer {
                    ports: vec!["eno1".into()],
                }),
            ),
            (vec![with(port(2, "eno1", true, None), "2001:db8::5")], None),
            (
                vec![conflict],
                Some(Wait::AddressInUse {
                    conflicts: vec!["eno1: address 192.0.2.9 is in use by another machine".into()],
                }),
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

    fn described(ports: Vec<PortStatus>) -> NetworkStatus {
        NetworkStatus {
            ports,
            plan: NetworkPlan {
                source: Some(Source::NetworkData),
                ..NetworkPlan::default()
            },
            ..NetworkStatus::default()
        }
    }

    fn bond(carrier: bool) -> PortStatus {
        PortStatus {
            kind: LinkKind::Virtual("bond".into()),
            ..port(9, "bond0", carrier, None)
        }
    }

    fn in_bond(index: u32, name: &str, lacp: LacpState) -> PortStatus {
        PortStatus {
            controller: Some("bond0".into()),
            lacp: Some(lacp),
            ..port(index, name, lacp != LacpState::NoLink, None)
        }
    }

    #[test]
    fn a_described_network_waits_for_what_is_described() {
        let asking = PortStatus {
            dhcp: DhcpState::Discovering { attempts: 3 },
            ..port(2, "eno1", true, None)
        };
        let duplicate = Difference {
            link: "eno1".into(),
            subject: Subject::Address,
            wanted: "192.0.2.9/24".into(),
            actual: "another machine on this network has the address".into(),
            next: "",
        };
        let not_as_described = NetworkStatus {
            differences: vec![duplicate.clone()],
            ..described(vec![port(2, "eno1", true, None)])
        };
        let mut without_port = described(vec![asking.clone()]);
        without_port.plan.missing.push(Missing {
            link: "tap1".into(),
            port: PortMatch::Name("eno7".into()),
        });
        let blocked = in_bond(2, "eno1", LacpState::Blocked);
        let cases = [
            (
                described(vec![asking, port(3, "eno2", true, None)]),
                Wait::NoDhcpAnswer {
                    ports: vec!["eno1".into()],
                },
            ),
            (
                not_as_described,
                Wait::NotAsDescribed {
                    difference: duplicate.to_string(),
                },
            ),
            (
                without_port,
                Wait::MissingPorts {
                    ports: vec!["tap1: this machine has no port eno7".into()],
                },
            ),
            (
                described(vec![
                    in_bond(2, "eno1", LacpState::NoLink),
                    in_bond(3, "eno2", LacpState::NoLink),
                    port(4, "eno3", true, None),
                    bond(false),
                ]),
                Wait::BondWithoutLink {
                    bond: "bond0".into(),
                    ports: vec!["eno1".into(), "eno2".into()],
                },
            ),
            (
                described(vec![blocked.clone(), bond(false)]),
                Wait::BlockedByLacp {
                    ports: vec!["eno1 (the switch speaks LACP and blocks the port)".into()],
                },
            ),
            (
                described(vec![
                    blocked,
                    in_bond(3, "eno2", LacpState::Aggregated),
                    bond(true),
                ]),
                Wait::NoAddressDescribed {
                    ports: vec!["eno1".into(), "eno2".into(), "bond0".into()],
                },
            ),
        ];
        for (status, expected) in cases {
            assert_eq!(status.wait(), Some(expected));
        }
    }
}
