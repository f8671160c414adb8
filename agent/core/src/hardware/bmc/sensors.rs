// SPDX-License-Identifier: Apache-2.0
//! The controller's sensors and what they read (IPMI 2.0 section 35.14).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::SensorRecord;
use super::states::{ABSENT, ENTITY_ABSENT, Severity, state};
use super::units::{self, THRESHOLD};
use crate::hardware::Absences;
use crate::ipmi::{Refusal, data};
use crate::snapshot::BmcReading;

/// Bits of the second byte of an answer.
const SCANNED: u8 = 0x40;
const UNAVAILABLE: u8 = 0x20;

/// Completion codes of a controller whose sensor is not there or not powered
/// (table 5-2): not present, cannot answer, not supported in this state.
const NOT_NOW: [u8; 3] = [0xcb, 0xce, 0xd5];

/// Crossed thresholds in the order of their bits in the third byte.
const CROSSED: &[(&str, Severity)] = &[
    ("below lower non-critical", Severity::Warning),
    ("below lower critical", Severity::Critical),
    ("below lower non-recoverable", Severity::Critical),
    ("above upper non-critical", Severity::Warning),
    ("above upper critical", Severity::Critical),
    ("above upper non-recoverable", Severity::Critical),
];

/// A sensor of the management controller.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sensor {
    /// Name, `Inlet Temp`.
    pub name: String,
    /// Number that the controller gave it.
    pub number: u8,
    /// What it watches: `temperature`, `fan`, `power supply`.
    pub kind: String,
    /// What it is part of, where the record says: `memory device 3`.
    pub part_of: Option<String>,
    /// How things are.
    pub status: SensorStatus,
    /// The value; null if it has none, or none now.
    pub value: Option<f64>,
    /// Unit of the value and of the thresholds.
    pub unit: Option<String>,
    /// Thresholds it crossed, or states it is in.
    pub states: Vec<String>,
    /// Thresholds that its record names, by name (`upper critical`). Somebody may
    /// have changed them since.
    pub thresholds: BTreeMap<String, f64>,
}

/// How things are at a sensor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SensorStatus {
    /// It could not be asked.
    #[default]
    Unknown,
    /// Nothing is wrong.
    Ok,
    /// Something degrades, or is beyond a limit that is not critical.
    Warning,
    /// Something failed, or is beyond a critical limit.
    Critical,
    /// What it watches is not there, or is off, so that it reads nothing now.
    Absent,
}

