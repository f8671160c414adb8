// SPDX-License-Identifier: Apache-2.0
//! Beside the running agent: what is known of the network is written down for
//! `ironseed-agent network`, and VLANs the switches speak of join the network.

use std::time::Duration;

use bootconfig::Settings;
use ironseed_core::network::HeardVlans;
use ironseed_core::network::plan::vlan_interfaces::{VlanInterface, vlan_interfaces};
use ironseed_core::network::report::{KNOWLEDGE_FILE, Knowledge, heard_vlans, neighbours};
use ironseed_machine::lldp::LldpFollower;
use ironseed_machine::net::NetworkHandle;
use ironseed_machine::processes;

use crate::boot::{Boot, chain};

/// Changes come in groups: link, address, route. One writing is enough for all
/// of a group.
const GROUP: Duration = Duration::from_millis(200);

/// Starts both. They end with the network and the listener.
pub(crate) fn follow(
    boot: &Boot,
    settings: &Settings,
    network: &NetworkHandle,
    lldp: Option<LldpFollower>,
) {
    tokio::spawn(write_down(boot.clone(), network.clone(), lldp.clone()));
    let (wanted, bad) = vlan_interfaces(&settings.enable_vlan_interfaces.value);
    for word in bad {
        boot.events.warn(word.to_string());
    }
    if wanted.is_empty() {
        return;
    }
    network.add_vlans(wanted.clone(), HeardVlans::new());
    let hears = wanted.iter().any(VlanInterface::is_heard);
    match lldp {
        // Contract §24: only with ipa-collect-lldp.
        Some(lldp) if hears && settings.collect_lldp.value => {
            tokio::spawn(add_heard(network.clone(), wanted, lldp));
        }
        _ if hears => boot.events.warn(
            "ipa-enable-vlan-interfaces: VLANs are heard by LLDP only with ipa-collect-lldp=1",
        ),
        _ => {}
    }
}

/// Keeps a VLAN that was heard once: a switch that is silent for a while has not
/// lost it.
async fn add_heard(network: NetworkHandle, wanted: Vec<VlanInterface>, mut lldp: LldpFollower) {
    let mut known = HeardVlans::new();
    loop {
        let before = known.clone();
        for (port, ids) in heard_vlans(&lldp.heard()) {
            known.entry(port).or_default().extend(ids);
        }
        if known != before {
            network.add_vlans(wanted.clone(), known.clone());
        }
        if !lldp.changed().await {
            return;
        }
    }
}

async fn write_down(boot: Boot, network: NetworkHandle, mut lldp: Option<LldpFollower>) {
    let process = processes::own(&boot.root);
    let mut status = network.status();
    let mut written = Vec::new();
    let mut told = false;
    loop {
        let heard = lldp.as_ref().map(LldpFollower::heard).unwrap_or_default();
        let known = Knowledge::of(&status.borrow_and_update(), process, neighbours(&heard));
        match serde_json::to_vec(&known) {
            Ok(bytes) if bytes != written => {
                match boot.state.replace(KNOWLEDGE_FILE, &bytes) {
                    Err(error) if !told => {
                        boot.events.warn(chain(&error));
                        told = true;
                    }
                    _ => {}
                }
                written = bytes;
            }
            _ => {}
        }
        let more = match &mut lldp {
            Some(follower) => tokio::select! {
                changed = status.changed() => changed.is_ok(),
                heard = follower.changed() => {
                    if !heard {
                        lldp = None;
                    }
                    true
                }
            },
            None => status.changed().await.is_ok(),
        };
        if !more {
            return;
        }
        tokio::time::sleep(GROUP).await;
    }
}
