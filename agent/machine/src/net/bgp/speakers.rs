// SPDX-License-Identifier: Apache-2.0
//! All ports' sessions together: links become ports, what ports hear becomes
//! routes, and all of it a status.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::event::Event;
use ironseed_core::network::bgp::status::PortProblem;
use ironseed_core::network::bgp::{
    MetalboxState, NextHop, PortSession, Prefix, Rib, RoutingPlan, RoutingStatus, Session,
    SessionState, Speaker,
};
use ironseed_core::network::{Link, MacAddr};
use tokio::sync::{mpsc, watch};

use super::loopback::{self, Loopback};
use super::metalbox;
use super::port::{Order, Port, PortReport, PortSettings};
use super::routes::{self, Sources};
use crate::net::netlink::{Change, Changes, Netlink};
use crate::net::{Boundaries, NetError, PortFilter};

/// When what the kernel refused is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Starts BGP.
#[derive(Debug)]
pub struct BgpSpeakers;

/// Running BGP. It ends when the last clone is dropped or
/// [`BgpHandle::stop`] is called; its routes go, its addresses stay.
#[derive(Debug, Clone)]
pub struct BgpHandle {
    status: watch::Receiver<RoutingStatus>,
    stop: watch::Sender<bool>,
}

impl BgpSpeakers {
    /// Starts a session on every port that is up and keeps it for ever. Must
    /// be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// There is no netlink socket.
    pub fn start(
        boundaries: Boundaries,
        plan: RoutingPlan,
        filter: PortFilter,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<BgpHandle, NetError> {
        let (netlink, changes) = Netlink::open(&boundaries.root)?;
        let (status, watcher) = watch::channel(RoutingStatus {
            local_as: plan.local_as,
            router_id: plan.router_id,
            device: None,
            own: vec![],
            ports: vec![],
            routes: vec![],
            metalbox: None,
            troubles: vec![],
        });
        let (stop, stopped) = watch::channel(false);
        let speakers = Speakers::new(boundaries, plan, filter, events, netlink, status);
        tokio::spawn(speakers.run(changes, stopped));
        Ok(BgpHandle {
            status: watcher,
            stop,
        })
    }
}

impl BgpHandle {
    /// The status, and a way to wait for the next one.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<RoutingStatus> {
        self.status.clone()
    }

    /// Says goodbye to the neighbours, so that they send nothing here any
    /// more, and waits until that is done.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut status = self.status.clone();
        while status.changed().await.is_ok() {}
    }
}

/// A port and what it last told.
#[derive(Debug)]
struct Known {
    link: Link,
    orders: mpsc::UnboundedSender<Order>,
    report: Option<PortReport>,
    state: SessionState,
    since: Duration,
    /// Why the port itself is not as wanted.
    trouble: Option<String>,
}

#[derive(Debug)]
struct Speakers {
    boundaries: Boundaries,
    plan: RoutingPlan,
    filter: PortFilter,
    events: mpsc::UnboundedSender<Event>,
    netlink: Netlink,
    status: watch::Sender<RoutingStatus>,
    reports: mpsc::UnboundedSender<PortReport>,
    reports_in: mpsc::UnboundedReceiver<PortReport>,
    boxes: mpsc::UnboundedSender<MetalboxState>,
    boxes_in: mpsc::UnboundedReceiver<MetalboxState>,
    loopback: Option<Loopback>,
    own: Vec<IpAddr>,
    /// Addresses the kernel has not taken yet.
    to_add: BTreeSet<IpAddr>,
    ports: BTreeMap<u32, Known>,
    rib: Rib,
    /// The routes the kernel has.
    installed: BTreeMap<Prefix, Vec<NextHop>>,
    metalbox: Option<MetalboxState>,
    seeking_metalbox: bool,
    troubles: BTreeSet<String>,
}

impl Speakers {
    fn new(
        boundaries: Boundaries,
        plan: RoutingPlan,
        filter: PortFilter,
        events: mpsc::UnboundedSender<Event>,
        netlink: Netlink,
        status: watch::Sender<RoutingStatus>,
    ) -> Self {
        let (reports, reports_in) = mpsc::unbounded_channel();
        let (boxes, boxes_in) = mpsc::unbounded_channel();
        Self {
            boundaries,
            plan,
            filter,
            events,
            netlink,
            status,
            reports,
            reports_in,
            boxes,
            boxes_in,
            loopback: None,
            own: vec![],
            to_add: BTreeSet::new(),
            ports: BTreeMap::new(),
            rib: Rib::default(),
            installed: BTreeMap::new(),
            metalbox: None,
            seeking_metalbox: false,
            troubles: BTreeSet::new(),
        }
    }

