// SPDX-License-Identifier: Apache-2.0
//! The module in a port: an optical transceiver or a cable with its ends,
//! decoded from its EEPROM.
//!
//! One file per memory map: SFF-8472 (SFP), SFF-8636 (QSFP), CMIS (QSFP-DD,
//! OSFP). What a module does not tell is absent.

mod cmis;
mod diagnostics;
mod memory;
mod sff8024;
mod sff8472;
mod sff8636;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::{MemoryMap, ModuleEeprom};

pub use diagnostics::{Diagnostics, Lane};

/// The module in a port, as its EEPROM describes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Transceiver {
    /// Form factor, `SFP/SFP+/SFP28`, `QSFP28`, `OSFP`.
    pub form_factor: Option<String>,
    /// What it sends through.
    pub medium: Option<Medium>,
    /// What it complies with, `10GBASE-SR`, `100GBASE-CR4`.
    pub compliance: Vec<String>,
    /// Name of the maker.
    pub vendor: Option<String>,
    /// The maker's IEEE number, `00:02:c9`.
    pub vendor_oui: Option<String>,
    /// Part number.
    pub part_number: Option<String>,
    /// Revision of the part.
    pub revision: Option<String>,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Day it was made, `2018-12-07`.
    pub manufactured: Option<String>,
    /// Connector, `LC`, `MPO 1x12`, `copper pigtail`.
    pub connector: Option<String>,
    /// Nominal signalling rate of each lane, in MBd.
    pub lane_rate_mbd: Option<u32>,
    /// Wavelength of the laser in nm; the first one of several.
    pub wavelength_nm: Option<f64>,
    /// Length of the cable in metres, of modules that are the end of a cable.
    pub cable_metres: Option<f64>,
    /// How far it reaches, by kind of fibre.
    pub reach: Vec<Reach>,
    /// The most power it draws, in W.
    pub max_power_w: Option<f64>,
    /// Version of the firmware that runs in it.
    pub firmware_version: Option<String>,
    /// Whether the checksum over these data is right; forged modules often
    /// have a wrong one.
    pub checksum_valid: Option<bool>,
    /// What it measures of itself.
    pub diagnostics: Option<Diagnostics>,
}

/// What a module sends through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Medium {
    /// Fibre that is plugged into the module.
    Fibre,
    /// A copper cable without electronics (DAC), of which the module is one end.
    PassiveCopper,
    /// A copper cable with electronics in its ends.
    ActiveCopper,
    /// A cable of fibre (AOC), of which the module is one end.
    ActiveOptical,
    /// Twisted pair that is plugged into the module.
    TwistedPair,
}

impl Medium {
    /// Whether the module is the end of a cable.
    fn is_cable(self) -> bool {
        matches!(
            self,
            Self::PassiveCopper | Self::ActiveCopper | Self::ActiveOptical
        )
    }
}

/// How far a module reaches over one kind of fibre.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Reach {
    /// Kind of fibre, `OM4`, `single mode`.
    pub fibre: String,
    /// Metres.
    pub metres: f64,
}

/// Decodes what was read of a module; `None` if not even its identifier was.
#[must_use]
pub(super) fn decode(module: &ModuleEeprom) -> Option<Transceiver> {
    let identifier = module.identifier()?;
    let decoded = match MemoryMap::of(identifier) {
        Some(MemoryMap::Sff8472) => sff8472::decode(module),
        Some(MemoryMap::Sff8636) => sff8636::decode(module),
        Some(MemoryMap::Cmis) => cmis::decode(module),
        None => None,
    };
    Some(Transceiver {
        form_factor: Some(match sff8024::form_factor(identifier) {
            Some(name) => name.to_owned(),
            None => format!("identifier {identifier:#04x}"),
        }),
        ..decoded.unwrap_or_default()
    })
}

/// The reach over one kind of fibre, if the module names one. 0 is none, and 255
/// in a field of one byte is "more than 254 units", which is no number.
fn reach(fibre: &str, units: Option<u8>, metres_per_unit: f64) -> Option<Reach> {
    let units = units.filter(|units| !matches!(units, 0 | 0xff))?;
    Some(Reach {
        fibre: fibre.to_owned(),
        metres: f64::from(units) * metres_per_unit,
    })
}

/// A length of cable, where 0 and 255 mean that it is not given.
fn cable_metres(units: Option<u8>) -> Option<f64> {
    let units = units.filter(|units| !matches!(units, 0 | 0xff))?;
    Some(f64::from(units))
}
