// SPDX-License-Identifier: Apache-2.0
//! Which port has which client.

use std::sync::Arc;

use ironseed_core::network::{Addressing, Link};
use tokio::sync::mpsc;

use crate::net::driver::Driver;
use crate::net::driver::ports::find;
use crate::net::port::PortClient;

impl Driver {
    /// Starts the clients the plan asks for, and ends those it does not ask for
    /// any more.
    pub(super) fn settle_clients(&mut self, links: &[Link]) {
        for wanted in &self.plan.links {
            let Some(link) = find(wanted, links) else {
                continue;
            };
            let Some(port) = self.ports.get_mut(&link.index) else {
                continue;
            };
            let asks = wanted.addressing.contains(&Addressing::Dhcp4);
            if !asks && let Some((_, task)) = port.client.take() {
                task.abort();
            }
            let (Some(mac), None, true) = (link.mac, &port.client, asks) else {
                continue;
            };
            let (carrier, carrier_in) = mpsc::unbounded_channel();
            let clock = Arc::clone(&self.boundaries.clock);
            let client = PortClient::new(link.index, mac, clock, carrier_in, self.reports.clone());
            let _ = carrier.send(port.status.carrier);
            port.client = Some((carrier, tokio::spawn(client.run()).abort_handle()));
        }
    }
}
