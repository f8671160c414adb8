// SPDX-License-Identifier: Apache-2.0
//! Disks: what each is, what it can do, and how it is.
//!
//! One file per protocol and idea. [`requests`] says what is asked of which
//! drive; the rest reads the answers.

mod answers;
mod ata;
mod ata_identify;
mod ata_smart;
mod ata_statistics;
mod block_queue;
mod health;
#[cfg(test)]
mod hostile_tests;
mod nvme;
mod nvme_health;
mod nvme_identify;
mod nvme_namespace;
mod requests;
mod scsi;
mod scsi_pages;
mod security;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Absences, Source};
use crate::block::{BlockDevice, BlockDevices, BlockKind};
use crate::image::unfinished;
use crate::inventory::{block_devices, nvme_controller};
use answers::Answers;
use block_queue::Queue;

pub use block_queue::{Discard, Sizes, WriteCache};
pub use health::{AttributeBelowThreshold, Health, Verdict, Warning};
pub use nvme_identify::{FirmwareSlot, Nvme};
pub use nvme_namespace::{LbaFormat, Namespace};
pub use requests::{Drive, drives_to_ask};
pub use security::{Format, Password, Sanitize, SanitizeState, Security};

/// A disk as the kernel shows it: a drive, a namespace of a drive, a volume of
/// a RAID controller or a storage network, a virtual disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Disk {
    /// Device node, `/dev/nvme0n1`.
    pub name: String,
    /// What it speaks: `nvme`, `sata`, `sas`, `scsi`, `virtio`, `usb`, `fc`,
    /// `iscsi`, …. A SATA drive at a SAS controller is `sata`.
    pub protocol: Option<String>,
    /// `2.5 inch`, `M.2`, …
    pub form_factor: Option<String>,
    /// Whether it has no moving parts; absent if the disk does not say.
    pub solid_state: Option<bool>,
    /// Revolutions per minute of its platters.
    pub rotation_rpm: Option<u32>,
    /// Vendor name.
    pub vendor: Option<String>,
    /// Model name.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Firmware revision.
    pub firmware: Option<String>,
    /// World Wide Name, with the vendor's extension if there is one.
    pub wwn: Option<String>,
    /// Size, bytes.
    pub size_bytes: u64,
    /// Sizes of requests.
    pub sizes: Sizes,
    /// How blocks are given back and zeroed.
    pub discard: Option<Discard>,
    /// The volatile write cache.
    pub write_cache: WriteCache,
    /// Whether what it has acknowledged survives a loss of power without a
    /// flush. NVMe drives say so by having no volatile write cache.
    pub power_loss_protection: Option<bool>,
    /// `host-aware`, `host-managed`, `drive-managed`; absent for ordinary disks.
    pub zoned: Option<String>,
    /// Protection information (T10 PI) in use, type 1 to 3; absent if off.
    pub protection_type: Option<u8>,
    /// Speed of the SATA link now, Mbit/s.
    pub link_speed_mbps: Option<u32>,
    /// Speed the drive is capable of, Mbit/s.
    pub link_speed_at_most_mbps: Option<u32>,
    /// The multipath map it is a path of, `/dev/dm-0`.
    pub multipath_map: Option<String>,
    /// The image that was being written to this disk and was not finished, by
    /// the marker at its front.
    pub unfinished_image: Option<String>,
    /// Its NVMe controller.
    pub nvme: Option<Nvme>,
    /// Security state and ways to erase.
    pub security: Option<Security>,
    /// What it reports about its own condition.
    pub health: Option<Health>,
    /// Whether to trust it.
    pub verdict: Verdict,
    /// What the verdict rests on, and what else is worth a look.
    pub verdict_reasons: Vec<String>,
}

/// Every disk, in the kernel's order.
pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> Vec<Disk> {
    let blocks = block_devices(source.snapshot);
    let disks = blocks.0.iter();
    let disks: Vec<Disk> = disks
        .filter(|device| device.kind == BlockKind::Disk && device.size > 0)
        .map(|device| disk(source, &blocks, device, absent))
        .collect();
    for controller in source.snapshot.nvme_controllers.keys() {
        let has_disk = |disk: &Disk| {
            let name = disk.name.trim_start_matches("/dev/");
            nvme_controller(source.files, name).as_ref() == Some(controller)
        };
        if !is_one_of_several_paths(source, controller) && !disks.iter().any(has_disk) {
            let reason = "the controller has no namespace that the kernel shows as a disk";
            absent.note(format!("/dev/{controller}"), "disk", reason);
        }
    }
    disks
}

