// SPDX-License-Identifier: Apache-2.0
//! A `network_data.json`, bound to a machine that has every port it names.

use std::collections::BTreeSet;

use ironseed_core::network::description::network_data::read;
use ironseed_core::network::description::{DescribedDevice, PortMatch};
use ironseed_core::network::{
    Description, Link, LinkKind, MacAddr, NetworkInputs, NetworkMode, PlannedDevice, plan,
};

/// Longest name of a link in the kernel.
const NAME: usize = 15;

/// The input is the file.
///
/// # Panics
/// If what is accepted does not become a plan that the kernel could carry out.
pub fn run(data: &[u8]) {
    match read(data) {
        Err(problems) => {
            assert!(!problems.problems.is_empty(), "no problem is named");
            assert!(!problems.to_string().contains('\n'), "one line for the log");
        }
        Ok(None) => (),
        Ok(Some(found)) => check(&found.description),
    }
}

fn check(description: &Description) {
    let links = machine(description);
    let bound = plan(&NetworkInputs {
        mode: NetworkMode::Manage,
        boot_mac: None,
        network_interface: None,
        extra_kinds: &[],
        description: Some(description),
        dhcp_fallback: false,
        vlan_interfaces: &[],
        heard_vlans: &ironseed_core::network::HeardVlans::new(),
        links: &links,
    });
    assert!(bound.missing.is_empty(), "every port is there");
    assert_eq!(
        bound.links.len(),
        description.links.len(),
        "every link is planned"
    );
    let mut names = BTreeSet::new();
    for link in &bound.links {
        assert!(link.name.len() <= NAME, "{} is too long", link.name);
        assert!(
            names.insert(link.name.as_str()),
            "{} is there twice",
            link.name
        );
        let below: Vec<&String> = match &link.device {
            PlannedDevice::Bond(bond) => bond.ports.iter().collect(),
            PlannedDevice::Vlan { parent, id } => {
                assert!((1..=4094).contains(id), "VLAN {id}");
                vec![parent]
            }
            PlannedDevice::Physical { .. } | PlannedDevice::Dummy => vec![],
        };
        for name in below {
            assert!(names.contains(name.as_str()), "{name} is made first");
        }
    }
}

/// The ports a description names, each with a name that the kernel could give.
fn machine(description: &Description) -> Vec<Link> {
    let ports = description.links.iter().filter_map(|link| {
        let DescribedDevice::Port(port) = &link.device else {
            return None;
        };
        Some(port)
    });
    let named = ports.zip(1_u32..).map(|(port, index)| match port {
        PortMatch::Mac(mac) => link(index, format!("\u{7f}{index}"), *mac),
        PortMatch::Name(name) => link(index, name.clone(), MacAddr([0; 6])),
    });
    named.collect()
}

fn link(index: u32, name: String, mac: MacAddr) -> Link {
    Link {
        index,
        name,
        kind: LinkKind::Ethernet,
        mac: Some(mac),
        permanent: Some(mac),
        internal: false,
        details: ironseed_core::network::LinkDetails::default(),
        up: false,
        carrier: false,
        carrier_ups: 0,
        mtu: 1500,
        controller: None,
    }
}
