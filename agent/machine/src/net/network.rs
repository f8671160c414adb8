// SPDX-License-Identifier: Apache-2.0
//! The network as the rest of the agent sees it: start it, ask how it is, wait
//! until it is there.

use std::sync::Arc;
use std::time::Duration;

use ironseed_core::event::Event;
use ironseed_core::network::{Description, MacAddr, NetworkMode, NetworkStatus, WaitFor, ready};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::net::NetError;
use crate::net::driver::Driver;
use crate::net::netlink::Netlink;
use crate::root::Root;

/// What the network works on.
#[derive(Debug, Clone)]
pub struct Boundaries {
    /// Where `/etc/resolv.conf`, `/proc` and `/sys` are.
    pub root: Root,
    /// The time since boot.
    pub clock: Arc<dyn Clock>,
}

/// What the settings say about the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkSettings {
    /// Configure, or leave alone and observe.
    pub mode: NetworkMode,
    /// `BOOTIF`.
    pub boot_mac: Option<MacAddr>,
    /// `ipa-network-interface`.
    pub network_interface: Option<String>,
    /// Kinds of virtual links that count as ports, such as `veth` inside a
    /// container; normally none.
    pub extra_kinds: Vec<String>,
    /// What somebody wrote down about the network; none: every port asks for
    /// addresses.
    pub description: Option<Description>,
    /// Whether ports that the description does not mention ask all the same.
    pub dhcp_fallback: bool,
}

/// Starts the network.
#[derive(Debug)]
pub struct Network;

impl Network {
    /// Starts the network's thread and returns at once. From then on every
    /// port is brought up as it appears and, in [`NetworkMode::Manage`], asks
    /// for an address whenever its carrier comes, for ever.
    ///
    /// The second value are the events: the milestones `link` and `address`,
    /// links that come and go, leases, troubles. What is waited for is
    /// [`NetworkStatus::wait`].
    ///
    /// # Errors
    ///
    /// There is no netlink socket or no thread.
    pub fn start(
        boundaries: Boundaries,
        settings: NetworkSettings,
    ) -> Result<(NetworkHandle, mpsc::UnboundedReceiver<Event>), NetError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(NetError::Thread)?;
        let (netlink, changes) = {
            let _inside = runtime.enter();
            Netlink::open(&boundaries.root)?
        };
        let (status, watcher) = watch::channel(NetworkStatus {
            mode: settings.mode,
            boot_mac: settings.boot_mac,
            ..NetworkStatus::default()
        });
        let (events, events_out) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let (settings, told) = watch::channel(settings);
        let clock = Arc::clone(&boundaries.clock);
        let driver = Driver::new(boundaries, told, netlink, status, events);
        std::thread::Builder::new()
            .name("network".into())
            .spawn(move || runtime.block_on(driver.run(changes, stopped)))
            .map_err(NetError::Thread)?;
        let handle = NetworkHandle {
            status: watcher,
            clock,
            settings,
            stop,
        };
        Ok((handle, events_out))
    }
}

/// A running network. The network stops when the last clone is dropped or
/// [`NetworkHandle::stop`] is called; addresses stay until their leases end.
#[derive(Debug, Clone)]
pub struct NetworkHandle {
    status: watch::Receiver<NetworkStatus>,
    clock: Arc<dyn Clock>,
    settings: watch::Sender<NetworkSettings>,
    stop: watch::Sender<bool>,
}

impl NetworkHandle {
    /// The status, and a way to wait for the next one.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<NetworkStatus> {
        self.status.clone()
    }

    /// Tells the network which port comes first, when that is known only after
    /// the start: on virtual media `BOOTIF` is in a file of the medium. Routes
    /// of a lease that is there already are changed accordingly.
    pub fn prefer(&self, boot_mac: Option<MacAddr>, network_interface: Option<String>) {
        self.retell(|settings| {
            settings.boot_mac = boot_mac;
            settings.network_interface = network_interface;
        });
    }

    /// Tells the network what somebody wrote down about it, when that is known
    /// only after the start. Leases of ports that shall be otherwise are given
    /// up.
    pub fn describe(&self, description: Option<Description>, dhcp_fallback: bool) {
        self.retell(|settings| {
            settings.description = description;
            settings.dhcp_fallback = dhcp_fallback;
        });
    }

    fn retell(&self, change: impl FnOnce(&mut NetworkSettings)) {
        self.settings.send_if_modified(|settings| {
            let before = settings.clone();
            change(settings);
            *settings != before
        });
    }

    /// Waits until the agent may talk to Ironic ([`ready::ready`]); for ever,
    /// if no port gets an address.
    pub async fn ready(&self, wait_for: WaitFor) {
        let mut status = self.status.clone();
        loop {
            let now = self.clock.since_boot();
            let Err(ask_again) = ready::ready(&status.borrow_and_update(), wait_for, now) else {
                return;
            };
            let pause = ask_again.map_or(Duration::MAX, |at| at.saturating_sub(now));
            let changed = tokio::time::timeout(pause, status.changed()).await;
            if let Ok(Err(_)) = changed {
                // The network has stopped: its status never changes again.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Ends the network's work and waits until it has ended. Links and
    /// addresses stay as they are.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut status = self.status.clone();
        while status.changed().await.is_ok() {}
    }
}
