// SPDX-License-Identifier: Apache-2.0
//! In what the kernel's network differs from the plan.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use crate::network::Link;
use crate::network::gateway::{Reach, reach};
use crate::network::link_changes::{find, mtu_limit};
use crate::network::plan::{Addressing, LinkPlan, NetworkPlan, PlannedDevice};
use crate::network::route::Route;

/// The network as the kernel has it.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// All links.
    pub links: &'a [Link],
    /// All addresses.
    pub addresses: &'a [LinkAddress],
    /// The routes of the main table.
    pub routes: &'a [KernelRoute],
    /// What the kernel refused.
    pub refusals: &'a Refusals,
}

/// What the kernel refused, and its words: name of the link, what was to be
/// changed, and which address or route of several (else nothing).
pub type Refusals = BTreeMap<(String, Subject, String), String>;

/// An address of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkAddress {
    /// The kernel's number of the link.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
    /// How many of its leading bits are the network.
    pub prefix_len: u8,
    /// Whether it can be used.
    pub state: AddressState,
}

/// Whether an address can be used (RFC 4862 §5.4, duplicate address detection).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressState {
    /// It can.
    #[default]
    Usable,
    /// The kernel still asks whether another machine has it.
    Tentative,
    /// Another machine has it.
    Duplicate,
}

/// A route as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelRoute {
    /// The kernel's number of the link.
    pub link: u32,
    /// Where to, and through whom.
    pub route: Route,
    /// The smallest one is used.
    pub metric: u32,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The link itself.
    Link,
    /// Whether it is up.
    State,
    /// Its hardware address.
    HardwareAddress,
    /// Its largest packet.
    Mtu,
    /// The bond it belongs to.
    Bond,
    /// One of its addresses.
    Address,
    /// A route through it.
    Route,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "link",
            Self::State => "state",
            Self::HardwareAddress => "hardware address",
            Self::Mtu => "MTU",
            Self::Bond => "bond",
            Self::Address => "address",
            Self::Route => "route",
        })
    }
}

/// Something that is not as planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Name of the link.
    pub link: String,
    /// What differs.
    pub subject: Subject,
    /// How it shall be.
    pub wanted: String,
    /// How it is.
    pub actual: String,
    /// What to check next, as an instruction.
    pub next: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            link,
            subject,
            wanted,
            actual,
            ..
        } = self;
        write!(f, "{link}: {subject} {wanted} is wanted; {actual}")
    }
}

/// Everything that is not as planned; nothing, if the plan is applied. Leases
/// and router advertisements are not the plan's business.
#[must_use]
pub fn differences(plan: &NetworkPlan, observed: &Observed<'_>) -> Vec<Difference> {
    let mut differences: Vec<Difference> = plan
        .links
        .iter()
        .flat_map(|wanted| match find(wanted, observed.links) {
            Some(link) => of_link(plan, wanted, link, observed),
            None => vec![absent(wanted, observed.links)],
        })
        .collect();
    differences.extend(foreign_duplicates(plan, observed));
    for difference in &mut differences {
        difference.explain(observed.refusals);
    }
    differences
}

impl Difference {
    /// Adds what the kernel said when it refused.
    fn explain(&mut self, refusals: &Refusals) {
        let told = |which: &str| {
            let key = (self.link.clone(), self.subject, which.to_owned());
            refusals.get(&key)
        };
        if let Some(reason) = told(&self.wanted).or_else(|| told("")) {
            self.actual += &format!(" ({reason})");
        }
    }
}

fn of_link(
    plan: &NetworkPlan,
    wanted: &LinkPlan,
    link: &Link,
    observed: &Observed<'_>,
) -> Vec<Difference> {
    let mut found = vec![];
    found.extend((!link.up).then(|| Difference {
        link: wanted.name.clone(),
        subject: Subject::State,
        wanted: "up".into(),
        actual: "it is down".into(),
        next: "look at the kernel's messages about this card",
    }));
    let bond = bond_of(plan, wanted);
    match bond {
        Some(bond) => found.extend(membership(bond, link, observed.links)),
        None => {
            found.extend(hardware_address(wanted, link));
            found.extend(mtu(wanted, link, observed.links));
        }
    }
    found.extend(addresses(wanted, link, observed.addresses));
    found.extend(routes(wanted, link, observed.routes));
    found
}

/// Why a planned link that is made by software is not there.
fn absent(wanted: &LinkPlan, links: &[Link]) -> Difference {
    let (kind, below) = match &wanted.device {
        PlannedDevice::Physical { .. } => ("port".to_owned(), vec![]),
        PlannedDevice::Dummy => ("dummy".to_owned(), vec![]),
        PlannedDevice::Vlan { parent, id } => (format!("VLAN {id} on {parent}"), vec![parent]),
        PlannedDevice::Bond(bond) => (
            format!("bond ({}) of {}", bond.mode.name(), bond.ports.join(", ")),
            bond.ports.iter().collect(),
        ),
    };
    let there = |name: &str| links.iter().any(|link| link.name == name);
    let (actual, next) = if there(&wanted.name) {
        (
            format!("there is another link of the name {}", wanted.name),
            "rename or remove the other link",
        )
    } else if !below.is_empty() && !below.iter().any(|name| there(name)) {
        let names: Vec<&str> = below.iter().map(|name| name.as_str()).collect();
        (
            format!("this machine has no {}", names.join(", ")),
            "compare the hardware addresses in the description with the machine's ports",
        )
    } else {
        (
            "it is not there".to_owned(),
            "look for what the kernel refused, and whether it has the module bonding, 8021q or dummy",
        )
    };
    Difference {
        link: wanted.name.clone(),
        subject: Subject::Link,
        wanted: kind,
        actual,
        next,
    }
}

