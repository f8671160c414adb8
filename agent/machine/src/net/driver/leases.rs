// SPDX-License-Identifier: Apache-2.0
//! Leases: into the kernel, out of it, and into the resolver's file.

use std::net::Ipv4Addr;

use ironseed_core::network::{AddressState, Lease, PortLease, primary, resolver};

use crate::net::driver::{Driver, same_address};
use crate::net::links::KernelAddress;
use crate::net::port::{LeaseChange, PortReport};
use crate::net::{NetError, lease};

const RESOLV_CONF: &str = "/etc/resolv.conf";

impl Driver {
    pub(super) async fn reported(&mut self, report: PortReport) {
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
            state: AddressState::Usable,
        });
        let texts: Vec<String> = troubles.iter().map(NetError::in_full).collect();
        self.trouble(index, (!texts.is_empty()).then(|| texts.join("; ")));
        let now = self.boundaries.clock.since_boot();
        let held = PortLease {
            lease,
            first: before.as_ref().map_or(now, |held| held.first),
            order,
            metric,
        };
        self.hold(index, held, before.map(|held| held.lease.address));
    }

    /// Notes that a port holds a lease; says so if the address is new.
    fn hold(&mut self, index: u32, held: PortLease, before: Option<Ipv4Addr>) {
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        let text = describe(&port.status.name, &held.lease);
        let news = before != Some(held.lease.address);
        self.answers = self.answers.max(held.order.saturating_add(1));
        port.status.lease = Some(held);
        if news {
            self.note(text);
        }
        self.write_resolv_conf();
        self.reach("address");
    }

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
        self.addresses.retain(|known| !same_address(known, &gone));
        if let Err(error) = lease::remove_address(&self.netlink, &gone).await {
            self.trouble(index, Some(error.in_full()));
        }
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
