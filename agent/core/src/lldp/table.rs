// SPDX-License-Identifier: Apache-2.0
//! What was heard on each port, and which ports a report still waits for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::frame::{self, Frame};
use super::tlv::split;
use crate::network::Link;
use crate::snapshot::{LldpFrame, LldpPort};

/// A port has one neighbour, or a few behind a dumb switch. More are left out:
/// a stranger must not fill the memory.
const NEIGHBOURS: usize = 16;

/// What is heard, port by port, while somebody listens.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// By index: names can change.
    ports: BTreeMap<u32, Port>,
}

/// One port that is listened on.
#[derive(Debug, Clone)]
struct Port {
    name: String,
    /// Since when it has been listened on with carrier; time since boot.
    carrier_since: Option<Duration>,
    /// [`Link::carrier_ups`] when the carrier was last looked at.
    carrier_ups: u32,
    neighbours: Vec<Heard>,
    problem: Option<String>,
}

/// The newest frame of one neighbour.
#[derive(Debug, Clone)]
struct Heard {
    who: Vec<u8>,
    at: Duration,
    frame: Vec<u8>,
}

impl Table {
    /// A port is listened on, or what is known of it has changed. What was
    /// heard before its carrier came is forgotten: the cable may have moved.
    pub fn link(&mut self, now: Duration, link: &Link) {
        let port = self.ports.entry(link.index).or_insert_with(|| Port {
            name: String::new(),
            carrier_since: None,
            carrier_ups: link.carrier_ups,
            neighbours: Vec::new(),
            problem: None,
        });
        port.name.clone_from(&link.name);
        let flapped = port.carrier_ups != link.carrier_ups;
        port.carrier_ups = link.carrier_ups;
        if !link.carrier {
            port.carrier_since = None;
            port.neighbours.clear();
        } else if port.carrier_since.is_none() || flapped {
            port.carrier_since = Some(now);
            port.neighbours.clear();
        }
    }

    /// Whether the port with this index is listened on.
    #[must_use]
    pub fn has(&self, index: u32) -> bool {
        self.ports.contains_key(&index)
    }

    /// The port is gone.
    pub fn gone(&mut self, index: u32) {
        self.ports.remove(&index);
    }

    /// Notes what keeps a port from hearing.
    pub fn problem(&mut self, index: u32, problem: String) {
        if let Some(port) = self.ports.get_mut(&index) {
            port.problem = Some(problem);
        }
    }

    /// A frame arrived. Frames of other protocols and of links that are no
    /// ports are left out; a frame whose time to live is 0 takes its sender
    /// away (IEEE 802.1AB-2016 clause 9.1.2.2).
    pub fn frame(&mut self, now: Duration, index: u32, bytes: &[u8]) {
        let (Some(port), Some(frame)) = (self.ports.get_mut(&index), frame::parse(bytes)) else {
            return;
        };
        let who = identity(&frame);
        if leaves(&frame) {
            port.neighbours.retain(|heard| heard.who != who);
            return;
        }
        let heard = Heard {
            who,
            at: now,
            frame: bytes.to_vec(),
        };
        let room = port.neighbours.len() < NEIGHBOURS;
        let mut known = port.neighbours.iter_mut();
        match known.find(|known| known.who == heard.who) {
            Some(known) => *known = heard,
            None if room => port.neighbours.push(heard),
            None => {}
        }
    }

    /// What was heard until `now`, by the names of the ports.
    #[must_use]
    pub fn heard(&self, now: Duration) -> BTreeMap<String, LldpPort> {
        let port = |port: &Port| LldpPort {
            listened_ms: port
                .carrier_since
                .map(|since| milliseconds(now.saturating_sub(since))),
            frames: port.neighbours.iter().map(stored).collect(),
            problem: port.problem.clone(),
        };
        let ports = self.ports.values();
        ports
            .map(|found| (found.name.clone(), port(found)))
            .collect()
    }
}

