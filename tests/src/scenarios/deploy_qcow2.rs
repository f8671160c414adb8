// SPDX-License-Identifier: Apache-2.0
//! A qcow2 image is deployed over iPXE onto the disk that the root device hint names, and boots.

use serde_json::json;

use super::deployed::{self, Deployment};
use super::{Scenario, default_options};
use crate::error::Error;
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, MachineSpec};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "deploy_qcow2",
    summary: "a qcow2 image with a config drive is deployed over iPXE to an NVMe disk and boots",
    configure: default_options,
    needs_os_image: true,
    play,
};

fn play(lab: &Lab) -> Result<(), Error> {
    let spec = MachineSpec::new("deployed-qcow2")
        .with_disk(DiskSpec::new(Bus::Scsi, 5, "LAB-OTHER"))
        .with_disk(DiskSpec::new(Bus::Nvme, 6, "LAB-ROOT"));
    let images = lab.os_images()?;
    deployed::check(
        lab,
        &Deployment {
            spec,
            boot: BootInterface::Ipxe,
            image: &images.qcow2.path,
            disk_format: "qcow2",
            root_device: Some(json!({"serial": "LAB-ROOT"})),
            disk: 1,
        },
    )
}
