// SPDX-License-Identifier: Apache-2.0
//! Reads the SMBIOS structure table as firmware really writes it.
//!
//! Structures may be shorter than the specification says (older versions),
//! longer, cut off, or refer to strings that are not there. Every field is
//! therefore read as "if it is there". The specification is DMTF DSP0134.
//!
//! The crate `dmidecode` was tried first: over truncated and bit-flipped tables
//! it panics, and it gives up at the first structure that is shorter than it
//! expects.

mod cache;
pub mod chassis_names;
mod entry_point;
mod host_interface;
mod memory;
pub mod memory_names;
mod placeholder;
mod processor;
pub mod processor_names;

pub use cache::{Cache, cache};
pub use entry_point::version;
pub use host_interface::{HostInterface, host_interfaces};
pub use memory::{MemoryArray, MemoryDevice, installed_mib, memory_arrays, memory_devices};
pub use placeholder::is_placeholder;
pub use processor::{Processor, processors};

/// Bytes of the header of each structure: type, length, handle.
const HEADER: usize = 4;
/// No table has more structures; a garbled one shall not cost time.
const MOST_STRUCTURES: usize = 65_536;

/// One structure: its fixed part and its strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure<'a> {
    /// Type: 0 BIOS, 1 system, 2 board, 4 processor, 17 memory device.
    pub kind: u8,
    /// Handle other structures refer to.
    pub handle: u16,
    /// The fixed part with its header, so that offsets are those of the
    /// specification.
    fixed: &'a [u8],
    /// The bytes of the strings, each ended by a NUL.
    strings: &'a [u8],
}

impl<'a> Structure<'a> {
    /// The byte at an offset of the fixed part.
    #[must_use]
    pub fn byte(&self, offset: usize) -> Option<u8> {
        self.fixed.get(offset).copied()
    }

