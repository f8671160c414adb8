// SPDX-License-Identifier: Apache-2.0
//! Controllers of disks, as the kernel shows them: RAID controllers, host bus
//! adapters, enclosures, expanders and the volumes whose RAID level is told.
//!
//! What a driver keeps to its vendor's tool is absent. That is most of what a
//! MegaRAID knows: its driver shows neither firmware nor physical disks.

mod enclosures;
mod hosts;
mod volumes;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pci::PciDevice;
use super::{Absences, Source};

pub use enclosures::{Enclosure, EnclosureSlot, SasExpander};
pub use hosts::{ControllerKind, StorageController};
pub use volumes::RaidVolume;

/// Controllers of disks and what hangs on them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Controllers {
    /// RAID controllers and host bus adapters. Those on USB are left out, and
    /// NVMe controllers are told as disks.
    pub storage: Vec<StorageController>,
    /// How many NVMe controllers there are.
    pub nvme_count: usize,
    /// Disk enclosures and backplanes that speak SCSI Enclosure Services.
    pub enclosures: Vec<Enclosure>,
    /// SAS expanders.
    pub sas_expanders: Vec<SasExpander>,
    /// Volumes of hardware RAID whose level is told.
    pub raid_volumes: Vec<RaidVolume>,
}

pub(super) fn read(
    source: &Source<'_>,
    devices: &[PciDevice],
    absent: &mut Absences,
) -> Controllers {
    let files = source.files;
    Controllers {
        storage: hosts::read(files, devices, absent),
        nvme_count: files.names("/sys/class/nvme").len(),
        enclosures: enclosures::read(files),
        sas_expanders: enclosures::expanders(files),
        raid_volumes: volumes::read(files),
    }
}
