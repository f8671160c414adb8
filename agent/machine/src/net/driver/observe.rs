// SPDX-License-Identifier: Apache-2.0
//! How the network is now: published, and looked at again where the kernel
//! tells nothing by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use ironseed_core::network::differences::differences;
use ironseed_core::network::lacp::{LACP_IS_RECENT, lacp_state, plain_port};
use ironseed_core::network::{
    AddressState, BondMode, LacpState, Link, LinkAddress, NetworkStatus, Observed, PortStatus,
    primary,
};

use crate::net::driver::{Driver, Port};

impl Driver {
    pub(super) fn snapshot(&self) -> NetworkStatus {
        let links: Vec<Link> = self.links.values().cloned().collect();
        let addresses: Vec<LinkAddress> = self
            .addresses
            .iter()
            .chain(&self.taken)
            .map(|known| LinkAddress {
                link: known.link,
                address: known.address,
                prefix_len: known.prefix_len,
                state: known.state,
            })
            .collect();
        let observed = Observed {
            links: &links,
            addresses: &addresses,
            routes: &self.routes,
            refusals: &self.refusals,
        };
        NetworkStatus {
            mode: self.settings.mode,
            boot_mac: self.settings.boot_mac,
            ports: self.ports.values().map(|port| self.port(port)).collect(),
            routing: self.routing_status(),
            plan: self.plan.clone(),
            differences: differences(&self.plan, &observed),
            routes: self.routes.clone(),
        }
    }

    fn port(&self, port: &Port) -> PortStatus {
        let mut status = port.status.clone();
        let own = self.addresses.iter();
        status.addresses = own
            .filter(|known| known.link == status.index && known.state == AddressState::Usable)
            .map(|known| (known.address, known.prefix_len))
            .collect();
        let Some(link) = self.links.get(&status.index) else {
            return status;
        };
        let controller = link.controller.and_then(|index| self.links.get(&index));
        status.kind = link.kind.clone();
        status.controller = controller.map(|controller| controller.name.clone());
        status.lacp = self.lacp_of(link, controller, &status);
        status
    }

    fn lacp_of(
        &self,
        link: &Link,
        controller: Option<&Link>,
        status: &PortStatus,
    ) -> Option<LacpState> {
        match (controller, &link.details.bond_port) {
            (Some(controller), Some(port)) => lacp_state(controller.details.bond.as_ref()?, port),
            _ => {
                let heard = self.lacp_heard.get(&link.index).copied();
                let now = self.boundaries.clock.since_boot();
                let routable = |(address, _): &(_, u8)| primary::is_routable(*address);
                let has_address = status.addresses.iter().any(routable);
                plain_port(heard, now, has_address).filter(|_| link.carrier)
            }
        }
    }

    pub(super) fn publish(&self) {
        let now = self.snapshot();
        self.status.send_if_modified(|published| {
            let changed = *published != now;
            *published = now;
            changed
        });
    }

    pub(super) async fn read_routes(&mut self) {
        match self.netlink.routes().await {
            Ok(routes) => self.routes = routes,
            Err(error) => self.warn(&error.in_full()),
        }
    }

    /// LACP was heard on a port.
    pub(super) fn lacp(&mut self, heard: std::io::Result<u32>) {
        match heard {
            Ok(port) => {
                let now = self.boundaries.clock.since_boot();
                self.lacp_heard.insert(port, now);
            }
            // One of the ports went down: the socket goes on with the others.
            Err(error) if error.raw_os_error() == Some(nix::libc::ENETDOWN) => {}
            Err(error) => {
                self.warn(&format!("LACP is not heard any more: {error}"));
                self.slow_protocols = None;
            }
        }
    }

    /// Whether something goes on that the kernel does not tell of.
    pub(super) fn must_look_again(&self) -> bool {
        let uses_lacp = |link: &Link| {
            let bond = link.details.bond.as_ref();
            bond.is_some_and(|bond| bond.mode == Some(BondMode::Lacp))
        };
        self.links.values().any(uses_lacp)
            || !self.lacp_heard.is_empty()
            || !self.status.borrow().differences.is_empty()
    }

    /// Reads the links again, tries again what was refused, and tells what is
    /// still not as planned.
    pub(super) async fn look_again(&mut self) {
        match self.netlink.links().await {
            Ok(links) => {
                self.links = links.into_iter().map(|link| (link.index, link)).collect();
            }
            Err(error) => self.warn(&error.in_full()),
        }
        let now = self.boundaries.clock.since_boot();
        self.lacp_heard
            .retain(|_, at| now.saturating_sub(*at) <= LACP_IS_RECENT);
        self.retry_duplicates().await;
        self.settle().await;
        self.tell_differences();
    }

    /// Tells each difference once that was there before and still is. The
    /// first moments after a change of the plan are full of them.
    fn tell_differences(&mut self) {
        let before: BTreeSet<String> = {
            let published = self.status.borrow();
            let texts = published.differences.iter().map(ToString::to_string);
            texts.collect()
        };
        let now = self.snapshot().differences;
        let last: BTreeSet<String> = now.iter().map(ToString::to_string).collect();
        self.told_differences.retain(|text| last.contains(text));
        for difference in now {
            let text = difference.to_string();
            if before.contains(&text) && self.told_differences.insert(text.clone()) {
                self.warn(&format!("{text}: {}", difference.next));
            }
        }
    }

    /// Tries addresses again that another machine had: it may be gone.
    async fn retry_duplicates(&mut self) {
        /// Often enough for whoever has just switched the other machine off.
        const AGAIN: Duration = Duration::from_secs(10);
        let now = self.boundaries.clock.since_boot();
        if now.saturating_sub(self.duplicates_tried) >= AGAIN {
            self.duplicates_tried = now;
            self.withdraw_duplicates().await;
        }
    }
}
