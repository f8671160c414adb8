// SPDX-License-Identifier: Apache-2.0
//! The network's thread: it hears the kernel's news and the ports' reports, and
//! publishes what has become of them.

mod clients;
mod leases;
mod leases6;
mod ports;

use std::collections::BTreeMap;
use std::time::Duration;

use ironseed_core::event::{Event, Milestone};
use ironseed_core::network::{Link, NetworkMode, NetworkPlan, NetworkStatus, PortStatus};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::net::links::{AddressState, KernelAddress};
use crate::net::netlink::{Change, Changes, Netlink};
use crate::net::network::{Boundaries, NetworkSettings};
use crate::net::port::PortReport;
use crate::net::routers::RouterOrder;

/// Routes through a port without carrier are not used, so a pulled cable moves
/// traffic to the next port (the kernel's networking/ip-sysctl.rst).
const IGNORE_DEAD_ROUTES: &str = "/proc/sys/net/ipv4/conf/all/ignore_routes_with_linkdown";

/// One port under the network's care.
#[derive(Debug)]
struct Port {
    status: PortStatus,
    /// [`Link::carrier_ups`] when the carrier was last looked at.
    carrier_ups: u32,
    /// Tells its DHCP client about the carrier; absent if it has none.
    client: Option<(mpsc::UnboundedSender<bool>, AbortHandle)>,
    /// What concerns its addresses.
    care: clients::PortCare,
}

#[derive(Debug)]
pub(super) struct Driver {
    boundaries: Boundaries,
    /// What the rest of the agent tells, whenever it changes.
    told: watch::Receiver<NetworkSettings>,
    settings: NetworkSettings,
    netlink: Netlink,
    status: watch::Sender<NetworkStatus>,
    events: mpsc::UnboundedSender<Event>,
    reports: mpsc::UnboundedSender<PortReport>,
    reports_in: mpsc::UnboundedReceiver<PortReport>,
    links: BTreeMap<u32, Link>,
    addresses: Vec<KernelAddress>,
    ports: BTreeMap<u32, Port>,
    plan: NetworkPlan,
    /// How many ports have got an address so far.
    answers: u32,
    reached: Vec<&'static str>,
    resolv_conf: Option<String>,
    /// Tells the listener for router advertisements what to do.
    routers: Option<mpsc::UnboundedSender<RouterOrder>>,
}

impl Driver {
    pub(super) fn new(
        boundaries: Boundaries,
        told: watch::Receiver<NetworkSettings>,
        netlink: Netlink,
        status: watch::Sender<NetworkStatus>,
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        let (reports, reports_in) = mpsc::unbounded_channel();
        let settings = told.borrow().clone();
        Self {
            boundaries,
            told,
            settings,
            netlink,
            status,
            events,
            reports,
            reports_in,
            links: BTreeMap::new(),
            addresses: vec![],
            ports: BTreeMap::new(),
            plan: NetworkPlan::default(),
            answers: 0,
            reached: vec![],
            resolv_conf: None,
            routers: None,
        }
    }

    pub(super) async fn run(mut self, mut changes: Changes, mut stop: watch::Receiver<bool>) {
        self.prepare();
        self.read_all().await;
        loop {
            self.publish();
            tokio::select! {
                change = changes.next() => match change {
                    Some(change) => self.changed(change).await,
                    None => {
                        self.warn("the kernel's news of links ended; new links are not seen");
                        changes = self.reopen().await;
                    }
                },
                Some(report) = self.reports_in.recv() => {
                    self.reported(report).await;
                },
                Ok(()) = self.told.changed() => {
                    self.settings = self.told.borrow_and_update().clone();
                    self.settle().await;
                }
                _ = stop.changed() => break,
            }
        }
        for port in self.ports.values() {
            if let Some((_, task)) = &port.client {
                task.abort();
            }
        }
    }

    fn manages(&self) -> bool {
        self.settings.mode == NetworkMode::Manage
    }

    /// What concerns the machine rather than one port.
    fn prepare(&self) {
        if self.manages()
            && let Err(error) = self.boundaries.root.write(IGNORE_DEAD_ROUTES, b"1")
        {
            self.warn(&format!("cannot write {IGNORE_DEAD_ROUTES}: {error}"));
        }
    }

    /// Reads links and addresses from the start: at the beginning, and when
    /// news were missed.
    async fn read_all(&mut self) {
        match self.netlink.addresses().await {
            Ok(addresses) => self.addresses = addresses,
            Err(error) => self.warn(&error.in_full()),
        }
        match self.netlink.links().await {
            Ok(links) => {
                self.links = links.into_iter().map(|link| (link.index, link)).collect();
            }
            Err(error) => self.warn(&error.in_full()),
        }
        self.settle().await;
    }

    /// A new socket after the old one failed.
    async fn reopen(&mut self) -> Changes {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            match Netlink::open(&self.boundaries.root) {
                Ok((netlink, changes)) => {
                    self.netlink = netlink;
                    self.read_all().await;
                    return changes;
                }
                Err(error) => self.warn(&error.in_full()),
            }
        }
    }

    async fn changed(&mut self, change: Change) {
        match change {
            Change::Link(link) => {
                self.links.insert(link.index, link);
                self.settle().await;
            }
            Change::LinkGone(index) => {
                self.links.remove(&index);
                self.addresses.retain(|address| address.link != index);
                self.settle().await;
            }
            Change::Address(address) => self.address_changed(address).await,
            Change::AddressGone(gone) => self.address_gone(gone).await,
            Change::Missed => self.read_all().await,
        }
    }

    fn remember(&mut self, address: KernelAddress) {
        self.addresses
            .retain(|known| !same_address(known, &address));
        self.addresses.push(address);
    }

    /// Notes or clears what is wrong with a port; says it once.
    fn trouble(&mut self, index: u32, trouble: Option<String>) {
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        if port.status.trouble == trouble {
            return;
        }
        port.status.trouble.clone_from(&trouble);
        if let Some(trouble) = trouble {
            let text = format!("{}: {trouble}", port.status.name);
            self.warn(&text);
        }
    }

    fn snapshot(&self) -> NetworkStatus {
        let with_addresses = |port: &Port| {
            let mut status = port.status.clone();
            let own = self.addresses.iter();
            status.addresses = own
                .filter(|address| address.link == status.index)
                .filter(|address| address.state == AddressState::Usable)
                .map(|address| (address.address, address.prefix_len))
                .collect();
            status
        };
        NetworkStatus {
            mode: self.settings.mode,
            boot_mac: self.settings.boot_mac,
            dns: self.plan.dns.clone(),
            search: self.plan.search.clone(),
            ports: self.ports.values().map(with_addresses).collect(),
        }
    }

    fn publish(&self) {
        let now = self.snapshot();
        self.status.send_if_modified(|published| {
            let changed = *published != now;
            *published = now;
            changed
        });
    }

    fn reach(&mut self, name: &'static str) {
        if self.reached.contains(&name) {
            return;
        }
        self.reached.push(name);
        let at = self.boundaries.clock.since_boot().as_millis();
        self.tell(Event::Reached(Milestone {
            name: name.into(),
            at_ms: u64::try_from(at).unwrap_or(u64::MAX),
        }));
    }

    fn note(&self, text: String) {
        self.tell(Event::Note(text));
    }

    fn warn(&self, text: &str) {
        self.tell(Event::Warning(text.into()));
    }

    /// Events are for whoever listens; without a listener the network works
    /// all the same.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

fn same_address(one: &KernelAddress, other: &KernelAddress) -> bool {
    (one.link, one.address, one.prefix_len) == (other.link, other.address, other.prefix_len)
}
