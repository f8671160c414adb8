// SPDX-License-Identifier: Apache-2.0
//! Leases: into the kernel, out of it, and into the resolver's file.

use std::net::Ipv4Addr;
use std::slice;

use ironseed_core::network::{AddressState, AddressTrouble, Lease, PortLease, primary, resolver};

use crate::net::driver::Driver;
use crate::net::driver::clients::Complaint;
use crate::net::driver::ports::find;
use crate::net::links::KernelAddress;
use crate::net::port::{Dhcp4News, LeaseChange, News, PortReport};
use crate::net::{NetError, lease};

const RESOLV_CONF: &str = "/etc/resolv.conf";

impl Driver {
    pub(super) async fn reported(&mut self, report: PortReport) {
        match report.news {
            News::Dhcp4(news) => self.reported4(report.port, *news).await,
            News::Dhcp6(news) => self.reported6(report.port, *news).await,
            News::Routers(routers) => self.heard(report.port, routers).await,
        }
    }

    /// The DHCPv4 client of a port reports. One that was ended is not heard any
    /// more.
    async fn reported4(&mut self, index: u32, news: Dhcp4News) {
        let now = self.boundaries.clock.since_boot();
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        if port.client.is_none() {
            return;
        }
        if port.status.dhcp != news.state {
            port.status.dhcp = news.state;
            port.status.dhcp_since = now;
        }
        port.status.ignored = news.ignored;
        self.complain(index, Complaint::Dhcp4, news.troubles);
        match news.change {
            Some(LeaseChange::Bound(lease)) => self.bound(index, *lease).await,
            Some(LeaseChange::Lost) => self.lost(index).await,
            None => {}
        }
    }

    /// Puts a lease into the kernel.
    async fn bound(&mut self, index: u32, lease: Lease) {
        let (Some(port), Some(link)) = (self.ports.get(&index), self.links.get(&index)) else {
            return;
        };
        let before = port.status.lease.clone();
        let answered = port.status.answered.map(|answered| answered.order);
        let order = before.as_ref().map(|held| held.order);
        let order = order.or(answered).unwrap_or(self.answers);
        let metric = primary::metric(port.status.preferred, order);
        let others = self
            .addresses
            .iter()
            .filter(|address| address.link == index);
        let others: Vec<KernelAddress> = others.copied().collect();
        let old = before.as_ref().map(|held| &held.lease);
        let mut taken = lease.clone();
        taken.mtu = lease.mtu.filter(|_| !self.plans_mtu(index));
        let installed = lease::install(&self.netlink, link, &taken, metric, old, &others).await;
        let troubles = match installed {
            Ok(troubles) => troubles,
            Err(error) => return self.complain(index, Complaint::Lease4, not_taken(&[error])),
        };
        self.remember(KernelAddress {
            link: index,
            address: lease.address.into(),
            prefix_len: lease.prefix_len,
            permanent: lease.lifetime.is_none(),
            state: AddressState::Usable,
        });
        self.complain(index, Complaint::Lease4, not_taken(&troubles));
        self.note_answer(index);
        let now = self.boundaries.clock.since_boot();
        let held = PortLease {
            lease,
            first: before.as_ref().map_or(now, |held| held.first),
            order,
            metric,
        };
        self.hold(index, held, before.map(|held| held.lease.address));
    }

    /// Whether somebody wrote down the MTU of a port: then that of a lease does
    /// not count.
    fn plans_mtu(&self, index: u32) -> bool {
        let Some(link) = self.links.get(&index) else {
            return false;
        };
        let mut plans = self.plan.links.iter().filter(|plan| plan.mtu.is_some());
        plans.any(|plan| find(plan, slice::from_ref(link)).is_some())
    }

    /// Notes that a port holds a lease; says so if the address is new.
    fn hold(&mut self, index: u32, held: PortLease, before: Option<Ipv4Addr>) {
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        let text = describe(&port.status.name, &held.lease);
        let news = before != Some(held.lease.address);
        port.status.lease = Some(held);
        if news {
            self.note(text);
        }
        self.write_resolv_conf();
    }

    /// The lease of a port is over, if it had one: the address leaves the
    /// kernel.
    pub(super) async fn lost(&mut self, index: u32) {
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        let Some(held) = port.status.lease.take() else {
            return;
        };
        let name = port.status.name.clone();
        let address = held.lease.address;
        self.warn(&format!("{name}: the lease of {address} is over"));
        self.withdraw(index, &held.lease).await;
        self.note_answer(index);
        self.write_resolv_conf();
    }

    /// Takes a lease out of the kernel.
    async fn withdraw(&mut self, index: u32, lease: &Lease) {
        let gone = KernelAddress {
            link: index,
            address: lease.address.into(),
            prefix_len: lease.prefix_len,
            permanent: false,
            state: AddressState::Usable,
        };
        self.remove(&gone).await;
    }

    pub(super) fn write_resolv_conf(&mut self) {
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

    /// Gives the routes of each lease the metric its port has now.
    pub(super) async fn rank_leases(&mut self) {
        let misplaced = self.ports.values().filter_map(|port| {
            let held = port.status.lease.as_ref()?;
            let wanted = primary::metric(port.status.preferred, held.order);
            (wanted != held.metric).then(|| (port.status.index, held.lease.clone()))
        });
        let misplaced: Vec<(u32, Lease)> = misplaced.collect();
        for (index, lease) in misplaced {
            // The routes of the old metric go with the address.
            self.withdraw(index, &lease).await;
            self.bound(index, lease).await;
        }
    }
}

fn not_taken(errors: &[NetError]) -> Vec<AddressTrouble> {
    let reasons = errors.iter().map(NetError::in_full);
    reasons
        .map(|reason| AddressTrouble::NotTaken { reason })
        .collect()
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
