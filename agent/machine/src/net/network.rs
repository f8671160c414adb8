// SPDX-License-Identifier: Apache-2.0
//! All ports together: the thread that keeps the machine on the network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::event::{Event, Milestone};
use ironseed_core::network::plan::ports;
use ironseed_core::network::{
    DhcpState, Lease, Link, LinkKind, MacAddr, NetworkInputs, NetworkMode, NetworkStatus,
    PlannedDevice, PortLease, PortStatus, WaitFor, plan, primary, ready, resolver,
};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::net::links::KernelAddress;
use crate::net::netlink::{Change, Changes, Netlink, bring_up};
use crate::net::port::{LeaseChange, PortClient, PortReport};
use crate::net::{NetError, lease};
use crate::root::Root;

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Routes through a port without carrier are not used, so a pulled cable moves
/// traffic to the next port (the kernel's networking/ip-sysctl.rst).
const IGNORE_DEAD_ROUTES: &str = "/proc/sys/net/ipv4/conf/all/ignore_routes_with_linkdown";

/// What the network works on.
#[derive(Debug, Clone)]
pub struct Boundaries {
    /// Where `/etc/resolv.conf`, `/proc` and `/sys` are.
    pub root: Root,
    /// The time since boot.
    pub clock: Arc<dyn Clock>,
}

/// What the settings say about the network.
#[derive(Debug, Clone, Default)]
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
            ports: vec![],
        });
        let (events, events_out) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let clock = Arc::clone(&boundaries.clock);
        let (reports, reports_in) = mpsc::unbounded_channel();
        let driver = Driver {
            boundaries,
            settings,
            netlink,
            status,
            events,
            reports,
            links: BTreeMap::new(),
            addresses: vec![],
            ports: BTreeMap::new(),
            answers: 0,
            reached: vec![],
            resolv_conf: None,
        };
        std::thread::Builder::new()
            .name("network".into())
            .spawn(move || runtime.block_on(driver.run(changes, reports_in, stopped)))
            .map_err(NetError::Thread)?;
        let handle = NetworkHandle {
            status: watcher,
            clock,
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
    stop: watch::Sender<bool>,
}

