// SPDX-License-Identifier: Apache-2.0
//! What the management controller answered, over `/dev/ipmi0`.

use serde::{Deserialize, Serialize};

use super::Bytes;

/// Everything the management controller was asked, as it answered. Answers are
/// kept without their completion code where that said "done".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bmc {
    /// Answer to Get Device ID (IPMI 2.0 section 20.1).
    pub device_id: Option<Bytes>,
    /// Answer to Get Device GUID (section 20.8).
    pub guid: Option<Bytes>,
    /// Answers to Get System Info Parameters (section 22.14b), without revision.
    pub system_info: Vec<BmcParameter>,
    /// The LAN channels that answered, by number.
    pub channels: Vec<BmcChannel>,
    /// The system event log, if that was asked.
    pub log: Option<BmcLog>,
    /// The sensors, if they were asked.
    pub sensors: Option<BmcSensors>,
}

/// One LAN channel of the management controller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BmcChannel {
    /// Channel number, 1 to 11.
    pub channel: u8,
    /// Answer to Get Channel Info (section 22.24).
    pub info: Option<Bytes>,
    /// The LAN configuration parameters that were answered (section 23.2, table
    /// 23-4).
    pub parameters: Vec<BmcParameter>,
}

/// One answer to Get LAN Configuration Parameters or Get System Info Parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcParameter {
    /// Number of the parameter.
    pub parameter: u8,
    /// Set selector, for parameters that are lists.
    pub set: u8,
    /// The parameter's data, without completion code and revision.
    pub data: Bytes,
}

/// The system event log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BmcLog {
    /// Answer to Get SEL Info (section 31.2).
    pub info: Bytes,
    /// The last records, oldest first, 16 bytes each (section 32.1).
    pub entries: Vec<Bytes>,
}

/// The sensors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BmcSensors {
    /// Sensor data records that describe sensors, with their header (section 43).
    pub records: Vec<Bytes>,
    /// What the sensors read.
    pub readings: Vec<BmcReading>,
}

/// One answer to Get Sensor Reading (section 35.14).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BmcReading {
    /// Logical unit of the controller that the sensor belongs to.
    pub lun: u8,
    /// Number of the sensor.
    pub number: u8,
    /// The answer with its completion code.
    pub answer: Bytes,
}
