// SPDX-License-Identifier: Apache-2.0
//! The DHCPv4 client of one port, running: the state machine of the core
//! between a packet socket and a timer, with a watch over its address.

use std::sync::Arc;
use std::time::Duration;

use ironseed_core::network::acd::Conflict;
use ironseed_core::network::dhcp4::client::{Ignored, Received};
use ironseed_core::network::dhcp4::{Action, Client, Moment, Outgoing, datagram};
use ironseed_core::network::ra::Router;
use ironseed_core::network::{AddressTrouble, DhcpState, Lease, MacAddr};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::net::NetError;
use crate::net::packet::{Packet, PacketSocket, Protocol};
use crate::net::port6::Dhcp6News;
use crate::net::routers::sleep;
use crate::net::watch::AddressWatch;

/// What a port tells the network.
#[derive(Debug)]
pub(super) struct PortReport {
    /// Index of the link.
    pub(super) port: u32,
    /// From which of its helpers, and what.
    pub(super) news: News,
}

/// What is told.
#[derive(Debug)]
pub(super) enum News {
    /// By the DHCPv4 client.
    Dhcp4(Box<Dhcp4News>),
    /// By the DHCPv6 client.
    Dhcp6(Box<Dhcp6News>),
    /// By the listener for router advertisements: all routers of the port.
    Routers(Vec<Router>),
}

/// What the DHCPv4 client tells.
#[derive(Debug)]
pub(super) struct Dhcp4News {
    /// What it does now.
    pub(super) state: DhcpState,
    /// Answers it did not use.
    pub(super) ignored: Ignored,
    /// What is wrong with what it has or was offered.
    pub(super) troubles: Vec<AddressTrouble>,
    /// What became of its lease.
    pub(super) change: Option<LeaseChange>,
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
    mac: MacAddr,
    client: Client,
    clock: Arc<dyn Clock>,
    /// Open only while an answer is waited for.
    socket: Option<PacketSocket>,
    watch: Option<AddressWatch>,
    /// The last address that turned out to be somebody else's.
    conflict: Option<Conflict>,
    /// Why it could not send or listen last.
    error: Option<NetError>,
    carrier: mpsc::UnboundedReceiver<bool>,
    /// Hardware addresses of all links of this machine.
    own: watch::Receiver<Vec<MacAddr>>,
    reports: mpsc::UnboundedSender<PortReport>,
}

impl PortClient {
    /// A client for the port with this index; `carrier` tells it when the
    /// carrier comes and goes, `own` the hardware addresses of this machine.
    pub(super) fn new(
        port: u32,
        mac: MacAddr,
        clock: Arc<dyn Clock>,
        own: watch::Receiver<Vec<MacAddr>>,
        carrier: mpsc::UnboundedReceiver<bool>,
        reports: mpsc::UnboundedSender<PortReport>,
    ) -> Self {
        Self {
            port,
            mac,
            client: Client::new(mac),
            clock,
            socket: None,
            watch: None,
            conflict: None,
            error: None,
            carrier,
            own,
            reports,
        }
    }

