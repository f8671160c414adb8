// SPDX-License-Identifier: Apache-2.0
//! A network without DHCP: Ironic writes the node's `network_data` into the ISO that the BMC
//! inserts, and the agent makes a bond of two ports with a static address of it.

use serde_json::{Value, json};

use super::{Scenario, commands, default_options};
use crate::error::{Error, expect};
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, MachineSpec};
use crate::node::Node;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "static_network",
    summary: "network_data.json gives a machine a bond and an address where no DHCP server answers",
    configure: default_options,
    needs_os_image: false,
    play,
};

/// Outside of what the DHCP server leases.
const ADDRESS: &str = "172.22.0.60";
const MACS: [&str; 2] = ["52:54:00:16:05:01", "52:54:00:16:05:02"];

fn play(lab: &Lab) -> Result<(), Error> {
    let mut spec = MachineSpec::new("static").with_disk(DiskSpec::new(Bus::Nvme, 4, "LAB-NVME-1"));
    spec.macs = MACS.map(str::to_owned).to_vec();
    let machine = lab.machine(spec)?;
    lab.dhcp().ignore(&MACS)?;
    let node = Node::enroll(lab, &machine, BootInterface::VirtualMedia)?;
    node.manage()?;
    node.set(&[("/network_data", network_data())])?;
    let mut console = machine.console();
    node.provide()?;
    let steps = commands::succeeded(&mut console)?;
    expect(
        steps.iter().any(|step| step == "erase_devices_metadata"),
        "a clean step to have succeeded",
        || format!("{steps:?}"),
    )?;
    for words in [
        "network_data.json describes the network".to_owned(),
        format!("bond0: address {ADDRESS}/24 from network_data.json"),
        format!("the agent's API listens at https://{ADDRESS}:9999"),
    ] {
        let told = console.lines().any(|line| line.contains(&words));
        expect(told, &format!("{words:?} on the console"), || {
            "it is not there".to_owned()
        })?;
    }
    let trouble = console.lines().find(|line| line.contains("warning: bond0"));
    expect(trouble.is_none(), "no trouble with the bond", || {
        trouble.unwrap_or_default().to_owned()
    })
}

/// As an operator writes it (Nova's schema, which Ironic checks). Any switch carries this mode.
fn network_data() -> Value {
    let port = |id: &str, mac: &str| json!({"id": id, "type": "phy", "ethernet_mac_address": mac});
    json!({
        "links": [
            port("first", MACS[0]),
            port("second", MACS[1]),
            {
                "id": "both",
                "type": "bond",
                "bond_mode": "active-backup",
                "bond_links": ["first", "second"],
                "ethernet_mac_address": MACS[0],
            },
        ],
        "networks": [{
            "id": "provisioning",
            "type": "ipv4",
            "network_id": "provisioning",
            "link": "both",
            "ip_address": ADDRESS,
            "netmask": "255.255.255.0",
            "routes": [],
        }],
        "services": [],
    })
}
