// SPDX-License-Identifier: Apache-2.0
//! Walking the sensor data records (IPMI 2.0 sections 33, 35.2 to 35.4 and 43).

use super::{CONTROLLER, Request, SENSOR, STORAGE, word};

/// Sensor data records that describe sensors (table 43-1 to 43-3).
pub(crate) const FULL: u8 = 0x01;
pub(crate) const COMPACT: u8 = 0x02;
pub(crate) const EVENT_ONLY: u8 = 0x03;

/// Where a controller keeps its sensor data records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repository {
    /// In the repository of the whole machine.
    Machine,
    /// In the controller itself, for its own sensors only.
    Device,
}

impl Repository {
    /// Which one to ask, by the answer to Get Device ID: bit 1 of the additional
    /// device support says that there is a repository.
    #[must_use]
    pub fn of(device_id: &[u8]) -> Self {
        match device_id.get(5) {
            Some(support) if support & 0b11 == 0b01 => Self::Device,
            _ => Self::Machine,
        }
    }

    /// Reserve (Device) SDR (Repository).
    #[must_use]
    pub fn reserve(self) -> Request {
        let netfn = match self {
            Self::Machine => STORAGE,
            Self::Device => SENSOR,
        };
        Request::new(netfn, 0x22, &[])
    }

    /// Get (Device) SDR: a piece of a record.
    #[must_use]
    pub fn piece(self, reservation: u16, record: u16, offset: u8, length: u8) -> Request {
        let [reservation_low, reservation_high] = reservation.to_le_bytes();
        let [record_low, record_high] = record.to_le_bytes();
        let data = [
            reservation_low,
            reservation_high,
            record_low,
            record_high,
            offset,
            length,
        ];
        match self {
            Self::Machine => Request::new(STORAGE, 0x23, &data),
            Self::Device => Request::new(SENSOR, 0x21, &data),
        }
    }
}

/// The header that every record begins with (section 43).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    /// Kind of the record.
    pub kind: u8,
    /// Bytes that follow the header.
    pub length: u8,
}

impl RecordHeader {
    /// Bytes of the header itself.
    pub const LENGTH: u8 = 5;

    /// Reads a header.
    #[must_use]
    pub fn read(record: &[u8]) -> Option<Self> {
        Some(Self {
            kind: *record.get(3)?,
            length: *record.get(4)?,
        })
    }
}

/// What an answer to Get SDR or Get SEL Entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next<'a> {
    /// Number of the record that follows.
    pub record: u16,
    /// The bytes that were asked for.
    pub bytes: &'a [u8],
}

/// Reads an answer to Get SDR or Get SEL Entry.
#[must_use]
pub fn next_record(data: &[u8]) -> Option<Next<'_>> {
    Some(Next {
        record: word(data, 0)?,
        bytes: data.get(2..)?,
    })
}

/// Whether a kind of record describes a sensor, or a source of events.
#[must_use]
pub fn is_sensor(kind: u8) -> bool {
    matches!(kind, FULL | COMPACT | EVENT_ONLY)
}

/// The sensors of a record that this controller can read: logical unit and
/// number. A compact record can stand for several sensors with consecutive
/// numbers (section 43.2).
#[must_use]
pub fn sensor_numbers(record: &[u8]) -> Vec<(u8, u8)> {
    let found = || {
        let kind = RecordHeader::read(record)?.kind;
        let lun = record.get(6)? & 0x03;
        let first = *record.get(7)?;
        let count = match kind {
            FULL => 1,
            COMPACT => share_count(record),
            _ => return None,
        };
        (*record.get(5)? == CONTROLLER).then_some((lun, first, count))
    };
    let Some((lun, first, count)) = found() else {
        return Vec::new();
    };
    let last = first.saturating_add(count - 1);
    (first..=last).map(|number| (lun, number)).collect()
}

/// How many sensors share a compact record, at least one.
pub(crate) fn share_count(record: &[u8]) -> u8 {
    record.get(23).map_or(1, |byte| (byte & 0x0f).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_name_the_sensors_to_ask() {
        let mut record = vec![0_u8; 40];
        record[3] = COMPACT;
        record[5] = 0x20;
        record[6] = 0x01;
        record[7] = 0x70;
        record[23] = 3;
        assert_eq!(sensor_numbers(&record), [(1, 0x70), (1, 0x71), (1, 0x72)]);
        record[7] = 0xfe;
        assert_eq!(sensor_numbers(&record), [(1, 0xfe), (1, 0xff)]);
        record[23] = 0;
        assert_eq!(sensor_numbers(&record), [(1, 0xfe)]);
        record[3] = FULL;
        assert_eq!(sensor_numbers(&record[..8]), [(1, 0xfe)]);
        record[3] = EVENT_ONLY;
        assert_eq!(sensor_numbers(&record), []);
        record[3] = FULL;
        record[5] = 0x2c;
        assert_eq!(sensor_numbers(&record), [], "it is another controller's");
        assert_eq!(sensor_numbers(&[]), []);
    }

    #[test]
    fn a_controller_without_repository_has_its_own_records() {
        for (support, expected) in [
            (0xbf, Repository::Machine),
            (0x01, Repository::Device),
            (0x00, Repository::Machine),
        ] {
            let device_id = [0x20, 0x81, 2, 0x44, 2, support];
            assert_eq!(Repository::of(&device_id), expected);
        }
        assert_eq!(Repository::Device.reserve().netfn, 0x04);
        assert_eq!(Repository::of(&[]), Repository::Machine);
        assert_eq!(
            Repository::Machine.piece(0x0201, 0x0403, 5, 16).data,
            [1, 2, 3, 4, 5, 16]
        );
    }
}
