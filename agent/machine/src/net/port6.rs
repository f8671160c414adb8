// SPDX-License-Identifier: Apache-2.0
//! The DHCPv6 client of one port, running: the state machine of the core
//! between a UDP socket and a timer.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket as StdUdpSocket};
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::network::dhcp4::Moment;
use ironseed_core::network::dhcp4::client::Ignored;
use ironseed_core::network::dhcp6::client::Received;
use ironseed_core::network::dhcp6::message::Message;
use ironseed_core::network::dhcp6::{Action, Client, Dhcp6State, Mode};
use ironseed_core::network::{AddressTrouble, Information, Lease6};
use nix::net::if_::if_indextoname;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn6, bind, setsockopt, socket, sockopt,
};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::net::NetError;
use crate::net::port::{News, PortReport, random};
use crate::net::routers::sleep;

/// Where clients and servers listen (RFC 8415 §7.2).
const CLIENT_PORT: u16 = 546;
const SERVER_PORT: u16 = 547;

/// All servers and relays of a network (RFC 8415 §7.1).
const SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// Longer than any message that is not in pieces.
const BUFFER: usize = 2048;

/// What the DHCPv6 client tells.
#[derive(Debug)]
pub(super) struct Dhcp6News {
    /// What it does now.
    pub(super) state: Dhcp6State,
    /// Answers it did not use.
    pub(super) ignored: Ignored,
    /// What is wrong with what it has or was offered.
    pub(super) troubles: Vec<AddressTrouble>,
    /// What became of its lease.
    pub(super) change: Option<Lease6Change>,
}

/// What became of a lease.
#[derive(Debug)]
pub(super) enum Lease6Change {
    /// It holds: new, changed or prolonged.
    Bound(Box<Lease6>),
    /// It is over.
    Lost,
    /// A server told this without giving an address.
    Informed(Box<Information>),
}

/// What the client is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told6 {
    /// Whether the port has carrier and a link-local address that can be used.
    Link(bool),
    /// What the client is for.
    Mode(Mode),
    /// The kernel has found out that somebody else has this address.
    Decline(Ipv6Addr),
}

/// The client of one port.
#[derive(Debug)]
pub(super) struct PortClient6 {
    port: u32,
    client: Client,
    clock: Arc<dyn Clock>,
    /// Open only while an answer is waited for.
    socket: Option<UdpSocket>,
    /// The last address that turned out to be somebody else's.
    conflict: Option<Ipv6Addr>,
    /// Why it could not send or listen last.
    error: Option<NetError>,
    told: mpsc::UnboundedReceiver<Told6>,
    reports: mpsc::UnboundedSender<PortReport>,
}

impl PortClient6 {
    /// A client for the port with this index.
    pub(super) fn new(
        port: u32,
        client: Client,
        clock: Arc<dyn Clock>,
        told: mpsc::UnboundedReceiver<Told6>,
        reports: mpsc::UnboundedSender<PortReport>,
    ) -> Self {
        Self {
            port,
            client,
            clock,
            socket: None,
            conflict: None,
            error: None,
            told,
            reports,
        }
    }

    /// Runs until the port or the network is gone.
    pub(super) async fn run(mut self) {
        let mut buffer = vec![0; BUFFER];
        loop {
            let time_left = self.time_left();
            let actions = tokio::select! {
                told = self.told.recv() => match told {
                    Some(told) => self.obey(told),
                    None => return,
                },
                received = receive(self.socket.as_ref(), &mut buffer) => match received {
                    Ok((length, source)) => {
                        let moment = self.moment();
                        let payload = buffer.get(..length).unwrap_or_default();
                        self.client.receive(&Received { source, payload }, moment)
                    }
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
            if self.perform(actions).await.is_err() {
                return;
            }
        }
    }

    fn obey(&mut self, told: Told6) -> Vec<Action> {
        let moment = self.moment();
        match told {
            Told6::Link(ready) => self.client.link(ready, moment),
            Told6::Mode(mode) => self.client.set_mode(mode, moment),
            Told6::Decline(address) => {
                self.conflict = Some(address);
                self.client.decline(address, moment)
            }
        }
    }

    /// Carries the actions out and reports. Fails when nobody listens any
    /// more.
    async fn perform(&mut self, actions: Vec<Action>) -> Result<(), ()> {
        let mut changes = Vec::new();
        for action in actions {
            match action {
                Action::Send(message) => self.error = self.send(&message).await.err(),
                Action::Bound(lease) => {
                    // The same address once more is as bad as before.
                    self.conflict = self.conflict.filter(|bad| *bad == lease.address);
                    changes.push(Lease6Change::Bound(lease));
                }
                Action::Lost(_) => changes.push(Lease6Change::Lost),
                Action::Informed(told) => changes.push(Lease6Change::Informed(told)),
            }
        }
        if !self.client.listens() {
            self.socket = None;
        }
        for change in changes {
            self.report(Some(change))?;
        }
        self.report(None)
    }

    fn report(&self, change: Option<Lease6Change>) -> Result<(), ()> {
        let news = Dhcp6News {
            state: self.client.state(),
            ignored: self.client.ignored(),
            troubles: self.troubles(),
            change,
        };
        let report = PortReport {
            port: self.port,
            news: News::Dhcp6(Box::new(news)),
        };
        self.reports.send(report).map_err(drop)
    }

    fn troubles(&self) -> Vec<AddressTrouble> {
        let conflict = self.conflict.map(|address| AddressTrouble::InUse {
            address: address.into(),
            by: None,
        });
        let refused = self.client.refused();
        let refused = refused.map(|refused| AddressTrouble::UnusableAnswer {
            server: refused.server.into(),
            reason: refused.reason.to_string(),
        });
        let error = self.error.as_ref().map(|error| AddressTrouble::NotTaken {
            reason: error.in_full(),
        });
        [conflict, refused, error].into_iter().flatten().collect()
    }

    async fn send(&mut self, message: &Message) -> Result<(), NetError> {
        let failed = |what, source| NetError::Packet {
            what,
            port: self.port,
            source,
        };
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open(self.port).map_err(|error| failed("listen for DHCPv6", error))?,
        };
        let target = SocketAddrV6::new(SERVERS, SERVER_PORT, 0, self.port);
        let sent = socket.send_to(&message.encode(), target).await;
        let sent = sent.map(drop).map_err(|error| failed("send DHCPv6", error));
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
        let deadline = self.client.deadline();
        deadline.map(|deadline| deadline.saturating_sub(now))
    }
}

/// A socket that speaks and hears on one port only, so that every port can
/// have one.
fn open(port: u32) -> io::Result<UdpSocket> {
    let name = if_indextoname(port)?;
    let socket = socket(
        AddressFamily::Inet6,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )?;
    setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    let name = std::ffi::OsString::from(name.to_string_lossy().into_owned());
    setsockopt(&socket, sockopt::BindToDevice, &name)?;
    let own = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, CLIENT_PORT, 0, 0);
    bind(
        std::os::fd::AsRawFd::as_raw_fd(&socket),
        &SockaddrIn6::from(own),
    )?;
    UdpSocket::from_std(StdUdpSocket::from(socket))
}

async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> io::Result<(usize, Ipv6Addr)> {
    let Some(socket) = socket else {
        return std::future::pending().await;
    };
    loop {
        if let (length, SocketAddr::V6(from)) = socket.recv_from(buffer).await? {
            return Ok((length, *from.ip()));
        }
    }
}