    /// Runs until the port or the network is gone.
    pub(super) async fn run(mut self) {
        loop {
            let time_left = self.time_left();
            let actions = tokio::select! {
                carrier = self.carrier.recv() => match carrier {
                    Some(up) => self.carrier(up),
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
                packet = overhear(self.watch.as_ref()) => match packet {
                    Ok(packet) => self.overheard(&packet),
                    Err(_) => {
                        self.watch = None;
                        continue;
                    }
                },
                () = sleep(time_left) => self.timer(),
            };
            if self.perform(actions).is_err() {
                return;
            }
        }
    }

    /// The address is probed again after the cable was out: it may be in
    /// another network now.
    fn carrier(&mut self, up: bool) -> Vec<Action> {
        self.watch = None;
        let moment = self.moment();
        self.client.carrier(up, moment)
    }

    fn timer(&mut self) -> Vec<Action> {
        let moment = self.moment();
        if let Some(watch) = &mut self.watch {
            watch.timer(moment.now);
        }
        self.client.timer(moment)
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

    fn overheard(&mut self, packet: &Packet) -> Vec<Action> {
        let moment = self.moment();
        let heard = self.watch.as_mut().and_then(|watch| {
            let own = self.own.borrow();
            watch.heard(packet, moment.now, &own)
        });
        let Some(conflict) = heard else {
            return vec![];
        };
        self.watch = None;
        self.conflict = Some(conflict);
        self.client.decline(conflict.address, moment)
    }

    /// Carries the actions out and reports. Fails when nobody listens any
    /// more.
    fn perform(&mut self, actions: Vec<Action>) -> Result<(), ()> {
        let mut changes = Vec::new();
        for action in actions {
            match action {
                Action::Send(outgoing) => self.error = self.send(&outgoing).err(),
                Action::Bound(lease) => {
                    self.conflict = None;
                    changes.push(LeaseChange::Bound(lease));
                }
                Action::Lost(_) => changes.push(LeaseChange::Lost),
            }
        }
        if !self.client.listens() {
            self.socket = None;
        }
        self.look_after_address();
        for change in changes {
            self.report(Some(change))?;
        }
        self.report(None)
    }

    /// Watches the address that the client has or is about to get. Without a
    /// socket for it the address is used unwatched.
    fn look_after_address(&mut self) {
        let Some(lease) = self.client.candidate() else {
            self.watch = None;
            return;
        };
        if self.watch.as_ref().is_some_and(|watch| watch.fits(lease)) {
            return;
        }
        let now = self.clock.since_boot();
        match AddressWatch::start(self.port, self.mac, lease, now) {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => self.error = Some(error),
        }
    }

    fn report(&self, change: Option<LeaseChange>) -> Result<(), ()> {
        let news = Dhcp4News {
            state: self.client.state(),
            ignored: self.client.ignored(),
            troubles: self.troubles(),
            change,
        };
        let report = PortReport {
            port: self.port,
            news: News::Dhcp4(Box::new(news)),
        };
        self.reports.send(report).map_err(drop)
    }

    fn troubles(&self) -> Vec<AddressTrouble> {
        let conflict = self.conflict.map(|conflict| AddressTrouble::InUse {
            address: conflict.address.into(),
            by: Some(conflict.by),
        });
        let others = self.client.others();
        let several = self.client.lease().filter(|_| !others.is_empty());
        let several = several.map(|lease| AddressTrouble::OtherServers {
            taken: lease.server.into(),
            others: others.iter().copied().map(Into::into).collect(),
        });
        let refused = self.client.refused();
        let refused = refused.map(|refused| AddressTrouble::UnusableAnswer {
            server: refused.server.into(),
            reason: refused.reason.to_string(),
        });
        let silent = self.watch.as_ref().and_then(AddressWatch::silent_gateway);
        let silent = silent.map(|gateway| AddressTrouble::GatewaySilent {
            gateway: gateway.into(),
        });
        let error = self.error.as_ref().map(|error| AddressTrouble::NotTaken {
            reason: error.in_full(),
        });
        [conflict, several, refused, silent, error]
            .into_iter()
            .flatten()
            .collect()
    }

    fn send(&mut self, outgoing: &Outgoing) -> Result<(), NetError> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => PacketSocket::open(self.port, Protocol::Dhcp)?,
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
        let watch = self.watch.as_ref().and_then(AddressWatch::deadline);
        let next = self.client.deadline().into_iter().chain(watch).min();
        next.map(|deadline| deadline.saturating_sub(now))
    }
}

async fn receive(socket: Option<&PacketSocket>) -> Result<Packet, NetError> {
    match socket {
        Some(socket) => socket.receive().await,
        None => std::future::pending().await,
    }
}

async fn overhear(watch: Option<&AddressWatch>) -> Result<Packet, NetError> {
    match watch {
        Some(watch) => watch.receive().await,
        None => std::future::pending().await,
    }
}

/// A random number. The kernel's generator is ready before any program runs on
/// every machine that has a cycle counter; should it fail nevertheless, the
/// number of the process is better than no address.
pub(super) fn random() -> u32 {
    getrandom::u32().unwrap_or_else(|_| std::process::id())
}
