// SPDX-License-Identifier: Apache-2.0
//! The system event log (IPMI 2.0 sections 31 and 32, tables 29-6 and 32-1).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock;
use super::device::hexadecimal;
use super::record::SensorRecord;
use super::states::{Severity, state};
use super::units::{self, SENSOR_SPECIFIC, THRESHOLD};
use crate::ipmi::{double_word, word};
use crate::snapshot::BmcLog;

/// How many entries are told; the counts are over all that were read.
const LATEST: usize = 20;
/// Kinds of records (table 32-1).
const EVENT: u8 = 0x02;
const OEM_WITH_TIME: std::ops::RangeInclusive<u8> = 0xc0..=0xdf;
/// Sensor types whose events say more in their last byte.
const MEMORY: u8 = 0x0c;

/// The system event log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventLog {
    /// How many entries it has.
    pub entries: u16,
    /// How many bytes are free; 65535 stands for that or more.
    pub free_bytes: u16,
    /// Whether events were lost because it was full.
    pub overflow: bool,
    /// When the last entry was added, by the controller's clock.
    pub last_added: Option<String>,
    /// When it was last erased, by the controller's clock.
    pub last_erased: Option<String>,
    /// How many of its last entries were read; the counts and lists below are of these.
    pub entries_read: usize,
    /// Entries that say something happened, by severity (`info`, `warning`, `critical`).
    pub by_severity: BTreeMap<String, u32>,
    /// Entries that say something happened, by what the sensor watches.
    pub by_kind: BTreeMap<String, u32>,
    /// The latest entries, oldest first.
    pub latest: Vec<LogEntry>,
}

/// One entry of the event log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogEntry {
    /// Number of the entry.
    pub number: u16,
    /// When, by the controller's clock, whose zone is its own setting:
    /// `2024-05-01T06:30:00`.
    pub at: Option<String>,
    /// Name of the sensor, where a record of it was read.
    pub sensor: Option<String>,
    /// What the sensor watches: `memory`, `power supply`; null for entries in a
    /// format of the maker's own.
    pub kind: Option<String>,
    /// What happened.
    pub event: String,
    /// Whether it began (true) or ended (false).
    pub asserted: bool,
    /// How bad it is; what ended is `info`.
    pub severity: Severity,
    /// The bytes of the event, in hexadecimal, for what is not decoded here.
    pub data: String,
}

/// Reads the log; `None` if the controller's answer about it is too short.
pub(super) fn read(log: &BmcLog, sensors: &[SensorRecord]) -> Option<EventLog> {
    let info = log.info.0.as_slice();
    let entries: Vec<LogEntry> = log
        .entries
        .iter()
        .filter_map(|record| entry(&record.0, sensors))
        .collect();
    let happened = || entries.iter().filter(|entry| entry.asserted);
    Some(EventLog {
        entries: word(info, 1)?,
        free_bytes: word(info, 3)?,
        overflow: info.get(13)? & 0x80 != 0,
        last_added: clock::text(double_word(info, 5)?),
        last_erased: clock::text(double_word(info, 9)?),
        entries_read: entries.len(),
        by_severity: count(happened().map(|entry| {
            match entry.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Critical => "critical",
            }
            .to_owned()
        })),
        by_kind: count(happened().map(|entry| entry.kind.clone().unwrap_or("OEM".into()))),
        latest: entries
            .iter()
            .skip(entries.len().saturating_sub(LATEST))
            .cloned()
            .collect(),
    })
}

fn count(names: impl Iterator<Item = String>) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn entry(record: &[u8], sensors: &[SensorRecord]) -> Option<LogEntry> {
    let number = word(record, 0)?;
    match *record.get(2)? {
        EVENT => event(number, record, sensors),
        kind => {
            let timed = OEM_WITH_TIME.contains(&kind);
            Some(LogEntry {
                number,
                at: timed
                    .then(|| double_word(record, 3))
                    .flatten()
                    .and_then(clock::text),
                event: format!("a record of the maker's own format {kind:#04x}"),
                asserted: true,
                data: hexadecimal(record.get(if timed { 7 } else { 3 }..16)?),
                ..LogEntry::default()
            })
        }
    }
}

