// SPDX-License-Identifier: Apache-2.0
//! A raw whole-disk image is deployed onto the smallest disk that is large enough, over leftovers
//! of an earlier owner, and boots.

use super::deployed::{self, Deployment};
use super::{Scenario, default_options};
use crate::error::Error;
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, MachineSpec};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "deploy_raw",
    summary: "a raw image with a config drive is deployed to a SCSI disk and boots",
    configure: default_options,
    needs_os_image: true,
    play,
};

fn play(lab: &Lab) -> Result<(), Error> {
    let spec = MachineSpec::new("deployed-raw")
        // Too small to be chosen, then the one to be chosen, then a larger one.
        .with_disk(DiskSpec::new(Bus::Scsi, 2, "LAB-SMALL"))
        .with_disk(DiskSpec::new(Bus::Scsi, 6, "LAB-RIGHT"))
        .with_disk(DiskSpec::new(Bus::Scsi, 8, "LAB-LARGE"));
    let images = lab.os_images()?;
    deployed::check(
        lab,
        &Deployment {
            spec,
            boot: BootInterface::VirtualMedia,
            image: &images.raw.path,
            contents: &images.raw.path,
            disk_format: "raw",
            root_device: None,
            disk: 1,
        },
    )
}
