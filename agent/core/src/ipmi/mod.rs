// SPDX-License-Identifier: Apache-2.0
//! The requests that are sent to a management controller (IPMI 2.0), and how its
//! answers begin.

mod record;

pub(crate) use record::{COMPACT, EVENT_ONLY, FULL, share_count};
pub use record::{Next, RecordHeader, Repository, is_sensor, next_record, sensor_numbers};

/// Network functions of requests (table 5-1).
const SENSOR: u8 = 0x04;
const APPLICATION: u8 = 0x06;
const STORAGE: u8 = 0x0a;
const TRANSPORT: u8 = 0x0c;

/// Address of the management controller itself on its bus, as sensor data records
/// name it (section 5.5).
pub const CONTROLLER: u8 = 0x20;
/// Channels that can be LANs (table 6-1).
pub const LAN_CHANNELS: std::ops::RangeInclusive<u8> = 1..=11;
/// The record before the first, and the one after the last, of a repository and
/// of the event log.
pub const FIRST_RECORD: u16 = 0;
/// See [`FIRST_RECORD`].
pub const LAST_RECORD: u16 = 0xffff;
/// Bytes of every record of the event log (table 32-1).
pub const LOG_RECORD: usize = 16;

/// A request to the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Logical unit of the controller.
    pub lun: u8,
    /// Network function.
    pub netfn: u8,
    /// Command.
    pub command: u8,
    /// Data of the command.
    pub data: Vec<u8>,
}

impl Request {
    fn new(netfn: u8, command: u8, data: &[u8]) -> Self {
        Self {
            lun: 0,
            netfn,
            command,
            data: data.to_vec(),
        }
    }

    /// Get Device ID (section 20.1).
    #[must_use]
    pub fn device_id() -> Self {
        Self::new(APPLICATION, 0x01, &[])
    }

    /// Get Device GUID (section 20.8).
    #[must_use]
    pub fn device_guid() -> Self {
        Self::new(APPLICATION, 0x08, &[])
    }

    /// Get Channel Info (section 22.24).
    #[must_use]
    pub fn channel_info(channel: u8) -> Self {
        Self::new(APPLICATION, 0x42, &[channel])
    }

    /// Get System Info Parameters (section 22.14b).
    #[must_use]
    pub fn system_info(parameter: u8, set: u8) -> Self {
        Self::new(APPLICATION, 0x59, &[0, parameter, set, 0])
    }

    /// Get LAN Configuration Parameters (section 23.2).
    #[must_use]
    pub fn lan_parameter(channel: u8, parameter: u8, set: u8) -> Self {
        Self::new(TRANSPORT, 0x02, &[channel, parameter, set, 0])
    }

    /// Get SEL Info (section 31.2).
    #[must_use]
    pub fn log_info() -> Self {
        Self::new(STORAGE, 0x40, &[])
    }

    /// Get SEL Entry, a whole record, for which no reservation is needed
    /// (section 31.5).
    #[must_use]
    pub fn log_entry(record: u16) -> Self {
        let [low, high] = record.to_le_bytes();
        Self::new(STORAGE, 0x43, &[0, 0, low, high, 0, 0xff])
    }

    /// Get Sensor Reading (section 35.14).
    #[must_use]
    pub fn reading(lun: u8, number: u8) -> Self {
        Self {
            lun,
            ..Self::new(SENSOR, 0x2d, &[number])
        }
    }
}

/// Why there are no data in an answer: the completion code (table 5-2), `None`
/// if not even that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal(pub Option<u8>);

impl Refusal {
    /// The reservation was taken away, because somebody else reads or changes
    /// the same list.
    pub const RESERVATION_LOST: Self = Self(Some(0xc5));

    /// Whether a shorter piece may be answered: the code says that so many bytes
    /// cannot be returned, or says nothing about why.
    #[must_use]
    pub fn is_about_length(self) -> bool {
        matches!(self.0, Some(0xc7 | 0xc8 | 0xca | 0xff))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = match self.0 {
            None => return f.write_str("the controller sent an empty answer"),
            Some(0xc0) => "it is busy",
            Some(0xc1 | 0xc2) => "it does not know the command",
            Some(0xc3) => "it ran out of time",
            Some(0xc9 | 0xca | 0xcc) => "it does not accept the parameters",
            Some(0xcb) => "what was asked for is not there",
            Some(0xce) => "it cannot answer now",
            Some(0xd0) => "its sensor records are being updated",
            Some(0xd1 | 0xd2) => "it is starting",
            Some(0xd4) => "it does not permit this",
            Some(0xd5) => "it does not support this in its present state",
            Some(_) => "",
        };
        let code = self.0.unwrap_or_default();
        match words {
            "" => write!(f, "the controller refuses with code {code:#04x}"),
            words => write!(f, "the controller refuses: {words} (code {code:#04x})"),
        }
    }
}

/// Whether a channel can be a LAN, by the answer to Get Channel Info: its medium
/// is none of the buses (table 6-3), or it does not say.
#[must_use]
pub fn may_be_lan(info: Option<&[u8]>) -> bool {
    match info.and_then(|info| info.get(1)) {
        Some(medium) => !matches!(medium & 0x7f, 0x01..=0x03 | 0x05 | 0x07..=0x0c),
        None => true,
    }
}

/// The data of an answer, which begins with a completion code.
///
/// # Errors
/// The controller refuses.
pub fn data(answer: &[u8]) -> Result<&[u8], Refusal> {
    match answer {
        [0, data @ ..] => Ok(data),
        other => Err(Refusal(other.first().copied())),
    }
}

/// Two bytes of an answer as a number.
#[must_use]
pub fn word(data: &[u8], at: usize) -> Option<u16> {
    let bytes = data.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

/// Four bytes of an answer as a number.
#[must_use]
pub fn double_word(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_put_into_words() {
        for (answer, expected) in [
            (&[][..], "the controller sent an empty answer"),
            (
                &[0xc1],
                "the controller refuses: it does not know the command (code 0xc1)",
            ),
            (&[0x80, 1], "the controller refuses with code 0x80"),
        ] {
            assert_eq!(data(answer).expect_err("refused").to_string(), expected);
        }
        assert_eq!(data(&[0, 1, 2]), Ok(&[1, 2][..]));
    }

    #[test]
    fn requests_are_those_of_the_specification() {
        assert_eq!(
            Request::lan_parameter(1, 3, 0),
            Request {
                lun: 0,
                netfn: 0x0c,
                command: 2,
                data: vec![1, 3, 0, 0],
            }
        );
        assert_eq!(Request::log_entry(0x1234).data, [0, 0, 0x34, 0x12, 0, 0xff]);
        assert_eq!(Request::reading(3, 7).lun, 3);
    }
}
