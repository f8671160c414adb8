// SPDX-License-Identifier: Apache-2.0
//! What is missing, as sentences with the next check.

use std::collections::BTreeSet;

use super::{KernelView, Lack, LinkReport, PlannedLink, Report};
use crate::network::{AddressTrouble, Difference};

/// Everything that is missing or wrong.
pub(super) fn lacks(kernel: &KernelView, report: &Report) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let cards: Vec<&LinkReport> = report
        .links
        .iter()
        .filter(|link| link.kind == "ethernet")
        .collect();
    if report.links.is_empty() {
        lacks.push(lack(
            "no-network-card",
            None,
            "there is no network card",
            "look at lspci: is the card there, and is its driver loaded?",
        ));
    }
    let needed = needed(report);
    let any_kind = cards.is_empty();
    for link in &report.links {
        let is_port = any_kind || link.kind == "ethernet";
        let must_work = needed.contains(link.name.as_str());
        if must_work || (report.address.is_none() && is_port) {
            lacks.extend(link_lack(link, report));
        }
    }
    lacks.extend(
        report
            .plan
            .iter()
            .flat_map(|planned| plan_lacks(planned, report)),
    );
    lacks.extend(duplicates(kernel, report));
    if report.address.is_some() {
        lacks.extend(beyond_the_address(report));
    }
    lacks
}

/// A port that a description wants.
pub(super) fn port_missing(sentence: &String) -> Lack {
    lack(
        "port-missing",
        None,
        sentence,
        "compare the description's MAC addresses and names with the links below",
    )
}

/// A difference from the plan that the running agent knows of.
pub(super) fn difference(difference: &Difference) -> Lack {
    lack(
        "differs",
        Some(&difference.link),
        difference.to_string(),
        difference.next,
    )
}

/// What the running agent knows to be wrong with an address.
pub(super) fn address_trouble(port: &str, trouble: &AddressTrouble) -> Lack {
    lack(
        trouble.code(),
        Some(port),
        format!("{port}: {trouble}"),
        trouble.next(),
    )
}

fn lack(code: &str, link: Option<&str>, what: impl Into<String>, next: impl Into<String>) -> Lack {
    Lack {
        code: code.to_owned(),
        link: link.map(str::to_owned),
        what: what.into(),
        next: next.into(),
    }
}

/// Links that the plan gives a fixed address to, and what they stand on: they
/// have to work, whatever else does.
fn needed(report: &Report) -> BTreeSet<&str> {
    let is_fixed =
        |planned: &&PlannedLink| planned.addressing.iter().any(|text| text.contains('/'));
    let mut needed: BTreeSet<&str> = report
        .plan
        .iter()
        .filter(is_fixed)
        .map(|planned| planned.name.as_str())
        .collect();
    for planned in report.plan.iter().rev() {
        if needed.contains(planned.name.as_str()) {
            needed.extend(planned.on.iter().map(String::as_str));
        }
    }
    needed
}

fn link_lack(link: &LinkReport, report: &Report) -> Option<Lack> {
    let name = link.name.as_str();
    let vlan = || {
        let neighbour = report.neighbours.iter().find(|one| one.link == name)?;
        let switch = neighbour.system.as_deref().unwrap_or("the switch");
        let port = neighbour.port.as_deref().unwrap_or("its port");
        let vlan = neighbour.port_vlan?;
        Some(format!("{switch} {port} is in VLAN {vlan}: "))
    };
    match (link.state.as_str(), link.dhcp.as_deref()) {
        ("down", _) => Some(lack(
            "not-up",
            Some(name),
            format!("{name} is down: nothing has brought it up"),
            format!("ip link set {name} up, or look at what manages the network"),
        )),
        ("no link", _) => Some(lack(
            "no-link",
            Some(name),
            format!("no link on {name}"),
            "check the cable, the module in the port, and that the switch port is enabled",
        )),
        (_, Some(state)) if link.addresses_of_others().next().is_none() => Some(lack(
            "no-dhcp-answer",
            Some(name),
            format!("no DHCP answer on {name}: {state}"),
            format!(
                "{}check that a DHCP server or relay serves that network",
                vlan().unwrap_or_default()
            ),
        )),
        (_, None)
            if link.addresses_of_others().next().is_none()
                && link.controller.is_none()
                && wants_address(name, report) =>
        {
            Some(lack(
                "no-address",
                Some(name),
                format!("{name} has a link and no address others can reach"),
                format!(
                    "{}check whether something asks for an address on it",
                    vlan().unwrap_or_default()
                ),
            ))
        }
        _ => None,
    }
}

