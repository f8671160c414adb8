// SPDX-License-Identifier: Apache-2.0
//! An ATA drive as a disk, by SATA or behind a SAS controller.

use super::answers::Answers;
use super::ata_identify::AtaIdentify;
use super::health::Health;
use super::security::Security;
use super::{Reading, ata_smart, ata_statistics, scsi};
use crate::snapshot::DriveRequest;

/// Why ATA and SCSI drives do not tell whether they protect their cache.
pub(super) const NO_POWER_LOSS_FIELD: &str = "the protocol has no field for it";

pub(super) fn fill(reading: &mut Reading<'_, '_>) {
    if reading.disk.protocol.as_deref() != Some("ata") {
        reading.disk.protocol = Some("sata".into());
    }
    let answers = reading.answers(reading.name);
    let identity = answers
        .bytes(DriveRequest::AtaIdentify)
        .and_then(AtaIdentify::new);
    match identity {
        Ok(identity) => {
            fill_identity(reading, &identity);
            reading.note("power_loss_protection", NO_POWER_LOSS_FIELD);
            fill_health(reading, &identity, answers);
        }
        Err(reason) => {
            // A drive that was not asked is told once, with its health.
            if answers.0.is_some() {
                reading.note("identify data", reason);
            }
            scsi::fill(reading);
        }
    }
}

fn fill_identity(reading: &mut Reading<'_, '_>, identity: &AtaIdentify) {
    reading.disk.firmware = identity.firmware().or_else(|| reading.text("rev"));
    reading.disk.form_factor = identity.form_factor().map(str::to_owned);
    reading.set_rotation(identity.rotation_rpm());
    reading.set_discarded_reads_zeroes(identity.discarded_reads_zeroes());
    let disk = &mut reading.disk;
    let enabled = identity.write_cache_enabled();
    disk.write_cache.present = enabled.map(|_| true);
    disk.write_cache.enabled = enabled;
    (disk.link_speed_mbps, disk.link_speed_at_most_mbps) = identity.link_speeds_mbps();
    if disk.zoned.is_none() && identity.is_drive_managed() {
        disk.zoned = Some("drive-managed".into());
    }
    let security = Security {
        password: identity.password(),
        security_protocols: identity.trusted_computing(),
        format: None,
        sanitize: identity.sanitize(),
    };
    disk.security = (security != Security::default()).then_some(security);
}

fn fill_health(reading: &mut Reading<'_, '_>, identity: &AtaIdentify, answers: Answers<'_>) {
    match identity.smart_enabled() {
        Some(true) => {}
        Some(false) => return reading.note("health", "SMART is switched off in the drive"),
        None => return reading.note("health", "the drive has no SMART"),
    }
    let mut health = Health::default();
    let status = answers
        .bytes(DriveRequest::AtaSmartStatus)
        .and_then(|sense| ata_smart::add_status(&mut health, sense));
    let thresholds = answers.optional(DriveRequest::AtaSmartThresholds);
    let attributes = answers
        .bytes(DriveRequest::AtaSmartData)
        .and_then(|data| ata_smart::add_attributes(&mut health, data, thresholds));
    let sector = reading.disk.sizes.logical_bytes.unwrap_or(512);
    ata_statistics::add(&mut health, answers, u64::from(sector));
    if let Err(reason) = status {
        reading.note("SMART status", reason);
    }
    if let Err(reason) = attributes {
        reading.note("SMART attributes", reason);
    }
    if reading.disk.solid_state == Some(true) && health.endurance_used_percent.is_none() {
        let reason = "the drive has no statistics of solid state drives";
        reading.note("endurance", reason);
    }
    if health != Health::default() {
        reading.disk.health = Some(health);
    }
}
