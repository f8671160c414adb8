// SPDX-License-Identifier: Apache-2.0
//! Which links are ports, and what each port is told.

pub(super) use ironseed_core::network::link_changes::find;
use ironseed_core::network::plan::ports;
use ironseed_core::network::{Link, NetworkInputs, NetworkMode, NetworkPlan, PortStatus, plan};

use crate::net::driver::clients::PortCare;
use crate::net::driver::{Driver, Port};
use crate::net::internal;

impl Driver {
    /// Makes the ports fit the links and the plan: new ones are brought up and
    /// get a client, vanished ones are forgotten, carriers are passed on.
    pub(super) async fn settle(&mut self) {
        for link in self.links.values_mut() {
            link.details.ours |= self.made.contains(&link.index);
        }
        let mut links: Vec<Link> = self.links.values().cloned().collect();
        let settings = self.settings.clone();
        internal::mark(&mut links, &settings.internal, &self.boundaries.root);
        let own = links.iter().filter_map(|link| link.mac).collect();
        self.own
            .send_if_modified(|known| std::mem::replace(known, own) != *known);
        let inputs = NetworkInputs {
            mode: settings.mode,
            boot_mac: settings.boot_mac,
            network_interface: settings.network_interface.as_deref(),
            extra_kinds: &settings.extra_kinds,
            description: settings.description.as_ref(),
            dhcp_fallback: settings.dhcp_fallback,
            vlan_interfaces: &settings.vlan_interfaces,
            heard_vlans: &settings.heard_vlans,
            links: &links,
        };
        self.plan = plan(&inputs);
        let wanted = match settings.mode {
            NetworkMode::Manage => present(&self.plan, &links),
            NetworkMode::Observe => ports(&inputs),
        };
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
        if self.manages() {
            self.settle_links(&links).await;
        }
        self.settle_clients(&links).await;
        self.settle_planned().await;
        self.rank_leases().await;
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
            mac: link.mac,
            internal: link.internal,
            ..PortStatus::new(link.index, &link.name, now)
        };
        let port = Port {
            status,
            carrier_ups: link.carrier_ups,
            client: None,
            care: PortCare::default(),
            controller: link.controller,
            freed: false,
        };
        self.ports.insert(link.index, port);
        self.settle_ipv6(link);
        if let Some(socket) = &self.slow_protocols
            && let Err(error) = socket.listen_on(link.index)
        {
            self.warn(&format!("{}: cannot listen for LACP: {error}", link.name));
        }
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
        port.freed |= port.controller.is_some();
        port.freed &= link.controller.is_none();
        port.controller = link.controller;
        if port.freed && !link.up && self.settings.mode == NetworkMode::Manage {
            port.freed = false;
            self.raise(link.clone());
        }
        let Some(port) = self.ports.get_mut(&link.index) else {
            return;
        };
        port.status.name.clone_from(&link.name);
        port.status.mac = link.mac;
        port.status.internal = link.internal;
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
}

/// The links of a plan that are there, each with whether it is preferred.
fn present<'a>(plan: &NetworkPlan, links: &'a [Link]) -> Vec<(&'a Link, bool)> {
    plan.links
        .iter()
        .filter_map(|wanted| Some((find(wanted, links)?, wanted.preferred)))
        .collect()
}
