// SPDX-License-Identifier: Apache-2.0
//! The listener's thread: it follows the ports as they come and go, keeps what
//! they hear, and lets them speak.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use ironseed_core::lldp::{GROUPS, LocalAddress, Outgoing, Speaker, Table};
use ironseed_core::network::Link;
use tokio::sync::watch;

use super::firmware_agents::{FirmwareAgents, Outcome};
use super::socket::LldpSocket;
use crate::net::{Boundaries, Change, Changes, KernelAddress, Netlink, PortFilter};

/// Pause before something is tried again that the kernel refused.
const AGAIN: Duration = Duration::from_secs(1);

/// The listener.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) boundaries: Boundaries,
    pub(super) ports: PortFilter,
    pub(super) netlink: Netlink,
    pub(super) socket: LldpSocket,
    /// Nothing until the ports have been listed.
    pub(super) table: watch::Sender<Option<Table>>,
    /// The ports that are in the groups.
    pub(super) joined: BTreeSet<u32>,
    /// Speaks for this machine, if it shall be known.
    pub(super) speaker: Option<Speaker>,
    /// Switches off the agents of cards, if cards may be changed.
    pub(super) agents: Option<FirmwareAgents>,
    /// The machine's addresses, kept for the speaker.
    pub(super) addresses: BTreeSet<LocalAddress>,
    /// The ports on which the last frame could not be sent, which was told.
    pub(super) mute: BTreeSet<u32>,
}

