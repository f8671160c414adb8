// SPDX-License-Identifier: Apache-2.0
//! What the running agent knows of the network and the kernel does not. It is
//! written to a file whenever it changes, for whoever asks on the machine.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Lack, NeighbourReport, PlannedLink, Report, lacks, planned};
use crate::network::{
    Dhcp6State, DhcpState, NetworkMode, NetworkStatus, PortLease, PortLease6, PortStatus,
};

/// Name of the file among the agent's state.
pub const KNOWLEDGE_FILE: &str = "network.json";

/// What the agent knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Knowledge {
    /// [`super::VERSION`].
    pub version: u32,
    /// Who knows it.
    pub process: Process,
    /// Whether the agent configures the network.
    pub manages: bool,
    /// Who described the network.
    pub described_by: Option<String>,
    /// What the agent waits for.
    pub waiting_for: Option<String>,
    /// The plan.
    pub plan: Vec<PlannedLink>,
    /// What the description wants and this machine does not have, a sentence
    /// each.
    pub missing_ports: Vec<String>,
    /// In what the network differs from the plan.
    pub differences: Vec<Lack>,
    /// The ports.
    pub ports: Vec<KnownPort>,
    /// Who is at the other end of the cables.
    pub neighbours: Vec<NeighbourReport>,
}

/// A process, by a number and the time it started, so that another process with
/// the same number is not taken for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since boot (field 22 of
    /// `/proc/PID/stat`).
    pub started: u64,
}

/// What the agent knows of a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KnownPort {
    /// Its name.
    pub name: String,
    /// Used before others.
    pub preferred: bool,
    /// What its DHCP client does, in words; none if it has none.
    pub dhcp: Option<String>,
    /// Its lease.
    pub lease: Option<KnownLease>,
    /// What its DHCPv6 client does, in words; none if it has none.
    pub dhcp6: Option<String>,
    /// Its DHCPv6 lease.
    pub lease6: Option<KnownLease>,
    /// The IPv6 routers it hears.
    pub routers: Vec<String>,
    /// What LACP has come to, in words; none where nobody speaks it.
    pub lacp: Option<String>,
    /// Its BGP session; none where BGP is not spoken.
    pub bgp: Option<BgpReport>,
    /// What is wrong with its addresses.
    pub address_troubles: Vec<Lack>,
    /// Why it could not be set up as wanted.
    pub trouble: Option<String>,
}

/// A BGP session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BgpReport {
    /// How far it is (RFC 4271 §8.2.2).
    pub state: String,
    /// The neighbour's link-local address.
    pub neighbour: Option<String>,
    /// Its autonomous system.
    pub neighbour_as: Option<u32>,
    /// Networks it gives a way to that are used.
    pub networks: Vec<String>,
    /// Why there is no session, and what to check next.
    pub problem: Option<String>,
}

/// A lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KnownLease {
    /// The address.
    pub address: String,
    /// Who gave it.
    pub server: String,
    /// The router of its default route.
    pub gateway: Option<String>,
    /// DNS servers.
    pub dns: Vec<String>,
    /// NTP servers.
    pub ntp: Vec<String>,
    /// For how long, in seconds; none: for ever.
    pub lifetime_s: Option<u64>,
    /// When the port first got an address, in seconds since boot.
    pub since_s: u64,
}

impl Knowledge {
    /// What a status says.
    #[must_use]
    pub fn of(status: &NetworkStatus, process: Process, neighbours: Vec<NeighbourReport>) -> Self {
        Self {
            version: super::VERSION,
            process,
            manages: status.mode == NetworkMode::Manage,
            described_by: status.plan.source.map(|source| source.to_string()),
            waiting_for: status.wait().map(|wait| wait.to_string()),
            plan: planned(&status.plan),
            missing_ports: status
                .plan
                .missing
                .iter()
                .map(ToString::to_string)
                .collect(),
            differences: status.differences.iter().map(lacks::difference).collect(),
            ports: status
                .ports
                .iter()
                .map(|port| KnownPort {
                    bgp: session(status, port),
                    ..KnownPort::from(port)
                })
                .collect(),
            neighbours,
        }
    }

    pub(super) fn add_to(&self, report: &mut Report) {
        if self.manages {
            report.managed_by = Some("ironseed-agent".to_owned());
        }
        report.described_by.clone_from(&self.described_by);
        report.waiting_for.clone_from(&self.waiting_for);
        report.plan.clone_from(&self.plan);
        report.neighbours.clone_from(&self.neighbours);
        for known in &self.ports {
            let link = report.links.iter_mut().find(|link| link.name == known.name);
            if let Some(link) = link {
                link.preferred = known.preferred;
                link.dhcp.clone_from(&known.dhcp);
                link.lease.clone_from(&known.lease);
                link.dhcp6.clone_from(&known.dhcp6);
                link.lease6.clone_from(&known.lease6);
                link.routers.clone_from(&known.routers);
                link.lacp.clone_from(&known.lacp);
                link.bgp.clone_from(&known.bgp);
                link.trouble.clone_from(&known.trouble);
            }
        }
    }
}

