// SPDX-License-Identifier: Apache-2.0
//! BGP beside the ports' other work, where the settings ask for it.

use ironseed_core::network::bgp::RoutingStatus;
use tokio::sync::watch;

use crate::net::PortFilter;
use crate::net::bgp::{BgpHandle, BgpSpeakers};
use crate::net::driver::Driver;

/// BGP once it runs.
#[derive(Debug)]
pub(super) struct Routing {
    handle: BgpHandle,
    status: watch::Receiver<RoutingStatus>,
}

impl Driver {
    /// Starts BGP as soon as the settings ask for it. It is never ended by
    /// other settings: what a switch has learned of this machine stays true.
    pub(super) fn start_routing(&mut self) {
        let Some(plan) = self.settings.routing.clone() else {
            return;
        };
        if self.routing.is_some() || !self.manages() {
            return;
        }
        let filter = PortFilter {
            extra_kinds: self.settings.extra_kinds.clone(),
            internal: self.settings.internal.clone(),
        };
        let events = self.events.clone();
        match BgpSpeakers::start(self.boundaries.clone(), plan, filter, events) {
            Ok(handle) => {
                let status = handle.status();
                self.routing = Some(Routing { handle, status });
            }
            Err(error) => self.warn(&error.in_full()),
        }
    }

    /// What BGP says of itself.
    pub(super) fn routing_status(&self) -> Option<RoutingStatus> {
        let routing = self.routing.as_ref()?;
        Some(routing.status.borrow().clone())
    }

    /// Says goodbye to the neighbours.
    pub(super) async fn stop_routing(&self) {
        if let Some(routing) = &self.routing {
            routing.handle.stop().await;
        }
    }
}

/// Waits for news of BGP; for ever, if there is none.
pub(super) async fn news(routing: &mut Option<Routing>) {
    if let Some(routing) = routing
        && routing.status.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
