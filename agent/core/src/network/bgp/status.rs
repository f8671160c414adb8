// SPDX-License-Identifier: Apache-2.0
//! What the routing of this machine looks like now, and what is missing.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::plan::Metalbox;
use super::prefix::Prefix;
use crate::event::Wait;

/// The state of BGP on the whole machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingStatus {
    /// Our autonomous system.
    pub local_as: u32,
    /// Our identifier.
    pub router_id: Ipv4Addr,
    /// The link that carries our addresses, once it is there: `loopback0`, or
    /// `lo` on a kernel without dummy devices.
    pub device: Option<String>,
    /// Our addresses on it.
    pub own: Vec<IpAddr>,
    /// The ports, by index.
    pub ports: Vec<PortSession>,
    /// The routes in the kernel: network, and its next hops as port and
    /// address.
    pub routes: Vec<(Prefix, Vec<(String, Ipv6Addr)>)>,
    /// The rack's infrastructure server.
    pub metalbox: Option<MetalboxState>,
    /// What could not be done as wanted.
    pub troubles: Vec<String>,
}

/// The session of one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSession {
    /// The kernel's number of the link.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// How far the session is.
    pub state: SessionState,
    /// Since when; time since boot.
    pub since: Duration,
    /// The neighbour's link-local address, once it was heard.
    pub neighbour: Option<Ipv6Addr>,
    /// Its autonomous system, while the session is established.
    pub neighbour_as: Option<u32>,
    /// The networks it gives a way to that are used.
    pub prefixes: Vec<Prefix>,
    /// Why there is no session.
    pub problem: Option<PortProblem>,
    /// What could not be done as wanted with the port itself.
    pub trouble: Option<String>,
}

/// Why there is no session, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortProblem {
    /// What happened.
    pub what: String,
    /// What to check next.
    pub next: &'static str,
}

/// How far a session is (RFC 4271 §8.2.2, with two states before).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Nothing at the other end of the cable.
    NoCarrier,
    /// Nothing was heard from a router.
    NoNeighbour,
    /// The next attempt is due soon; connections are accepted.
    Active,
    /// A connection is being opened.
    Connect,
    /// We have introduced ourselves.
    OpenSent,
    /// So has the neighbour.
    OpenConfirm,
    /// Routes are exchanged.
    Established,
}

/// Whether the metalbox answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetalboxState {
    /// Where it is, and how long it is waited for.
    pub metalbox: Metalbox,
    /// When it first answered; time since boot.
    pub reached: Option<Duration>,
    /// The wait is over without an answer.
    pub overdue: bool,
    /// What happened last.
    pub problem: Option<String>,
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCarrier => "no carrier",
            Self::NoNeighbour => "no neighbour",
            Self::Active => "active",
            Self::Connect => "connect",
            Self::OpenSent => "open sent",
            Self::OpenConfirm => "open confirm",
            Self::Established => "established",
        })
    }
}

impl RoutingStatus {
    /// What keeps the machine from being routed to; nothing once any neighbour
    /// gives a way out. The metalbox is waited for after that.
    #[must_use]
    pub fn wait(&self) -> Option<Wait> {
        let names = |wanted: &dyn Fn(&PortSession) -> bool| -> Vec<String> {
            let ports = self.ports.iter().filter(|port| wanted(port));
            ports.map(|port| port.name.clone()).collect()
        };
        if !self.routes.is_empty() {
            return self.metalbox_wait();
        }
        if self.ports.is_empty() {
            return Some(Wait::NoNetworkCard);
        }
        let established = names(&|port| port.state == SessionState::Established);
        if !established.is_empty() {
            return Some(Wait::NoBgpRoute { ports: established });
        }
        let refused = self.ports.iter().find_map(|port| {
            Some(Wait::NoBgpSession {
                port: port.name.clone(),
                neighbour: port.neighbour?.to_string(),
                problem: port
                    .problem
                    .as_ref()
                    .map_or_else(|| port.state.to_string(), |problem| problem.what.clone()),
                next: port.problem.as_ref().map(|problem| problem.next),
            })
        });
        if refused.is_some() {
            return refused;
        }
        let waiting = names(&|port| port.state == SessionState::NoNeighbour);
        if waiting.is_empty() {
            let ports = names(&|_| true);
            return Some(Wait::NoLink { ports });
        }
        Some(Wait::NoBgpNeighbour { ports: waiting })
    }