impl From<&PortStatus> for KnownPort {
    fn from(port: &PortStatus) -> Self {
        Self {
            name: port.name.clone(),
            preferred: port.preferred,
            dhcp: in_words(port.dhcp),
            lease: port.lease.as_ref().map(KnownLease::from),
            dhcp6: in_words6(port.dhcp6),
            lease6: port.lease6.as_ref().map(KnownLease::from),
            routers: port
                .routers
                .iter()
                .map(|router| router.address.to_string())
                .collect(),
            lacp: port.lacp.map(|state| state.to_string()),
            bgp: None,
            address_troubles: port
                .address_troubles
                .iter()
                .map(|trouble| lacks::address_trouble(&port.name, trouble))
                .collect(),
            trouble: port.trouble.clone(),
        }
    }
}

impl From<&PortLease> for KnownLease {
    fn from(held: &PortLease) -> Self {
        let lease = &held.lease;
        let texts = |addresses: &[std::net::Ipv4Addr]| -> Vec<String> {
            addresses.iter().map(ToString::to_string).collect()
        };
        let default = lease.routes.iter().find(|route| route.prefix_len == 0);
        Self {
            address: format!("{}/{}", lease.address, lease.prefix_len),
            server: lease.server.to_string(),
            gateway: default
                .and_then(|route| route.gateway)
                .map(|gateway| gateway.to_string()),
            dns: texts(&lease.dns),
            ntp: texts(&lease.ntp),
            lifetime_s: lease.lifetime.as_ref().map(Duration::as_secs),
            since_s: held.first.as_secs(),
        }
    }
}

impl From<&PortLease6> for KnownLease {
    fn from(held: &PortLease6) -> Self {
        let lease = &held.lease;
        let told = &lease.information;
        Self {
            address: format!("{}/128", lease.address),
            server: lease.server.to_string(),
            gateway: None,
            dns: told.dns.iter().map(ToString::to_string).collect(),
            ntp: told.ntp.iter().map(ToString::to_string).collect(),
            lifetime_s: lease.valid.as_ref().map(Duration::as_secs),
            since_s: held.first.as_secs(),
        }
    }
}

fn session(status: &NetworkStatus, port: &PortStatus) -> Option<BgpReport> {
    let mut sessions = status.routing.iter().flat_map(|routing| &routing.ports);
    let session = sessions.find(|session| session.index == port.index)?;
    let problem = session.problem.as_ref();
    Some(BgpReport {
        state: session.state.to_string(),
        neighbour: session.neighbour.map(|address| address.to_string()),
        neighbour_as: session.neighbour_as,
        networks: session.prefixes.iter().map(ToString::to_string).collect(),
        problem: problem.map(|problem| format!("{}; next: {}", problem.what, problem.next)),
    })
}

fn in_words6(state: Dhcp6State) -> Option<String> {
    Some(match state {
        Dhcp6State::Off => return None,
        Dhcp6State::NoLink => "waits for a link".to_owned(),
        Dhcp6State::Soliciting { attempts } | Dhcp6State::Informing { attempts } => {
            format!("asked {attempts} times, no answer")
        }
        Dhcp6State::Requesting { server } => format!("takes an offer of {server}"),
        Dhcp6State::Confirming => "asks whether its address is still good".to_owned(),
        Dhcp6State::Bound => "has an address".to_owned(),
        Dhcp6State::Renewing => "prolongs its lease".to_owned(),
        Dhcp6State::Rebinding => "asks any server to prolong its lease".to_owned(),
        Dhcp6State::Declining => "gives an address back that another machine has".to_owned(),
        Dhcp6State::Informed => "knows DNS and NTP servers".to_owned(),
    })
}

fn in_words(state: DhcpState) -> Option<String> {
    Some(match state {
        DhcpState::Off => return None,
        DhcpState::NoCarrier => "waits for a link".to_owned(),
        DhcpState::Discovering { attempts } => format!("asked {attempts} times, no answer"),
        DhcpState::Requesting { server } => format!("takes an offer of {server}"),
        DhcpState::Verifying => "asks whether its address is still good".to_owned(),
        DhcpState::Bound => "has an address".to_owned(),
        DhcpState::Renewing => "prolongs its lease".to_owned(),
        DhcpState::Rebinding => "asks any server to prolong its lease".to_owned(),
    })
}
