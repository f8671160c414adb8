// SPDX-License-Identifier: Apache-2.0
//! Who is at the other end of the cables, from what was heard by LLDP.

use std::collections::BTreeMap;

use super::NeighbourReport;
use crate::lldp::{Identifier, Neighbour, decode};
use crate::network::HeardVlans;
use crate::snapshot::LldpPort;

/// Every neighbour of every port.
#[must_use]
pub fn neighbours(heard: &BTreeMap<String, LldpPort>) -> Vec<NeighbourReport> {
    let told = decoded(heard).map(|(link, neighbour)| {
        let value = |identifier: Option<Identifier>| identifier.map(|one| one.value);
        NeighbourReport {
            link: link.clone(),
            system: neighbour.system_name.or(value(neighbour.chassis_id)),
            port: value(neighbour.port_id),
            port_vlan: neighbour.port_vlan.filter(|vlan| *vlan != 0),
            vlans: neighbour.vlans.iter().map(|vlan| vlan.id).collect(),
        }
    });
    told.collect()
}

/// The VLANs whose names the neighbours send (contract §24).
#[must_use]
pub fn heard_vlans(heard: &BTreeMap<String, LldpPort>) -> HeardVlans {
    let mut vlans = HeardVlans::new();
    for (link, neighbour) in decoded(heard) {
        let known = vlans.entry(link.clone()).or_default();
        known.extend(neighbour.vlan_ids());
    }
    vlans
}

fn decoded(heard: &BTreeMap<String, LldpPort>) -> impl Iterator<Item = (&String, Neighbour)> {
    heard.iter().flat_map(|(link, port)| {
        let frames = port.frames.iter();
        frames.filter_map(move |frame| Some((link, decode(&frame.frame.0)?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::LldpFrame;

    /// Chassis, port, lifetime, port VLAN 12, names of VLANs 100 and 4095, end.
    fn frame() -> Vec<u8> {
        let mut frame = vec![
            0x01, 0x80, 0xc2, 0, 0, 0x0e, 0x44, 0x4c, 0xa8, 1, 2, 3, 0x88, 0xcc,
        ];
        frame.extend([0x02, 7, 4, 0x44, 0x4c, 0xa8, 1, 2, 3]);
        frame.extend([0x04, 3, 7, b'p', b'7']);
        frame.extend([0x06, 2, 0, 120]);
        frame.extend([0xfe, 6, 0, 0x80, 0xc2, 1, 0, 12]);
        frame.extend([0xfe, 9, 0, 0x80, 0xc2, 3, 0, 100, 2, b'o', b'p']);
        frame.extend([0xfe, 9, 0, 0x80, 0xc2, 3, 0x0f, 0xff, 2, b'n', b'o']);
        frame.extend([0, 0]);
        frame
    }

    #[test]
    fn a_switch_and_its_vlans() {
        let port = LldpPort {
            frames: vec![LldpFrame {
                heard_ms: 7,
                frame: frame().into(),
            }],
            ..LldpPort::default()
        };
        let silent = LldpPort::default();
        let heard = BTreeMap::from([("eno1".to_owned(), port), ("eno2".to_owned(), silent)]);
        let expected = NeighbourReport {
            link: "eno1".into(),
            system: Some("44:4c:a8:01:02:03".into()),
            port: Some("p7".into()),
            port_vlan: Some(12),
            vlans: vec![100, 4095],
        };
        assert_eq!(neighbours(&heard), [expected]);
        let vlans = heard_vlans(&heard);
        assert_eq!(vlans["eno1"].iter().copied().collect::<Vec<_>>(), [100]);
    }
}
