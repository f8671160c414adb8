// SPDX-License-Identifier: Apache-2.0
//! What was heard on each port, and which ports a report still waits for.

use std::collections::BTreeMap;
use std::time::Duration;

use bootconfig::MacAddr;

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
    mac: Option<MacAddr>,
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
            mac: None,
            carrier_since: None,
            carrier_ups: link.carrier_ups,
            neighbours: Vec::new(),
            problem: None,
        });
        port.name.clone_from(&link.name);
        port.mac = link.mac;
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

    /// A frame arrived; true if a neighbour has spoken that was not known.
    /// Frames of other protocols and of links that are no ports are left out,
    /// and so are this machine's own, which come back where two of its ports
    /// hang on a switch that passes LLDP on. A frame whose time to live is 0
    /// takes its sender away (IEEE 802.1AB-2016 clause 9.1.2.2).
    pub fn frame(&mut self, now: Duration, index: u32, bytes: &[u8]) -> bool {
        let Some(frame) = frame::parse(bytes) else {
            return false;
        };
        let own = Some(MacAddr(frame.source));
        if self.ports.values().any(|port| port.mac == own) {
            return false;
        }
        let Some(port) = self.ports.get_mut(&index) else {
            return false;
        };
        let who = identity(&frame);
        if leaves(&frame) {
            port.neighbours.retain(|heard| heard.who != who);
            return false;
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
            None if room => {
                port.neighbours.push(heard);
                return true;
            }
            None => {}
        }
        false
    }

    /// The ports with carrier on which nothing was heard yet, and since when
    /// they have carrier; time since boot.
    pub(super) fn silent(&self) -> impl Iterator<Item = (&str, Duration)> {
        let silent = self
            .ports
            .values()
            .filter(|port| port.neighbours.is_empty());
        silent.filter_map(|port| Some((port.name.as_str(), port.carrier_since?)))
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

#[cfg(test)]
mod tests {
    use super::super::tests::samples::{self, link};
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
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
    fn own_frames_that_come_back_are_no_neighbour() {
        let mut table = Table::default();
        let mut own = link(1, true, 1);
        own.mac = "44:4c:a8:01:02:03".parse().ok();
        table.link(seconds(2), &own);
        table.link(seconds(2), &link(2, true, 1));
        // The frame's sender is the first port.
        assert!(!table.frame(seconds(3), 2, &samples::minimal(1, 120)));
        assert!(table.heard(seconds(3))["eno2"].frames.is_empty());
        own.mac = None;
        table.link(seconds(4), &own);
        assert!(table.frame(seconds(5), 2, &samples::minimal(1, 120)));
        assert!(
            !table.frame(seconds(6), 2, &samples::minimal(1, 120)),
            "known"
        );
    }
}
