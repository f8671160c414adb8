// SPDX-License-Identifier: Apache-2.0
//! Which links are ports, and what each port is told.

use std::sync::Arc;

use ironseed_core::event::Event;
use ironseed_core::network::plan::ports;
use ironseed_core::network::{
    DhcpState, Link, LinkKind, NetworkInputs, PlannedDevice, PortStatus, plan,
};
use tokio::sync::mpsc;

use crate::net::driver::{Driver, Port};
use crate::net::internal;
use crate::net::netlink::bring_up;
use crate::net::port::PortClient;

impl Driver {
    /// Makes the ports fit the links: new ones are brought up and get a
    /// client, vanished ones are forgotten, carriers are passed on.
    pub(super) async fn settle(&mut self) {
        let mut links: Vec<Link> = self.links.values().cloned().collect();
        let settings = self.settings.clone();
        internal::mark(&mut links, &settings.internal, &self.boundaries.root);
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
            index: link.index,
            name: link.name.clone(),
            mac: link.mac,
            internal: link.internal,
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
}