fn event(number: u16, record: &[u8], sensors: &[SensorRecord]) -> Option<LogEntry> {
    let stamp = double_word(record, 3)?;
    let [
        owner,
        lun,
        _format,
        sensor_type,
        sensor_number,
        direction,
        data @ ..,
    ] = record.get(7..16)?
    else {
        return None;
    };
    let data: [u8; 3] = data.try_into().ok()?;
    let event_type = direction & 0x7f;
    let asserted = direction & 0x80 == 0;
    let sensor = sensors
        .iter()
        .find(|sensor| sensor.is(*owner, lun & 0x03, *sensor_number));
    let offset = data[0] & 0x0f;
    let known = state(*sensor_type, event_type, offset);
    let (mut text, severity) = match known {
        Some((name, severity)) => (name.to_owned(), severity),
        None => (
            format!("event {offset} of type {event_type:#04x}"),
            Severity::Info,
        ),
    };
    if let Some(more) = detail(*sensor_type, event_type, data, sensor) {
        text.push_str(&format!(": {more}"));
    }
    Some(LogEntry {
        number,
        at: clock::text(stamp),
        sensor: sensor
            .map(|sensor| sensor.name.clone())
            .filter(|name| !name.is_empty()),
        kind: Some(units::sensor_type(*sensor_type)),
        event: text,
        asserted,
        severity: if asserted { severity } else { Severity::Info },
        data: hexadecimal(&data),
    })
}

