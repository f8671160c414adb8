// SPDX-License-Identifier: Apache-2.0
//! IPv6: what DHCPv6 clients, routers and the kernel say about addresses.

use std::net::IpAddr;

use ironseed_core::network::primary::is_routable;
use ironseed_core::network::ra::{KernelIpv6, Router};
use ironseed_core::network::{AddressState, AddressTrouble, Answered, Lease6, PortLease6};

use crate::net::driver::clients::Complaint;
use crate::net::driver::{Driver, same_address};
use crate::net::links::KernelAddress;
use crate::net::port6::{Dhcp6News, Lease6Change, Told6};
use crate::net::{NetError, lease, lease6};

impl Driver {
    /// The DHCPv6 client of a port reports. One that was ended is not heard any
    /// more.
    pub(super) async fn reported6(&mut self, index: u32, news: Dhcp6News) {
        let now = self.boundaries.clock.since_boot();
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        if !port.care.has_client6() {
            return;
        }
        if port.status.dhcp6 != news.state {
            port.status.dhcp6 = news.state;
            port.status.dhcp6_since = now;
        }
        port.status.ignored6 = news.ignored;
        self.complain(index, Complaint::Dhcp6, news.troubles);
        match news.change {
            Some(Lease6Change::Bound(lease)) => self.bound6(index, *lease).await,
            Some(Lease6Change::Lost) => self.lost6(index).await,
            Some(Lease6Change::Informed(told)) => {
                if let Some(port) = self.ports.get_mut(&index) {
                    port.status.information = Some(*told);
                }
                self.write_resolv_conf();
            }
            None => {}
        }
    }

    /// The routers of a port are heard, or are heard no more. A port that shall
    /// not listen to them does not.
    pub(super) async fn heard(&mut self, index: u32, routers: Vec<Router>) {
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        if !routers.is_empty() && !port.care.hears_routers() {
            return;
        }
        port.status.routers = routers;
        self.write_resolv_conf();
        self.settle().await;
    }

    /// Puts a lease into the kernel.
    async fn bound6(&mut self, index: u32, lease: Lease6) {
        if let Err(error) = lease6::install(&self.netlink, index, &lease).await {
            let reason = error.in_full();
            let trouble = AddressTrouble::NotTaken { reason };
            return self.complain(index, Complaint::Lease6, vec![trouble]);
        }
        self.complain(index, Complaint::Lease6, vec![]);
        let now = self.boundaries.clock.since_boot();
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        let before = port.status.lease6.take();
        let news = before.as_ref().map(|held| held.lease.address) != Some(lease.address);
        let text = describe(&port.status.name, &lease);
        let address = lease6::kernel_address(index, &lease);
        port.status.lease6 = Some(PortLease6 {
            lease,
            first: before.map_or(now, |held| held.first),
        });
        self.remember(address);
        self.note_answer(index);
        if news {
            self.note(text);
        }
        self.write_resolv_conf();
    }

    /// The lease of a port is over, if it had one: the address leaves the
    /// kernel.
    pub(super) async fn lost6(&mut self, index: u32) {
        let Some(port) = self.ports.get_mut(&index) else {
            return;
        };
        let Some(held) = port.status.lease6.take() else {
            return;
        };
        let name = port.status.name.clone();
        let address = held.lease.address;
        self.warn(&format!("{name}: the lease of {address} is over"));
        let gone = lease6::kernel_address(index, &held.lease);
        self.remove(&gone).await;
        self.note_answer(index);
        self.write_resolv_conf();
    }

    /// Takes an address out of the kernel.
    pub(super) async fn remove(&mut self, gone: &KernelAddress) {
        self.addresses.retain(|known| !same_address(known, gone));
        if let Err(error) = lease::remove_address(&self.netlink, gone).await {
            self.warn(&error.in_full());
        }
    }

    /// The kernel has a new address, or has found out more about one.
    pub(super) async fn address_changed(&mut self, address: KernelAddress) {
        let known = self
            .addresses
            .iter()
            .any(|known| same_address(known, &address) && known.state == AddressState::Usable);
        self.remember(address);
        if address.state == AddressState::Duplicate {
            self.duplicate(&address);
        } else if !known && address.state == AddressState::Usable {
            self.usable(&address);
        }
        self.settled_addresses(address.link);
    }

    /// The kernel has dropped an address.
    pub(super) async fn address_gone(&mut self, gone: KernelAddress) {
        self.addresses.retain(|known| !same_address(known, &gone));
        if gone.state == AddressState::Duplicate {
            self.duplicate(&gone);
        }
        self.settled_addresses(gone.link);
    }

