// SPDX-License-Identifier: Apache-2.0
//! An image made for sectors of 512 bytes is deployed to a disk with sectors of 4096 bytes, and
//! boots: its table is written anew, its partitions lie where they lay.

use super::deployed::{self, Deployment};
use super::{Scenario, default_options};
use crate::error::Error;
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, MachineSpec};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "deploy_4kn",
    summary: "an image for 512-byte sectors is deployed to a disk with 4096-byte sectors and boots",
    configure: default_options,
    needs_os_image: true,
    play,
};

fn play(lab: &Lab) -> Result<(), Error> {
    let disk = DiskSpec::new(Bus::Scsi, 6, "LAB-4KN").with_large_sectors();
    let images = lab.os_images()?;
    deployed::check(
        lab,
        &Deployment {
            spec: MachineSpec::new("deployed-4kn").with_disk(disk),
            boot: BootInterface::VirtualMedia,
            image: &images.qcow2.path,
            contents: &images.raw.path,
            disk_format: "qcow2",
            root_device: None,
            disk: 0,
        },
    )
}
