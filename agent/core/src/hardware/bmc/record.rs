// SPDX-License-Identifier: Apache-2.0
//! Sensor data records (IPMI 2.0 section 43.1 to 43.3).

use super::formula::Formula;
use super::units;
use crate::ipmi::{COMPACT, EVENT_ONLY, FULL, RecordHeader, share_count};

/// Bit of the owner's address that says "software, not a controller".
const SOFTWARE: u8 = 0x01;

/// One sensor, as its record describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SensorRecord {
    /// Address of the controller that owns it.
    pub(super) owner: u8,
    pub(super) lun: u8,
    pub(super) number: u8,
    pub(super) name: String,
    pub(super) entity: (u8, u8),
    pub(super) sensor_type: u8,
    /// Event/reading type code (table 42-1).
    pub(super) event_type: u8,
    pub(super) unit: Option<String>,
    /// How its readings become values; none for sensors without a value.
    pub(super) formula: Option<Formula>,
    /// Raw thresholds that can be read: name and value.
    pub(super) thresholds: Vec<(&'static str, u8)>,
    /// Whether it only sends events and cannot be read.
    pub(super) event_only: bool,
}

/// Thresholds in the order of their bits in the readable mask, and where a full
/// record has them.
const THRESHOLDS: &[(&str, usize)] = &[
    ("lower non-critical", 41),
    ("lower critical", 40),
    ("lower non-recoverable", 39),
    ("upper non-critical", 38),
    ("upper critical", 37),
    ("upper non-recoverable", 36),
];

/// Every sensor that a record describes: compact records can stand for several.
pub(super) fn sensors(record: &[u8]) -> Vec<SensorRecord> {
    let found = || match RecordHeader::read(record)?.kind {
        FULL => full(record).map(|sensor| vec![sensor]),
        COMPACT => compact(record),
        EVENT_ONLY => event_only(record).map(|sensor| vec![sensor]),
        _ => None,
    };
    found().unwrap_or_default()
}

/// What full and compact records have in common.
fn readable(record: &[u8], name_at: usize) -> Option<SensorRecord> {
    Some(SensorRecord {
        owner: *record.get(5)?,
        lun: record.get(6)? & 0x03,
        number: *record.get(7)?,
        name: name(record, name_at)?,
        entity: (*record.get(8)?, *record.get(9)?),
        sensor_type: *record.get(12)?,
        event_type: record.get(13)? & 0x7f,
        unit: units::name(*record.get(20)?, *record.get(21)?, *record.get(22)?),
        formula: None,
        thresholds: Vec::new(),
        event_only: false,
    })
}

fn full(record: &[u8]) -> Option<SensorRecord> {
    let mut sensor = readable(record, 47)?;
    if sensor.event_type == units::THRESHOLD {
        sensor.formula = Formula::read(*record.get(20)?, record.get(23..30)?);
        let mask = *record.get(18)?;
        for (bit, (name, at)) in THRESHOLDS.iter().enumerate() {
            if mask & (1 << bit) != 0 {
                sensor.thresholds.push((name, *record.get(*at)?));
            }
        }
    }
    Some(sensor)
}

/// The sensors of one record have consecutive numbers, and names that end in a
/// number or a letter.
fn compact(record: &[u8]) -> Option<Vec<SensorRecord>> {
    let first = readable(record, 31)?;
    let (style, offset) = (record.get(23)? >> 4 & 0x03, record.get(24)? & 0x7f);
    let same_entity = record.get(24)? & 0x80 == 0;
    let count = share_count(record);
    if count == 1 {
        return Some(vec![first]);
    }
    let one = |index: u8| {
        let place = offset.saturating_add(index);
        let suffix = match style {
            0 => place.to_string(),
            _ => char::from(b'A' + place % 26).to_string(),
        };
        let instance = if same_entity { 0 } else { index };
        Some(SensorRecord {
            number: first.number.checked_add(index)?,
            name: format!("{}{suffix}", first.name),
            entity: (first.entity.0, first.entity.1.saturating_add(instance)),
            ..first.clone()
        })
    };
    Some((0..count).filter_map(one).collect())
}