/// The planned bond that a link is a port of.
fn bond_of<'a>(plan: &'a NetworkPlan, wanted: &LinkPlan) -> Option<&'a LinkPlan> {
    plan.links.iter().find(|other| match &other.device {
        PlannedDevice::Bond(bond) => bond.ports.contains(&wanted.name),
        _ => false,
    })
}

fn membership(bond: &LinkPlan, link: &Link, links: &[Link]) -> Option<Difference> {
    let controller = links
        .iter()
        .find(|other| link.controller == Some(other.index));
    let actual = match controller {
        Some(other) if other.name == bond.name => return None,
        Some(other) => format!("it belongs to {}", other.name),
        None => "it belongs to none".to_owned(),
    };
    Some(Difference {
        link: link.name.clone(),
        subject: Subject::Bond,
        wanted: bond.name.clone(),
        actual,
        next: "look at the kernel's messages about this card",
    })
}

fn hardware_address(wanted: &LinkPlan, link: &Link) -> Option<Difference> {
    let mac = wanted.mac.filter(|mac| link.mac != Some(*mac))?;
    let actual = link
        .mac
        .map_or("it has none".to_owned(), |mac| format!("it has {mac}"));
    Some(Difference {
        link: wanted.name.clone(),
        subject: Subject::HardwareAddress,
        wanted: mac.to_string(),
        actual,
        next: "check whether this card can change its address",
    })
}

fn mtu(wanted: &LinkPlan, link: &Link, links: &[Link]) -> Option<Difference> {
    let mtu = wanted.mtu.filter(|mtu| *mtu != link.mtu)?;
    let mut actual = format!("it has {}", link.mtu);
    let mut next = "look for what the kernel refused";
    if let Some((limit, whose)) = mtu_limit(link, links).filter(|(limit, _)| mtu > *limit) {
        actual += &format!(", and {whose} allows at most {limit}");
        next = "describe a smaller MTU, or a larger one of the link below";
    }
    Some(Difference {
        link: wanted.name.clone(),
        subject: Subject::Mtu,
        wanted: mtu.to_string(),
        actual,
        next,
    })
}

fn addresses(wanted: &LinkPlan, link: &Link, known: &[LinkAddress]) -> Vec<Difference> {
    let of_way = |way: &Addressing| {
        let Addressing::Static {
            address,
            prefix_len,
        } = way
        else {
            return None;
        };
        let found = known.iter().find(|known| {
            (known.link, known.address, known.prefix_len) == (link.index, *address, *prefix_len)
        });
        let (actual, next) = match found.map(|known| known.state) {
            Some(AddressState::Usable) => return None,
            Some(AddressState::Duplicate) => duplicate(),
            Some(AddressState::Tentative) => (
                "the kernel still asks whether another machine has it",
                "nothing, this takes a second after the link is up",
            ),
            None => (
                "the link does not have it",
                "look for what the kernel refused",
            ),
        };
        Some(Difference {
            link: wanted.name.clone(),
            subject: Subject::Address,
            wanted: format!("{address}/{prefix_len}"),
            actual: actual.into(),
            next,
        })
    };
    wanted.addressing.iter().filter_map(of_way).collect()
}

fn duplicate() -> (&'static str, &'static str) {
    (
        "another machine on this network has the address",
        "find the other machine by its hardware address, or change one of the addresses",
    )
}

/// Addresses that nobody planned and that another machine has: those the kernel
/// makes itself.
fn foreign_duplicates(plan: &NetworkPlan, observed: &Observed<'_>) -> Vec<Difference> {
    let planned = |found: &LinkAddress| {
        let is_it = |way: &Addressing| matches!(way, Addressing::Static { address, .. } if *address == found.address);
        let mut links = plan.links.iter();
        links.any(|link| link.addressing.iter().any(is_it))
    };
    let duplicates = observed
        .addresses
        .iter()
        .filter(|found| found.state == AddressState::Duplicate && !planned(found));
    let name = |index: u32| {
        let link = observed.links.iter().find(|link| link.index == index)?;
        Some(link.name.clone())
    };
    duplicates
        .filter_map(|found| {
            let (actual, next) = duplicate();
            Some(Difference {
                link: name(found.link)?,
                subject: Subject::Address,
                wanted: format!("{}/{}", found.address, found.prefix_len),
                actual: actual.into(),
                next,
            })
        })
        .collect()
}

fn routes(wanted: &LinkPlan, link: &Link, known: &[KernelRoute]) -> Vec<Difference> {
    let is_there = |route: &Route| {
        let mut known = known.iter();
        known.any(|known| known.link == link.index && known.route == *route)
    };
    let lost = wanted.routes.iter().filter(|route| !is_there(route));
    lost.map(|route| {
        let (actual, next) = match (route.gateway, reach(wanted, route)) {
            (Some(gateway), Reach::Not) => (
                format!(
                    "gateway {gateway} of {} cannot be reached directly",
                    wanted.name
                ),
                "check the gateway, and the prefix length of the link's addresses",
            ),
            _ => (
                "the kernel does not have it".to_owned(),
                "look for what the kernel refused",
            ),
        };
        Difference {
            link: wanted.name.clone(),
            subject: Subject::Route,
            wanted: route.to_string(),
            actual,
            next,
        }
    })
    .collect()
}

#[cfg(test)]
#[path = "differences_tests.rs"]
mod tests;