    async fn run(mut self, mut changes: Changes, mut stop: watch::Receiver<bool>) {
        self.name_metalbox();
        self.read_links().await;
        loop {
            let pending = self.settle().await;
            self.publish();
            tokio::select! {
                change = changes.next() => match change {
                    Some(change) => self.changed(change).await,
                    None => changes = self.reopen().await,
                },
                Some(report) = self.reports_in.recv() => self.reported(report),
                Some(state) = self.boxes_in.recv() => self.metalbox_told(state),
                _ = stop.changed() => break,
                () = tokio::time::sleep(AGAIN), if pending => {}
            }
        }
        self.end().await;
    }

    async fn changed(&mut self, change: Change) {
        match change {
            Change::Link(link) => self.link(link).await,
            Change::LinkGone(index) => self.forget(index),
            Change::Missed => self.read_links().await,
            Change::Address(_) | Change::AddressGone(_) => {}
        }
    }

    async fn read_links(&mut self) {
        match self.netlink.links().await {
            Ok(links) => {
                let here: BTreeSet<u32> = links.iter().map(|link| link.index).collect();
                let gone: Vec<u32> = self
                    .ports
                    .keys()
                    .filter(|index| !here.contains(index))
                    .copied()
                    .collect();
                gone.into_iter().for_each(|index| self.forget(index));
                for link in links {
                    self.link(link).await;
                }
            }
            Err(error) => self.warn(error.in_full()),
        }
    }

    /// A new socket after the old one failed.
    async fn reopen(&mut self) -> Changes {
        loop {
            tokio::time::sleep(AGAIN).await;
            match Netlink::open(&self.boundaries.root) {
                Ok((netlink, changes)) => {
                    self.netlink = netlink;
                    self.read_links().await;
                    return changes;
                }
                Err(error) => self.warn(error.in_full()),
            }
        }
    }

    /// A link is there or has changed.
    async fn link(&mut self, link: Link) {
        let is_port = self.filter.is_port(&link, &self.boundaries.root);
        if link.controller.is_some() || !is_port {
            return;
        }
        if let Some(known) = self.ports.get_mut(&link.index) {
            let flapped = link.carrier && known.link.carrier_ups != link.carrier_ups;
            if known.link.carrier != link.carrier || flapped {
                // A port that has ended has nothing to hear any more.
                let _ = known.orders.send(Order::Carrier(false));
                let _ = known.orders.send(Order::Carrier(link.carrier));
            }
            known.link = link;
            return;
        }
        let Some(mac) = link.mac else { return };
        self.claim_addresses(mac).await;
        let trouble = self.prepare_port(&link).await;
        let (orders, orders_in) = mpsc::unbounded_channel();
        let settings = PortSettings {
            index: link.index,
            mac: link.mac,
            password: self.plan.password.clone(),
            clock: Arc::clone(&self.boundaries.clock),
            root: self.boundaries.root.clone(),
        };
        let session = Session::new(self.speaker());
        let port = Port::new(settings, session, orders_in, self.reports.clone());
        tokio::spawn(port.run());
        let _ = orders.send(Order::Carrier(link.carrier));
        let known = Known {
            orders,
            report: None,
            state: SessionState::NoCarrier,
            since: self.boundaries.clock.since_boot(),
            trouble,
            link,
        };
        self.ports.insert(known.link.index, known);
    }

    fn speaker(&self) -> Speaker {
        Speaker {
            asn: self.plan.local_as,
            id: self.plan.router_id,
            own: self.own.clone(),
            hosts: self.plan.hosts.clone(),
        }
    }

    /// Makes a port fit for the fabric. Says what the kernel refused.
    async fn prepare_port(&self, link: &Link) -> Option<String> {
        // The switch may advertise itself as a default router as well; what is
        // used is what BGP says, which ends with the session.
        let setting = format!("/proc/sys/net/ipv6/conf/{}/accept_ra_defrtr", link.name);
        if self.boundaries.root.exists(&setting) {
            // Without it the kernel's route has the weaker metric.
            let _ = self.boundaries.root.write(&setting, b"0");
        }
        if link.mtu == self.plan.mtu {
            return None;
        }
        let set = self.netlink.set_mtu(link, self.plan.mtu).await;
        set.err().map(|error| {
            let (wanted, has) = (self.plan.mtu, link.mtu);
            format!(
                "an MTU of {wanted} was wanted, it stays {has}: {}",
                error.in_full()
            )
        })
    }

