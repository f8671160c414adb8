// SPDX-License-Identifier: Apache-2.0
//! The network's thread: it hears the kernel's news and the ports' reports, and
//! publishes what has become of them.

mod addresses;
mod apply;
mod clients;
mod leases;
mod leases6;
mod observe;
mod ports;
mod routing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::event::{Event, Milestone};
use ironseed_core::network::{
    AddressState, KernelRoute, Link, MacAddr, NetworkMode, NetworkPlan, NetworkStatus, PortStatus,
    Refusals,
};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use crate::net::links::KernelAddress;
use crate::net::netlink::{Change, Changes, Netlink, watch_routes};
use crate::net::network::{Boundaries, NetworkSettings};
use crate::net::port::PortReport;
use crate::net::routers::RouterOrder;
use crate::net::slow_protocols::SlowProtocols;

use addresses::Placed;
use apply::Done;

/// How often the links are read again while something is going on that the
/// kernel does not tell: LACP with a switch, an address that another machine
/// has.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Routes through a port without carrier are not used, so a pulled cable moves
/// traffic to the next port (the kernel's networking/ip-sysctl.rst).
const IGNORE_DEAD_ROUTES: &str = "/proc/sys/net/ipv4/conf/all/ignore_routes_with_linkdown";

/// A port answers ARP for its own addresses only, and asks with its own: two
/// ports on one network must not speak for each other (the same page).
const ARP_IGNORE: &str = "/proc/sys/net/ipv4/conf/all/arp_ignore";
const ARP_ANNOUNCE: &str = "/proc/sys/net/ipv4/conf/all/arp_announce";