/// What the second and third byte of an event add to it. The upper bits of the
/// first say what they hold (table 29-6).
fn detail(
    sensor_type: u8,
    event_type: u8,
    data: [u8; 3],
    sensor: Option<&SensorRecord>,
) -> Option<String> {
    let (second, third) = (data[0] >> 6, data[0] >> 4 & 0x03);
    if event_type == THRESHOLD {
        let sensor = sensor?;
        let value = |raw: u8| sensor.formula?.value(raw);
        let unit = sensor.unit.as_deref().unwrap_or_default();
        let reading = (second == 1).then(|| value(data[1])).flatten()?;
        let told = format!("{reading} {unit}");
        let limit = (third == 1).then(|| value(data[2])).flatten();
        let told = told.trim_end();
        return Some(match limit {
            Some(limit) => format!("{told}, threshold {limit}"),
            None => told.to_owned(),
        });
    }
    // The module that a memory event is about (table 42-3, type 0Ch).
    let memory = (sensor_type, event_type) == (MEMORY, SENSOR_SPECIFIC);
    (memory && third == 3).then(|| format!("memory module {}", data[2]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::bmc::formula::Formula;
    use crate::snapshot::Bytes;

    fn sensor(number: u8, name: &str) -> SensorRecord {
        SensorRecord {
            owner: 0x20,
            lun: 0,
            number,
            name: name.into(),
            entity: (7, 1),
            sensor_type: 1,
            event_type: 1,
            unit: Some("°C".into()),
            formula: Formula::read(0, &[0, 1, 0, 0, 0, 0, 0]),
            thresholds: Vec::new(),
            event_only: false,
        }
    }

    /// An event of the controller at 2024-05-01T06:30:00.
    fn record(number: u8, sensor: [u8; 3], data: [u8; 3]) -> Vec<u8> {
        let [kind, sensor_number, event] = sensor;
        let mut record = vec![number, 0, 2];
        record.extend(1_714_545_000_u32.to_le_bytes());
        record.extend([0x20, 0, 4, kind, sensor_number, event]);
        record.extend(data);
        record
    }

    #[test]
    fn events_are_put_into_words() {
        let sensors = [sensor(4, "CPU Temp"), sensor(9, "")];
        use Severity::{Critical, Info, Warning};
        let cases: &[(Vec<u8>, Option<&str>, &str, Severity)] = &[
            (
                record(1, [1, 4, 0x01], [0x59, 97, 95]),
                Some("CPU Temp"),
                "upper critical, going high: 97 °C, threshold 95",
                Critical,
            ),
            (
                record(1, [1, 4, 0x81], [0x59, 90, 95]),
                Some("CPU Temp"),
                "upper critical, going high: 90 °C, threshold 95",
                Info,
            ),
            (
                record(1, [1, 5, 0x01], [0x57, 97, 95]),
                None,
                "upper non-critical, going high",
                Warning,
            ),
            (
                record(1, [0x0c, 9, 0x6f], [0xb0, 0xff, 3]),
                None,
                "correctable ECC error: memory module 3",
                Warning,
            ),
            (
                record(1, [0x0c, 2, 0x6f], [0x01, 0xff, 0xff]),
                None,
                "uncorrectable ECC error",
                Critical,
            ),
            (
                record(1, [0x08, 7, 0x6f], [0x03, 0xff, 0xff]),
                None,
                "input lost (AC/DC)",
                Critical,
            ),
            (
                record(1, [0x13, 7, 0x6f], [0xa5, 0, 0x18]),
                None,
                "PCI SERR",
                Critical,
            ),
            (
                record(1, [0xc1, 7, 0x7e], [0xa5, 0, 0x18]),
                None,
                "event 5 of type 0x7e",
                Info,
            ),
        ];
        for (record, sensor, text, severity) in cases {
            let found = entry(record, &sensors).expect("an entry");
            assert_eq!(found.sensor.as_deref(), *sensor);
            assert_eq!((found.event.as_str(), found.severity), (*text, *severity));
            assert_eq!(found.at.as_deref(), Some("2024-05-01T06:30:00"));
        }
    }

    #[test]
    fn the_log_is_summed_up() {
        let mut info = vec![0x51, 26, 0, 0x40, 0x10];
        info.extend(1_714_545_000_u32.to_le_bytes());
        info.extend(u32::MAX.to_le_bytes());
        info.push(0x8a);
        let entries = (1..=25)
            .map(|number| record(number, [0x0c, 2, 0x6f], [number % 2, 0, 0]))
            .chain([record(26, [0x08, 7, 0xef], [3, 0, 0]), {
                let mut oem = record(27, [0; 3], [1, 2, 3]);
                oem[2] = 0xe0;
                oem
            }])
            .map(Bytes)
            .collect();
        let log = BmcLog {
            info: Bytes(info.clone()),
            entries,
        };
        let found = read(&log, &[]).expect("a log");
        assert_eq!((found.entries, found.free_bytes), (26, 0x1040));
        assert!(found.overflow);
        assert_eq!(found.last_added.as_deref(), Some("2024-05-01T06:30:00"));
        assert_eq!((found.last_erased, found.entries_read), (None, 27));
        let counts = |map: &BTreeMap<String, u32>| format!("{map:?}");
        assert_eq!(
            counts(&found.by_severity),
            r#"{"critical": 13, "info": 1, "warning": 12}"#
        );
        assert_eq!(counts(&found.by_kind), r#"{"OEM": 1, "memory": 25}"#);
        let numbers: Vec<u16> = found.latest.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, (8..=27).collect::<Vec<u16>>());
        let last = &found.latest[19];
        assert_eq!(last.event, "a record of the maker's own format 0xe0");
        assert!(last.data.ends_with("010203") && last.at.is_none());
        for cut in 0..14 {
            let log = BmcLog {
                info: Bytes(info[..cut].to_vec()),
                entries: Vec::new(),
            };
            assert_eq!(read(&log, &[]), None, "{cut} bytes");
        }
    }
}