    fn metalbox_wait(&self) -> Option<Wait> {
        let state = self.metalbox.as_ref()?;
        if state.reached.is_some() || state.overdue {
            return None;
        }
        Some(Wait::NoMetalbox {
            address: state.metalbox.address.to_string(),
            problem: state
                .problem
                .clone()
                .unwrap_or_else(|| "not tried yet".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, state: SessionState, problem: Option<&str>) -> PortSession {
        let heard = !matches!(state, SessionState::NoCarrier | SessionState::NoNeighbour);
        PortSession {
            index: 2,
            name: name.into(),
            state,
            since: Duration::ZERO,
            neighbour: heard.then(|| "fe80::1".parse().expect("an address")),
            neighbour_as: None,
            prefixes: vec![],
            problem: problem.map(|what| PortProblem {
                what: what.into(),
                next: "check",
            }),
            trouble: None,
        }
    }

    fn status(ports: Vec<PortSession>) -> RoutingStatus {
        RoutingStatus {
            local_as: 4_201_002_003,
            router_id: Ipv4Addr::new(10, 1, 2, 3),
            device: None,
            own: vec![],
            ports,
            routes: vec![],
            metalbox: None,
            troubles: vec![],
        }
    }

    #[test]
    fn the_wait_names_what_is_missing() {
        use SessionState::{Active, Established, NoCarrier, NoNeighbour, OpenSent};
        let refused = |problem: &str, next| Wait::NoBgpSession {
            port: "eth1".into(),
            neighbour: "fe80::1".into(),
            problem: problem.into(),
            next,
        };
        let cases = [
            (vec![], Wait::NoNetworkCard),
            (
                vec![port("eth0", NoCarrier, None), port("eth1", NoCarrier, None)],
                Wait::NoLink {
                    ports: vec!["eth0".into(), "eth1".into()],
                },
            ),
            (
                vec![
                    port("eth0", NoCarrier, None),
                    port("eth1", NoNeighbour, None),
                ],
                Wait::NoBgpNeighbour {
                    ports: vec!["eth1".into()],
                },
            ),
            (
                vec![
                    port("eth0", NoNeighbour, None),
                    port("eth1", OpenSent, None),
                ],
                refused("open sent", None),
            ),
            (
                vec![
                    port("eth0", NoNeighbour, None),
                    port("eth1", Active, Some("the neighbour says: no")),
                ],
                refused("the neighbour says: no", Some("check")),
            ),
            (
                vec![
                    port("eth0", Active, Some("no")),
                    port("eth1", Established, None),
                ],
                Wait::NoBgpRoute {
                    ports: vec!["eth1".into()],
                },
            ),
        ];
        for (ports, expected) in cases {
            assert_eq!(status(ports).wait(), Some(expected));
        }
    }

    #[test]
    fn the_metalbox_is_waited_for_last_and_not_for_ever() {
        let mut now = status(vec![port("eth0", SessionState::Established, None)]);
        now.routes = vec![(Prefix::DEFAULT4, vec![])];
        assert_eq!(now.wait(), None);
        let state = MetalboxState {
            metalbox: Metalbox {
                address: IpAddr::from([10, 42, 0, 1]),
                timeout: Duration::from_secs(60),
            },
            reached: None,
            overdue: false,
            problem: Some("connection refused".into()),
        };
        now.metalbox = Some(state.clone());
        let expected = Wait::NoMetalbox {
            address: "10.42.0.1".into(),
            problem: "connection refused".into(),
        };
        assert_eq!(now.wait(), Some(expected));
        for (reached, overdue) in [(Some(Duration::ZERO), false), (None, true)] {
            now.metalbox = Some(MetalboxState {
                reached,
                overdue,
                ..state.clone()
            });
            assert_eq!(now.wait(), None);
        }
    }
}
