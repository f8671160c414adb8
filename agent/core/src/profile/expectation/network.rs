// SPDX-License-Identifier: Apache-2.0
//! Network ports, their links and what is at the other end.

use std::collections::BTreeSet;

use hardware_profiles::{CablingExpect, Glob, NeighbourExpect, NicExpect};

use super::{Found, Severity};
use crate::lldp::Cabling;
use crate::profile::Nic;

pub(super) fn compare(row: &NicExpect, nics: &[Nic], found: &mut Found) {
    let ports: Vec<&Nic> = nics.iter().filter(|nic| is_meant(row, nic)).collect();
    found.amount(
        "nic-count",
        &name(row),
        row.count,
        u64::try_from(ports.len()).ok(),
        " ports",
    );
    for nic in &ports {
        speed(row, nic, found);
    }
    if let Some(wanted) = &row.neighbours {
        for nic in &ports {
            neighbour(wanted, nic, found);
        }
        distinct(wanted, &name(row), &ports, found);
    }
}

fn is_meant(row: &NicExpect, nic: &Nic) -> bool {
    let named = row.interfaces.is_empty() || any_fits(&row.interfaces, &nic.name);
    let card = row.pci.is_none_or(|id| nic.pci == Some(id));
    let driven = row.driver.is_none() || nic.driver == row.driver;
    named && card && driven
}

fn any_fits(patterns: &[Glob], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text))
}

/// What a row calls its ports.
fn name(row: &NicExpect) -> String {
    let interfaces = row.interfaces.iter().map(|glob| glob.as_str().to_owned());
    let parts: Vec<String> = interfaces
        .chain(row.pci.map(|id| id.to_string()))
        .chain(row.driver.clone())
        .collect();
    if parts.is_empty() {
        "network ports".to_owned()
    } else {
        format!("network ports {}", parts.join(" "))
    }
}

fn speed(row: &NicExpect, nic: &Nic, found: &mut Found) {
    let Some(wanted) = row.min_speed_mbps else {
        return;
    };
    let expected = format!("at least {wanted} Mbit/s");
    if !nic.carrier {
        found.add(
            Severity::Error,
            "nic-no-link",
            &nic.name,
            expected,
            "no link",
        );
        return;
    }
    let Some(speed) = nic.speed_mbps else {
        found.not_told("nic-speed", &nic.name, expected);
        return;
    };
    if speed >= wanted {
        return;
    }
    let limit = match nic.max_speed_mbps {
        Some(most) if most < wanted => format!(", which is all the port can ({most})"),
        _ => String::new(),
    };
    let there = format!("{speed} Mbit/s{limit}");
    found.add(Severity::Warning, "nic-speed", &nic.name, expected, there);
}

fn neighbour(wanted: &NeighbourExpect, nic: &Nic, found: &mut Found) {
    let list = |what: &str, patterns: &[Glob]| {
        let names: Vec<&str> = patterns.iter().map(Glob::as_str).collect();
        (!names.is_empty()).then(|| format!("{what} {}", names.join(" or ")))
    };
    let expected: Vec<String> = [list("switch", &wanted.switch), list("port", &wanted.port)]
        .into_iter()
        .flatten()
        .collect();
    if expected.is_empty() {
        return;
    }
    let expected = expected.join(", ");
    let Some(other) = &nic.neighbour else {
        found.not_told("nic-neighbour", &nic.name, expected);
        return;
    };
    let switch = wanted.switch.is_empty() || any_fits(&wanted.switch, &other.switch);
    let port = wanted.port.is_empty() || any_fits(&wanted.port, &other.port);
    if !(switch && port) {
        let there = format!("switch {}, port {}", other.switch, other.port);
        found.add(
            Severity::Warning,
            "nic-neighbour",
            &nic.name,
            expected,
            there,
        );
    }
}

/// Ports that told nothing do not count as a switch; if none told anything,
/// the number is not known.
fn distinct(wanted: &NeighbourExpect, name: &str, ports: &[&Nic], found: &mut Found) {
    let Some(amount) = wanted.distinct else {
        return;
    };
    let switches: BTreeSet<&str> = ports
        .iter()
        .filter_map(|nic| Some(nic.neighbour.as_ref()?.switch.as_str()))
        .collect();
    let expected = format!("{amount} different switches");
    let count = u64::try_from(switches.len()).unwrap_or(u64::MAX);
    if switches.is_empty() {
        found.not_told("nic-switches", name, expected);
    } else if !amount.fits(count) {
        let names: Vec<&str> = switches.into_iter().collect();
        let there = format!("{count} ({})", names.join(", "));
        found.add(Severity::Warning, "nic-switches", name, expected, there);
    }
}

/// Whether the machine is cabled: the difference names every port.
pub(super) fn cabling(wanted: &CablingExpect, cabling: Option<&Cabling>, found: &mut Found) {
    let Some(amount) = wanted.distinct else {
        return;
    };
    let expected = format!("{amount} different neighbours");
    let Some(cabling) = cabling else {
        found.not_told("neighbours", "cabling", expected);
        return;
    };
    let count = cabling.neighbours();
    if amount.fits(count) {
        return;
    }
    let (severity, code) = if count < amount.smallest() {
        (Severity::Error, "neighbours-missing")
    } else {
        (Severity::Info, "neighbours")
    };
    let there = format!("{count}: {cabling}");
    found.add(severity, code, "cabling", expected, there);
}