/// One port under the network's care.
#[derive(Debug)]
struct Port {
    status: PortStatus,
    /// [`Link::carrier_ups`] when the carrier was last looked at.
    carrier_ups: u32,
    /// Tells its DHCP client about the carrier; absent if it has none.
    client: Option<(mpsc::UnboundedSender<bool>, AbortHandle)>,
    /// Index of the bond it was in when it was last looked at.
    controller: Option<u32>,
    /// It has left a bond, which brings it down a moment later.
    freed: bool,
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
    /// Addresses that the kernel gave up because another machine has them.
    taken: Vec<KernelAddress>,
    routes: Vec<KernelRoute>,
    ports: BTreeMap<u32, Port>,
    /// Hardware addresses of all links, for whoever must know its own.
    own: watch::Sender<Vec<MacAddr>>,
    plan: NetworkPlan,
    /// Planned addresses and routes that were put into the kernel, by link.
    placed: BTreeMap<u32, Placed>,
    refusals: Refusals,
    /// The kernel's numbers of the links it made. The first news of such a link
    /// come before its alias is set, and may come after those of another link
    /// that had the name before.
    made: BTreeSet<u32>,
    /// Differences that have been told.
    told_differences: BTreeSet<String>,
    /// Links that a thread of its own is working on.
    busy: BTreeSet<u32>,
    done: mpsc::UnboundedSender<Done>,
    done_in: mpsc::UnboundedReceiver<Done>,
    /// Hears LACP on plain ports; none if there is no such socket.
    slow_protocols: Option<SlowProtocols>,
    /// When LACP was heard last on a plain port.
    lacp_heard: BTreeMap<u32, Duration>,
    /// When addresses that another machine has were tried again.
    duplicates_tried: Duration,
    /// How many ports have got an address so far.
    answers: u32,
    reached: Vec<&'static str>,
    resolv_conf: Option<String>,
    routing: Option<routing::Routing>,
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
        let (done, done_in) = mpsc::unbounded_channel();
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
            taken: vec![],
            routes: vec![],
            ports: BTreeMap::new(),
            own: watch::Sender::new(vec![]),
            plan: NetworkPlan::default(),
            placed: BTreeMap::new(),
            refusals: Refusals::new(),
            made: BTreeSet::new(),
            told_differences: BTreeSet::new(),
            busy: BTreeSet::new(),
            done,
            done_in,
            slow_protocols: None,
            lacp_heard: BTreeMap::new(),
            duplicates_tried: Duration::ZERO,
            answers: 0,
            reached: vec![],
            resolv_conf: None,
            routing: None,
            routers: None,
        }
    }

    pub(super) async fn run(mut self, mut changes: Changes, mut stop: watch::Receiver<bool>) {
        self.prepare();
        self.start_routing();
        let routes_changed = self.watch_routes();
        self.read_all().await;
        let mut look_again = tokio::time::interval(LOOK_AGAIN);
        look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.publish();
            if !self.must_look_again() {
                look_again.reset();
            }
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
                    self.start_routing();
                    self.settle().await;
                }
                () = routing::news(&mut self.routing) => {
                    if self.routing_status().is_some_and(|status| status.wait().is_none()) {
                        self.reach("address");
                    }
                }
                () = routes_changed.notified() => {
                    self.read_routes().await;
                    self.settle().await;
                }
                Some(done) = self.done_in.recv() => self.thread_done(done).await,
                heard = hear(self.slow_protocols.as_ref()) => self.lacp(heard),
                _ = look_again.tick(), if self.must_look_again() => self.look_again().await,
                _ = stop.changed() => break,
            }
        }
        for port in self.ports.values() {
            if let Some((_, task)) = &port.client {
                task.abort();
            }
        }
        self.stop_routing().await;
    }

    fn manages(&self) -> bool {
        self.settings.mode == NetworkMode::Manage
    }

    /// Tells when routes have changed; without a socket for that never.
    fn watch_routes(&self) -> Arc<Notify> {
        watch_routes().unwrap_or_else(|error| {
            self.warn(&error.in_full());
            Arc::new(Notify::new())
        })
    }

    /// What concerns the machine rather than one port.
    fn prepare(&mut self) {
        if self.manages() {
            let wanted = [
                (IGNORE_DEAD_ROUTES, "1"),
                (ARP_IGNORE, "1"),
                (ARP_ANNOUNCE, "2"),
            ];
            for (path, value) in wanted {
                if let Err(error) = self.boundaries.root.write(path, value.as_bytes()) {
                    self.warn(&format!("cannot write {path}: {error}"));
                }
            }
            match SlowProtocols::open() {
                Ok(socket) => self.slow_protocols = Some(socket),
                Err(error) => self.warn(&format!("cannot listen for LACP: {error}")),
            }
        }
    }

    /// Reads links and addresses from the start: at the beginning, and when
    /// news were missed.
    async fn read_all(&mut self) {
        match self.netlink.addresses().await {
            Ok(addresses) => self.addresses = addresses,
            Err(error) => self.warn(&error.in_full()),
        }
        self.read_links().await;
        self.read_routes().await;
        self.settle().await;
    }

    async fn read_links(&mut self) {
        match self.netlink.links().await {
            Ok(links) => {
                self.links = links.into_iter().map(|link| (link.index, link)).collect();
            }
            Err(error) => self.warn(&error.in_full()),
        }
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
                let state = |link: &Link| (link.up, link.carrier, link.controller);
                let now = state(&link);
                let before = self.links.insert(link.index, link);
                if before.as_ref().map(state) != Some(now) {
                    // The kernel says nothing about the IPv4 routes that go
                    // with a link or an address.
                    self.read_routes().await;
                }
                self.settle().await;
            }
            Change::LinkGone(index) => {
                self.read_routes().await;
                self.links.remove(&index);
                self.made.remove(&index);
                self.addresses.retain(|address| address.link != index);
                self.taken.retain(|address| address.link != index);
                self.placed.remove(&index);
                self.lacp_heard.remove(&index);
                self.settle().await;
            }
            Change::Address(address) => {
                self.address_changed(address).await;
                self.settle_planned().await;
            }
            Change::AddressGone(gone) => {
                if gone.state == AddressState::Duplicate {
                    self.taken.retain(|known| !same_address(known, &gone));
                    self.taken.push(gone);
                }
                self.address_gone(gone).await;
                self.read_routes().await;
                self.settle_planned().await;
            }
            Change::Missed => self.read_all().await,
        }
    }

    fn remember(&mut self, address: KernelAddress) {
        self.addresses
            .retain(|known| !same_address(known, &address));
        self.taken.retain(|known| !same_address(known, &address));
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

/// The next port on which LACP is heard.
async fn hear(socket: Option<&SlowProtocols>) -> std::io::Result<u32> {
    match socket {
        Some(socket) => socket.heard().await,
        None => std::future::pending().await,
    }
}
