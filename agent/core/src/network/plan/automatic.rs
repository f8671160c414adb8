// SPDX-License-Identifier: Apache-2.0
//! The plan where nobody described the network: every port asks.

use super::{Addressing, LinkPlan, NetworkInputs, NetworkPlan, PlannedDevice, ports};
use crate::network::Link;

/// All ports up, all of them asking for addresses at once.
///
/// A port of a bond or bridge is left alone: whoever made the bond looks after
/// it.
pub(super) fn plan(inputs: &NetworkInputs<'_>) -> NetworkPlan {
    let links = ports(inputs)
        .into_iter()
        .map(|(link, preferred)| asking(link, preferred))
        .collect();
    NetworkPlan {
        links,
        ..NetworkPlan::default()
    }
}

/// A port that asks for addresses of both families. One without an Ethernet
/// address is brought up but does not ask.
pub(super) fn asking(link: &Link, preferred: bool) -> LinkPlan {
    let addressing = match link.mac {
        Some(_) => vec![Addressing::Dhcp4, Addressing::Slaac],
        None => vec![],
    };
    LinkPlan {
        addressing,
        ..silent(link, preferred)
    }
}

/// A port that is only brought up.
pub(super) fn silent(link: &Link, preferred: bool) -> LinkPlan {
    LinkPlan {
        name: link.name.clone(),
        device: PlannedDevice::Physical {
            index: link.index,
            mac: link.mac,
        },
        mac: None,
        addressing: vec![],
        routes: vec![],
        mtu: None,
        preferred,
    }
}
