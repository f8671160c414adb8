// SPDX-License-Identifier: Apache-2.0
//! What the kernel logged as an error, as `/dev/kmsg` gives it (kernel
//! documentation, `ABI/testing/dev-kmsg`).

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Of more records only the last are kept; a failing disk logs thousands.
const MOST_RECORDS: usize = 500;
/// No longer part of a record is kept, in bytes.
const LONGEST_RECORD: usize = 1024;
/// `KERN_ERR`; smaller numbers are worse.
const ERROR: u8 = 3;
/// What the kernel puts before reports of broken hardware, whatever their level
/// (`HW_ERR` of `linux/printk.h`).
const HARDWARE: &str = "[Hardware Error]";

/// Records of level error or worse, and reports of broken hardware of any level.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelLog {
    /// The last of them as they were read: `3,1234,5678901,-;text`.
    pub records: VecDeque<String>,
    /// How many there were of each level of error or worse.
    pub by_level: BTreeMap<u8, u64>,
    /// How many were reports of broken hardware.
    pub hardware_errors: u64,
    /// Sequence number of the oldest record of any level; more than 0 if older
    /// ones were overwritten.
    pub first_sequence: Option<u64>,
}

/// The parts of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelRecord<'a> {
    /// Level from 0 (emergency) to 7 (debug).
    pub level: u8,
    /// Whether the kernel wrote it, not a program.
    pub by_kernel: bool,
    /// Sequence number.
    pub sequence: u64,
    /// When it was logged, in microseconds since boot.
    pub at_us: u64,
    /// The message.
    pub text: &'a str,
}

impl<'a> KernelRecord<'a> {
    /// Takes a record apart; `None` if it is none.
    #[must_use]
    pub fn parse(record: &'a str) -> Option<Self> {
        let (prefix, text) = record.split_once(';')?;
        let mut fields = prefix.split(',');
        // Level in the lowest three bits, facility above; the kernel's is 0.
        let priority: u32 = fields.next()?.parse().ok()?;
        Some(Self {
            level: u8::try_from(priority & 7).ok()?,
            by_kernel: priority >> 3 == 0,
            sequence: fields.next()?.parse().ok()?,
            at_us: fields.next()?.parse().ok()?,
            // Lines after the first hold a dictionary of the device it is about.
            text: text.lines().next().unwrap_or_default(),
        })
    }

    fn is_hardware_error(&self) -> bool {
        self.text.contains(HARDWARE)
    }
}

impl KernelLog {
    /// Takes note of a record, and keeps it if it is an error.
    pub fn add(&mut self, record: &str) {
        let Some(parsed) = KernelRecord::parse(record) else {
            return;
        };
        self.first_sequence.get_or_insert(parsed.sequence);
        let error = parsed.level <= ERROR;
        if !parsed.by_kernel || !(error || parsed.is_hardware_error()) {
            return;
        }
        if error {
            let count = self.by_level.entry(parsed.level).or_default();
            *count = count.saturating_add(1);
        }
        if parsed.is_hardware_error() {
            self.hardware_errors = self.hardware_errors.saturating_add(1);
        }
        if self.records.len() == MOST_RECORDS {
            self.records.pop_front();
        }
        let length = record.floor_char_boundary(LONGEST_RECORD);
        self.records.push_back(record[..length].to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_kernel_are_kept() {
        let mut log = KernelLog::default();
        for record in [
            "5,7,0,-;Linux version 6.12.48",
            "3,8,1200345,-;nvme nvme0: controller is down\n SUBSYSTEM=nvme\n",
            "6,9,1300000,-;mce: [Hardware Error]: Machine check events logged",
            "0,10,1400000,-;mce: [Hardware Error]: CPU 3: Machine Check: 0 Bank 4",
            "11,11,1500000,-;a program's error",
            "garbage",
            "3,12;too short",
        ] {
            log.add(record);
        }
        assert_eq!(log.first_sequence, Some(7));
        assert_eq!(log.by_level, BTreeMap::from([(0, 1), (3, 1)]));
        assert_eq!(log.hardware_errors, 2);
        assert_eq!(log.records.len(), 3);
        let first = KernelRecord::parse(&log.records[0]).expect("a record");
        assert_eq!(first.text, "nvme nvme0: controller is down");
        assert_eq!((first.level, first.at_us), (3, 1_200_345));
    }

    #[test]
    fn a_flood_is_counted_and_its_end_is_kept() {
        let mut log = KernelLog::default();
        for sequence in 0..2000 {
            log.add(&format!("3,{sequence},1,-;{}", "ä".repeat(2000)));
        }
        assert_eq!(log.by_level[&3], 2000);
        assert_eq!(log.records.len(), MOST_RECORDS);
        assert!(log.records[0].starts_with("3,1500,"));
        assert!(
            log.records
                .iter()
                .all(|record| record.len() <= LONGEST_RECORD)
        );
    }

    #[test]
    fn hostile_records_are_no_records() {
        let mut random = crate::inventory::random::Random::new(3);
        let record = "3,8,1200345,-;nvme [Hardware Error] \u{e4}\n KEY=1";
        for _ in 0..20_000 {
            let mut bytes = record.as_bytes().to_vec();
            bytes.truncate(random.below(bytes.len() + 1));
            for _ in 0..random.below(4) {
                let length = bytes.len();
                if length > 0 {
                    bytes[random.below(length)] = random.byte();
                }
            }
            let mut log = KernelLog::default();
            log.add(&String::from_utf8_lossy(&bytes));
            assert!(log.records.len() <= 1);
        }
    }
}
