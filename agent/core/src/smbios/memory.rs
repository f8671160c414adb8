// SPDX-License-Identifier: Apache-2.0
//! Memory devices (DSP0134 §7.18) and how much memory they are together.

use super::Structure;
use super::memory_names::{
    ARRAY_USE, ERROR_CORRECTION, FORM_FACTOR, MEMORY_TYPE, OPERATING_MODE, TECHNOLOGY, TYPE_DETAIL,
    array_location, flags, name,
};

const MEMORY_ARRAY: u8 = 16;
const MEMORY_DEVICE: u8 = 17;
/// Use of a memory array: system memory (DSP0134 table 72).
const SYSTEM_MEMORY: u8 = 3;

/// One set of slots with the same controller and protection (DSP0134 §7.17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryArray {
    /// Handle its devices refer to.
    pub handle: u16,
    /// Where it is.
    pub location: Option<&'static str>,
    /// What it is for.
    pub purpose: Option<&'static str>,
    /// How errors are corrected.
    pub error_correction: Option<&'static str>,
    /// Most memory it can have, in KiB.
    pub max_capacity_kib: Option<u64>,
    /// How many slots it has.
    pub slots: Option<u16>,
}

/// One memory device or empty slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryDevice {
    /// Where it sits, as printed on the board.
    pub locator: Option<String>,
    /// The bank it belongs to.
    pub bank: Option<String>,
    /// Size in KiB; `Some(0)` is an empty slot, `None` is unknown.
    pub size_kib: Option<u64>,
    /// Bits with and without those for error correction.
    pub widths: (Option<u16>, Option<u16>),
    /// Form factor.
    pub form_factor: Option<&'static str>,
    /// Type, `DDR4`.
    pub memory_type: Option<&'static str>,
    /// Details of the type.
    pub details: Vec<&'static str>,
    /// What it can do, in MT/s.
    pub speed_mts: Option<u32>,
    /// What it is set to, in MT/s.
    pub configured_mts: Option<u32>,
    /// Voltage it is set to, in mV.
    pub configured_mv: Option<u16>,
    /// Who made it, as the firmware writes it.
    pub manufacturer: Option<String>,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Asset tag.
    pub asset_tag: Option<String>,
    /// Part number.
    pub part_number: Option<String>,
    /// Ranks.
    pub ranks: Option<u8>,
    /// Technology, `DRAM`, `NVDIMM-N`.
    pub technology: Option<&'static str>,
    /// Modes it can work in.
    pub modes: Vec<&'static str>,
    /// Version of the module's firmware.
    pub firmware: Option<String>,
    /// Bytes that survive a power cut.
    pub non_volatile_bytes: Option<u64>,
    /// Handle of the array it belongs to.
    pub array: Option<u16>,
}