fn stored(heard: &Heard) -> LldpFrame {
    LldpFrame {
        heard_ms: milliseconds(heard.at),
        frame: heard.frame.clone().into(),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Chassis ID and port ID, which together name a neighbour (clause 8.2); a
/// frame without them is known by its sender's address.
fn identity(frame: &Frame<'_>) -> Vec<u8> {
    let (tlvs, _) = split(frame.pdu);
    match tlvs.as_slice() {
        [chassis, port, ..] if (chassis.kind, port.kind) == (1, 2) => {
            let length = [u8::try_from(chassis.value.len()).unwrap_or(u8::MAX)];
            [&length, chassis.value, port.value].concat()
        }
        _ => frame.source.to_vec(),
    }
}

fn leaves(frame: &Frame<'_>) -> bool {
    let (tlvs, _) = split(frame.pdu);
    matches!(tlvs.get(2), Some(ttl) if ttl.kind == 3 && ttl.value == [0, 0])
}

/// The ports a report still waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Their names.
    pub ports: Vec<String>,
    /// When the first of them is not waited for any more; time since boot.
    pub until: Duration,
}

/// Which ports a report waits for at `now`, if it has been wanted since
/// `asked`: those with carrier on which nothing was heard yet, each for at
/// most `allowance` after its carrier came. A carrier that comes and goes
/// holds the report back no longer than one allowance.
#[must_use]
pub fn awaited(
    table: &Table,
    allowance: Duration,
    asked: Duration,
    now: Duration,
) -> Option<Awaited> {
    let silent = |port: &Port| {
        let since = port.carrier_since?;
        let until = since.min(asked).saturating_add(allowance);
        (port.neighbours.is_empty() && now < until).then(|| (port.name.clone(), until))
    };
    let waiting: Vec<(String, Duration)> = table.ports.values().filter_map(silent).collect();
    let until = waiting.iter().map(|(_, until)| *until).min()?;
    let mut ports: Vec<String> = waiting.into_iter().map(|(name, _)| name).collect();
    ports.sort();
    Some(Awaited { ports, until })
}

#[cfg(test)]
mod tests {
    use super::super::tests::samples;
    use super::*;
    use crate::network::LinkKind;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn link(index: u32, carrier: bool, carrier_ups: u32) -> Link {
        Link {
            index,
            name: format!("eno{index}"),
            kind: LinkKind::Ethernet,
            mac: None,
            permanent: None,
            up: true,
            carrier,
            carrier_ups,
            mtu: 1500,
            controller: None,
            details: crate::network::LinkDetails::default(),
        }
    }

    #[test]
    fn the_newest_frame_of_each_neighbour_is_kept_in_order_of_the_first() {
        let mut table = Table::default();
        table.link(seconds(2), &link(1, true, 1));
        let (one, two) = (samples::minimal(1, 120), samples::minimal(2, 120));
        table.frame(seconds(3), 1, &one);
        table.frame(seconds(4), 1, &two);
        table.frame(seconds(33), 1, &one);
        table.frame(seconds(34), 9, &one);
        table.frame(seconds(35), 1, b"not lldp at all");
        let heard = table.heard(seconds(40));
        assert_eq!(heard.len(), 1);
        let port = &heard["eno1"];
        assert_eq!(port.listened_ms, Some(38_000));
        let times: Vec<u64> = port.frames.iter().map(|frame| frame.heard_ms).collect();
        assert_eq!(times, [33_000, 4_000]);
        assert_eq!(port.frames[0].frame.0, one);

        table.frame(seconds(41), 1, &samples::minimal(1, 0));
        assert_eq!(table.heard(seconds(41))["eno1"].frames.len(), 1);
        table.gone(1);
        assert!(table.heard(seconds(41)).is_empty() && !table.has(1));
    }

    #[test]
    fn strangers_cannot_fill_the_memory() {
        let mut table = Table::default();
        table.link(seconds(2), &link(1, true, 1));
        for number in 0..=255 {
            table.frame(seconds(3), 1, &samples::minimal(number, 120));
        }
        let heard = table.heard(seconds(4));
        assert_eq!(heard["eno1"].frames.len(), NEIGHBOURS);
        assert_eq!(heard["eno1"].frames[0].frame.0, samples::minimal(0, 120));
    }

    #[test]
    fn a_moved_cable_forgets_its_neighbour() {
        let mut table = Table::default();
        table.link(seconds(2), &link(1, true, 1));
        let frame = samples::minimal(1, 120);
        table.frame(seconds(3), 1, &frame);
        table.link(seconds(4), &link(1, true, 1));
        assert_eq!(table.heard(seconds(4))["eno1"].frames.len(), 1);
        // The kernel told of no change in between.
        table.link(seconds(5), &link(1, true, 2));
        let port = &table.heard(seconds(6))["eno1"];
        assert_eq!((port.frames.len(), port.listened_ms), (0, Some(1000)));
        table.frame(seconds(7), 1, &frame);
        table.link(seconds(8), &link(1, false, 2));
        let port = &table.heard(seconds(9))["eno1"];
        assert_eq!((port.frames.len(), port.listened_ms), (0, None));
    }

    #[test]
    fn a_report_waits_for_silent_ports_with_carrier_only() {
        let mut table = Table::default();
        let at = |table: &Table, now: u64| awaited(table, seconds(30), seconds(9), seconds(now));
        let waits = |ports: &[&str], until: u64| {
            Some(Awaited {
                ports: ports.iter().map(|name| (*name).to_owned()).collect(),
                until: seconds(until),
            })
        };
        assert_eq!(at(&table, 10), None);
        table.link(seconds(2), &link(1, true, 1));
        table.link(seconds(4), &link(2, true, 1));
        table.link(seconds(4), &link(3, false, 0));
        assert_eq!(at(&table, 10), waits(&["eno1", "eno2"], 32));
        table.frame(seconds(11), 1, &samples::minimal(1, 120));
        assert_eq!(at(&table, 11), waits(&["eno2"], 34));
        assert_eq!(at(&table, 34), None);
        // A late carrier is waited for, but not longer than one allowance.
        table.link(seconds(20), &link(3, true, 1));
        assert_eq!(at(&table, 34), waits(&["eno3"], 39));
        table.link(seconds(38), &link(3, true, 2));
        assert_eq!(at(&table, 39), None);
    }
}
