// SPDX-License-Identifier: Apache-2.0
//! `ironseed-agent network`: what a person or a program is told about the
//! network of a machine.
//!
//! ```text
//! kernel (KernelView) ────────────────┐
//! running agent (Knowledge, a file) ──┼── report ──► Report ──► table or JSON
//! neighbours, a plan asked for ───────┘       └── lacks: what is missing, and the next check
//! ```
//!
//! What the kernel has is always read from the kernel. The running agent adds
//! what only it knows: the plan, leases, what its DHCP clients do. Field names
//! are a promise: scripts read them.

mod kernel;
mod knowledge;
mod lacks;
mod managers;
mod neighbours;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use kernel::{KernelView, SeenAddress, SeenRoute};
pub use knowledge::{BgpReport, KNOWLEDGE_FILE, Knowledge, KnownLease, KnownPort, Process};
pub use managers::manager;
pub use neighbours::{heard_vlans, neighbours};

use crate::network::plan::{Addressing, LinkPlan, NetworkPlan, PlannedDevice};
use crate::network::primary::is_routable;

/// The version of the schema. Fields may be added without a new one.
pub const VERSION: u32 = 1;

/// The network of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// The address others can reach this machine at: that of the default route's
    /// link, if there is one.
    pub address: Option<String>,
    /// Who configures the network, if it can be recognised.
    pub managed_by: Option<String>,
    /// Who described the network, if the agent runs here or a plan was asked for.
    pub described_by: Option<String>,
    /// What the running agent waits for.
    pub waiting_for: Option<String>,
    /// Every link but the loopback.
    pub links: Vec<LinkReport>,
    /// Routes of the main table.
    pub routes: Vec<RouteReport>,
    /// DNS servers of `/etc/resolv.conf`.
    pub dns_servers: Vec<String>,
    /// Search domains of `/etc/resolv.conf`.
    pub search_domains: Vec<String>,
    /// Who is at the other end of the cables.
    pub neighbours: Vec<NeighbourReport>,
    /// What the network shall be, what carries a link before it.
    pub plan: Vec<PlannedLink>,
    /// What is missing or wrong.
    pub missing: Vec<Lack>,
}

/// One link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LinkReport {
    /// Its name.
    pub name: String,
    /// `ethernet`, `wireless`, `other`, or the kernel's name of a virtual kind.
    pub kind: String,
    /// Its hardware address.
    pub mac: Option<String>,
    /// `down`: nobody has brought it up; `no link`: nothing at the other end;
    /// `up`.
    pub state: String,
    /// The largest packet in bytes.
    pub mtu: u32,
    /// The bond or bridge it belongs to.
    pub controller: Option<String>,
    /// Used before others.
    pub preferred: bool,
    /// Addresses with their prefix lengths.
    pub addresses: Vec<String>,
    /// What its DHCP client does, if the agent's is at work.
    pub dhcp: Option<String>,
    /// Its lease, if the agent holds one.
    pub lease: Option<KnownLease>,
    /// What its DHCPv6 client does, if the agent's is at work.
    pub dhcp6: Option<String>,
    /// Its DHCPv6 lease, if the agent holds one.
    pub lease6: Option<KnownLease>,
    /// The IPv6 routers the agent hears.
    pub routers: Vec<String>,
    /// What LACP has come to, where somebody speaks it.
    pub lacp: Option<String>,
    /// Its BGP session, where the agent speaks BGP.
    pub bgp: Option<BgpReport>,
    /// Why it could not be set up as wanted.
    pub trouble: Option<String>,
}

/// A route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RouteReport {
    /// `default`, or network and prefix length.
    pub destination: String,
    /// The router.
    pub gateway: Option<String>,
    /// The link.
    pub link: Option<String>,
    /// The smallest one is used.
    pub metric: u32,
}

/// A neighbour, by LLDP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NeighbourReport {
    /// The port of this machine.
    pub link: String,
    /// Name of the switch, else its identifier.
    pub system: Option<String>,
    /// Its port.
    pub port: Option<String>,
    /// VLAN of untagged frames there.
    pub port_vlan: Option<u16>,
    /// VLANs with names there.
    pub vlans: Vec<u16>,
}

/// What a link shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PlannedLink {
    /// Its name.
    pub name: String,
    /// What carries it, in words.
    pub device: String,
    /// Names of the links it stands on.
    pub on: Vec<String>,
    /// `dhcp4`, `dhcp6`, `slaac`, or an address with its prefix length; empty: it
    /// is only brought up.
    pub addressing: Vec<String>,
    /// Its own routes.
    pub routes: Vec<String>,
    /// The largest packet in bytes.
    pub mtu: Option<u32>,
    /// Used before others.
    pub preferred: bool,
}

/// Something that is missing or wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Lack {
    /// A short name that does not change.
    pub code: String,
    /// The link concerned.
    pub link: Option<String>,
    /// What is missing.
    pub what: String,
    /// What to look at next.
    pub next: String,
}

