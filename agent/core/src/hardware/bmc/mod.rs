// SPDX-License-Identifier: Apache-2.0
//! The management controller: who it is, where it is reached, what it watches and
//! what it logged (IPMI 2.0).

mod clock;
mod device;
mod formula;
pub(crate) mod lan;
mod log;
mod record;
mod sensors;
mod states;
#[cfg(test)]
mod tests;
mod units;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Absences, Source};
use crate::snapshot;

pub use device::BmcDevice;
pub use lan::{LanChannel, LanIpv6};
pub use log::{EventLog, LogEntry};
pub use sensors::{Sensor, SensorStatus};
pub use states::Severity;

/// The parameters of Get System Info (section 22.14b).
const SYSTEM_FIRMWARE: u8 = 1;
const SYSTEM_NAME: u8 = 2;
const URL: u8 = 6;

/// The management controller.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Bmc {
    /// Who made it, and what runs on it.
    pub device: Option<BmcDevice>,
    /// Its GUID.
    pub guid: Option<String>,
    /// Version of the machine's firmware, as the controller was told.
    pub system_firmware_version: Option<String>,
    /// Name of the machine, as the controller was told.
    pub system_name: Option<String>,
    /// Address of its web interface.
    pub url: Option<String>,
    /// Its LAN channels.
    pub lan_channels: Vec<LanChannel>,
    /// Its sensors; empty if they were not asked.
    pub sensors: Vec<Sensor>,
    /// Its event log, if it was asked.
    pub event_log: Option<EventLog>,
}

pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> Option<Bmc> {
    let Some(bmc) = &source.snapshot.bmc else {
        absent.note(
            "BMC",
            "everything",
            "no management controller answers on /dev/ipmi0",
        );
        return None;
    };
    Some(decode(bmc, absent))
}

fn decode(bmc: &snapshot::Bmc, absent: &mut Absences) -> Bmc {
    let records: Vec<record::SensorRecord> = bmc
        .sensors
        .iter()
        .flat_map(|sensors| &sensors.records)
        .flat_map(|record| record::sensors(&record.0))
        .collect();
    let readings = bmc.sensors.as_ref().map(|sensors| &sensors.readings[..]);
    absent.expect(readings, "BMC", "sensors", "not asked, or not answered");
    let device = bmc.device_id.as_ref().and_then(|id| device::device(&id.0));
    let log = bmc.log.as_ref().and_then(|log| log::read(log, &records));
    Bmc {
        device: absent.expect(device, "BMC", "device", "not asked, or not answered"),
        guid: bmc.guid.as_ref().and_then(|guid| device::guid(&guid.0)),
        system_firmware_version: device::system_text(&bmc.system_info, SYSTEM_FIRMWARE),
        system_name: device::system_text(&bmc.system_info, SYSTEM_NAME),
        url: device::system_text(&bmc.system_info, URL),
        lan_channels: bmc.channels.iter().map(lan::read).collect(),
        sensors: sensors::read(&records, readings.unwrap_or_default(), absent),
        event_log: absent.expect(log, "BMC", "event log", "not asked, or not answered"),
    }
}
