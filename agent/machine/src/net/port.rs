// SPDX-License-Identifier: Apache-2.0
//! The DHCP client of one port, running: the state machine of the core between
//! a packet socket and a timer.

use std::sync::Arc;
use std::time::Duration;

use ironseed_core::network::dhcp4::client::{Ignored, Received};
use ironseed_core::network::dhcp4::{Action, Client, Moment, Outgoing, datagram};
use ironseed_core::network::{DhcpState, Lease, MacAddr};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::net::NetError;
use crate::net::packet::{Packet, PacketSocket};

/// What a port tells the network.
#[derive(Debug)]
pub(super) struct PortReport {
    /// Index of the link.
    pub(super) port: u32,
    /// What its client does now.
    pub(super) state: DhcpState,
    /// Answers it did not use.
    pub(super) ignored: Ignored,
    /// What became of its lease.
    pub(super) change: Option<LeaseChange>,
    /// Why it could not send or listen.
    pub(super) trouble: Option<NetError>,
}

/// What became of a lease.
#[derive(Debug)]
pub(super) enum LeaseChange {
    /// It holds: new, changed or prolonged.
    Bound(Box<Lease>),
    /// It is over.
    Lost,
}

/// The client of one port.
#[derive(Debug)]
pub(super) struct PortClient {
    port: u32,
    client: Client,
    clock: Arc<dyn Clock>,
    /// Open only while an answer is waited for.
    socket: Option<PacketSocket>,
    carrier: mpsc::UnboundedReceiver<bool>,
    reports: mpsc::UnboundedSender<PortReport>,
}

impl PortClient {
    /// A client for the port with this index; `carrier` tells it when the
    /// carrier comes and goes.
    pub(super) fn new(
        port: u32,
        mac: MacAddr,
        clock: Arc<dyn Clock>,
        carrier: mpsc::UnboundedReceiver<bool>,
        reports: mpsc::UnboundedSender<PortReport>,
    ) -> Self {
        Self {
            port,
            client: Client::new(mac),
            clock,
            socket: None,
            carrier,
            reports,
        }
    }

    /// Runs until the port or the network is gone.
    pub(super) async fn run(mut self) {
        loop {
            let time_left = self.time_left();
            let actions = tokio::select! {
                carrier = self.carrier.recv() => match carrier {
                    Some(up) => {
                        let moment = self.moment();
                        self.client.carrier(up, moment)
                    }
                    None => return,
                },
                packet = receive(self.socket.as_ref()) => match packet {
                    Ok(packet) => self.received(&packet),
                    // The port went down; the next message opens another one.
                    Err(_) => {
                        self.socket = None;
                        continue;
                    }
                },
                () = sleep(time_left) => {
                    let moment = self.moment();
                    self.client.timer(moment)
                }
            };
            if self.perform(actions).is_err() {
                return;
            }
        }
    }

    fn received(&mut self, packet: &Packet) -> Vec<Action> {
        let Ok((source, payload)) = datagram::parse(&packet.bytes) else {
            return vec![];
        };
        let moment = self.moment();
        let received = Received {
            source,
            hardware: packet.hardware,
            payload,
        };
        self.client.receive(&received, moment)
    }

    /// Carries the actions out and reports. Fails when nobody listens any
    /// more.
    fn perform(&mut self, actions: Vec<Action>) -> Result<(), ()> {
        let mut trouble = None;
        let mut changes = Vec::new();
        for action in actions {
            match action {
                Action::Send(outgoing) => trouble = self.send(&outgoing).err().or(trouble),
                Action::Bound(lease) => changes.push(LeaseChange::Bound(lease)),
                Action::Lost(_) => changes.push(LeaseChange::Lost),
            }
        }
        if !self.client.listens() {
            self.socket = None;
        }
        for change in changes {
            self.report(Some(change), None)?;
        }
        self.report(None, trouble)
    }

    fn report(&self, change: Option<LeaseChange>, trouble: Option<NetError>) -> Result<(), ()> {
        let report = PortReport {
            port: self.port,
            state: self.client.state(),
            ignored: self.client.ignored(),
            change,
            trouble,
        };
        self.reports.send(report).map_err(drop)
    }

    fn send(&mut self, outgoing: &Outgoing) -> Result<(), NetError> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => PacketSocket::open(self.port)?,
        };
        let packet = datagram::build(
            outgoing.source,
            outgoing.destination,
            &outgoing.message.encode(),
        );
        let sent = socket.send(&packet, outgoing.hardware);
        self.socket = Some(socket);
        sent
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.clock.since_boot(),
            random: random(),
        }
    }

    fn time_left(&self) -> Option<Duration> {
        let now = self.clock.since_boot();
        self.client
            .deadline()
            .map(|deadline| deadline.saturating_sub(now))
    }
}

async fn receive(socket: Option<&PacketSocket>) -> Result<Packet, NetError> {
    match socket {
        Some(socket) => socket.receive().await,
        None => std::future::pending().await,
    }
}

async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// A random number. The kernel's generator is ready before any program runs on
/// every machine that has a cycle counter; should it fail nevertheless, the
/// number of the process is better than no address.
fn random() -> u32 {
    getrandom::u32().unwrap_or_else(|_| std::process::id())
}
