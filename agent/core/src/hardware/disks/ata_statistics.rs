// SPDX-License-Identifier: Apache-2.0
//! ATA device statistics: log 04h, which means the same for every vendor
//! (ACS-4 §9.5).

use super::answers::{Answers, byte, le};
use super::health::Health;
use super::requests::statistics;

/// Bits of the byte that begins each statistic: it is there, and it is valid.
const THERE_AND_VALID: u8 = 0xc0;

/// The pages that page 0 lists (§9.5.2).
pub(super) fn pages(list: &[u8]) -> Vec<u16> {
    let count = usize::from(byte(list, 8).unwrap_or(0));
    let numbers = list.get(9..).unwrap_or_default();
    let told = numbers.iter().take(count);
    told.map(|number| u16::from(*number)).collect()
}

/// A number in a page, which names itself in byte 2.
fn number(page: &[u8], own: u16, at: usize, width: usize) -> Option<u64> {
    let named = byte(page, 2).map(u16::from) == Some(own);
    let valid = byte(page, at + 7)? & THERE_AND_VALID == THERE_AND_VALID;
    (named && valid).then(|| le(page, at, width)).flatten()
}

/// Puts in what the pages tell; what they do not stays as it is.
pub(super) fn add(health: &mut Health, answers: Answers<'_>, sector_bytes: u64) {
    let read = |page: u16, at, width| {
        let data = answers.optional(statistics(page));
        number(data, page, at, width)
    };
    let bytes = |at| read(1, at, 6)?.checked_mul(sector_bytes);
    let celsius = |at| {
        let byte = u8::try_from(read(5, at, 1)?).ok()?;
        // Two's complement; 80h is no temperature.
        (byte != 0x80).then(|| i16::from(byte.cast_signed()))
    };
    let fill = |place: &mut Option<u64>, found: Option<u64>| {
        if found.is_some() {
            *place = found;
        }
    };
    fill(&mut health.power_cycles, read(1, 0x08, 4));
    fill(&mut health.power_on_hours, read(1, 0x10, 4));
    fill(&mut health.bytes_written, bytes(0x18));
    fill(&mut health.bytes_read, bytes(0x28));
    fill(&mut health.reallocated_sectors, read(3, 0x20, 4));
    fill(&mut health.uncorrected_errors, read(4, 0x08, 4));
    health.temperature_celsius = celsius(0x08).or(health.temperature_celsius);
    health.temperature_limit_celsius = celsius(0x58);
    let used = read(7, 0x08, 1).and_then(|used| u8::try_from(used).ok());
    health.endurance_used_percent = used;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::snapshot::{Answer, Bytes, DriveAnswer, DriveAnswers};

    /// A page with statistics (offset, flags, value).
    pub(in super::super) fn page(number: u8, rows: &[(usize, u8, u64)]) -> Vec<u8> {
        let mut data = vec![0; 512];
        data[0] = 1;
        data[2] = number;
        for (at, flags, value) in rows {
            data[*at..*at + 8].copy_from_slice(&value.to_le_bytes());
            data[*at + 7] = *flags;
        }
        data
    }

    fn answers(pages: &[(u16, Vec<u8>)]) -> DriveAnswers {
        let answers = pages.iter().map(|(number, data)| DriveAnswer {
            request: statistics(*number),
            answer: Answer::Data(Bytes(data.clone())),
        });
        DriveAnswers {
            answers: answers.collect(),
            problem: None,
        }
    }

    #[test]
    fn statistics_replace_what_attributes_said() {
        let known = answers(&[
            (
                1,
                page(
                    1,
                    &[
                        (0x08, 0xc0, 45),
                        (0x10, 0xc0, 12_345),
                        (0x18, 0xc0, 97_656_250),
                        (0x28, 0x80, 1),
                    ],
                ),
            ),
            (4, page(4, &[(0x08, 0xc0, 0)])),
            (5, page(5, &[(0x08, 0xc0, 0xf6), (0x58, 0xc0, 70)])),
            (7, page(7, &[(0x08, 0xc0, 12)])),
        ]);
        let mut found = Health {
            power_on_hours: Some(1),
            power_cycles: Some(2),
            ..Health::default()
        };
        add(&mut found, Answers(Some(&known)), 512);
        assert_eq!(found.power_on_hours, Some(12_345));
        assert_eq!(found.power_cycles, Some(45));
        assert_eq!(found.bytes_written, Some(50_000_000_000));
        assert_eq!(found.bytes_read, None, "supported, but not valid");
        assert_eq!(found.uncorrected_errors, Some(0));
        assert_eq!(found.temperature_celsius, Some(-10));
        assert_eq!(found.temperature_limit_celsius, Some(70));
        assert_eq!(found.endurance_used_percent, Some(12));
    }

    #[test]
    fn a_page_that_is_another_one_tells_nothing() {
        let known = answers(&[(1, page(5, &[(0x10, 0xc0, 9)])), (7, vec![0xff; 20])]);
        let mut found = Health::default();
        add(&mut found, Answers(Some(&known)), 512);
        assert_eq!(found, Health::default());
    }

    #[test]
    fn the_list_of_pages_ends_where_it_says() {
        let mut list = vec![0; 512];
        list[8..14].copy_from_slice(&[4, 0, 1, 5, 7, 9]);
        assert_eq!(pages(&list), [0, 1, 5, 7]);
        assert_eq!(pages(&[0; 9]), [] as [u16; 0]);
        assert_eq!(pages(&[]), [] as [u16; 0]);
    }
}
