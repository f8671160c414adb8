// SPDX-License-Identifier: Apache-2.0
//! Memory devices (DSP0134 §7.18) and how much memory they are together.

use super::Structure;

const MEMORY_ARRAY: u8 = 16;
const MEMORY_DEVICE: u8 = 17;
/// Use of a memory array: system memory (DSP0134 table 72).
const SYSTEM_MEMORY: u8 = 3;

/// One memory device or empty slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryDevice {
    /// Where it sits, as printed on the board.
    pub locator: Option<String>,
    /// Size in KiB; `Some(0)` is an empty slot, `None` is unknown.
    pub size_kib: Option<u64>,
    /// Handle of the array it belongs to.
    array: Option<u16>,
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
        .map(|structure| MemoryDevice {
            locator: structure.string(0x10),
            size_kib: size_kib(structure),
            array: structure.word(0x04),
        })
        .filter(|device| {
            device
                .array
                .is_none_or(|array| !other_arrays.contains(&array))
        })
        .collect()
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
