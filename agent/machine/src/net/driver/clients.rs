// SPDX-License-Identifier: Apache-2.0
//! Which port has which clients, and what the kernel does about IPv6 there.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::network::dhcp6::{Client, Mode};
use ironseed_core::network::ra::KernelIpv6;
use ironseed_core::network::{AddressTrouble, Addressing, Dhcp6State, DhcpState, Link, LinkPlan};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::net::driver::Driver;
use crate::net::driver::ports::find;
use crate::net::port::PortClient;
use crate::net::port6::{PortClient6, Told6};
use crate::net::routers::{RouterOrder, RouterWatch};
use crate::net::{NetError, ipv6};

/// Who says that something is wrong with the addresses of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Complaint {
    /// The DHCPv4 client.
    Dhcp4,
    /// The DHCPv6 client.
    Dhcp6,
    /// The kernel, of a DHCPv4 lease.
    Lease4,
    /// The kernel, of a DHCPv6 lease.
    Lease6,
    /// The kernel, of addresses it made itself.
    Kernel,
}

/// What concerns the addresses of one port.
#[derive(Debug, Default)]
pub(super) struct PortCare {
    /// What the kernel was told about IPv6.
    kernel: Option<KernelIpv6>,
    client6: Option<Running6>,
    /// When the carrier was last passed on.
    carrier_since: Option<Duration>,
    /// Whether the port can speak IPv6.
    ready6: bool,
    troubles: BTreeMap<Complaint, Vec<AddressTrouble>>,
}

/// A DHCPv6 client that ends when this is dropped.
#[derive(Debug)]
struct Running6 {
    told: mpsc::UnboundedSender<Told6>,
    mode: Mode,
    task: AbortHandle,
}

impl Drop for Running6 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PortCare {
    /// Whether the port has a DHCPv6 client, whose reports count.
    pub(super) fn has_client6(&self) -> bool {
        self.client6.is_some()
    }

    /// Whether the plan lets the port listen to routers.
    pub(super) fn hears_routers(&self) -> bool {
        self.kernel.is_some_and(|kernel| kernel.routes)
    }

    /// Tells the DHCPv6 client, if there is one. One that has ended has ended
    /// with its port.
    pub(super) fn tell(&self, told: Told6) {
        if let Some(client) = &self.client6 {
            let _ = client.told.send(told);
        }
    }
}

impl Driver {
    /// Starts the clients the plan asks for, and ends those it does not ask for
    /// any more; their leases are withdrawn.
    pub(super) async fn settle_clients(&mut self, links: &[Link]) {
        if !self.manages() {
            return;
        }
        for wanted in self.plan.links.clone() {
            let Some(link) = find(&wanted, links) else {
                continue;
            };
            self.settle_ipv6(link);
            self.settle_dhcp4(&wanted, link).await;
            self.settle_dhcp6(&wanted, link).await;
            self.pass_on_link6(link.index);
            self.note_answer(link.index);
        }
    }

    async fn settle_dhcp4(&mut self, wanted: &LinkPlan, link: &Link) {
        let Some(port) = self.ports.get_mut(&link.index) else {
            return;
        };
        let asks = wanted.addressing.contains(&Addressing::Dhcp4);
        if !asks && let Some((_, task)) = port.client.take() {
            task.abort();
            port.status.dhcp = DhcpState::Off;
            self.complain(link.index, Complaint::Dhcp4, vec![]);
            self.lost(link.index).await;
            return;
        }
        let (Some(mac), None, true) = (link.mac, &port.client, asks) else {
            return;
        };
        let (carrier, carrier_in) = mpsc::unbounded_channel();
        let clock = Arc::clone(&self.boundaries.clock);
        let own = self.own.subscribe();
        let reports = self.reports.clone();
        let client = PortClient::new(link.index, mac, clock, own, carrier_in, reports);
        let _ = carrier.send(port.status.carrier);
        port.client = Some((carrier, tokio::spawn(client.run()).abort_handle()));
    }

    /// DHCPv6 as the plan says, or as the routers say where the plan leaves it
    /// to them. A client that a router wanted once stays: its lease ends by
    /// itself.
    async fn settle_dhcp6(&mut self, wanted: &LinkPlan, link: &Link) {
        let Some(port) = self.ports.get_mut(&link.index) else {
            return;
        };
        let always = wanted.addressing.contains(&Addressing::Dhcp6);
        let asks = always || wanted.addressing.contains(&Addressing::Slaac);
        if !asks {
            if port.care.client6.take().is_some() {
                port.status.dhcp6 = Dhcp6State::Off;
                port.status.information = None;
                self.complain(link.index, Complaint::Dhcp6, vec![]);
                self.lost6(link.index).await;
            }
            return;
        }
        let routers = &port.status.routers;
        let mode = if always || routers.iter().any(|router| router.managed) {
            Mode::Stateful
        } else if routers.iter().any(|router| router.other) {
            Mode::Stateless
        } else {
            return;
        };
        match (&mut port.care.client6, link.mac) {
            (Some(client), _) if client.mode == mode => {}
            (Some(client), _) => {
                client.mode = mode;
                let _ = client.told.send(Told6::Mode(mode));
            }
            (None, Some(mac)) => {
                let (told, told_in) = mpsc::unbounded_channel();
                let clock = Arc::clone(&self.boundaries.clock);
                let reports = self.reports.clone();
                let client = Client::new(mac, mode);
                let client = PortClient6::new(link.index, client, clock, told_in, reports);
                let task = tokio::spawn(client.run()).abort_handle();
                port.care.client6 = Some(Running6 { told, mode, task });
            }
            (None, None) => {}
        }
    }