    fn forget(&mut self, index: u32) {
        if let Some(known) = self.ports.remove(&index) {
            let _ = known.orders.send(Order::Stop);
            self.rib.replace(index, BTreeMap::new());
        }
    }

    /// Once the first port is known, so are all our addresses.
    async fn claim_addresses(&mut self, first_port: MacAddr) {
        if !self.own.is_empty() {
            return;
        }
        let ipv4 = self.plan.ipv4.map(IpAddr::V4);
        let ipv6 = IpAddr::V6(self.plan.ipv6.address(first_port));
        self.own = ipv4.into_iter().chain([ipv6]).collect();
        self.to_add = self.own.iter().copied().collect();
        self.add_addresses().await;
    }

    async fn add_addresses(&mut self) {
        if self.to_add.is_empty() {
            return;
        }
        if self.loopback.is_none() {
            match loopback::prepare(&self.netlink).await {
                Ok(loopback) => {
                    if let Some(note) = &loopback.note {
                        self.tell(Event::Note(note.clone()));
                    }
                    self.loopback = Some(loopback);
                }
                Err(error) => return self.warn(error.in_full()),
            }
        }
        let Some(loopback) = self.loopback.clone() else {
            return;
        };
        for address in self.to_add.clone() {
            match loopback::add_address(&self.netlink, &loopback, address).await {
                Ok(()) => {
                    self.to_add.remove(&address);
                    self.tell(Event::Note(format!("{}: address {address}", loopback.name)));
                }
                Err(error) => self.warn(error.in_full()),
            }
        }
    }

    fn reported(&mut self, report: PortReport) {
        let now = self.boundaries.clock.since_boot();
        let index = report.port;
        let Some(known) = self.ports.get_mut(&index) else {
            return;
        };
        let name = known.link.name.clone();
        let neighbour = report.neighbour.map(|address| address.to_string());
        let neighbour = neighbour.unwrap_or_default();
        let mut texts = Vec::new();
        if known.state != report.state {
            let was = known.state == SessionState::Established;
            known.state = report.state;
            known.since = now;
            if report.state == SessionState::Established {
                let number = report.neighbour_as.unwrap_or_default();
                texts.push(Event::Note(format!(
                    "{name}: BGP session with {neighbour} (AS {number}) established"
                )));
            } else if was {
                texts.push(Event::Warning(format!("{name}: the BGP session is over")));
            }
        }
        let before = known
            .report
            .as_ref()
            .and_then(|report| report.problem.clone());
        if let Some(problem) = &report.problem
            && before.as_ref() != Some(problem)
        {
            texts.push(Event::Warning(format!(
                "{name}: no BGP session with {neighbour}: {problem}; next: {}",
                problem.next()
            )));
        }
        let paths = report.paths.clone();
        known.report = Some(report);
        self.rib.replace(index, paths);
        texts.into_iter().for_each(|event| self.tell(event));
    }

    /// Makes the kernel's routes those that follow now. Says whether something
    /// must be tried again.
    async fn settle(&mut self) -> bool {
        self.troubles.clear();
        self.add_addresses().await;
        let wanted = self.rib.routes();
        let changed: Vec<(Prefix, Vec<NextHop>)> = wanted
            .iter()
            .filter(|(prefix, hops)| self.installed.get(prefix) != Some(hops))
            .map(|(prefix, hops)| (*prefix, hops.clone()))
            .collect();
        for (prefix, hops) in changed {
            let replaced = routes::replace(&self.netlink, prefix, &hops, self.sources()).await;
            match replaced {
                Ok(()) => {
                    self.installed.insert(prefix, hops);
                }
                Err(error) => self.warn(error.in_full()),
            }
        }
        let gone: Vec<Prefix> = self
            .installed
            .keys()
            .filter(|prefix| !wanted.contains_key(prefix))
            .copied()
            .collect();
        for prefix in gone {
            match routes::remove(&self.netlink, prefix).await {
                Ok(()) => {
                    self.installed.remove(&prefix);
                }
                Err(error) => self.warn(error.in_full()),
            }
        }
        if !self.installed.is_empty() {
            self.seek_metalbox();
        }
        self.installed != wanted || !self.to_add.is_empty()
    }