    fn settled_addresses(&mut self, index: u32) {
        if self.manages() {
            self.pass_on_link6(index);
            self.note_answer(index);
            self.write_resolv_conf();
        }
    }

    /// Says that the kernel made an address from a router's prefix.
    fn usable(&mut self, address: &KernelAddress) {
        let Some(port) = self.ports.get(&address.link) else {
            return;
        };
        let lease = port.status.lease6.as_ref();
        let leased = lease.is_some_and(|held| address.address == held.lease.address);
        let made = address.address.is_ipv6() && !address.permanent && !leased;
        if self.manages() && made && address.prefix_len < 128 && is_routable(address.address) {
            let (name, length) = (&port.status.name, address.prefix_len);
            let text = format!(
                "{name}: address {}/{length} from a router's prefix",
                address.address
            );
            self.note(text);
            self.complain(address.link, Complaint::Kernel, vec![]);
        }
    }

    /// Somebody else has an address (RFC 4862 §5.4.5): a leased one is declined.
    fn duplicate(&mut self, address: &KernelAddress) {
        let IpAddr::V6(ip) = address.address else {
            return;
        };
        let Some(port) = self.ports.get(&address.link) else {
            return;
        };
        let lease = port.status.lease6.as_ref();
        if lease.is_some_and(|held| held.lease.address == ip) {
            port.care.tell(Told6::Decline(ip));
            return;
        }
        if self.is_planned(address.address) {
            // The differences from the plan name it.
            return;
        }
        let trouble = AddressTrouble::InUse {
            address: address.address,
            by: None,
        };
        self.complain(address.link, Complaint::Kernel, vec![trouble]);
    }

    /// Notes when a port has an address for others, and in which order.
    pub(super) fn note_answer(&mut self, index: u32) {
        let now = self.boundaries.clock.since_boot();
        let has_address = self.addresses.iter().any(|address| {
            address.link == index
                && address.state == AddressState::Usable
                && is_routable(address.address)
        });
        let Some(port) = self.ports.get(&index) else {
            return;
        };
        let answered = match (has_address, port.status.answered) {
            (true, None) => Some(Answered {
                at: now,
                order: self.order_of(index),
            }),
            (false, Some(_)) => None,
            _ => return,
        };
        if let Some(port) = self.ports.get_mut(&index) {
            port.status.answered = answered;
        }
        if answered.is_some() {
            self.reach("address");
        }
    }

    /// The position of a port among those that got an address, from whomever;
    /// the next one for a port that had none.
    pub(super) fn order_of(&mut self, index: u32) -> u32 {
        let answered = self.ports.get(&index).map(|port| port.status.order());
        let placed = self.placed.get(&index).map(|placed| placed.order);
        let known = answered.filter(|order| *order != u32::MAX).or(placed);
        known.unwrap_or_else(|| {
            let next = self.answers;
            self.answers = next.saturating_add(1);
            next
        })
    }

    /// Takes out of the kernel what it learned from the routers of a port and
    /// shall not have any more.
    pub(super) fn unlearn(&mut self, index: u32, wanted: KernelIpv6) {
        let Some(port) = self.ports.get(&index) else {
            return;
        };
        let lease = port
            .status
            .lease6
            .as_ref()
            .map(|held| IpAddr::from(held.lease.address));
        let made = |address: &&KernelAddress| {
            address.link == index
                && address.address.is_ipv6()
                && !address.permanent
                && Some(address.address) != lease
        };
        let gone: Vec<KernelAddress> = self.addresses.iter().filter(made).copied().collect();
        self.addresses.retain(|address| !gone.contains(address));
        let netlink = self.netlink.clone();
        let events = self.events.clone();
        // Nobody waits for it: the kernel tells what has become of it.
        tokio::spawn(async move {
            let mut result: Result<(), NetError> = Ok(());
            for address in gone {
                let removed = lease::remove_address(&netlink, &address).await;
                result = result.and(removed);
            }
            if !wanted.routes {
                let removed = lease6::remove_learned_routes(&netlink, index).await;
                result = result.and(removed);
            }
            if let Err(error) = result {
                let text = error.in_full();
                let _ = events.send(ironseed_core::event::Event::Warning(text));
            }
        });
    }
}

fn describe(port: &str, lease: &Lease6) -> String {
    let (address, server) = (lease.address, lease.server);
    match lease.valid {
        Some(valid) => format!(
            "{port}: address {address} from {server}, for {} s",
            valid.as_secs()
        ),
        None => format!("{port}: address {address} from {server}, for ever"),
    }
}
