// SPDX-License-Identifier: Apache-2.0
//! Listening for LLDP: which switch port is at the other end of each cable.
//!
//! The listener has a thread of its own and runs beside everything from the
//! moment the network starts, so that nobody waits who does not want its
//! answer. It listens on every port that is up, with or without an address,
//! and on ports that appear later; it changes nothing and sends nothing. What
//! the frames say is read by [`ironseed_core::lldp`].

mod listener;
mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::lldp::{Awaited, Table, awaited};
use ironseed_core::snapshot::LldpPort;
use thiserror::Error;
use tokio::sync::{oneshot, watch};

use crate::clock::Clock;
use crate::net::{Boundaries, NetError, Netlink};
use listener::Listener;
use socket::LldpSocket;

/// Why LLDP cannot be listened for.
#[derive(Debug, Error)]
pub enum LldpError {
    /// No packet socket.
    #[error("cannot open a packet socket for LLDP")]
    Socket(#[source] io::Error),
    /// No thread or event loop.
    #[error("cannot start a thread that listens for LLDP")]
    Thread(#[source] io::Error),
    /// No news of links.
    #[error("cannot follow the links of this machine")]
    Links(#[source] NetError),
}

/// A running listener; it ends when this is dropped.
#[derive(Debug)]
pub struct LldpHandle {
    table: watch::Receiver<Option<Table>>,
    clock: Arc<dyn Clock>,
    /// Dropped with the handle, which the listener hears.
    _stop: oneshot::Sender<()>,
}

impl LldpHandle {
    /// Starts the listener's thread and returns at once. `extra_kinds` are
    /// kinds of virtual links that count as ports, such as `veth` inside a
    /// container; normally none.
    ///
    /// # Errors
    ///
    /// There is no socket (it needs `CAP_NET_RAW`) or no thread.
    pub fn start(boundaries: Boundaries, extra_kinds: Vec<String>) -> Result<Self, LldpError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(LldpError::Thread)?;
        let (socket, netlink, changes) = {
            let _inside = runtime.enter();
            let socket = LldpSocket::open().map_err(LldpError::Socket)?;
            let (netlink, changes) = Netlink::open(&boundaries.root).map_err(LldpError::Links)?;
            (socket, netlink, changes)
        };
        let (table, watcher) = watch::channel(None);
        let (stop, stopped) = oneshot::channel();
        let clock = Arc::clone(&boundaries.clock);
        let listener = Listener {
            boundaries,
            extra_kinds,
            netlink,
            socket,
            table,
            joined: BTreeSet::new(),
        };
        std::thread::Builder::new()
            .name("lldp".into())
            .spawn(move || runtime.block_on(listener.run(changes, stopped)))
            .map_err(LldpError::Thread)?;
        Ok(Self {
            table: watcher,
            clock,
            _stop: stop,
        })
    }

    /// What has been heard until now, by the names of the ports.
    #[must_use]
    pub fn heard(&self) -> BTreeMap<String, LldpPort> {
        heard(&self.table, &*self.clock)
    }

    /// Another reader of what is heard, which does not keep the listener alive.
    #[must_use]
    pub fn follow(&self) -> LldpFollower {
        LldpFollower {
            table: self.table.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Waits until every port with carrier has heard a neighbour or had
    /// `allowance` for it since its carrier came ([`awaited`]), and tells which
    /// ports are waited for whenever that changes; none when the wait is over.
    pub async fn wait(&self, allowance: Duration, mut tell: impl FnMut(&[String])) {
        let asked = self.clock.since_boot();
        let mut table = self.table.clone();
        let mut told = Vec::new();
        loop {
            let now = self.clock.since_boot();
            let left = match table.borrow_and_update().as_ref() {
                Some(table) => awaited(table, allowance, asked, now),
                None => not_listed_yet(asked.saturating_add(allowance), now),
            };
            let ports = left.as_ref().map_or(&[][..], |left| &left.ports);
            if ports != told {
                tell(ports);
                told = ports.to_vec();
            }
            let Some(left) = left else {
                return;
            };
            let pause = left.until.saturating_sub(now);
            if let Ok(Err(_)) = tokio::time::timeout(pause, table.changed()).await {
                // The listener has ended: nothing will be heard any more.
                if !told.is_empty() {
                    tell(&[]);
                }
                return;
            }
        }
    }
}

/// Follows what a listener hears, beside its handle.
#[derive(Debug, Clone)]
pub struct LldpFollower {
    table: watch::Receiver<Option<Table>>,
    clock: Arc<dyn Clock>,
}

impl LldpFollower {
    /// What has been heard until now, by the names of the ports.
    #[must_use]
    pub fn heard(&self) -> BTreeMap<String, LldpPort> {
        heard(&self.table, &*self.clock)
    }

    /// Waits until something else is heard; false if the listener has ended.
    pub async fn changed(&mut self) -> bool {
        self.table.changed().await.is_ok()
    }
}

fn heard(table: &watch::Receiver<Option<Table>>, clock: &dyn Clock) -> BTreeMap<String, LldpPort> {
    let now = clock.since_boot();
    let table = table.borrow();
    table
        .as_ref()
        .map(|table| table.heard(now))
        .unwrap_or_default()
}

/// The listener has only just started and does not know its ports.
fn not_listed_yet(until: Duration, now: Duration) -> Option<Awaited> {
    (now < until).then_some(Awaited {
        ports: Vec::new(),
        until,
    })
}

/// Listens on a machine on which no listener runs, until every port with
/// carrier has heard a neighbour, at most for `duration`. Blocks the thread,
/// which must not belong to a tokio runtime.
///
/// # Errors
///
/// As [`LldpHandle::start`].
pub fn listen_for(
    boundaries: Boundaries,
    extra_kinds: Vec<String>,
    duration: Duration,
) -> Result<BTreeMap<String, LldpPort>, LldpError> {
    let handle = LldpHandle::start(boundaries, extra_kinds)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(LldpError::Thread)?
        .block_on(handle.wait(duration, |_| {}));
    Ok(handle.heard())
}
