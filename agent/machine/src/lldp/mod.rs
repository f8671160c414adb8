// SPDX-License-Identifier: Apache-2.0
//! LLDP on every port: which switch port is at the other end of each cable,
//! and the switches are told which machine is at theirs.
//!
//! The listener has a thread of its own and runs beside everything from the
//! moment the network starts, so that nobody waits who does not want its
//! answer. It listens on every port that is up, with or without an address,
//! and on ports that appear later. Unless [`LldpSettings`] say more, it
//! changes nothing and sends nothing. What the frames say is read and written
//! by [`ironseed_core::lldp`].

mod firmware_agents;
mod listener;
mod private_flags;
mod socket;
mod system;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::event::Wait;
use ironseed_core::lldp::{Awaited, Patience, Speaker, System, Table, awaited};
use ironseed_core::snapshot::LldpPort;
use thiserror::Error;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::net::{Boundaries, NetError, Netlink, PortFilter};
use firmware_agents::FirmwareAgents;
use listener::Listener;
use socket::LldpSocket;

pub use firmware_agents::FirmwareAgentError;
pub use private_flags::{Ethtool, PrivateFlags};
pub use system::system;

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

/// What is done besides listening; by default nothing.
#[derive(Debug, Clone, Default)]
pub struct LldpSettings {
    /// Which links are ports.
    pub ports: PortFilter,
    /// Speaks on every port with carrier, as this machine.
    pub speak_as: Option<System>,
    /// Switches off the LLDP agents in the firmware of cards, by these private
    /// flags, as soon as their ports appear, until the listener ends.
    pub private_flags: Option<Arc<dyn PrivateFlags>>,
}

/// A running listener; it ends when this is dropped. If it speaks, it then
/// says that the machine leaves.
#[derive(Debug)]
pub struct LldpHandle {
    table: watch::Receiver<Option<Table>>,
    clock: Arc<dyn Clock>,
    /// The listener hears what is sent, and when it is dropped.
    stop: watch::Sender<bool>,
}

impl LldpHandle {
    /// Starts the listener's thread and returns at once.
    ///
    /// # Errors
    ///
    /// There is no socket (it needs `CAP_NET_RAW`) or no thread.
    pub fn start(boundaries: Boundaries, settings: LldpSettings) -> Result<Self, LldpError> {
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
        let (stop, stopped) = watch::channel(false);
        let clock = Arc::clone(&boundaries.clock);
        let root = boundaries.root.clone();
        let seed = getrandom::u64().unwrap_or_else(|_| std::process::id().into());
        let listener = Listener {
            boundaries,
            ports: settings.ports,
            netlink,
            socket,
            table,
            joined: BTreeSet::new(),
            speaker: settings.speak_as.map(|system| Speaker::new(system, seed)),
            agents: settings
                .private_flags
                .map(|flags| FirmwareAgents::new(flags, root)),
            addresses: BTreeSet::new(),
            mute: BTreeSet::new(),
        };
        std::thread::Builder::new()
            .name("lldp".into())
            .spawn(move || runtime.block_on(listener.run(changes, stopped)))
            .map_err(LldpError::Thread)?;
        Ok(Self {
            table: watcher,
            clock,
            stop,
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
    /// `allowance` for it since its carrier came, and until as many different
    /// `neighbours` were heard or the allowance is over ([`awaited`]). Tells
    /// what is waited for whenever that changes; nothing when the wait is over.
    pub async fn wait(
        &self,
        allowance: Duration,
        neighbours: u64,
        mut tell: impl FnMut(Option<Wait>),
    ) {
        let patience = Patience {
            allowance,
            neighbours,
            asked: self.clock.since_boot(),
        };
        let mut table = self.table.clone();
        let mut told = None;
        loop {
            let now = self.clock.since_boot();
            let left = match table.borrow_and_update().as_ref() {
                Some(table) => awaited(table, &patience, now),
                None => not_listed_yet(patience.asked.saturating_add(allowance), now),
            };
            let until = left.as_ref().map(|left| left.until);
            let wait = left.and_then(|left| left.wait(neighbours));
            if wait != told {
                tell(wait.clone());
                told = wait;
            }
            let Some(until) = until else {
                return;
            };
            let pause = until.saturating_sub(now);
            if let Ok(Err(_)) = tokio::time::timeout(pause, table.changed()).await {
                // The listener has ended: nothing will be heard any more.
                if told.is_some() {
                    tell(None);
                }
                return;
            }
        }
    }

    /// Ends the listener's work and waits until it has ended: neighbours were
    /// told that this machine leaves, and agents of cards are as they were.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut table = self.table.clone();
        while table.changed().await.is_ok() {}
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
        too_few: None,
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
    let settings = LldpSettings {
        ports: PortFilter {
            extra_kinds,
            ..PortFilter::default()
        },
        ..LldpSettings::default()
    };
    let handle = LldpHandle::start(boundaries, settings)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(LldpError::Thread)?
        .block_on(handle.wait(duration, 0, |_| {}));
    Ok(handle.heard())
}
