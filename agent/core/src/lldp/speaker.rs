// SPDX-License-Identifier: Apache-2.0
//! What this machine says on all its ports, and when.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bootconfig::MacAddr;

use super::announcement::{Announcement, LocalAddress};
use super::system::System;
use super::transmission::Transmission;
use crate::lifecycle::Random;
use crate::network::Link;

/// Bit of a hardware address that somebody made up (IEEE 802-2014 clause 8.2.2).
const LOCALLY_ADMINISTERED: u8 = 0x02;

/// A frame on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Index of the port.
    pub port: u32,
    /// Name of the port.
    pub name: String,
    /// The frame, from the destination address on.
    pub frame: Vec<u8>,
}

/// Speaks for the machine.
#[derive(Debug, Clone)]
pub struct Speaker {
    system: System,
    random: Random,
    ports: BTreeMap<u32, Port>,
    addresses: Vec<LocalAddress>,
    /// What the machine is known by on every port.
    chassis: Option<MacAddr>,
    /// Farewells under a name that is no longer used.
    farewells: Vec<Outgoing>,
}

#[derive(Debug, Clone)]
struct Port {
    name: String,
    /// The address it came with. A bond gives all its ports the same one later.
    first_mac: MacAddr,
    mac: MacAddr,
    carrier: bool,
    /// [`Link::carrier_ups`] when the carrier was last looked at.
    carrier_ups: u32,
    transmission: Transmission,
    /// What the neighbours know.
    said: Option<Announcement>,
}

impl Speaker {
    /// Speaks as this machine; `seed` is any number.
    #[must_use]
    pub fn new(system: System, seed: u64) -> Self {
        Self {
            system,
            random: Random::new(seed),
            ports: BTreeMap::new(),
            addresses: Vec::new(),
            chassis: None,
            farewells: Vec::new(),
        }
    }

    /// A port is there, or what is known of it has changed. A port without a
    /// hardware address does not speak.
    pub fn link(&mut self, now: Duration, link: &Link) {
        let Some(mac) = link.mac else {
            return;
        };
        let port = self.ports.entry(link.index).or_insert_with(|| Port {
            name: String::new(),
            first_mac: mac,
            mac,
            carrier: false,
            carrier_ups: link.carrier_ups,
            transmission: Transmission::default(),
            said: None,
        });
        port.name.clone_from(&link.name);
        port.mac = mac;
        let flapped = port.carrier_ups != link.carrier_ups;
        port.carrier_ups = link.carrier_ups;
        if !link.carrier {
            port.transmission.stop();
            // Whoever is at the other end next has heard nothing.
            port.said = None;
        } else if !port.carrier || flapped {
            port.transmission.start(now);
            port.said = None;
        }
        port.carrier = link.carrier;
        self.choose_chassis();
        self.review(now);
    }

    /// The port is gone.
    pub fn gone(&mut self, index: u32) {
        self.ports.remove(&index);
    }

    /// The addresses of the machine, all of them.
    pub fn addresses(&mut self, now: Duration, mut addresses: Vec<LocalAddress>) {
        addresses.retain(|found| is_told(found.address));
        addresses.sort();
        addresses.dedup();
        self.addresses = addresses;
        self.review(now);
    }

    /// Somebody who was not known before speaks on this port.
    pub fn new_neighbour(&mut self, now: Duration, index: u32) {
        if let Some(port) = self.ports.get_mut(&index).filter(|port| port.carrier) {
            port.transmission.start(now);
        }
    }

    /// When the next frame is due; time since boot.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        if !self.farewells.is_empty() {
            return Some(Duration::ZERO);
        }
        self.ports
            .values()
            .filter_map(|port| port.transmission.due())
            .min()
    }

    /// The frames that are due. They count as sent.
    pub fn speak(&mut self, now: Duration) -> Vec<Outgoing> {
        let mut outgoing = std::mem::take(&mut self.farewells);
        let due: Vec<u32> = self
            .ports
            .iter()
            .filter(|(_, port)| port.transmission.due().is_some_and(|due| due <= now))
            .map(|(index, _)| *index)
            .collect();
        for index in due {
            let Some(announcement) = self.announcement(index) else {
                continue;
            };
            outgoing.push(Outgoing {
                port: index,
                name: announcement.port_name.clone(),
                frame: announcement.frame(),
            });
            if let Some(port) = self.ports.get_mut(&index) {
                port.transmission.sent(now, &mut self.random);
                port.said = Some(announcement);
            }
        }
        outgoing
    }

    /// The machine leaves: what the neighbours know of it is taken back, on
    /// every port on which it has spoken. It is silent from then on.
    pub fn leave(&mut self) -> Vec<Outgoing> {
        let mut outgoing = std::mem::take(&mut self.farewells);
        for (index, port) in std::mem::take(&mut self.ports) {
            outgoing.extend(port.said.map(|said| farewell(index, &said)));
        }
        outgoing
    }

    /// The chassis is known by the address of a port: by the first that was
    /// given by a maker. An address that somebody made up, such as that of the
    /// interface a BMC shows the host, can be the same on other machines and
    /// serves only until there is a better one. A chosen address stays.
    fn choose_chassis(&mut self) {
        let made_up = |mac: &MacAddr| mac.0[0] & LOCALLY_ADMINISTERED != 0;
        if self.chassis.is_some_and(|mac| !made_up(&mac)) {
            return;
        }
        let mut macs = self.ports.values().map(|port| port.first_mac);
        let better = macs.find(|mac| !made_up(mac));
        let any = || self.ports.values().next().map(|port| port.first_mac);
        self.chassis = better.or(self.chassis).or_else(any);
    }

    /// Compares what the neighbours know with what is to be said.
    fn review(&mut self, now: Duration) {
        let indices: Vec<u32> = self.ports.keys().copied().collect();
        for index in indices {
            let Some(announcement) = self.announcement(index) else {
                continue;
            };
            let Some(port) = self.ports.get_mut(&index) else {
                continue;
            };
            let Some(said) = &port.said else {
                continue;
            };
            if !announcement.is_from(said) {
                self.farewells.push(farewell(index, said));
                port.said = None;
                port.transmission.start(now);
            } else if announcement != *said {
                port.transmission.changed(now);
            }
        }
    }

    fn announcement(&self, index: u32) -> Option<Announcement> {
        let port = self.ports.get(&index)?;
        Some(Announcement {
            chassis: self.chassis?,
            port: port.first_mac,
            source: port.mac,
            port_name: port.name.clone(),
            system: self.system.clone(),
            addresses: self.reachable(index),
        })
    }

    /// The port's own addresses; those of the whole machine if it has none, as
    /// a port of a bond has none.
    fn reachable(&self, index: u32) -> Vec<LocalAddress> {
        let all = || self.addresses.iter().copied();
        let own: Vec<LocalAddress> = all().filter(|found| found.link == index).collect();
        if own.is_empty() { all().collect() } else { own }
    }
}

fn farewell(port: u32, said: &Announcement) -> Outgoing {
    Outgoing {
        port,
        name: said.port_name.clone(),
        frame: said.farewell(),
    }
}

/// Addresses that mean something beyond the cable.
fn is_told(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(link_local || address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
#[path = "speaker_tests.rs"]
mod tests;