impl From<Severity> for SensorStatus {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Ok,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

/// Puts records and readings together.
pub(super) fn read(
    records: &[SensorRecord],
    readings: &[BmcReading],
    absent: &mut Absences,
) -> Vec<Sensor> {
    let readings: BTreeMap<(u8, u8), &[u8]> = readings
        .iter()
        .map(|reading| ((reading.lun, reading.number), reading.answer.0.as_slice()))
        .collect();
    let others: BTreeSet<String> = records
        .iter()
        .filter(|record| !record.event_only)
        .filter_map(SensorRecord::other_owner)
        .collect();
    for owner in others {
        absent.note("BMC", "readings", format!("some sensors belong to {owner}"));
    }
    records
        .iter()
        .filter(|record| !record.event_only)
        .map(|record| {
            let answer = readings.get(&(record.lun, record.number)).copied();
            one(record, answer.filter(|_| record.other_owner().is_none()))
        })
        .collect()
}

fn one(record: &SensorRecord, answer: Option<&[u8]>) -> Sensor {
    let mut sensor = Sensor {
        name: record.name.clone(),
        number: record.number,
        kind: units::sensor_type(record.sensor_type),
        part_of: units::entity(record.entity),
        ..Sensor::default()
    };
    if let Some(formula) = &record.formula {
        sensor.unit.clone_from(&record.unit);
        sensor.thresholds = record
            .thresholds
            .iter()
            .filter_map(|(name, raw)| Some(((*name).to_owned(), formula.value(*raw)?)))
            .collect();
    }
    let Some(answer) = answer else {
        return sensor;
    };
    let (raw, flags, rest) = match data(answer) {
        Ok([raw, flags, rest @ ..]) => (raw, flags, rest),
        Err(Refusal(Some(code))) if NOT_NOW.contains(&code) => {
            sensor.status = SensorStatus::Absent;
            return sensor;
        }
        _ => return sensor,
    };
    if flags & UNAVAILABLE != 0 || flags & SCANNED == 0 {
        sensor.status = SensorStatus::Absent;
        return sensor;
    }
    let bits = match rest {
        [low, high, ..] => u16::from_le_bytes([*low, *high & 0x7f]),
        [low] => u16::from(*low),
        [] => 0,
    };
    if record.event_type == THRESHOLD {
        sensor.value = record.formula.and_then(|formula| formula.value(*raw));
        // The upper bits are not used, and set.
        judge(&mut sensor, bits & 0x3f, |bit| CROSSED.get(bit).copied());
    } else {
        let of = |bit: usize| {
            let offset = u8::try_from(bit).ok()?;
            state(record.sensor_type, record.event_type, offset)
        };
        judge(&mut sensor, bits, of);
    }
    sensor
}

/// Names the states that are set, and takes the worst of them.
fn judge<'a>(
    sensor: &mut Sensor,
    bits: u16,
    meaning: impl Fn(usize) -> Option<(&'a str, Severity)>,
) {
    let mut worst = Severity::Info;
    for bit in (0..15).filter(|bit| bits & (1 << bit) != 0) {
        match meaning(bit) {
            Some((name, severity)) => {
                sensor.states.push(name.to_owned());
                worst = worst.max(severity);
            }
            None => sensor.states.push(format!("state {bit}")),
        }
    }
    let away = |name: &String| [ABSENT, ENTITY_ABSENT].contains(&name.as_str());
    sensor.status = if sensor.states.iter().any(away) {
        SensorStatus::Absent
    } else {
        worst.into()
    };
}

#[cfg(test)]
mod tests {
    use super::super::record::sensors;
    use super::*;
    use crate::snapshot::Bytes;

