// SPDX-License-Identifier: Apache-2.0
//! What an NVMe controller is: Identify Controller (NVM Express base
//! specification 2.0 §5.17.2.1) and firmware slots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answers::{Answers, byte, counter, le, text};
use super::nvme_namespace::{Namespace, namespace};
use super::requests::{NVME_FIRMWARE, identify_namespace, namespaces};
use super::security::{Format, Sanitize};

/// An NVMe controller and everything in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Nvme {
    /// The controller, `nvme0`. Several disks may be namespaces of one.
    pub controller: String,
    /// Version of the specification it follows, `1.4.0`.
    pub version: Option<String>,
    /// How many namespaces it can have at most.
    pub namespaces_at_most: Option<u32>,
    /// Its active namespaces.
    pub namespaces: Vec<Namespace>,
    /// Bytes of all its media, if it manages namespaces.
    pub total_bytes: Option<u64>,
    /// Bytes that belong to no namespace.
    pub unallocated_bytes: Option<u64>,
    /// Its firmware slots that hold something.
    pub firmware_slots: Vec<FirmwareSlot>,
}

/// A place for firmware in a controller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FirmwareSlot {
    /// Its number, from 1.
    pub slot: u8,
    /// Revision of the firmware in it.
    pub revision: String,
    /// Whether it runs now.
    pub active: bool,
    /// Whether it will run after the next reset.
    pub next: bool,
}

/// Whether this can be a controller's data: the sizes of queue entries (SQES,
/// byte 512) are never 0, and all ones is what a dead device answers.
pub(super) fn is_filled(identity: &[u8]) -> bool {
    byte(identity, 512).is_some_and(|sizes| sizes != 0 && sizes != 0xff)
}

/// SANICAP, dword 328: bits 0 to 2 tell the ways to sanitize.
pub(super) fn sanitize_bits(identity: &[u8]) -> u64 {
    le(identity, 328, 4).unwrap_or(0) & 0b111
}

/// VWC, byte 525 bit 0: whether there is a volatile write cache.
pub(super) fn has_write_cache(identity: &[u8]) -> Option<bool> {
    byte(identity, 525).map(|vwc| vwc & 1 != 0)
}

/// OACS, word 256: optional admin commands.
fn has_command(identity: &[u8], bit: u32) -> Option<bool> {
    le(identity, 256, 2).map(|commands| commands >> bit & 1 != 0)
}

/// Whether Security Send and Receive are there.
pub(super) fn security_protocols(identity: &[u8]) -> Option<bool> {
    has_command(identity, 0)
}

/// Format NVM: OACS bit 1, FNA byte 524.
pub(super) fn format(identity: &[u8]) -> Option<Format> {
    let attributes = byte(identity, 524)?;
    Some(Format {
        supported: has_command(identity, 1)?,
        formats_every_namespace: attributes & 1 != 0,
        erases_every_namespace: attributes & 2 != 0,
        cryptographic_erase: attributes & 4 != 0,
    })
}

/// The ways to sanitize; `None` if there are none.
pub(super) fn sanitize(identity: &[u8]) -> Option<Sanitize> {
    let ways = sanitize_bits(identity);
    (ways != 0).then(|| Sanitize {
        cryptographic_erase: ways & 1 != 0,
        block_erase: ways & 2 != 0,
        overwrite: ways & 4 != 0,
        ..Sanitize::default()
    })
}

/// The temperature at which it warns (WCTEMP, word 266), °C.
pub(super) fn warning_temperature(identity: &[u8]) -> Option<i16> {
    celsius(le(identity, 266, 2)?)
}

/// Kelvin to °C; 0 stands for no value.
pub(super) fn celsius(kelvin: u64) -> Option<i16> {
    let kelvin = i16::try_from(kelvin).ok().filter(|kelvin| *kelvin > 0)?;
    Some(kelvin - 273)
}

