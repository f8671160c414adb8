// SPDX-License-Identifier: Apache-2.0
//! Hears the routers of all ports and tells the network what they say, for as
//! long as they say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::network::ra::{Advertisement, Routers};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::net::NetError;
use crate::net::icmp6::{RouterPacket, RouterSocket};
use crate::net::port::{News, PortReport};

/// How long a broken socket is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// What the network wants of the listener; each with the index of the port.
#[derive(Debug, Clone, Copy)]
pub(super) enum RouterOrder {
    /// The cable was pulled: what its routers said may not be true any more.
    Forget(u32),
    /// Ask its routers to advertise.
    Solicit(u32),
}

/// The listener.
#[derive(Debug)]
pub(super) struct RouterWatch {
    socket: RouterSocket,
    clock: Arc<dyn Clock>,
    orders: mpsc::UnboundedReceiver<RouterOrder>,
    reports: mpsc::UnboundedSender<PortReport>,
    known: BTreeMap<u32, Routers>,
}

impl RouterWatch {
    /// A listener; it hears nothing until [`RouterWatch::run`]. Must be called
    /// inside a tokio runtime.
    pub(super) fn open(
        clock: Arc<dyn Clock>,
        orders: mpsc::UnboundedReceiver<RouterOrder>,
        reports: mpsc::UnboundedSender<PortReport>,
    ) -> Result<Self, NetError> {
        Ok(Self {
            socket: RouterSocket::open()?,
            clock,
            orders,
            reports,
            known: BTreeMap::new(),
        })
    }

    /// Runs until the network is gone.
    pub(super) async fn run(mut self) {
        loop {
            let now = self.clock.since_boot();
            let deadlines = self.known.values().filter_map(|known| known.deadline(now));
            let time_left = deadlines.min().map(|at| at.saturating_sub(now));
            let done = tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                packet = self.socket.receive() => match packet {
                    Ok(packet) => self.heard(&packet),
                    Err(_) => {
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
                () = sleep(time_left) => self.expire(),
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn obey(&mut self, order: RouterOrder) -> Result<(), ()> {
        match order {
            RouterOrder::Solicit(port) => {
                // A port that cannot send now is told of by its routers anyway.
                let _ = self.socket.solicit(port);
                Ok(())
            }
            RouterOrder::Forget(port) => match self.known.get_mut(&port) {
                Some(known) => {
                    known.forget();
                    self.report(port)
                }
                None => Ok(()),
            },
        }
    }

    fn heard(&mut self, packet: &RouterPacket) -> Result<(), ()> {
        let Ok(advertisement) = Advertisement::read(&packet.bytes) else {
            return Ok(());
        };
        let now = self.clock.since_boot();
        let known = self.known.entry(packet.port).or_default();
        known.hear(packet.from, &advertisement, now);
        self.report(packet.port)
    }

    fn expire(&mut self) -> Result<(), ()> {
        let now = self.clock.since_boot();
        let mut changed = vec![];
        for (port, known) in &mut self.known {
            let before = known.clone();
            known.expire(now);
            if *known != before {
                changed.push(*port);
            }
        }
        changed.into_iter().try_for_each(|port| self.report(port))
    }

    /// Fails when nobody listens any more.
    fn report(&self, port: u32) -> Result<(), ()> {
        let routers = self.known.get(&port).map(Routers::list);
        let report = PortReport {
            port,
            news: News::Routers(routers.unwrap_or_default()),
        };
        self.reports.send(report).map_err(drop)
    }
}

/// Waits; for ever, if there is nothing to wait for.
pub(super) async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
