// SPDX-License-Identifier: Apache-2.0
//! Processors and empty sockets (DSP0134 §7.5).

use super::Structure;

const PROCESSOR: u8 = 4;
/// Kind of processor: central processor.
const CENTRAL: u8 = 3;

/// One socket for a central processor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processor {
    /// Name of the socket, as printed on the board.
    pub designation: Option<String>,
    /// Who made the processor.
    pub manufacturer: Option<String>,
    /// Its marketing name.
    pub version: Option<String>,
    /// Whether something sits in the socket; `None` if the firmware does not tell.
    pub populated: Option<bool>,
    /// Whether it is enabled; `None` if the firmware does not tell.
    pub enabled: Option<bool>,
    /// Number of the kind of socket ([`super::processor_names::SOCKET`]).
    pub upgrade: Option<u8>,
    /// Highest speed the system supports in this socket, in MHz.
    pub max_mhz: Option<u16>,
    /// Speed at boot, in MHz.
    pub current_mhz: Option<u16>,
    /// Handles of the caches of level 1, 2 and 3.
    pub caches: Vec<u16>,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Part number.
    pub part_number: Option<String>,
    /// Cores it has.
    pub cores: Option<u16>,
    /// Cores the firmware enabled.
    pub cores_enabled: Option<u16>,
    /// Threads it has.
    pub threads: Option<u16>,
}

/// Every socket for a central processor, in the table's order.
#[must_use]
pub fn processors(structures: &[Structure<'_>]) -> Vec<Processor> {
    structures
        .iter()
        .filter(|structure| structure.kind == PROCESSOR)
        // Hand-made tables leave the kind 0.
        .filter(|processor| matches!(processor.byte(0x05), None | Some(0 | CENTRAL)))
        .map(decode)
        .collect()
}

fn decode(processor: &Structure<'_>) -> Processor {
    let status = processor.byte(0x18);
    let known = |offset| {
        processor
            .word(offset)
            .filter(|value| !matches!(value, 0 | 0xffff))
    };
    Processor {
        designation: processor.string(0x04),
        manufacturer: processor.string(0x07),
        version: processor.string(0x10),
        populated: status.map(|status| status & 0x40 != 0),
        enabled: status.and_then(|status| match status & 7 {
            1 => Some(true),
            2 | 3 => Some(false),
            _ => None,
        }),
        upgrade: processor.byte(0x19),
        max_mhz: known(0x14),
        current_mhz: known(0x16),
        caches: [0x1a, 0x1c, 0x1e].into_iter().filter_map(known).collect(),
        serial_number: processor.string(0x20),
        part_number: processor.string(0x22),
        cores: count(processor, 0x23, 0x2a),
        cores_enabled: count(processor, 0x24, 0x2c),
        threads: count(processor, 0x25, 0x2e),
    }
}

/// A count in one byte, or in two where it says 0xFF; 0 is unknown.
pub(super) fn count(processor: &Structure<'_>, byte: usize, word: usize) -> Option<u16> {
    let found = match processor.byte(byte)? {
        0xff => processor
            .word(word)
            .filter(|count| *count != 0xffff)
            .unwrap_or(0xff),
        count => u16::from(count),
    };
    (found > 0).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::super::structures;
    use super::super::tests::Builder;
    use super::*;

    fn epyc(length: usize, counts: [u8; 3], status: u8) -> Vec<u8> {
        let mut fixed = vec![0_u8; 0x30];
        fixed[0x04] = 1;
        fixed[0x05] = 3;
        fixed[0x07] = 2;
        fixed[0x10] = 3;
        fixed[0x14..0x16].copy_from_slice(&3700_u16.to_le_bytes());
        fixed[0x16..0x18].copy_from_slice(&2250_u16.to_le_bytes());
        fixed[0x18] = status;
        fixed[0x1a..0x20].copy_from_slice(&[0x10, 0, 0x11, 0, 0xff, 0xff]);
        fixed[0x23..0x26].copy_from_slice(&counts);
        fixed[0x2a..0x30].copy_from_slice(&[0x00, 0x01, 0xc0, 0x00, 0x00, 0x02]);
        fixed.truncate(length);
        fixed.split_off(4)
    }

    fn read(fixed: &[u8]) -> Processor {
        let strings = ["P0", "Advanced Micro Devices, Inc.", "AMD EPYC 9754"];
        let table = Builder::default().add(4, 0x40, fixed, &strings).end();
        processors(&structures(&table)).remove(0)
    }

    #[test]
    fn counts_above_254_stand_in_words() {
        let found = read(&epyc(0x30, [0xff; 3], 0x41));
        assert_eq!(found.cores, Some(256));
        assert_eq!(found.cores_enabled, Some(192));
        assert_eq!(found.threads, Some(512));
        assert_eq!(found.caches, [0x10, 0x11], "0xFFFF is no cache");
        assert_eq!((found.populated, found.enabled), (Some(true), Some(true)));
        let small = read(&epyc(0x30, [24, 0, 48], 0x43));
        assert_eq!(small.cores, Some(24));
        assert_eq!(small.cores_enabled, None);
        assert_eq!(small.enabled, Some(false));
    }

    #[test]
    fn short_structures_give_what_they_have() {
        let found = read(&epyc(0x1a, [24; 3], 0x00));
        assert_eq!(found.designation.as_deref(), Some("P0"));
        assert_eq!(found.populated, Some(false));
        assert_eq!((found.cores, found.serial_number), (None, None));
        assert_eq!(read(&epyc(0x28, [0xff; 3], 0x41)).cores, Some(255));
        let tiny = read(&epyc(5, [0; 3], 0));
        assert_eq!(tiny.populated, None);
    }

    #[test]
    fn other_kinds_of_processors_are_left_out() {
        let mut video = epyc(0x30, [1; 3], 0x41);
        video[1] = 6;
        let table = Builder::default().add(4, 1, &video, &[]).end();
        assert_eq!(processors(&structures(&table)), []);
    }
}