/// Every memory array, whatever it is for.
#[must_use]
pub fn memory_arrays(structures: &[Structure<'_>]) -> Vec<MemoryArray> {
    structures
        .iter()
        .filter(|structure| structure.kind == MEMORY_ARRAY)
        .map(|array| MemoryArray {
            handle: array.handle,
            location: array.byte(0x04).and_then(array_location).filter(is_known),
            purpose: known(ARRAY_USE, array.byte(0x05)),
            error_correction: known(ERROR_CORRECTION, array.byte(0x06)),
            max_capacity_kib: capacity_kib(array),
            slots: array.word(0x0d),
        })
        .collect()
}

/// Every memory device of system memory. Cache, flash and video arrays are
/// left out.
#[must_use]
pub fn memory_devices(structures: &[Structure<'_>]) -> Vec<MemoryDevice> {
    let other_arrays: Vec<u16> = structures
        .iter()
        .filter(|structure| structure.kind == MEMORY_ARRAY)
        .filter(|array| array.byte(0x05).is_some_and(|usage| usage != SYSTEM_MEMORY))
        .map(|array| array.handle)
        .collect();
    structures
        .iter()
        .filter(|structure| structure.kind == MEMORY_DEVICE)
        .map(device)
        .filter(|device| {
            device
                .array
                .is_none_or(|array| !other_arrays.contains(&array))
        })
        .collect()
}

fn device(device: &Structure<'_>) -> MemoryDevice {
    let number = |offset| {
        device
            .word(offset)
            .filter(|value| !matches!(value, 0 | 0xffff))
    };
    MemoryDevice {
        locator: device.string(0x10),
        bank: device.string(0x11),
        size_kib: size_kib(device),
        widths: (number(0x08), number(0x0a)),
        form_factor: known(FORM_FACTOR, device.byte(0x0e)),
        memory_type: known(MEMORY_TYPE, device.byte(0x12)),
        details: known_flags(TYPE_DETAIL, device.word(0x13)),
        speed_mts: speed(device, 0x15, 0x54),
        configured_mts: speed(device, 0x20, 0x58),
        configured_mv: number(0x26),
        manufacturer: device.string(0x17),
        serial_number: device.string(0x18),
        asset_tag: device.string(0x19),
        part_number: device.string(0x1a),
        // The lower four bits; 0 is unknown.
        ranks: device
            .byte(0x1b)
            .map(|bits| bits & 0x0f)
            .filter(|ranks| *ranks > 0),
        technology: known(TECHNOLOGY, device.byte(0x28)),
        modes: known_flags(OPERATING_MODE, device.word(0x29)),
        firmware: device.string(0x2b),
        non_volatile_bytes: device
            .qword(0x34)
            .filter(|size| *size != 0 && *size != u64::MAX),
        array: device.word(0x04),
    }
}

/// A name that says something: firmware may also say that it does not know.
fn known(list: &[&'static str], number: Option<u8>) -> Option<&'static str> {
    name(list, number?).filter(is_known)
}

fn known_flags(list: &[(u32, &'static str)], bits: Option<u16>) -> Vec<&'static str> {
    let mut names = flags(list, u64::from(bits.unwrap_or_default()));
    names.retain(is_known);
    names
}

fn is_known(name: &&'static str) -> bool {
    !matches!(*name, "Other" | "Unknown" | "Reserved")
}

/// A speed in MT/s: 0 is unknown, 0xFFFF refers to a 32-bit field of SMBIOS 3.3.
pub(super) fn speed(device: &Structure<'_>, word: usize, extended: usize) -> Option<u32> {
    let found = match device.word(word)? {
        0xffff => device.dword(extended)? & 0x7fff_ffff,
        speed => u32::from(speed),
    };
    (found > 0).then_some(found)
}

/// Capacity in KiB; 0x80000000 refers to a 64-bit number of bytes.
fn capacity_kib(array: &Structure<'_>) -> Option<u64> {
    let found = match array.dword(0x07)? {
        0x8000_0000 => array.qword(0x0f)? / 1024,
        capacity => u64::from(capacity),
    };
    (found > 0).then_some(found)
}

/// Installed memory in MiB; `None` if no device tells its size.
#[must_use]
pub fn installed_mib(structures: &[Structure<'_>]) -> Option<u64> {
    let sizes: Vec<u64> = memory_devices(structures)
        .iter()
        .filter_map(|device| device.size_kib)
        .collect();
    let total: u64 = sizes.iter().sum();
    (total > 0).then_some(total / 1024)
}

/// Size in every encoding (DSP0134 §7.18.4, §7.18.5): 0 is an empty slot,
/// 0xFFFF unknown, 0x7FFF refers to the extended size in MiB, bit 15 means KiB.
fn size_kib(device: &Structure<'_>) -> Option<u64> {
    match device.word(0x0c)? {
        0xffff => None,
        0x7fff => device
            .dword(0x1c)
            .map(|mib| u64::from(mib & 0x7fff_ffff) * 1024),
        size if size & 0x8000 != 0 => Some(u64::from(size & 0x7fff)),
        size => Some(u64::from(size) * 1024),
    }
}

#[cfg(test)]
mod tests {
    use super::super::structures;
    use super::super::tests::Builder;
    use super::*;

    fn device(size: u16, extended: Option<u32>, array: u16) -> Vec<u8> {
        let mut fixed = vec![0_u8; 0x15 - 4];
        fixed[0x00..0x02].copy_from_slice(&array.to_le_bytes());
        fixed[0x08..0x0a].copy_from_slice(&size.to_le_bytes());
        if let Some(extended) = extended {
            fixed.resize(0x22 - 4, 0);
            fixed[0x18..0x1c].copy_from_slice(&extended.to_le_bytes());
        }
        fixed
    }

    #[test]
    fn sizes_are_read_in_every_encoding() {
        for (size, extended, expected) in [
            (0x0000, None, Some(0)),
            (0xffff, None, None),
            (0x4000, None, Some(16_384 * 1024)),
            (0x8200, None, Some(512)),
            (0x7fff, Some(0x0002_0000), Some(128 * 1024 * 1024)),
            (0x7fff, None, None),
        ] {
            let table = Builder::default()
                .add(17, 1, &device(size, extended, 0), &[])
                .end();
            let found = structures(&table);
            assert_eq!(
                memory_devices(&found)[0].size_kib,
                expected,
                "{size:#x} {extended:?}"
            );
        }
    }

    #[test]
    fn a_full_device_tells_everything() {
        let mut fixed = vec![0_u8; 0x5c - 4];
        let mut put = |offset: usize, bytes: &[u8]| {
            fixed[offset - 4..offset - 4 + bytes.len()].copy_from_slice(bytes);
        };
        put(
            0x08,
            &[72, 0, 64, 0, 0xff, 0x7f, 9, 0, 1, 2, 0x22, 0x80, 0x20],
        );
        put(0x15, &[0xff, 0xff, 3, 4, 0, 5, 0xf2]);
        put(0x1c, &0x0002_0000_u32.to_le_bytes());
        put(0x20, &[0xff, 0xff, 0, 0, 0, 0, 0x4c, 0x04, 4, 0x18, 0]);
        put(0x34, &(128_u64 << 30).to_le_bytes());
        put(0x54, &6400_u32.to_le_bytes());
        put(0x58, &5600_u32.to_le_bytes());
        let strings = [
            "CPU0_DIMM_A1",
            "NODE 0",
            "Samsung",
            "0x12",
            "M321R4GA0BB0-CQKVG  ",
        ];
        let table = Builder::default().add(17, 1, &fixed, &strings).end();
        let found = memory_devices(&structures(&table)).remove(0);
        assert_eq!(found.size_kib, Some(128 << 20));
        assert_eq!(found.widths, (Some(72), Some(64)));
        assert_eq!(found.form_factor, Some("DIMM"));
        assert_eq!(found.memory_type, Some("DDR5"));
        assert_eq!(found.details, ["Synchronous", "Registered (Buffered)"]);
        assert_eq!(
            (found.speed_mts, found.configured_mts),
            (Some(6400), Some(5600))
        );
        assert_eq!(found.configured_mv, Some(1100));
        assert_eq!(found.part_number.as_deref(), Some("M321R4GA0BB0-CQKVG"));
        assert_eq!(found.ranks, Some(2));
        assert_eq!(found.technology, Some("NVDIMM-N"));
        assert_eq!(
            found.modes,
            ["Volatile memory", "Byte-accessible persistent memory"]
        );
        assert_eq!(found.non_volatile_bytes, Some(128 << 30));
    }

    #[test]
    fn what_firmware_does_not_know_is_absent() {
        let mut fixed = vec![0xff_u8; 0x5c - 4];
        fixed[0x0e - 4] = 2;
        fixed[0x12 - 4] = 1;
        let table = Builder::default().add(17, 1, &fixed, &["x"]).end();
        let found = memory_devices(&structures(&table)).remove(0);
        assert_eq!(found.size_kib, None);
        assert_eq!(found.widths, (None, None));
        assert_eq!((found.form_factor, found.memory_type), (None, None));
        assert_eq!((found.technology, found.manufacturer), (None, None));
        assert_eq!(found.non_volatile_bytes, None);
    }

    #[test]
    fn arrays_tell_their_capacity_in_both_encodings() {
        for (capacity, extended, expected) in [
            (0x0100_0000_u32, None, Some(16 << 20)),
            (0x8000_0000, Some(7680_u64 << 30), Some(7680 << 20)),
            (0x8000_0000, None, None),
            (0, None, None),
        ] {
            let mut fixed = vec![3, 3, 6];
            fixed.extend(capacity.to_le_bytes());
            fixed.extend([0xfe, 0xff, 24, 0]);
            fixed.extend(extended.iter().flat_map(|bytes| bytes.to_le_bytes()));
            let table = Builder::default().add(16, 1, &fixed, &[]).end();
            let found = memory_arrays(&structures(&table)).remove(0);
            assert_eq!(found.max_capacity_kib, expected, "{capacity:#x}");
            assert_eq!(found.error_correction, Some("Multi-bit ECC"));
            assert_eq!(found.slots, Some(24));
        }
    }

    #[test]
    fn only_system_memory_counts() {
        let array = |usage: u8| [3, usage, 6, 0, 0, 0, 0, 0xfe, 0xff, 2, 0];
        let table = Builder::default()
            .add(16, 0x1000, &array(3), &[])
            .add(16, 0x1001, &array(5), &[])
            .add(17, 1, &device(0x4000, None, 0x1000), &[])
            .add(17, 2, &device(0, None, 0x1000), &[])
            .add(17, 3, &device(0x0010, None, 0x1001), &[])
            .end();
        assert_eq!(installed_mib(&structures(&table)), Some(16_384));
        assert_eq!(installed_mib(&structures(&[])), None);
    }
}