impl Listener {
    /// Listens until it is told to stop or the handle is dropped; then takes
    /// back what it has said and switched.
    pub(super) async fn run(mut self, mut changes: Changes, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.listen(&mut changes) => {}
            // Either there is a reason to stop, or nobody to listen for.
            _ = stop.changed() => {}
        }
        if let Some(speaker) = &mut self.speaker {
            let farewells = speaker.leave();
            self.send(farewells);
        }
        if let Some(agents) = &mut self.agents {
            agents.put_back().await;
        }
    }

    async fn listen(&mut self, changes: &mut Changes) {
        self.list_ports().await;
        loop {
            let due = self.speaker.as_ref().and_then(Speaker::due);
            let now = self.boundaries.clock.since_boot();
            let pause = due.map(|due| due.saturating_sub(now));
            tokio::select! {
                change = changes.next() => match change {
                    Some(change) => self.changed(change).await,
                    None => *changes = self.reopen_netlink().await,
                },
                frame = self.socket.receive() => match frame {
                    Ok((port, frame)) => self.heard(port, &frame),
                    Err(error) => self.reopen_socket(&error).await,
                },
                Some(outcome) = next_outcome(&mut self.agents) => self.switched(outcome),
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {
                    self.speak();
                }
            }
        }
    }

    async fn changed(&mut self, change: Change) {
        match change {
            Change::Link(link) => self.links(vec![link]),
            Change::LinkGone(index) => self.gone(&[index]),
            Change::Missed => self.list_ports().await,
            Change::Address(address) => {
                self.addresses.insert(local(&address));
                self.tell_addresses();
            }
            Change::AddressGone(address) => {
                self.addresses.remove(&local(&address));
                self.tell_addresses();
            }
        }
    }

    fn tell_addresses(&mut self) {
        let now = self.boundaries.clock.since_boot();
        if let Some(speaker) = &mut self.speaker {
            speaker.addresses(now, self.addresses.iter().copied().collect());
        }
    }

    fn speak(&mut self) {
        let now = self.boundaries.clock.since_boot();
        let outgoing = self.speaker.as_mut().map(|speaker| speaker.speak(now));
        self.send(outgoing.unwrap_or_default());
    }

    /// A frame that cannot be sent is not sent again: the next one is due soon.
    fn send(&mut self, outgoing: Vec<Outgoing>) {
        for Outgoing { port, name, frame } in outgoing {
            match self.socket.send(port, &frame) {
                Ok(()) => {
                    self.mute.remove(&port);
                }
                Err(error) if self.mute.insert(port) => {
                    log::warn!(
                        "{name}: the neighbour cannot be told of this machine by LLDP ({error}); \
                         next: look at the kernel's messages about {name}"
                    );
                }
                Err(_) => {}
            }
        }
    }

    fn switched(&mut self, (port, outcome): Outcome) {
        match outcome {
            Ok(None) => {}
            Ok(Some(switched)) => log::info!(
                "{}: the LLDP agent in the firmware of this {} card is off until the end",
                switched.port,
                switched.agent.driver
            ),
            Err(error) => {
                log::warn!("{error}");
                self.table.send_modify(|table| {
                    if let Some(table) = table {
                        table.problem(port, error.to_string());
                    }
                });
            }
        }
    }

    fn heard(&mut self, port: u32, frame: &[u8]) {
        let now = self.boundaries.clock.since_boot();
        let mut new = false;
        self.table.send_modify(|table| {
            if let Some(table) = table {
                new = table.frame(now, port, frame);
            }
        });
        if let Some(speaker) = self.speaker.as_mut().filter(|_| new) {
            speaker.new_neighbour(now, port);
        }
    }

    /// Reads all links: at the beginning, and when news were missed.
    async fn list_ports(&mut self) {
        match self.netlink.links().await {
            Ok(links) => {
                let here: BTreeSet<u32> = links.iter().map(|link| link.index).collect();
                let gone: Vec<u32> = self.joined.difference(&here).copied().collect();
                self.gone(&gone);
                self.links(links);
            }
            Err(error) => log::warn!("LLDP: {}", error.in_full()),
        }
        if self.speaker.is_some() {
            self.list_addresses().await;
        }
    }

    async fn list_addresses(&mut self) {
        match self.netlink.addresses().await {
            Ok(addresses) => {
                self.addresses = addresses.iter().map(local).collect();
                self.tell_addresses();
            }
            Err(error) => log::warn!("LLDP: {}", error.in_full()),
        }
    }

    /// Takes links in that appeared or changed; those that are no ports are
    /// left out. A port that belongs to a bond or a bridge hears all the same.
    fn links(&mut self, links: Vec<Link>) {
        let ports = links.into_iter();
        let ports: Vec<Link> = ports
            .filter(|link| self.ports.is_port(link, &self.boundaries.root))
            .collect();
        let mut problems = Vec::new();
        for port in &ports {
            if self.joined.insert(port.index) {
                if let Some(agents) = &mut self.agents {
                    agents.port(port.index, &port.name);
                }
                problems.extend(self.join(port.index));
            }
        }
        let now = self.boundaries.clock.since_boot();
        self.table.send_modify(|table| {
            let table = table.get_or_insert_default();
            for port in &ports {
                table.link(now, port);
            }
            for (port, problem) in problems {
                table.problem(port, problem);
            }
        });
        if let Some(speaker) = &mut self.speaker {
            for port in &ports {
                speaker.link(now, port);
            }
        }
    }

    fn join(&self, port: u32) -> Option<(u32, String)> {
        let joined = GROUPS
            .iter()
            .try_for_each(|group| self.socket.join(port, *group));
        let error = joined.err()?;
        Some((port, format!("cannot join the LLDP groups: {error}")))
    }

    fn gone(&mut self, ports: &[u32]) {
        for port in ports {
            self.joined.remove(port);
            self.mute.remove(port);
            if let Some(speaker) = &mut self.speaker {
                speaker.gone(*port);
            }
        }
        self.table.send_modify(|table| {
            for port in ports {
                if let Some(table) = table {
                    table.gone(*port);
                }
            }
        });
    }

    async fn reopen_netlink(&mut self) -> Changes {
        loop {
            tokio::time::sleep(AGAIN).await;
            match Netlink::open(&self.boundaries.root) {
                Ok((netlink, changes)) => {
                    self.netlink = netlink;
                    self.list_ports().await;
                    return changes;
                }
                Err(error) => log::warn!("LLDP: {}", error.in_full()),
            }
        }
    }

    async fn reopen_socket(&mut self, error: &io::Error) {
        log::warn!("LLDP: the socket failed and is opened again: {error}");
        tokio::time::sleep(AGAIN).await;
        match LldpSocket::open() {
            Ok(socket) => {
                self.socket = socket;
                self.joined.clear();
                self.list_ports().await;
            }
            Err(error) => log::warn!("LLDP: cannot open a socket: {error}"),
        }
    }
}

/// What became of the agent of a card; nothing while none is asked.
async fn next_outcome(agents: &mut Option<FirmwareAgents>) -> Option<Outcome> {
    agents.as_mut()?.next().await
}

fn local(address: &KernelAddress) -> LocalAddress {
    LocalAddress {
        link: address.link,
        address: address.address,
    }
}