/// The controller and its namespaces.
pub(super) fn read(controller: &str, identity: &[u8], answers: Answers<'_>) -> Nvme {
    let numbers = answers.0.map(namespaces).unwrap_or_default();
    let describe = |id| namespace(id, answers.optional(identify_namespace(id)));
    let filled = |at| counter(identity, at).filter(|bytes| *bytes > 0);
    let total_bytes = filled(280);
    Nvme {
        controller: controller.to_owned(),
        version: le(identity, 80, 4).and_then(version),
        namespaces_at_most: le(identity, 516, 4)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (1..u32::MAX).contains(number)),
        namespaces: numbers.into_iter().filter_map(describe).collect(),
        unallocated_bytes: total_bytes.and_then(|_| counter(identity, 296)),
        total_bytes,
        firmware_slots: firmware_slots(answers.optional(NVME_FIRMWARE)),
    }
}

/// VER: major in bits 31:16, minor 15:8, tertiary 7:0; 0 before version 1.2.
fn version(number: u64) -> Option<String> {
    let (major, minor, tertiary) = (number >> 16, number >> 8 & 0xff, number & 0xff);
    (1..16)
        .contains(&major)
        .then(|| format!("{major}.{minor}.{tertiary}"))
}

/// Firmware Slot Information (§5.16.1.4): AFI, then 8 characters for each slot.
fn firmware_slots(log: &[u8]) -> Vec<FirmwareSlot> {
    let Some(active) = byte(log, 0) else {
        return Vec::new();
    };
    (1..=7_u8)
        .filter_map(|slot| {
            let at = usize::from(slot) * 8;
            Some(FirmwareSlot {
                slot,
                revision: text(log.get(at..at + 8)?)?,
                active: active & 7 == slot,
                next: active >> 4 & 7 == slot,
            })
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Identify Controller as an enterprise SSD of the Samsung PM1733 kind
    /// fills it: NVMe 1.3, format and sanitize, no volatile cache.
    pub(in super::super) fn controller() -> Vec<u8> {
        let mut data = vec![0; 4096];
        let mut put = |at: usize, bytes: &[u8]| data[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[0x4d, 0x14, 0x4d, 0x14]);
        put(80, &[0, 3, 1, 0]);
        put(256, &[0x5f, 0]);
        put(266, &[0x5d, 1, 0x62, 1]);
        put(280, &3_840_755_982_336_u128.to_le_bytes());
        put(328, &[0b011, 0, 0, 0]);
        put(512, &[0x66, 0x44]);
        put(516, &[32, 0, 0, 0]);
        put(524, &[0b100, 0]);
        data
    }

    #[test]
    fn the_controller_tells_its_abilities() {
        let data = controller();
        assert_eq!(sanitize_bits(&data), 3);
        assert_eq!(has_write_cache(&data), Some(false));
        assert_eq!(security_protocols(&data), Some(true));
        assert_eq!(warning_temperature(&data), Some(76));
        let format = format(&data).expect("format");
        assert!(format.supported && format.cryptographic_erase);
        assert!(!format.formats_every_namespace && !format.erases_every_namespace);
        let found = read("nvme0", &data, Answers(None));
        assert_eq!(found.version.as_deref(), Some("1.3.0"));
        assert_eq!(found.namespaces_at_most, Some(32));
        assert_eq!(found.total_bytes, Some(3_840_755_982_336));
        assert_eq!(found.unallocated_bytes, Some(0));
    }

    #[test]
    fn firmware_slots_say_which_runs() {
        let mut log = vec![0; 512];
        log[0] = 0x21;
        log[8..16].copy_from_slice(b"EPK98B5Q");
        log[16..24].copy_from_slice(b"EPK9AB5Q");
        let found = firmware_slots(&log);
        assert_eq!(found.len(), 2);
        assert!(found[0].active && !found[0].next);
        assert!(!found[1].active && found[1].next);
        assert_eq!(found[1].revision, "EPK9AB5Q");
        assert!(firmware_slots(&[]).is_empty());
    }
}