impl NetworkHandle {
    /// The status, and a way to wait for the next one.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<NetworkStatus> {
        self.status.clone()
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

/// One port under the network's care.
#[derive(Debug)]
struct Port {
    status: PortStatus,
    /// [`Link::carrier_ups`] when the carrier was last looked at.
    carrier_ups: u32,
    /// Tells its DHCP client about the carrier; absent if it has none.
    client: Option<(mpsc::UnboundedSender<bool>, AbortHandle)>,
}

#[derive(Debug)]
struct Driver {
    boundaries: Boundaries,
    settings: NetworkSettings,
    netlink: Netlink,
    status: watch::Sender<NetworkStatus>,
    events: mpsc::UnboundedSender<Event>,
    reports: mpsc::UnboundedSender<PortReport>,
    links: BTreeMap<u32, Link>,
    addresses: Vec<KernelAddress>,
    ports: BTreeMap<u32, Port>,
    /// How many ports have got an address so far.
    answers: u32,
    reached: Vec<&'static str>,
    resolv_conf: Option<String>,
}

impl Driver {
    async fn run(
        mut self,
        mut changes: Changes,
        mut reports: mpsc::UnboundedReceiver<PortReport>,
        mut stop: watch::Receiver<bool>,
    ) {
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
                report = reports.recv() => if let Some(report) = report {
                    self.reported(report).await;
                },
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
        self.settle();
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
                self.settle();
            }
            Change::LinkGone(index) => {
                self.links.remove(&index);
                self.addresses.retain(|address| address.link != index);
                self.settle();
            }
            Change::Address(address) => self.remember(address),
            Change::AddressGone(gone) => self.addresses.retain(|known| !same_address(known, &gone)),
            Change::Missed => self.read_all().await,
        }
    }

    fn remember(&mut self, address: KernelAddress) {
        self.addresses
            .retain(|known| !same_address(known, &address));
        self.addresses.push(address);
    }

    /// Makes the ports fit the links: new ones are brought up and get a
    /// client, vanished ones are forgotten, carriers are passed on.
    fn settle(&mut self) {
        let links: Vec<Link> = self.links.values().cloned().collect();
        let settings = self.settings.clone();
        let inputs = NetworkInputs {
            mode: settings.mode,
            boot_mac: settings.boot_mac,
            network_interface: settings.network_interface.as_deref(),
            extra_kinds: &settings.extra_kinds,
            links: &links,
        };
        let wanted = ports(&inputs);
        let gone: Vec<u32> = self
            .ports
            .keys()
            .filter(|index| !wanted.iter().any(|(link, _)| link.index == **index))
            .copied()
            .collect();
        for index in gone {
            self.forget(index);
        }
        for (link, preferred) in wanted {
            if !self.ports.contains_key(&link.index) {
                self.adopt(link);
            }
            self.update(link, preferred);
        }
        if self.manages()
            && let Some(loopback) = links.iter().find(|link| link.kind == LinkKind::Loopback)
            && !loopback.up
        {
            self.raise(loopback.clone());
        }
        self.start_clients(&inputs);
    }

    fn forget(&mut self, index: u32) {
        if let Some(port) = self.ports.remove(&index) {
            self.note(format!("{}: the port is gone", port.status.name));
            if let Some((_, task)) = port.client {
                task.abort();
            }
        }
    }

    fn adopt(&mut self, link: &Link) {
        let now = self.boundaries.clock.since_boot();
        let status = PortStatus {
            index: link.index,
            name: link.name.clone(),
            mac: link.mac,
            preferred: false,
            carrier: false,
            carrier_since: now,
            dhcp: DhcpState::Off,
            dhcp_since: now,
            lease: None,
            addresses: vec![],
            ignored: Default::default(),
            trouble: None,
        };
        let port = Port {
            status,
            carrier_ups: link.carrier_ups,
            client: None,
        };
        self.ports.insert(link.index, port);
        if self.manages() && !link.up {
            self.raise(link.clone());
        }
    }

    /// Passes on what the kernel says about a known port.
    fn update(&mut self, link: &Link, preferred: bool) {
        let now = self.boundaries.clock.since_boot();
        let Some(port) = self.ports.get_mut(&link.index) else {
            return;
        };
        port.status.name.clone_from(&link.name);
        port.status.mac = link.mac;
        port.status.preferred = preferred;
        let flapped = link.carrier && port.carrier_ups != link.carrier_ups;
        port.carrier_ups = link.carrier_ups;
        if port.status.carrier == link.carrier && !flapped {
            return;
        }
        port.status.carrier = link.carrier;
        port.status.carrier_since = now;
        if let Some((carrier, _)) = &port.client {
            // A client that has ended has ended the port as well. One that
            // knows the carrier is gone is not told twice.
            let _ = carrier.send(false);
            let _ = carrier.send(link.carrier);
        }
        if link.carrier {
            self.reach("link");
        }
        let state = if link.carrier { "up" } else { "down" };
        self.note(format!("{}: link is {state}", link.name));
    }

    /// Starts the DHCP clients the plan asks for.
    fn start_clients(&mut self, inputs: &NetworkInputs<'_>) {
        for link in plan(inputs).links {
            let PlannedDevice::Physical { index, mac } = link.device else {
                continue;
            };
            let Some(port) = self.ports.get_mut(&index) else {
                continue;
            };
            if let Err(refusal) = link.supported() {
                port.status.trouble = Some(refusal.to_string());
                continue;
            }
            let (Some(mac), None, false) = (mac, &port.client, link.addressing.is_empty()) else {
                continue;
            };
            let (carrier, carrier_in) = mpsc::unbounded_channel();
            let clock = Arc::clone(&self.boundaries.clock);
            let client = PortClient::new(index, mac, clock, carrier_in, self.reports.clone());
            let _ = carrier.send(port.status.carrier);
            port.client = Some((carrier, tokio::spawn(client.run()).abort_handle()));
        }
    }

    /// Brings a link up on a thread of its own; the kernel's news tell when it
    /// is.
    fn raise(&self, link: Link) {
        let root = self.boundaries.root.clone();
        let events = self.events.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = bring_up(&link, &root) {
                let _ = events.send(Event::Warning(error.in_full()));
            }
        });
    }

    async fn reported(&mut self, report: PortReport) {
        let now = self.boundaries.clock.since_boot();
        let Some(port) = self.ports.get_mut(&report.port) else {
            return;
        };
        if port.status.dhcp != report.state {
            port.status.dhcp = report.state;
            port.status.dhcp_since = now;
        }
        port.status.ignored = report.ignored;
        if let Some(error) = report.trouble {
            self.trouble(report.port, Some(error.in_full()));
        }
        match report.change {
            Some(LeaseChange::Bound(lease)) => self.bound(report.port, *lease).await,
            Some(LeaseChange::Lost) => self.lost(report.port).await,
            None => {}
        }
    }

    /// Puts a lease into the kernel.
    async fn bound(&mut self, index: u32, lease: Lease) {
        let (Some(port), Some(link)) = (self.ports.get(&index), self.links.get(&index)) else {
            return;
        };
        let before = port.status.lease.clone();
        let order = before.as_ref().map_or(self.answers, |held| held.order);
        let metric = primary::metric(port.status.preferred, order);
        let others = self
            .addresses
            .iter()
            .filter(|address| address.link == index);
        let others: Vec<KernelAddress> = others.copied().collect();
        let old = before.as_ref().map(|held| &held.lease);
        let installed = lease::install(&self.netlink, link, &lease, metric, old, &others).await;
        let troubles = match installed {
            Ok(troubles) => troubles,
            Err(error) => return self.trouble(index, Some(error.in_full())),
        };
        self.remember(KernelAddress {
            link: index,
            address: lease.address.into(),
            prefix_len: lease.prefix_len,
            permanent: lease.lifetime.is_none(),
        });
        let texts: Vec<String> = troubles.iter().map(NetError::in_full).collect();
        self.trouble(index, (!texts.is_empty()).then(|| texts.join("; ")));
        self.hold(index, lease, before, order);
    }

    /// Notes that a port holds a lease.
    fn hold(&mut self, index: u32, lease: Lease, before: Option<PortLease>, order: u32) {
        let now = self.boundaries.clock.since_boot();
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        let name = port.status.name.clone();
        let text = describe(&name, &lease);
        let news = before
            .as_ref()
            .is_none_or(|held| held.lease.address != lease.address);
        port.status.lease = Some(PortLease {
            lease,
            first: before.map_or(now, |held| held.first),
            order,
        });
        if order == self.answers {
            self.answers += 1;
        }
        if news {
            self.note(text);
        }
        self.write_resolv_conf();
        self.reach("address");
    }

    async fn lost(&mut self, index: u32) {
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        let Some(held) = port.status.lease.take() else {
            return;
        };
        let name = port.status.name.clone();
        let address = held.lease.address;
        self.warn(&format!("{name}: the lease of {address} is over"));
        let gone = KernelAddress {
            link: index,
            address: address.into(),
            prefix_len: held.lease.prefix_len,
            permanent: false,
        };
        self.addresses.retain(|known| !same_address(known, &gone));
        if let Err(error) = lease::remove_address(&self.netlink, &gone).await {
            self.trouble(index, Some(error.in_full()));
        }
        self.write_resolv_conf();
    }

    fn write_resolv_conf(&mut self) {
        let Some(text) = resolver::resolv_conf(&self.snapshot()) else {
            return;
        };
        if self.resolv_conf.as_ref() == Some(&text) {
            return;
        }
        match self.boundaries.root.write(RESOLV_CONF, text.as_bytes()) {
            Ok(()) => self.resolv_conf = Some(text),
            Err(source) => {
                let path = RESOLV_CONF;
                self.warn(&NetError::Write { path, source }.in_full());
            }
        }
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
                .map(|address| (address.address, address.prefix_len))
                .collect();
            status
        };
        NetworkStatus {
            mode: self.settings.mode,
            boot_mac: self.settings.boot_mac,
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

fn describe(port: &str, lease: &Lease) -> String {
    let mut text = format!(
        "{port}: address {}/{} from {}",
        lease.address, lease.prefix_len, lease.server
    );
    let default = lease.routes.iter().find(|route| route.prefix_len == 0);
    if let Some(gateway) = default.and_then(|route| route.gateway) {
        text += &format!(", gateway {gateway}");
    }
    match lease.lifetime {
        Some(lifetime) => text += &format!(", for {} s", lifetime.as_secs()),
        None => text += ", for ever",
    }
    text
}
