// SPDX-License-Identifier: Apache-2.0
//! A SCSI disk: a SAS drive, a volume of a RAID controller, a virtual disk.

use super::ata::NO_POWER_LOSS_FIELD;
use super::health::Health;
use super::requests::{SCSI_CACHING, SCSI_LOG_PAGES};
use super::{Reading, scsi_pages};
use crate::snapshot::DriveRequest;

pub(super) fn fill(reading: &mut Reading<'_, '_>) {
    if reading.disk.protocol.is_none() {
        reading.disk.protocol = Some("scsi".into());
    }
    reading.disk.firmware = reading.text("rev");
    reading.disk.protection_type = protection_type(reading);
    let answers = reading.answers(reading.name);
    let made = scsi_pages::characteristics(vpd(reading, 0xb1));
    reading.disk.form_factor = made.form_factor.map(str::to_owned);
    reading.set_rotation(made.rotation_rpm);
    if reading.disk.zoned.is_none() && made.drive_managed {
        reading.disk.zoned = Some("drive-managed".into());
    }
    reading.set_discarded_reads_zeroes(scsi_pages::discarded_reads_zeroes(vpd(reading, 0xb2)));
    let enabled = scsi_pages::write_cache_enabled(answers.optional(SCSI_CACHING));
    // A SCSI drive whose cache is off does not say whether it has one.
    reading.disk.write_cache.present = enabled.filter(|enabled| *enabled);
    reading.disk.write_cache.enabled = enabled;
    if answers.0.is_some() {
        reading.note("power_loss_protection", NO_POWER_LOSS_FIELD);
    }
    let health = scsi_pages::health(answers);
    if health == Health::default() {
        let pages = answers.bytes(SCSI_LOG_PAGES);
        let exceptions = pages.and_then(|_| answers.bytes(DriveRequest::ScsiLog { page: 0x2f }));
        let reason = exceptions.err();
        let reason = reason.unwrap_or_else(|| "its log pages say nothing of it".into());
        reading.note("health", reason);
    } else {
        reading.disk.health = Some(health);
    }
}

/// A page that the drive gave, else the one the kernel keeps (since 5.17).
fn vpd<'a>(reading: &Reading<'a, '_>, page: u8) -> &'a [u8] {
    let answers = reading.answers(reading.name);
    let path = format!("/sys/class/block/{}/device/vpd_pg{page:x}", reading.name);
    answers
        .bytes(DriveRequest::ScsiVpd { page })
        .ok()
        .or_else(|| reading.source.files.bytes(&path))
        .unwrap_or_default()
}

/// The kernel's word for T10 protection, 0 for none.
fn protection_type(reading: &Reading<'_, '_>) -> Option<u8> {
    let files = reading.source.files;
    let directory = format!("/sys/class/block/{}/device/scsi_disk", reading.name);
    let address = *files.names(&directory).first()?;
    let kind = files.number::<u8>(&format!("{directory}/{address}/protection_type"))?;
    (1..=3).contains(&kind).then_some(kind)
}