    /// The little-endian 16-bit number at an offset.
    #[must_use]
    pub fn word(&self, offset: usize) -> Option<u16> {
        let bytes = self.fixed.get(offset..offset + 2)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The little-endian 32-bit number at an offset.
    #[must_use]
    pub fn dword(&self, offset: usize) -> Option<u32> {
        let bytes = self.fixed.get(offset..offset + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The little-endian 64-bit number at an offset.
    #[must_use]
    pub fn qword(&self, offset: usize) -> Option<u64> {
        let bytes = self.fixed.get(offset..offset + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// How many bytes the fixed part has, header included.
    #[must_use]
    pub fn length(&self) -> usize {
        self.fixed.len()
    }

    /// The bytes at an offset, as many as wanted.
    #[must_use]
    pub fn bytes<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let bytes = self.fixed.get(offset..offset.checked_add(N)?)?;
        bytes.try_into().ok()
    }

    /// The string with a number as it is stored, from 1; `None` if there is none.
    #[must_use]
    pub fn stored_string(&self, number: u8) -> Option<&'a [u8]> {
        let number = usize::from(number).checked_sub(1)?;
        self.strings
            .split(|byte| *byte == 0)
            .nth(number)
            .filter(|bytes| !bytes.is_empty())
    }

    /// The string whose number stands at an offset, trimmed; `None` without
    /// one, or if the firmware only filled in a placeholder.
    #[must_use]
    pub fn string(&self, offset: usize) -> Option<String> {
        let bytes = self.stored_string(self.byte(offset)?)?;
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim();
        (!text.is_empty() && !is_placeholder(text)).then(|| text.to_owned())
    }
}

/// Every structure of a table up to the end-of-table mark, the end of the
/// bytes, or the first that cannot be one.
#[must_use]
pub fn structures(table: &[u8]) -> Vec<Structure<'_>> {
    let mut found = Vec::new();
    let mut rest = table;
    while let [kind, length, low, high, ..] = *rest {
        let length = usize::from(length);
        if length < HEADER || found.len() >= MOST_STRUCTURES {
            break;
        }
        // A structure cut off in its fixed part still tells what it has.
        let fixed = &rest[..length.min(rest.len())];
        let after = &rest[fixed.len()..];
        let end = end_of_strings(after);
        found.push(Structure {
            kind,
            handle: u16::from_le_bytes([low, high]),
            fixed,
            strings: &after[..end],
        });
        if kind == 127 {
            break;
        }
        rest = &after[end..];
    }
    found
}

/// Strings end with an empty one: two NULs in a row.
fn end_of_strings(bytes: &[u8]) -> usize {
    bytes
        .windows(2)
        .position(|pair| pair == [0, 0])
        .map_or(bytes.len(), |at| at + 2)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Builds tables for tests.
    #[derive(Debug, Default)]
    pub(crate) struct Builder(pub(crate) Vec<u8>);

    impl Builder {
        /// Adds a structure: `fixed` is what follows the header.
        pub(crate) fn add(mut self, kind: u8, handle: u16, fixed: &[u8], strings: &[&str]) -> Self {
            let length = u8::try_from(fixed.len() + HEADER).expect("a short structure");
            self.0.extend([kind, length]);
            self.0.extend(handle.to_le_bytes());
            self.0.extend(fixed);
            for string in strings {
                self.0.extend(string.as_bytes());
                self.0.push(0);
            }
            if strings.is_empty() {
                self.0.push(0);
            }
            self.0.push(0);
            self
        }

        pub(crate) fn end(self) -> Vec<u8> {
            self.add(127, 0x7f00, &[], &[]).0
        }
    }

    fn example() -> Vec<u8> {
        Builder::default()
            .add(
                0,
                0,
                &[1, 2, 0, 0xe0, 3, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0x10],
                &["Dell Inc.", "2.10.0", "11/12/2020"],
            )
            .add(
                1,
                0x100,
                &[1, 2, 0, 3, 0, 0, 0, 0],
                &["Dell Inc.", "PowerEdge R640", "ABC1234"],
            )
            .add(17, 0x1100, &[0; 80], &[])
            .end()
    }

    #[test]
    fn structures_and_strings_are_found() {
        let table = example();
        let found = structures(&table);
        let kinds: Vec<u8> = found.iter().map(|structure| structure.kind).collect();
        assert_eq!(kinds, [0, 1, 17, 127]);
        assert_eq!(found[1].string(5).as_deref(), Some("PowerEdge R640"));
        assert_eq!(found[1].string(6), None, "string number 0 is none");
        assert_eq!(found[1].string(0x40), None);
        assert_eq!(found[1].handle, 0x100);
        assert_eq!(found[0].word(0x06), Some(0xe000));
    }

    #[test]
    fn a_string_that_is_not_there_is_absent() {
        let table = Builder::default()
            .add(1, 1, &[9, 1], &["Default string"])
            .end();
        let found = structures(&table);
        assert_eq!(found[0].string(4), None);
        assert_eq!(found[0].string(5), None, "a placeholder is no value");
    }

    #[test]
    fn broken_tables_give_what_they_have() {
        let table = example();
        for cut in 0..table.len() {
            read_everything(&table[..cut]);
        }
        let mut random = crate::inventory::random::Random::new(17);
        for _ in 0..20_000 {
            let mut broken = table.clone();
            broken.truncate(random.below(table.len() + 1));
            for _ in 0..random.below(6) {
                let length = broken.len();
                if length > 0 {
                    broken[random.below(length)] = random.byte();
                }
            }
            read_everything(&broken);
        }
        read_everything(&vec![4_u8; 1 << 20]);
    }

    fn read_everything(table: &[u8]) {
        let found = structures(table);
        let mut fixed = 0;
        for structure in &found {
            fixed += structure.fixed.len() + structure.strings.len();
            for offset in 0..=255 {
                let _ = structure.string(offset);
                let _ = (structure.word(offset), structure.qword(offset));
            }
        }
        assert!(fixed <= table.len(), "structures do not overlap");
        let _ = (installed_mib(&found), memory_arrays(&found));
        for processor in processors(&found) {
            for handle in processor.caches {
                let _ = cache(&found, handle);
            }
        }
    }
}
