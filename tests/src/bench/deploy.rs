// SPDX-License-Identifier: Apache-2.0
//! The time to deploy a qcow2 image onto a server that Ironic boots.

use std::time::{Duration, Instant};

use serde_json::json;

use super::boot::{self, Follower, Task};
use super::report::{Figure, Report};
use crate::demo::seen::Milestone;
use crate::disk;
use crate::error::Error;
use crate::ironic_api::settled_in;
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, Machine};
use crate::node::{ImageSource, Node};
use crate::wait::{self, Probe};

const MEMORY_MIB: u32 = 1024;
const LIMIT: Duration = Duration::from_mins(15);
/// Ironic answers as soon as nobody holds the node's lock.
const RETIRE_LIMIT: Duration = Duration::from_mins(3);
/// The index of the server that is measured; those of the memory tries follow.
const INDEX: u8 = 0x40;

/// A deployment that ended well.
#[derive(Debug)]
pub(super) struct Deployed {
    /// From the request to the active node.
    pub(super) took: Duration,
    /// The milestones of the agent's boot.
    pub(super) timeline: Vec<Milestone>,
    /// The agent's commands and how they ended.
    pub(super) commands: Vec<(String, String)>,
}

/// Deploys once and reports.
pub(super) fn measure(lab: &Lab, image: &ImageSource, report: &mut Report) -> Result<(), Error> {
    let images = lab.os_images()?;
    let deployed = deploy(lab, image, "deploy", INDEX, MEMORY_MIB, LIMIT)?;
    report.figure(Figure {
        name: "deploy a qcow2 image",
        value: format!("{:.0} s", deployed.took.as_secs_f64()),
        remark: format!(
            "disk of {} MB, file of {} MB; request to active, the disk equals the image",
            images.virtual_size / 1_000_000,
            images.qcow2.size / 1_000_000
        ),
        target: "",
        quoted: "207 s",
    });
    report.timeline("of the agent while it deploys", &deployed.timeline);
    report.commands(&deployed.commands);
    Ok(())
}

/// Deploys `image`, the qcow2 image of the test system, onto a server with this much memory, and compares
/// its disk with the image. The server is off and out of Ironic's sight afterwards.
pub(super) fn deploy(
    lab: &Lab,
    image: &ImageSource,
    name: &str,
    index: u8,
    memory_mib: u32,
    limit: Duration,
) -> Result<Deployed, Error> {
    let disks = vec![DiskSpec::new(Bus::Scsi, 4, &format!("BENCH-{index}"))];
    let machine = boot::machine(lab, name, index, memory_mib, Task::Serve, disks)?;
    let node = Node::enroll(lab, &machine, BootInterface::Ipxe)?;
    let result = deploy_node(image, &node, &machine, limit);
    retire(lab, &node, &machine)?;
    let deployed = result?;
    check_disk(lab, &machine)?;
    Ok(deployed)
}

fn deploy_node(
    image: &ImageSource,
    node: &Node<'_>,
    machine: &Machine,
    limit: Duration,
) -> Result<Deployed, Error> {
    node.set(&[("/automated_clean", json!(false))])?;
    node.manage()?;
    node.provide()?;
    node.choose_image(image)?;
    let mut follower = Follower::new(machine);
    let mut timeline = Vec::new();
    let start = Instant::now();
    node.start_deployment(&json!({"meta_data": {"uuid": node.uuid()}}))?;
    node.watch("active", limit, |state| {
        follower.look()?;
        // Of the boot that deploys; Ironic starts the server once more in the end.
        let milestones = follower.seen().milestones();
        if milestones.len() >= timeline.len() {
            timeline = milestones.to_vec();
        }
        settled_in(state, &["active"])
    })?;
    Ok(Deployed {
        took: start.elapsed(),
        timeline,
        commands: follower.seen().take_commands(),
    })
}

/// Switches a server off for good; Ironic would switch it on again.
fn retire(lab: &Lab, node: &Node<'_>, machine: &Machine) -> Result<(), Error> {
    wait::until("Ironic to leave the node alone", RETIRE_LIMIT, || {
        let refused = lab.ironic().set_maintenance(node.uuid(), "measured");
        Ok(match refused {
            Ok(()) => Probe::Ready(()),
            Err(error) => Probe::NotYet(error.chain()),
        })
    })?;
    machine.power_off()
}

fn check_disk(lab: &Lab, machine: &Machine) -> Result<(), Error> {
    let expected = lab.run_dir().join("expected.raw");
    if !expected.exists() {
        disk::to_raw(&lab.os_images()?.qcow2.path, &expected)?;
    }
    disk::compare(&machine.disk(0), &expected).map(drop)
}