/// Whether a controller leads to namespaces that another one leads to as well.
fn is_one_of_several_paths(source: &Source<'_>, controller: &str) -> bool {
    let subsystems = source.files.names("/sys/class/nvme-subsystem");
    subsystems.into_iter().any(|subsystem| {
        let members = source
            .files
            .names(&format!("/sys/class/nvme-subsystem/{subsystem}"));
        let is_controller = |name: &&str| {
            name.strip_prefix("nvme")
                .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
        };
        members.contains(&controller) && members.iter().filter(|m| is_controller(m)).count() > 1
    })
}

/// One disk while it is read.
struct Reading<'a, 'b> {
    source: &'a Source<'a>,
    /// Kernel name.
    name: &'a str,
    disk: Disk,
    absent: &'b mut Absences,
}

impl<'a> Reading<'a, '_> {
    /// Notes what is not known of the disk.
    fn note(&mut self, value: &str, reason: impl Into<String>) {
        self.absent.note(&self.disk.name, value, reason);
    }

    /// The text of a file of the device.
    fn text(&self, name: &str) -> Option<String> {
        let path = format!("/sys/class/block/{}/device/{name}", self.name);
        self.source.files.text(&path).map(str::to_owned)
    }

    /// What a drive or controller answered.
    fn answers(&self, drive: &str) -> Answers<'a> {
        Answers(self.source.snapshot.drives.get(drive))
    }

    fn set_discarded_reads_zeroes(&mut self, told: Option<bool>) {
        if let Some(discard) = self.disk.discard.as_mut().filter(|d| d.supported) {
            discard.reads_zeroes = told;
        }
    }

    fn set_rotation(&mut self, rpm: Option<u32>) {
        if let Some(rpm) = rpm {
            self.disk.solid_state = Some(rpm == 0);
            self.disk.rotation_rpm = (rpm > 0).then_some(rpm);
        }
    }
}

/// The image whose marker stands at the front of a disk.
fn unfinished_image(source: &Source<'_>, name: &str) -> Option<String> {
    let content = source.snapshot.contents.get(name)?;
    unfinished::read(&content.read(0, unfinished::LENGTH)?)
}

fn disk(
    source: &Source<'_>,
    blocks: &BlockDevices,
    device: &BlockDevice,
    absent: &mut Absences,
) -> Disk {
    let name = device.name.trim_start_matches("/dev/").replace('/', "!");
    let queue = Queue::of(source.files, &name);
    let is_map = |holder: &&String| {
        let holder = blocks.get(holder);
        holder.is_some_and(|holder| holder.kind == BlockKind::Multipath)
    };
    let wwn = device.wwn_with_extension.as_ref().or(device.wwn.as_ref());
    let disk = Disk {
        name: device.name.clone(),
        protocol: device.transport.clone(),
        solid_state: queue.solid_state(),
        vendor: device.vendor.clone(),
        model: device.model.clone(),
        serial: device.serial.clone(),
        wwn: wwn.cloned(),
        size_bytes: device.size,
        sizes: queue.sizes(),
        discard: queue.discard(),
        write_cache: queue.write_cache(),
        zoned: queue.zoned(),
        unfinished_image: unfinished_image(source, &name),
        multipath_map: device.holders.iter().find(is_map).cloned(),
        ..Disk::default()
    };
    let mut reading = Reading {
        source,
        name: &name,
        disk,
        absent,
    };
    if let Some(controller) = nvme_controller(source.files, &name) {
        nvme::fill(&mut reading, &controller);
    } else if !requests::is_asked(&name, device) {
        let kind = reading.disk.protocol.as_deref().unwrap_or("such");
        let reason = format!("{kind} disks are not asked");
        reading.note("health", reason);
    } else if requests::is_ata(source.files, &name) {
        ata::fill(&mut reading);
    } else {
        scsi::fill(&mut reading);
    }
    if let Some(health) = &reading.disk.health {
        (reading.disk.verdict, reading.disk.verdict_reasons) = health::judge(health);
    }
    reading.disk
}
