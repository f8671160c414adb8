// SPDX-License-Identifier: Apache-2.0
//! What an NVMe controller and its namespaces are: Identify data (NVM Express
//! base specification 2.0 §5.17, NVM command set specification 1.0 §4.1.5) and
//! firmware slots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answers::{Answers, byte, counter, le, text};
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

/// A namespace: what the kernel shows as a disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Namespace {
    /// Its number.
    pub id: u32,
    /// Size, bytes.
    pub size_bytes: Option<u64>,
    /// What may be allocated at one time, bytes; less than the size if thin.
    pub capacity_bytes: Option<u64>,
    /// What is allocated now, bytes.
    pub used_bytes: Option<u64>,
    /// EUI-64, hexadecimal.
    pub eui64: Option<String>,
    /// NGUID, hexadecimal.
    pub nguid: Option<String>,
    /// Number of the format in use.
    pub format: Option<u8>,
    /// The formats it can be given.
    pub formats: Vec<LbaFormat>,
    /// Whether metadata comes at the end of each block instead of by itself.
    pub metadata_in_block: bool,
    /// End-to-end protection in use, type 1 to 3; absent if off.
    pub protection_type: Option<u8>,
    /// Whether several controllers may use it.
    pub shared: bool,
    /// What a discarded block reads as: `zeroes`, `ones`; absent if not told.
    pub discarded_reads: Option<String>,
}

/// A format of blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LbaFormat {
    /// Bytes of data in a block.
    pub data_bytes: u32,
    /// Bytes of metadata beside them.
    pub metadata_bytes: u16,
    /// 0 is the fastest, 3 the slowest.
    pub relative_performance: u8,
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

/// Identify Namespace; `None` if it holds nothing, as for an inactive one.
fn namespace(id: u32, data: &[u8]) -> Option<Namespace> {
    let blocks = le(data, 0, 8).filter(|blocks| *blocks > 0)?;
    // NLBAF counts from 0. FLBAS has the number's low bits in 3:0, the high
    // ones in 6:5.
    let count = usize::from(byte(data, 25)?) + 1;
    let chosen = byte(data, 26)?;
    let high = if count > 16 { chosen >> 5 & 3 } else { 0 };
    let number = high << 4 | chosen & 0x0f;
    let formats: Vec<LbaFormat> = (0..count.min(64))
        .map_while(|index| lba_format(le(data, 128 + 4 * index, 4)?))
        .collect();
    let block = formats.get(usize::from(number));
    let bytes = |blocks: u64| blocks.checked_mul(u64::from(block?.data_bytes));
    let protection = byte(data, 29)? & 7;
    Some(Namespace {
        id,
        size_bytes: bytes(blocks),
        capacity_bytes: le(data, 8, 8).and_then(bytes),
        used_bytes: le(data, 16, 8).and_then(bytes),
        nguid: identifier(data.get(104..120)?),
        eui64: identifier(data.get(120..128)?),
        format: block.is_some().then_some(number),
        metadata_in_block: chosen & 0x10 != 0,
        protection_type: (1..=3).contains(&protection).then_some(protection),
        shared: byte(data, 30)? & 1 != 0,
        discarded_reads: match byte(data, 33)? & 7 {
            1 => Some("zeroes".into()),
            2 => Some("ones".into()),
            _ => None,
        },
        formats,
    })
}

/// MS in bits 15:0, LBADS (a power of two) 23:16, RP 25:24. A block has at
/// least 512 bytes; zero marks a format that is not there.
fn lba_format(dword: u64) -> Option<LbaFormat> {
    let exponent = u32::try_from(dword >> 16 & 0xff).ok()?;
    (9..=24).contains(&exponent).then(|| LbaFormat {
        data_bytes: 1 << exponent,
        metadata_bytes: u16::try_from(dword & 0xffff).unwrap_or(0),
        relative_performance: u8::try_from(dword >> 24 & 3).unwrap_or(0),
    })
}

fn identifier(bytes: &[u8]) -> Option<String> {
    let told = bytes.iter().any(|b| *b != 0) && bytes.iter().any(|b| *b != 0xff);
    told.then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
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

    /// Identify Namespace: 3.84 TB in blocks of 512 bytes, four formats.
    pub(in super::super) fn namespace_data() -> Vec<u8> {
        let mut data = vec![0; 4096];
        let mut put = |at: usize, bytes: &[u8]| data[at..at + bytes.len()].copy_from_slice(bytes);
        let blocks = 7_501_476_528_u64.to_le_bytes();
        put(0, &blocks);
        put(8, &blocks);
        put(16, &1_000_u64.to_le_bytes());
        put(25, &[3, 0]);
        put(33, &[0b1001]);
        put(120, &[0, 0x25, 0x38, 0xb1, 0x11, 0x50, 0x30, 0x7f]);
        put(128, &0x0009_0000_u32.to_le_bytes());
        put(132, &0x0109_0008_u32.to_le_bytes());
        put(136, &0x000c_0000_u32.to_le_bytes());
        put(140, &0x030c_0040_u32.to_le_bytes());
        data
    }

    #[test]
    fn a_namespace_has_its_formats() {
        let found = namespace(1, &namespace_data()).expect("a namespace");
        assert_eq!(found.size_bytes, Some(3_840_755_982_336));
        assert_eq!(found.used_bytes, Some(512_000));
        assert_eq!(found.format, Some(0));
        assert_eq!(found.formats.len(), 4);
        assert_eq!(
            found.formats[3],
            LbaFormat {
                data_bytes: 4096,
                metadata_bytes: 64,
                relative_performance: 3
            }
        );
        assert_eq!(found.eui64.as_deref(), Some("002538b11150307f"));
        assert_eq!(found.nguid, None);
        assert_eq!(found.discarded_reads.as_deref(), Some("zeroes"));
        assert_eq!(found.protection_type, None);
        let mut protected = namespace_data();
        protected[26] = 0x11;
        protected[29] = 0b1010;
        let found = namespace(1, &protected).expect("a namespace");
        assert_eq!(found.format, Some(1));
        assert!(found.metadata_in_block);
        assert_eq!(found.protection_type, Some(2));
    }

    #[test]
    fn a_format_that_is_not_there_gives_no_size() {
        let mut data = namespace_data();
        data[26] = 9;
        let found = namespace(1, &data).expect("a namespace");
        assert_eq!((found.size_bytes, found.format), (None, None));
        assert_eq!(namespace(1, &[0; 4096]), None, "an inactive namespace");
        assert_eq!(namespace(1, &data[..100]), None);
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