fn event_only(record: &[u8]) -> Option<SensorRecord> {
    Some(SensorRecord {
        owner: *record.get(5)?,
        lun: record.get(6)? & 0x03,
        number: *record.get(7)?,
        name: name(record, 16)?,
        entity: (*record.get(8)?, *record.get(9)?),
        sensor_type: *record.get(10)?,
        event_type: record.get(11)? & 0x7f,
        unit: None,
        formula: None,
        thresholds: Vec::new(),
        event_only: true,
    })
}

impl SensorRecord {
    /// Whether an event with this generator and sensor number is about it.
    pub(super) fn is(&self, owner: u8, lun: u8, number: u8) -> bool {
        (self.owner, self.lun, self.number) == (owner, lun, number)
    }

    /// Who owns it, if that is not the management controller itself.
    pub(super) fn other_owner(&self) -> Option<String> {
        match self.owner {
            crate::ipmi::CONTROLLER => None,
            owner if owner & SOFTWARE != 0 => Some(format!("system software {owner:#04x}")),
            owner => Some(format!("the controller at {owner:#04x}")),
        }
    }
}

/// A type/length byte and as many bytes of text (section 43.15).
fn name(record: &[u8], at: usize) -> Option<String> {
    let code = *record.get(at)?;
    let bytes: Vec<u8> = record
        .iter()
        .skip(at + 1)
        .take(usize::from(code & 0x1f))
        .copied()
        .collect();
    let text: String = match code >> 6 {
        0b01 => bytes.iter().flat_map(|byte| bcd_plus(*byte)).collect(),
        0b10 => six_bit(&bytes),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    Some(text.trim().to_owned())
}

fn bcd_plus(byte: u8) -> [char; 2] {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ' ', '-', '.', ':', ',', '_',
    ];
    [byte >> 4, byte & 0x0f].map(|digit| DIGITS[usize::from(digit)])
}

/// Four letters in three bytes, the first in the lowest bits, from 20h on.
fn six_bit(bytes: &[u8]) -> String {
    let letters = |group: &[u8]| {
        let word = group
            .iter()
            .rev()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let count = group.len() * 8 / 6;
        (0..count)
            .map(|index| char::from(b' ' + (word >> (6 * index)).to_le_bytes()[0] % 64))
            .collect::<String>()
    };
    bytes.chunks(3).map(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_every_coding() {
        for (bytes, expected) in [
            (&b"\xc8CPU Temp"[..], "CPU Temp"),
            (b"\xc8CPU", "CPU"),
            (b"\xc4A\0\xb0\n", "A°"),
            (b"\x42\x12\xab", "12 -"),
            // "IPMI" in six-bit ASCII is the specification's own example.
            (b"\x83\x29\xdc\xa6", "IPMI"),
            (b"\x00", ""),
        ] {
            assert_eq!(name(bytes, 0).as_deref(), Some(expected), "{bytes:x?}");
        }
        assert_eq!(name(&[], 0), None);
    }

    #[test]
    fn shared_records_stand_for_several_sensors() {
        let mut record = vec![0_u8; 31];
        record[3] = COMPACT;
        record[5] = 0x20;
        record[7] = 0x40;
        record[8] = 32;
        record[9] = 1;
        record[12] = 0x0c;
        record[13] = 0x6f;
        record[23] = 0x03;
        record[24] = 0x81;
        record.extend(b"\xc5DIMM ");
        let found = sensors(&record);
        let names: Vec<&str> = found.iter().map(|sensor| sensor.name.as_str()).collect();
        assert_eq!(names, ["DIMM1", "DIMM2", "DIMM3"]);
        assert_eq!((found[2].number, found[2].entity), (0x42, (32, 3)));
        record[23] = 0x12;
        assert_eq!(sensors(&record)[1].name, "DIMMC");
    }
}