/// Everything a report is made from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// What the kernel has.
    pub kernel: KernelView,
    /// What the running agent knows; none if it does not run here.
    pub knowledge: Option<Knowledge>,
    /// Who configures the network, if it is not the agent.
    pub manager: Option<String>,
    /// Neighbours heard for this report.
    pub neighbours: Vec<NeighbourReport>,
    /// A plan that was asked for. The network is not compared with it: nobody has
    /// carried it out.
    pub plan: Option<AskedPlan>,
}

/// A plan that was only asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedPlan {
    /// Who describes it; none: every port asks for addresses.
    pub described_by: Option<String>,
    /// What the network would be.
    pub links: Vec<PlannedLink>,
    /// What it wants and this machine does not have, a sentence each.
    pub missing: Vec<String>,
}

impl From<&NetworkPlan> for AskedPlan {
    fn from(plan: &NetworkPlan) -> Self {
        Self {
            described_by: plan.source.map(|source| source.to_string()),
            links: planned(plan),
            missing: plan.missing.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Puts the report together.
#[must_use]
pub fn report(sources: &Sources) -> Report {
    let Sources {
        kernel,
        knowledge,
        manager,
        neighbours,
        plan,
    } = sources;
    let knowledge = knowledge.as_ref();
    let mut report = Report {
        version: VERSION,
        links: kernel::links(kernel),
        routes: kernel::routes(kernel),
        ..Report::default()
    };
    (report.dns_servers, report.search_domains) = kernel::resolver(kernel);
    report.managed_by.clone_from(manager);
    if let Some(knowledge) = knowledge {
        knowledge.add_to(&mut report);
    }
    if !neighbours.is_empty() {
        report.neighbours.clone_from(neighbours);
    }
    let mut absent = knowledge.map(|known| known.missing_ports.clone());
    report.address = address(kernel, &report);
    report.missing = lacks::lacks(kernel, &report);
    if let Some(asked) = plan {
        report.described_by.clone_from(&asked.described_by);
        report.plan.clone_from(&asked.links);
        absent = Some(asked.missing.clone());
    }
    let absent = absent.unwrap_or_default();
    report
        .missing
        .splice(0..0, absent.iter().map(lacks::port_missing));
    if let Some(knowledge) = knowledge {
        let troubles = knowledge
            .ports
            .iter()
            .flat_map(|port| &port.address_troubles);
        let known = knowledge.differences.iter().chain(troubles).cloned();
        // What the agent knows says more than what the kernel shows of it.
        report.missing.retain(|lack| {
            let told = |known: &Lack| known.code == "differs" && known.link == lack.link;
            let planned = ["mtu-differs", "address-missing"].contains(&lack.code.as_str());
            !(planned && knowledge.differences.iter().any(told))
        });
        report.missing.extend(known);
    }
    report
}

/// The links of a plan in words.
#[must_use]
pub fn planned(plan: &NetworkPlan) -> Vec<PlannedLink> {
    plan.links.iter().map(PlannedLink::from).collect()
}

/// The address that counts: of the preferred link, else of the one with the
/// default route, else any that others can reach; IPv4 before IPv6.
fn address(kernel: &KernelView, report: &Report) -> Option<String> {
    let default = kernel
        .routes
        .iter()
        .filter(|seen| seen.route.is_default())
        .min_by_key(|seen| seen.metric)
        .and_then(|seen| seen.link);
    let preferred = |index: u32| {
        let named = kernel.links.iter().find(|link| link.index == index);
        let link = report
            .links
            .iter()
            .find(|link| named.is_some_and(|named| named.name == link.name));
        link.is_some_and(|link| link.preferred)
    };
    kernel
        .addresses
        .iter()
        .filter(|seen| is_routable(seen.address) && !seen.duplicate)
        .filter(|seen| kernel.is_listed(seen.link))
        .min_by_key(|seen| {
            (
                !preferred(seen.link),
                Some(seen.link) != default,
                seen.address.is_ipv6(),
            )
        })
        .map(|seen| seen.address.to_string())
}

impl From<&LinkPlan> for PlannedLink {
    fn from(link: &LinkPlan) -> Self {
        let (device, on) = match &link.device {
            PlannedDevice::Physical { .. } => ("port".to_owned(), vec![]),
            PlannedDevice::Bond(bond) => {
                (format!("bond, {}", bond.mode.name()), bond.ports.clone())
            }
            PlannedDevice::Vlan { parent, id } => (format!("VLAN {id}"), vec![parent.clone()]),
            PlannedDevice::Dummy => ("dummy".to_owned(), vec![]),
        };
        Self {
            name: link.name.clone(),
            device,
            on,
            addressing: link.addressing.iter().map(in_words).collect(),
            routes: link.routes.iter().map(ToString::to_string).collect(),
            mtu: link.mtu,
            preferred: link.preferred,
        }
    }
}

fn in_words(addressing: &Addressing) -> String {
    match addressing {
        Addressing::Dhcp4 => "dhcp4".to_owned(),
        Addressing::Dhcp6 => "dhcp6".to_owned(),
        Addressing::Slaac => "slaac".to_owned(),
        Addressing::Static {
            address,
            prefix_len,
        } => format!("{address}/{prefix_len}"),
    }
}
