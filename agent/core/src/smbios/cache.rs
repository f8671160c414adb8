// SPDX-License-Identifier: Apache-2.0
//! Caches (DSP0134 §7.8).

use super::Structure;

const CACHE: u8 = 7;

/// One cache of a processor, all cores of it together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Level, from 1.
    pub level: u8,
    /// `instruction`, `data` or `unified`, if it is one of these.
    pub kind: Option<&'static str>,
    /// Installed size in KiB.
    pub size_kib: u64,
}

/// The cache with a handle, if it is installed and tells its size.
#[must_use]
pub fn cache(structures: &[Structure<'_>], handle: u16) -> Option<Cache> {
    let cache = structures
        .iter()
        .find(|structure| structure.kind == CACHE && structure.handle == handle)?;
    let configuration = cache.word(0x05)?;
    Some(Cache {
        level: u8::try_from(configuration & 7).ok()? + 1,
        kind: match cache.byte(0x11) {
            Some(3) => Some("instruction"),
            Some(4) => Some("data"),
            Some(5) => Some("unified"),
            _ => None,
        },
        size_kib: size_kib(cache).filter(|size| *size > 0)?,
    })
}

/// The top bit says whether the unit is 1 KiB or 64 KiB; 0xFFFF refers to the
/// 32-bit field of SMBIOS 3.1.
fn size_kib(cache: &Structure<'_>) -> Option<u64> {
    match cache.word(0x09)? {
        0xffff => {
            let size = cache.dword(0x17)?;
            Some(in_units(u64::from(size & 0x7fff_ffff), size >> 31 == 1))
        }
        size => Some(in_units(u64::from(size & 0x7fff), size >> 15 == 1)),
    }
}

fn in_units(size: u64, large: bool) -> u64 {
    if large { size * 64 } else { size }
}

#[cfg(test)]
mod tests {
    use super::super::structures;
    use super::super::tests::Builder;
    use super::*;

    #[test]
    fn sizes_are_read_in_every_encoding() {
        for (size, wide, expected) in [
            (0x0200, 0, Some(512)),
            (0x8010, 0, Some(1024)),
            (0xffff, 0x0001_0000, Some(65_536)),
            (0xffff, 0x8000_1000, Some(262_144)),
            (0, 0, None),
        ] {
            let mut fixed = vec![0_u8; 0x1b - 4];
            fixed[0x01..0x03].copy_from_slice(&0x0182_u16.to_le_bytes());
            fixed[0x05..0x07].copy_from_slice(&u16::to_le_bytes(size));
            fixed[0x0d] = 5;
            fixed[0x13..0x17].copy_from_slice(&u32::to_le_bytes(wide));
            let table = Builder::default().add(7, 0x702, &fixed, &[]).end();
            let found = cache(&structures(&table), 0x702);
            assert_eq!(found.as_ref().map(|cache| cache.size_kib), expected);
            if let Some(found) = found {
                assert_eq!((found.level, found.kind), (3, Some("unified")));
            }
        }
        assert_eq!(cache(&[], 0x702), None);
    }
}
