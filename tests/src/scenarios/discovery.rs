// SPDX-License-Identifier: Apache-2.0
//! A machine that Ironic has never seen boots from the network and is enrolled by Ironic's
//! auto-discovery.

use std::time::Duration;

use super::{Scenario, default_options};
use crate::error::{Error, expect};
use crate::lab::Lab;
use crate::machine::{Bus, DiskSpec, MachineSpec};
use crate::wait::{self, Probe};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "discovery",
    summary: "an unknown machine boots over iPXE and is enrolled by auto-discovery",
    configure: default_options,
    needs_os_image: false,
    play,
};

const LIMIT: Duration = Duration::from_mins(15);
const SERIAL: &str = "LAB-UNKNOWN-1";

fn play(lab: &Lab) -> Result<(), Error> {
    let mut spec = MachineSpec::new("unknown").with_disk(DiskSpec::new(Bus::Scsi, 4, SERIAL));
    spec.network_first = true;
    let machine = lab.machine(spec)?;
    expect(
        lab.ironic().nodes()?.is_empty(),
        "no node at the start",
        || "some".to_owned(),
    )?;
    machine.power_on()?;
    lab.narrator()
        .say("unknown: switched on, boots from the network");
    let node = wait::until("an enrolled node with an inventory", LIMIT, || {
        let nodes = lab.ironic().nodes()?;
        let Some(uuid) = nodes.first().and_then(|node| node["uuid"].as_str()) else {
            return Ok(Probe::NotYet("Ironic has no node".to_owned()));
        };
        Ok(match lab.ironic().inventory(uuid) {
            Ok(_) => Probe::Ready(uuid.to_owned()),
            Err(error) => Probe::NotYet(error.chain()),
        })
    })?;
    lab.narrator()
        .say(format!("unknown: enrolled as node {node}"));
    expect(lab.ironic().nodes()?.len() == 1, "one node", || {
        "several".to_owned()
    })?;
    let driver = lab.ironic().node(&node)?["driver"].clone();
    expect(
        driver == "fake-hardware",
        "the driver of auto-discovery",
        || driver.to_string(),
    )?;
    let ports = lab.ironic().port_addresses(&node)?;
    expect(
        ports == machine.spec().macs,
        "a port for the machine's address",
        || format!("{ports:?}"),
    )?;
    let disks = lab.ironic().inventory(&node)?["inventory"]["disks"].to_string();
    expect(
        disks.contains(SERIAL),
        "the machine's disk in the inventory",
        || disks.clone(),
    )
}
