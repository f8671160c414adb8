// SPDX-License-Identifier: Apache-2.0
//! Which description of the network counts: chosen, told and handed to the
//! network.

use std::time::Duration;

use bootconfig::{NetworkFallback, Origin, Settings};
use ironseed_core::event::Event;
use ironseed_core::fault::Fault;
use ironseed_core::network::description::Found;
use ironseed_core::network::description::choice::{absent_ports, choose};
use ironseed_core::network::description::network_data::PATH;
use ironseed_core::network::{Description, NetworkMode, NetworkStatus};
use ironseed_machine::net::NetworkHandle;

use crate::boot::Boot;
use crate::events::Events;

/// Drivers are loaded when the network is described; a port that is not there
/// after this time is not in this machine.
const PORTS_LIMIT: Duration = Duration::from_secs(10);

/// Chooses among what was found, tells it and hands it to the network. Where
/// another program looks after the network, nothing of it is used.
pub(crate) fn describe(
    boot: &Boot,
    network: &NetworkHandle,
    found: Vec<Found>,
    settings: &Settings,
) {
    if network.status().borrow().mode == NetworkMode::Observe {
        return;
    }
    let fallback = settings.network_fallback.value;
    let choice = choose(found, fallback);
    for fault in &choice.faults {
        boot.events.emit(&Event::Failed(fault.clone()));
    }
    for source in &choice.overruled {
        boot.events.note(format!(
            "{source} describes the network as well and does not count"
        ));
    }
    let silent = choice
        .description
        .as_ref()
        .filter(|one| one.links.is_empty());
    if !choice.faults.is_empty() && choice.description.is_none() {
        boot.events
            .warn("every port asks for addresses instead (ironseed.network_fallback=dhcp)");
    } else if !choice.faults.is_empty() && silent.is_some() {
        boot.events
            .warn("no port asks for addresses (ironseed.network_fallback=none)");
    } else if let Some(description) = &choice.description {
        boot.events
            .note(format!("{} describes the network", description.source));
    }
    network.describe(choice.description.clone(), choice.dhcp_fallback);
    if let Some(description) = choice.description.filter(|one| !one.links.is_empty()) {
        let watch = Watch {
            events: boot.events.clone(),
            network: network.clone(),
            description,
            dhcp_fallback: choice.dhcp_fallback,
            fallback,
        };
        tokio::spawn(watch.run());
    }
}

/// A time server of the medium, where no setting names one.
pub(crate) fn time_server(settings: &mut Settings, ntp: &[String]) {
    let server = ntp.first().filter(|_| settings.ntp_server.value.is_none());
    if let Some(server) = server {
        settings.ntp_server.value = Some(server.clone());
        settings.ntp_server.origin = Origin::BootIso {
            path: PATH.to_owned(),
            line: 1,
        };
    }
}

/// Looks whether a description means this machine at all: cards are replaced,
/// and files are given to the wrong node.
struct Watch {
    events: Events,
    network: NetworkHandle,
    description: Description,
    dhcp_fallback: bool,
    fallback: NetworkFallback,
}

impl Watch {
    async fn run(self) {
        let mut status = self.network.status();
        let is_there = |description: &Description| {
            let description = description.clone();
            move |now: &NetworkStatus| absent_ports(&description, &now.ports).is_none()
        };
        let appeared = status.wait_for(is_there(&self.description));
        if tokio::time::timeout(PORTS_LIMIT, appeared).await.is_ok() {
            return;
        }
        let absent = absent_ports(&self.description, &status.borrow().ports);
        let Some(problem) = absent else {
            return;
        };
        self.events.emit(&Event::Failed(Fault::NetworkDescription {
            origin: self.description.source.to_string(),
            problem,
        }));
        if self.fallback != NetworkFallback::Dhcp {
            return;
        }
        self.events
            .warn("every port asks for addresses instead (ironseed.network_fallback=dhcp)");
        self.network.describe(None, false);
        if status.wait_for(is_there(&self.description)).await.is_ok() {
            let source = self.description.source;
            self.events
                .note(format!("a port that {source} means has appeared"));
            self.network
                .describe(Some(self.description), self.dhcp_fallback);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_server_of_the_medium_fills_a_gap() {
        let ntp = ["192.0.2.123".to_owned(), "192.0.2.124".to_owned()];
        let mut settings = Settings::default();
        time_server(&mut settings, &[]);
        assert_eq!(settings, Settings::default());
        time_server(&mut settings, &ntp);
        assert_eq!(settings.ntp_server.value.as_deref(), Some("192.0.2.123"));
        let mut settings = Settings::default();
        settings.ntp_server.value = Some("time.example".into());
        let told = settings.clone();
        time_server(&mut settings, &ntp);
        assert_eq!(settings, told);
    }
}
