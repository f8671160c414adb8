// SPDX-License-Identifier: Apache-2.0
//! Automated cleaning with Ironic's default priorities: metadata first, then everything. A disk
//! that can only be overwritten and an NVMe disk that can be formatted both end empty.

use super::{Scenario, commands, default_options};
use crate::disk;
use crate::error::{Error, expect};
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, GIB, Machine, MachineSpec};
use crate::node::Node;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "cleaning",
    summary: "automated cleaning leaves nothing on a SCSI and an NVMe disk",
    configure: default_options,
    needs_os_image: false,
    play,
};

fn play(lab: &Lab) -> Result<(), Error> {
    let spec = MachineSpec::new("cleaned")
        .with_disk(DiskSpec::new(Bus::Scsi, 4, "LAB-SCSI-1"))
        .with_disk(DiskSpec::new(Bus::Nvme, 4, "LAB-NVME-1"));
    let machine = lab.machine(spec)?;
    for index in 0..machine.spec().disks.len() {
        soil(&machine, index)?;
    }
    let node = Node::enroll(lab, &machine, BootInterface::VirtualMedia)?;
    node.manage()?;
    let mut console = machine.console();
    node.provide()?;
    let steps = commands::succeeded(&mut console)?;
    let wanted = ["erase_devices_metadata", "erase_devices"];
    expect(
        steps == wanted,
        &format!("the clean steps {wanted:?}"),
        || format!("{steps:?}"),
    )?;
    for index in 0..machine.spec().disks.len() {
        disk::expect_zeros(&machine.disk(index))?;
    }
    expect(
        !machine.is_on()?,
        "the machine to be off after cleaning",
        || "it is on".to_owned(),
    )
}

/// Leaves something everywhere that a careless eraser would forget.
fn soil(machine: &Machine, index: usize) -> Result<(), Error> {
    let bytes = machine.spec().disks[index].bytes;
    let dirt = [0xa5; 4096];
    for offset in [
        0,
        1 << 20,
        GIB - 512,
        3 * GIB,
        bytes - (1 << 20),
        bytes - 4096,
    ] {
        machine.write_disk(index, offset, &dirt)?;
    }
    Ok(())
}