/// What carries a VLAN needs no address of its own.
fn wants_address(name: &str, report: &Report) -> bool {
    let planned = report.plan.iter().find(|planned| planned.name == name);
    planned.is_none_or(|planned| !planned.addressing.is_empty())
}

impl LinkReport {
    /// Its addresses that other networks can reach.
    fn addresses_of_others(&self) -> impl Iterator<Item = &String> {
        self.addresses.iter().filter(|text| {
            let address = text.split('/').next().and_then(|text| text.parse().ok());
            address.is_some_and(crate::network::primary::is_routable)
        })
    }
}

/// What the plan says and the kernel does not have.
fn plan_lacks(planned: &PlannedLink, report: &Report) -> Vec<Lack> {
    let name = planned.name.as_str();
    let Some(link) = report.links.iter().find(|link| link.name == name) else {
        return vec![lack(
            "link-missing",
            Some(name),
            format!("{name} ({}) is planned and not there", planned.device),
            "the agent's log says why it could not be made",
        )];
    };
    let mut lacks = Vec::new();
    if let Some(mtu) = planned.mtu
        && mtu != link.mtu
    {
        lacks.push(lack(
            "mtu-differs",
            Some(name),
            format!("{name} has an MTU of {}, planned are {mtu}", link.mtu),
            "the card, or a link it stands on, may not take such packets",
        ));
    }
    let fixed = planned.addressing.iter().filter(|text| text.contains('/'));
    for address in fixed.filter(|address| !link.addresses.contains(address)) {
        lacks.push(lack(
            "address-missing",
            Some(name),
            format!("{name} does not have its planned address {address}"),
            "another machine may have it: arping tells; else see the agent's log",
        ));
    }
    if let Some(trouble) = &link.trouble {
        lacks.push(lack(
            "trouble",
            Some(name),
            format!("{name}: {trouble}"),
            "the rest of the link works as planned",
        ));
    }
    lacks
}

fn duplicates(kernel: &KernelView, report: &Report) -> Vec<Lack> {
    let duplicate = kernel.addresses.iter().filter(|seen| seen.duplicate);
    duplicate
        .filter_map(|seen| {
            let link = kernel.links.iter().find(|link| link.index == seen.link)?;
            report.links.iter().find(|told| told.name == link.name)?;
            Some(lack(
                "duplicate-address",
                Some(&link.name),
                format!(
                    "another machine has the address {} of {}",
                    seen.address, link.name
                ),
                "find it by the neighbour table of the router: ip neighbour",
            ))
        })
        .collect()
}

/// What an address alone does not give.
fn beyond_the_address(report: &Report) -> Vec<Lack> {
    let mut lacks = Vec::new();
    if !report
        .routes
        .iter()
        .any(|route| route.destination == "default")
    {
        lacks.push(lack(
            "no-default-route",
            None,
            "there is no default route: only the machine's own networks are reached",
            "DHCP must send a router (option 3 or 121), or the description must name a gateway",
        ));
    }
    if report.dns_servers.is_empty() {
        lacks.push(lack(
            "no-dns-server",
            None,
            "there is no DNS server: only addresses work in URLs, no names",
            "DHCP must send DNS servers (option 6), or the description must name them",
        ));
    }
    lacks
}