    fn sources(&self) -> Sources {
        let held = |address: &&IpAddr| !self.to_add.contains(address);
        let mut sources = Sources::default();
        for address in self.own.iter().filter(held) {
            match address {
                IpAddr::V4(address) => sources.ipv4 = Some(*address),
                IpAddr::V6(address) => sources.ipv6 = Some(*address),
            }
        }
        sources
    }

    fn name_metalbox(&mut self) {
        let Some(metalbox) = self.plan.metalbox else {
            return;
        };
        self.metalbox = Some(MetalboxState {
            metalbox,
            reached: None,
            overdue: false,
            problem: None,
        });
        if let Err(error) = metalbox::name(&self.boundaries.root, metalbox) {
            self.tell(Event::Warning(format!("cannot write /etc/hosts: {error}")));
        }
    }

    fn seek_metalbox(&mut self) {
        let Some(metalbox) = self.plan.metalbox else {
            return;
        };
        if !std::mem::replace(&mut self.seeking_metalbox, true) {
            let clock = Arc::clone(&self.boundaries.clock);
            tokio::spawn(metalbox::reach(metalbox, clock, self.boxes.clone()));
        }
    }

    fn metalbox_told(&mut self, state: MetalboxState) {
        let overdue = self.metalbox.as_ref().is_some_and(|known| known.overdue);
        let address = state.metalbox.address;
        if state.reached.is_some() {
            self.tell(Event::Note(format!("the metalbox {address} answers")));
        } else if state.overdue && !overdue {
            let seconds = state.metalbox.timeout.as_secs();
            let problem = state.problem.clone().unwrap_or_default();
            self.tell(Event::Warning(format!(
                "the metalbox {address} has not answered for {seconds} s: {problem}"
            )));
        }
        self.metalbox = Some(state);
    }

    async fn end(mut self) {
        for known in self.ports.values() {
            let _ = known.orders.send(Order::Stop);
        }
        let mut left: BTreeSet<u32> = self.ports.keys().copied().collect();
        while !left.is_empty() {
            match self.reports_in.recv().await {
                Some(report) if report.over => {
                    left.remove(&report.port);
                }
                Some(_) => {}
                None => break,
            }
        }
        for prefix in self.installed.keys() {
            // There is nobody left to tell.
            let _ = routes::remove(&self.netlink, *prefix).await;
        }
    }

    fn snapshot(&self) -> RoutingStatus {
        let name = |index: u32| {
            let known = self.ports.get(&index);
            known.map_or_else(|| index.to_string(), |known| known.link.name.clone())
        };
        let routes = self.installed.iter().map(|(prefix, hops)| {
            let hops = hops.iter().map(|hop| (name(hop.port), hop.address));
            (*prefix, hops.collect())
        });
        RoutingStatus {
            local_as: self.plan.local_as,
            router_id: self.plan.router_id,
            device: self.loopback.as_ref().map(|device| device.name.clone()),
            own: self.own.clone(),
            ports: self.ports.values().map(Known::status).collect(),
            routes: routes.collect(),
            metalbox: self.metalbox.clone(),
            troubles: self.troubles.iter().cloned().collect(),
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

    /// Notes what is wrong until the next try, and says it once.
    fn warn(&mut self, text: String) {
        if !self.status.borrow().troubles.contains(&text) && !self.troubles.contains(&text) {
            self.tell(Event::Warning(text.clone()));
        }
        self.troubles.insert(text);
    }

    /// Events are for whoever listens; without a listener BGP works all the
    /// same.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

impl Known {
    fn status(&self) -> PortSession {
        let report = self.report.as_ref();
        let problem = report.and_then(|report| report.problem.as_ref());
        let troubles = [
            self.trouble.clone(),
            report.and_then(|report| report.trouble.clone()),
        ];
        let troubles: Vec<String> = troubles.into_iter().flatten().collect();
        PortSession {
            index: self.link.index,
            name: self.link.name.clone(),
            state: self.state,
            since: self.since,
            neighbour: report.and_then(|report| report.neighbour),
            neighbour_as: report.and_then(|report| report.neighbour_as),
            prefixes: report
                .map(|report| report.paths.keys().copied().collect())
                .unwrap_or_default(),
            problem: problem.map(|problem| PortProblem {
                what: problem.to_string(),
                next: problem.next(),
            }),
            trouble: (!troubles.is_empty()).then(|| troubles.join("; ")),
        }
    }
}
