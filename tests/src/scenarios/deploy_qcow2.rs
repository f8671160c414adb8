// SPDX-License-Identifier: Apache-2.0
//! A qcow2 image of 604 MB is deployed over iPXE onto a machine with 384 MiB of memory, onto the
//! disk that the root device hint names, and boots. The agent says where the time went.

use serde_json::json;

use super::deployed::{self, Deployment};
use super::{Scenario, default_options};
use crate::error::Error;
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, MachineSpec};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "deploy_qcow2",
    summary: "a qcow2 image larger than memory is deployed over iPXE to an NVMe disk and boots",
    configure: default_options,
    needs_os_image: true,
    play,
};

/// Less than the image, and less than its data with the agent's own needs.
const MEMORY_MIB: u32 = 384;

fn play(lab: &Lab) -> Result<(), Error> {
    let spec = MachineSpec::new("deployed-qcow2")
        .with_memory(MEMORY_MIB)
        .with_disk(DiskSpec::new(Bus::Scsi, 5, "LAB-OTHER"))
        .with_disk(DiskSpec::new(Bus::Nvme, 6, "LAB-ROOT"));
    let images = lab.os_images()?;
    deployed::check(
        lab,
        &Deployment {
            spec,
            boot: BootInterface::Ipxe,
            image: &images.qcow2.path,
            contents: &images.raw.path,
            disk_format: "qcow2",
            root_device: Some(json!({"serial": "LAB-ROOT"})),
            disk: 1,
        },
    )
}