    /// Tells the DHCPv6 client whether the port can speak IPv6, and forgets the
    /// routers of a port whose cable was pulled.
    pub(super) fn pass_on_link6(&mut self, index: u32) {
        let own = self.addresses.iter();
        let ready = own
            .filter(|address| address.link == index)
            .any(|address| address.is_usable_link_local());
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        let since = Some(port.status.carrier_since);
        let flapped = port.care.carrier_since.is_some() && port.care.carrier_since != since;
        port.care.carrier_since = since;
        let ready = ready && port.status.carrier;
        let asks = ready && port.care.hears_routers() && (flapped || !port.care.ready6);
        port.care.ready6 = ready;
        if flapped {
            port.care.tell(Told6::Link(false));
        }
        port.care.tell(Told6::Link(ready));
        if flapped {
            self.order_routers(RouterOrder::Forget(index));
        }
        // The kernel solicits when it has checked the link-local address, which
        // takes a second, and goes on doing so; a solicitation without the
        // sender's hardware address may come before (RFC 4429 §3.3).
        if asks {
            self.order_routers(RouterOrder::Solicit(index));
        }
    }

    /// Tells the kernel what to do about IPv6 on a port, before the port is
    /// brought up and whenever the plan changes.
    pub(super) fn settle_ipv6(&mut self, link: &Link) {
        let plans = self.plan.links.iter();
        let mut plans = plans.filter(|plan| find(plan, slice::from_ref(link)).is_some());
        let Some(wanted) = plans.next().map(|plan| KernelIpv6::of(plan, link.index)) else {
            return;
        };
        if !self.manages() {
            return;
        }
        let Some(port) = self.ports.get_mut(&link.index) else {
            return;
        };
        let before = port.care.kernel.replace(wanted);
        if before == Some(wanted) {
            return;
        }
        let errors = ipv6::apply(&self.boundaries.root, &link.name, &wanted);
        if !errors.is_empty() {
            let texts: Vec<String> = errors.iter().map(NetError::in_full).collect();
            self.trouble(link.index, Some(texts.join("; ")));
        }
        if wanted.routes {
            self.hear_routers();
        }
        match before {
            // The next advertisement brings the new metric or the addresses.
            Some(before) if before.routes || wanted.routes => {
                if wanted.routes {
                    self.order_routers(RouterOrder::Solicit(link.index));
                } else {
                    self.order_routers(RouterOrder::Forget(link.index));
                }
                if (before.addresses && !wanted.addresses) || (before.routes && !wanted.routes) {
                    self.unlearn(link.index, wanted);
                }
            }
            _ => {}
        }
    }

    fn order_routers(&self, order: RouterOrder) {
        if let Some(routers) = &self.routers {
            let _ = routers.send(order);
        }
    }

    /// Starts the listener for router advertisements, once.
    fn hear_routers(&mut self) {
        if self
            .routers
            .as_ref()
            .is_some_and(|routers| !routers.is_closed())
        {
            return;
        }
        let (orders, orders_in) = mpsc::unbounded_channel();
        let clock = Arc::clone(&self.boundaries.clock);
        match RouterWatch::open(clock, orders_in, self.reports.clone()) {
            Ok(watch) => {
                tokio::spawn(watch.run());
                self.routers = Some(orders);
            }
            Err(error) => self.warn(&error.in_full()),
        }
    }

    /// Notes what is wrong with the addresses of a port; says what is new.
    pub(super) fn complain(&mut self, index: u32, who: Complaint, what: Vec<AddressTrouble>) {
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        let before = port.care.troubles.insert(who, what).unwrap_or_default();
        let now = port.care.troubles.get(&who).cloned().unwrap_or_default();
        port.status.address_troubles = port.care.troubles.values().flatten().cloned().collect();
        let name = port.status.name.clone();
        for trouble in now.iter().filter(|trouble| !before.contains(trouble)) {
            let (code, next) = (trouble.code(), trouble.next());
            self.warn(&format!("{name}: {trouble} [{code}]; next: {next}"));
        }
    }
}
