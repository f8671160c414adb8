// SPDX-License-Identifier: Apache-2.0
//! The agent's process is killed while it writes an image. It is started again with its token and
//! certificate, and must not let Ironic believe that the image was written: the deployment fails
//! with a reason, the disk is not bootable, and a second deployment succeeds.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::Scenario;
use super::deployed::{check_boot, config_drive, expect_failure, make_available};
use crate::disk;
use crate::error::{Error, expect};
use crate::faults::Fault;
use crate::ironic_config::{IronicOptions, KERNEL_PARAMS};
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, Machine, MachineSpec};
use crate::node::{ImageSource, Node};
use crate::wait::Probe;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "agent_killed",
    summary: "the agent is killed while it writes an image, and the node does not lie about it",
    configure,
    needs_os_image: true,
    play,
};

/// Slow enough that the image is still being written when the agent is killed.
const BYTES_PER_SECOND: u64 = 4 << 20;
/// The image is really being written when the disk's file has this much in it.
const WRITTEN: u64 = 16 << 20;
const WRITE_LIMIT: Duration = Duration::from_mins(10);
const FAIL_LIMIT: Duration = Duration::from_mins(10);
/// The code of the agent's fault.
const REASON: &str = "agent-restarted";

fn configure(options: &mut IronicOptions) {
    options.kernel_params = format!("{KERNEL_PARAMS} sysrq_always_enabled=1");
}

fn play(lab: &Lab) -> Result<(), Error> {
    let spec = MachineSpec::new("interrupted").with_disk(DiskSpec::new(Bus::Scsi, 6, "LAB-SCSI-1"));
    let machine = lab.machine(spec)?;
    let node = Node::enroll(lab, &machine, BootInterface::VirtualMedia)?;
    make_available(&node, None)?;
    let image = ImageSource::serve(lab, &lab.os_images()?.raw.path, "raw")?;
    node.choose_image(&image)?;
    lab.files()
        .faults()
        .add(&image.path(), Fault::BytesPerSecond(BYTES_PER_SECOND), None);
    node.start_deployment(&config_drive(&node))?;
    wait_until_writing(&node, &machine)?;
    machine.kill_all_processes()?;
    lab.narrator()
        .say("interrupted: the agent is killed while it writes the image");
    lab.files().faults().clear();
    check_failure(&node, &machine)?;
    let mut console = machine.console();
    node.start_deployment(&config_drive(&node))?;
    node.wait_for_deployment()?;
    check_boot(&mut console, &node)
}

fn wait_until_writing(node: &Node<'_>, machine: &Machine) -> Result<(), Error> {
    let path = machine.disk(0);
    node.watch("the image to be written", WRITE_LIMIT, |state| {
        if state.has_failed() || state.provision == "active" {
            return Err(Error::Expected {
                expected: "the deployment to be under way".to_owned(),
                found: state.describe(),
            });
        }
        let written = fs::metadata(&path).map_or(0, |data| data.blocks() * 512);
        Ok(if written >= WRITTEN {
            Probe::Ready(())
        } else {
            Probe::NotYet(format!("{written} bytes in {}", path.display()))
        })
    })
}

/// The deployment must end as failed, with a reason, and never as active.
fn check_failure(node: &Node<'_>, machine: &Machine) -> Result<(), Error> {
    let reason = expect_failure(node, &[], FAIL_LIMIT)?;
    expect(
        reason.contains(REASON),
        &format!("{REASON:?} in the reason for the failure"),
        || reason.clone(),
    )?;
    machine.power_off()?;
    let first = disk::read_range(&machine.disk(0), 0..1024)?;
    let bootable = first[510..512] == [0x55, 0xaa] || first[512..520] == *b"EFI PART";
    expect(
        !bootable,
        "the half-written disk to have no partition table",
        || "one".to_owned(),
    )
}
