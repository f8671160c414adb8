// SPDX-License-Identifier: Apache-2.0
//! Where the cables of a machine lead, as far as the neighbours tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::neighbour::Neighbour;
use super::text::one_line;
use super::{Identifier, decode};
use crate::snapshot::LldpPort;

/// All ports that were listened on, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cabling(pub BTreeMap<String, Cable>);

/// The other end of the cable of one port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cable {
    /// No cable, or nothing at its other end.
    NoLink,
    /// There is link, but no neighbour has spoken.
    Silent,
    /// The neighbour that was heard first. A cable leads to one device; behind
    /// a switch that passes LLDP on there may be more.
    Leads(CableEnd),
}

/// A neighbour, as far as it must be told from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CableEnd {
    /// Chassis ID with its kind, or the address of a neighbour that told none.
    pub chassis: String,
    /// How people call it: its name, or else its chassis ID.
    pub name: String,
    /// Its port.
    pub port: String,
}

impl Cabling {
    /// From what was heard, by the names of the ports.
    #[must_use]
    pub fn of(ports: &BTreeMap<String, LldpPort>) -> Self {
        let cable = |port: &LldpPort| {
            let first = port.frames.iter().find_map(|heard| decode(&heard.frame.0));
            match first {
                Some(neighbour) => Cable::Leads(CableEnd::of(&neighbour)),
                None if port.listened_ms.is_some() => Cable::Silent,
                None => Cable::NoLink,
            }
        };
        let all = ports.iter();
        Self(
            all.map(|(name, port)| (name.clone(), cable(port)))
                .collect(),
        )
    }

    /// To how many different neighbours the cables lead. Two cables to one
    /// switch count once.
    #[must_use]
    pub fn neighbours(&self) -> u64 {
        let chassis = self.0.values().filter_map(|cable| match cable {
            Cable::Leads(end) => Some(end.chassis.as_str()),
            Cable::Silent | Cable::NoLink => None,
        });
        let distinct: BTreeSet<&str> = chassis.collect();
        u64::try_from(distinct.len()).unwrap_or(u64::MAX)
    }
}

impl CableEnd {
    fn of(neighbour: &Neighbour) -> Self {
        let value = |id: &Option<Identifier>| id.as_ref().map(|id| one_line(&id.value));
        let source = || neighbour.source_address.clone();
        let chassis = match &neighbour.chassis_id {
            Some(id) => format!("{} {}", id.kind, id.value),
            None => source(),
        };
        let name = neighbour.system_name.as_deref().map(one_line);
        Self {
            chassis,
            name: name
                .or_else(|| value(&neighbour.chassis_id))
                .unwrap_or_else(source),
            port: value(&neighbour.port_id).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Cabling {
    /// `eno1 leads to leaf-1 Ethernet7, nothing heard on eno2, no link on eno3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no ports");
        }
        let parts = self.0.iter().map(|(port, cable)| match cable {
            Cable::NoLink => format!("no link on {port}"),
            Cable::Silent => format!("nothing heard on {port}"),
            Cable::Leads(end) if end.port.is_empty() => format!("{port} leads to {}", end.name),
            Cable::Leads(end) => format!("{port} leads to {} {}", end.name, end.port),
        });
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::samples;
    use super::*;
    use crate::snapshot::LldpFrame;

    fn port(carrier: bool, frames: &[Vec<u8>]) -> LldpPort {
        let heard = |frame: &Vec<u8>| LldpFrame {
            heard_ms: 1,
            frame: frame.clone().into(),
        };
        LldpPort {
            listened_ms: carrier.then_some(1000),
            frames: frames.iter().map(heard).collect(),
            problem: None,
        }
    }

    #[test]
    fn two_cables_to_one_switch_are_one_neighbour() {
        let nameless = samples::frame(&[(1, b""), (3, b"\x00\x78"), (0, b"")]);
        let cases = [
            (vec![], 0, "no ports"),
            (
                vec![
                    port(true, &[samples::arista(), samples::cisco()]),
                    port(true, &[samples::arista()]),
                    port(true, &[]),
                    port(false, &[]),
                ],
                1,
                "eno1 leads to leaf-1.example.org Ethernet7/1, \
                 eno2 leads to leaf-1.example.org Ethernet7/1, \
                 nothing heard on eno3, no link on eno4",
            ),
            (
                vec![
                    port(true, &[samples::minimal(1, 120)]),
                    port(true, &[samples::minimal(2, 120)]),
                    port(true, &[nameless]),
                    port(true, &[b"junk".to_vec()]),
                ],
                3,
                "eno1 leads to 44:4c:a8:00:00:01 Ethernet1, \
                 eno2 leads to 44:4c:a8:00:00:02 Ethernet1, \
                 eno3 leads to 44:4c:a8:01:02:03, nothing heard on eno4",
            ),
        ];
        for (ports, count, words) in cases {
            let named = ports.into_iter().zip(1..);
            let ports = named.map(|(port, number)| (format!("eno{number}"), port));
            let cabling = Cabling::of(&ports.collect());
            assert_eq!(cabling.neighbours(), count, "{cabling}");
            assert_eq!(cabling.to_string(), words);
        }
    }
}
