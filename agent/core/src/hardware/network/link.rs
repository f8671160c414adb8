// SPDX-License-Identifier: Apache-2.0
//! Link settings and forward error correction in words (`linux/ethtool.h`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inventory::{fec_modes, highest_speed, link_mode_names, port_kinds};
use crate::snapshot::{FecParameters, LinkSettings};

/// Whether a link sends and receives at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Duplex {
    /// One after the other.
    Half,
    /// At the same time.
    Full,
}

/// Link modes of a port, as the kernel names them: `25000baseSR/Full`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LinkModes {
    /// What the port supports.
    pub supported: Vec<String>,
    /// What it advertises.
    pub advertised: Vec<String>,
    /// What the link partner advertises; empty where that is not known.
    pub partner: Vec<String>,
    /// Kinds of port it can be, `TP`, `FIBRE`.
    pub port_types: Vec<String>,
    /// Forward error corrections it supports.
    pub fec: Vec<String>,
}

impl LinkModes {
    pub(super) fn of(settings: &LinkSettings) -> Self {
        Self {
            supported: link_mode_names(&settings.supported),
            advertised: link_mode_names(&settings.advertised),
            partner: link_mode_names(&settings.partner),
            port_types: port_kinds(&settings.supported),
            fec: fec_modes(&settings.supported),
        }
    }
}

/// Forward error correction of a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Fec {
    /// What is active on the link now, `RS`, `BaseR`, `off`; absent without a link.
    pub active: Option<String>,
    /// What is configured; several if the port chooses among them.
    pub configured: Vec<String>,
}

/// `ETHTOOL_FEC_*` by bit. Bit 0 is "none": the port has no such setting.
const FEC: &[(u32, &str)] = &[
    (1, "auto"),
    (2, "off"),
    (3, "RS"),
    (4, "BaseR"),
    (5, "LLRS"),
];

/// `None` if the port has no forward error correction.
pub(super) fn fec(parameters: FecParameters) -> Option<Fec> {
    let names = |mask: u32| {
        let set = FEC.iter().filter(move |(bit, _)| mask >> bit & 1 == 1);
        set.map(|(_, name)| (*name).to_owned())
    };
    let fec = Fec {
        active: names(parameters.active).next(),
        configured: names(parameters.configured).collect(),
    };
    (fec != Fec::default()).then_some(fec)
}

/// `PORT_*`, named as ethtool names the same bits of the link modes.
pub(super) fn port_type(settings: &LinkSettings) -> Option<String> {
    let name = match settings.port {
        0x00 => "TP",
        0x01 => "AUI",
        0x02 => "MII",
        0x03 => "FIBRE",
        0x04 => "BNC",
        0x05 => "DA",
        0xef => "none",
        _ => return None,
    };
    Some(name.to_owned())
}

/// Whether something is plugged into the port that has an EEPROM: `PORT_FIBRE`,
/// `PORT_DA`.
pub(super) fn takes_modules(settings: &LinkSettings) -> bool {
    matches!(settings.port, 0x03 | 0x05)
}

/// `DUPLEX_*`.
pub(super) fn duplex(settings: &LinkSettings) -> Option<Duplex> {
    match settings.duplex {
        0 => Some(Duplex::Half),
        1 => Some(Duplex::Full),
        _ => None,
    }
}

/// `AUTONEG_*`.
pub(super) fn autonegotiation(settings: &LinkSettings) -> Option<bool> {
    match settings.autoneg {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// The highest speed the link partner advertises, in Mbit/s.
pub(super) fn partner_speed(settings: &LinkSettings) -> Option<u32> {
    highest_speed(&settings.partner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fec_is_named() {
        for (active, configured, expected) in [
            (0, 0, None),
            (1, 1, None),
            (1 << 3, 1 << 1, Some((Some("RS"), vec!["auto"]))),
            (1 << 2, 1 << 2, Some((Some("off"), vec!["off"]))),
            (0, 3 << 3, Some((None, vec!["RS", "BaseR"]))),
        ] {
            let found = fec(FecParameters { active, configured });
            let expected = expected.map(|(active, configured)| Fec {
                active: active.map(str::to_owned),
                configured: configured.into_iter().map(str::to_owned).collect(),
            });
            assert_eq!(found, expected, "{active:#x} {configured:#x}");
        }
    }

    #[test]
    fn numbers_without_a_name_are_absent() {
        let settings = LinkSettings {
            duplex: 0xff,
            port: 0xff,
            autoneg: 2,
            ..LinkSettings::default()
        };
        assert_eq!(port_type(&settings), None);
        assert_eq!(duplex(&settings), None);
        assert_eq!(autonegotiation(&settings), None);
    }
}