    /// The answer to Get Sensor Reading, and the value, status and states in it.
    type Read<'a> = (Option<&'a [u8]>, Option<f64>, SensorStatus, &'a [&'a str]);
    /// Sensor type, event/reading type, answer, status and states.
    type Discrete<'a> = (u8, u8, &'a [u8], SensorStatus, &'a [&'a str]);

    /// A full record: type, event type, units, factors, thresholds.
    fn full(number: u8, kind: u8, event: u8, units: [u8; 2], name: &[u8]) -> Vec<u8> {
        let mut record = vec![number, 0, 0x51, 1, 0];
        record.extend([0x20, 0, number, 7, 1, 0x7f, 0x68, kind, event]);
        record.extend([0, 0, 0, 0, 0x1b, 0x1b, units[0], units[1], 0]);
        // Linear, M 1, B -128 (as Dell's iDRAC has its temperatures) or 0.
        let b = if kind == 1 { [0x80, 0xc0] } else { [0, 0] };
        record.extend([0, 1, 0, b[0], b[1], 0, 0, 0]);
        record.extend([0, 0, 0, 255, 0]);
        record.extend([0, 175, 170, 0, 121, 125]);
        record.extend([1, 1, 0, 0, 0]);
        record.push(0xc0 | u8::try_from(name.len()).expect("short"));
        record.extend(name);
        record[4] = u8::try_from(record.len() - 5).expect("short");
        record
    }

    fn read_one(record: &[u8], answer: Option<&[u8]>) -> Sensor {
        let records = sensors(record);
        let reading = |answer: &[u8]| BmcReading {
            lun: 0,
            number: records[0].number,
            answer: Bytes(answer.to_vec()),
        };
        let readings: Vec<BmcReading> = answer.into_iter().map(reading).collect();
        let mut found = read(&records, &readings, &mut Absences::default());
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    #[test]
    fn a_temperature_is_read() {
        let record = full(4, 1, 1, [0, 1], b"Inlet Temp");
        use SensorStatus::{Absent, Critical, Ok, Unknown, Warning};
        let cases: &[Read<'_>] = &[
            (Some(&[0, 151, 0xc0, 0xc0]), Some(23.0), Ok, &[]),
            (Some(&[0, 151, 0xc0]), Some(23.0), Ok, &[]),
            (
                Some(&[0, 171, 0xc0, 0xc8, 0x80]),
                Some(43.0),
                Warning,
                &["above upper non-critical"],
            ),
            (
                Some(&[0, 176, 0xc0, 0xd8]),
                Some(48.0),
                Critical,
                &["above upper non-critical", "above upper critical"],
            ),
            (Some(&[0, 0, 0xe0, 0xc0]), None, Absent, &[]),
            (Some(&[0, 0, 0x80, 0xc0]), None, Absent, &[]),
            (Some(&[0xcb]), None, Absent, &[]),
            (Some(&[0xc1]), None, Unknown, &[]),
            (Some(&[0, 1]), None, Unknown, &[]),
            (None, None, Unknown, &[]),
        ];
        for (answer, value, status, states) in cases {
            let found = read_one(&record, *answer);
            assert_eq!((found.value, found.status), (*value, *status), "{answer:?}");
            assert_eq!(found.states, *states);
            assert_eq!(found.unit.as_deref(), Some("°C"));
            assert_eq!(found.name, "Inlet Temp");
            assert_eq!(found.part_of.as_deref(), Some("system board 1"));
            let thresholds: Vec<(&str, f64)> = found
                .thresholds
                .iter()
                .map(|(name, value)| (name.as_str(), *value))
                .collect();
            assert_eq!(
                thresholds,
                [
                    ("lower critical", -7.0),
                    ("lower non-critical", -3.0),
                    ("upper critical", 47.0),
                    ("upper non-critical", 42.0),
                ]
            );
        }
    }

    #[test]
    fn states_are_read() {
        use SensorStatus::{Absent, Critical, Ok};
        let cases: &[Discrete<'_>] = &[
            (8, 0x6f, &[0, 0, 0xc0, 1, 0x80], Ok, &["presence detected"]),
            (
                8,
                0x6f,
                &[0, 0, 0xc0, 9, 0x80],
                Critical,
                &["presence detected", "input lost (AC/DC)"],
            ),
            (0x25, 0x08, &[0, 0, 0xc0, 1, 0], Absent, &["device absent"]),
            (0x25, 0x6f, &[0, 0, 0xc0, 2], Absent, &["entity absent"]),
            (8, 0x0b, &[0, 0, 0xc0, 2], Critical, &["redundancy lost"]),
            (0xc0, 0x70, &[0, 0, 0xc0, 4], Ok, &["state 2"]),
            (4, 0x03, &[0, 0, 0xc0], Ok, &[]),
        ];
        for (kind, event, answer, status, states) in cases {
            let record = full(9, *kind, *event, [0xc0, 0], b"PS1 Status");
            let found = read_one(&record, Some(answer));
            assert_eq!(found.status, *status, "{answer:?}");
            assert_eq!(found.states, *states);
            assert_eq!((found.value, found.unit), (None, None));
        }
    }

    #[test]
    fn sensors_of_others_are_not_given_this_ones_readings() {
        let mut record = full(4, 1, 1, [0, 1], b"ME Temp");
        record[5] = 0x2c;
        let records = sensors(&record);
        let readings = [BmcReading {
            lun: 0,
            number: 4,
            answer: Bytes(vec![0, 151, 0xc0, 0xc0]),
        }];
        let mut absent = Absences::default();
        let found = read(&records, &readings, &mut absent);
        assert_eq!(found[0].status, SensorStatus::Unknown);
        let reason = &absent.into_list()[0].reason;
        assert_eq!(reason, "some sensors belong to the controller at 0x2c");
    }
}
