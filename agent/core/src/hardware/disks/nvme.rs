// SPDX-License-Identifier: Apache-2.0
//! An NVMe namespace as a disk.

use super::answers::Answers;
use super::requests::{NVME_HEALTH, NVME_NAMESPACES, NVME_SANITIZE, NVME_WRITE_CACHE};
use super::security::{Sanitize, Security};
use super::{Namespace, Reading, nvme_health, nvme_identify};

pub(super) fn fill(reading: &mut Reading<'_, '_>, controller: &str) {
    reading.disk.firmware = reading.text("firmware_rev");
    let answers = reading.answers(controller);
    let identities = &reading.source.snapshot.nvme_controllers;
    let identity = identities.get(controller).map(|identity| &identity.0);
    let identity = identity.filter(|identity| nvme_identify::is_filled(identity));
    match identity {
        Some(identity) => fill_identity(reading, controller, identity, answers),
        None => reading.note("controller", "its identify data was not read, or is empty"),
    }
    match answers.bytes(NVME_HEALTH) {
        Ok(log) => {
            reading.disk.health = nvme_health::health(log);
            if reading.disk.health.is_none() {
                reading.note("health", "the health log is cut short");
            }
        }
        Err(reason) => reading.note("health", reason),
    }
    if let (Some(health), Some(identity)) = (&mut reading.disk.health, identity) {
        health.temperature_limit_celsius = nvme_identify::warning_temperature(identity);
    }
}

fn fill_identity(
    reading: &mut Reading<'_, '_>,
    controller: &str,
    identity: &[u8],
    answers: Answers<'_>,
) {
    let nvme = nvme_identify::read(controller, identity, answers);
    if let Some(own) = own_namespace(reading, &nvme.namespaces) {
        let zeroes = own
            .discarded_reads
            .as_deref()
            .map(|reads| reads == "zeroes");
        reading.disk.protection_type = own.protection_type;
        reading.set_discarded_reads_zeroes(zeroes);
    } else if answers.0.is_some() {
        let reason = answers.bytes(NVME_NAMESPACES).err();
        let reason = reason.unwrap_or_else(|| "the namespace's identify data is empty".into());
        reading.note("namespaces", reason);
    }
    reading.disk.nvme = Some(nvme);
    reading.disk.security = Some(Security {
        password: None,
        security_protocols: nvme_identify::security_protocols(identity),
        format: nvme_identify::format(identity),
        sanitize: sanitize(identity, answers),
    });
    fill_write_cache(reading, identity, answers);
}

/// The namespace that the disk is, by the number the kernel gives.
fn own_namespace(reading: &Reading<'_, '_>, namespaces: &[Namespace]) -> Option<Namespace> {
    let path = format!("/sys/class/block/{}/nsid", reading.name);
    let id: u32 = reading.source.files.number(&path)?;
    namespaces.iter().find(|own| own.id == id).cloned()
}

fn sanitize(identity: &[u8], answers: Answers<'_>) -> Option<Sanitize> {
    let mut sanitize = nvme_identify::sanitize(identity)?;
    if let Ok(log) = answers.bytes(NVME_SANITIZE) {
        nvme_health::add_sanitize_status(&mut sanitize, log);
    }
    Some(sanitize)
}

fn fill_write_cache(reading: &mut Reading<'_, '_>, identity: &[u8], answers: Answers<'_>) {
    let present = nvme_identify::has_write_cache(identity);
    let cache = &mut reading.disk.write_cache;
    cache.present = present;
    // Bit 0 of the feature's value; a cache that is off answers with zeroes.
    let enabled = answers.0.and_then(|known| known.data(NVME_WRITE_CACHE));
    cache.enabled = enabled
        .and_then(|value| value.first())
        .map(|value| value & 1 != 0);
    if present == Some(false) {
        reading.disk.power_loss_protection = Some(true);
    } else {
        let reason =
            "the drive has a volatile write cache and does not say whether power is backed up";
        reading.note("power_loss_protection", reason);
    }
}
