// SPDX-License-Identifier: Apache-2.0
//! What IEEE 802.3 adds: the physical layer, power over the cable, the largest
//! frame (IEEE 802.3-2018 clause 79).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Neighbour;
use super::dot1::{link_aggregation, once, word};

/// Organizationally unique identifier of IEEE 802.3.
pub(super) const OUI: [u8; 3] = [0x00, 0x12, 0x0f];

/// What may be negotiated, by bit from the highest on (`IANAifMauAutoNegCapBits`
/// of RFC 4836).
const ADVERTISED: [&str; 16] = [
    "other",
    "10baseT/half",
    "10baseT/full",
    "10baseT4",
    "100baseTX/half",
    "100baseTX/full",
    "100baseT2/half",
    "100baseT2/full",
    "pause",
    "asymmetric-pause",
    "symmetric-pause",
    "asymmetric-and-symmetric-pause",
    "1000baseX/half",
    "1000baseX/full",
    "1000baseT/half",
    "1000baseT/full",
];

/// The physical layer of the neighbour's port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PhysicalLayer {
    /// The port can negotiate speed and duplex.
    pub autonegotiation_supported: bool,
    /// The port does negotiate.
    pub autonegotiation_enabled: bool,
    /// What it offers: `1000baseT/full`, `symmetric-pause`; nothing above 1 Gbit/s has a
    /// place in this TLV.
    pub advertised: Vec<String>,
    /// Type of the transceiver in use, a number of the IANA-MAU-MIB (`dot3MauType`):
    /// 30 is 1000baseT/full.
    pub mau_type: u16,
}

/// Power over the cable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Power {
    /// The port gives power (`true`) or takes it.
    pub source: bool,
    /// The port can give power.
    pub supported: bool,
    /// Power is switched on.
    pub enabled: bool,
    /// Power class, 0 to 4.
    pub class: Option<u8>,
    /// Power asked for, in milliwatts.
    pub requested_mw: Option<u32>,
    /// Power granted, in milliwatts.
    pub allocated_mw: Option<u32>,
}

/// Takes one TLV in; the error says what is wrong with it.
pub(super) fn take(neighbour: &mut Neighbour, subtype: u8, value: &[u8]) -> Result<(), String> {
    match subtype {
        1 => once(&mut neighbour.physical_layer, physical_layer(value)),
        2 => once(&mut neighbour.power, power(value)),
        // The old place of link aggregation; switches that send both say the
        // same twice, and the new place counts.
        3 => {
            let found = link_aggregation(value)?;
            neighbour.link_aggregation.get_or_insert(found);
            Ok(())
        }
        4 => once(&mut neighbour.max_frame_bytes, word(value)),
        _ => Ok(()),
    }
}

fn physical_layer(value: &[u8]) -> Result<PhysicalLayer, String> {
    let [negotiation, a, b, c, d, ..] = value else {
        return Err(format!("has {} octets instead of 5", value.len()));
    };
    let bits = u16::from_be_bytes([*a, *b]);
    let set =
        |(place, name): (usize, &&str)| (bits << place & 0x8000 != 0).then(|| (*name).to_owned());
    Ok(PhysicalLayer {
        autonegotiation_supported: negotiation & 0x01 != 0,
        autonegotiation_enabled: negotiation & 0x02 != 0,
        advertised: ADVERTISED.iter().enumerate().filter_map(set).collect(),
        mau_type: u16::from_be_bytes([*c, *d]),
    })
}

fn power(value: &[u8]) -> Result<Power, String> {
    let [support, _pairs, class, extended @ ..] = value else {
        return Err(format!("has {} octets instead of at least 3", value.len()));
    };
    // Power values are in tenths of a watt (79.3.2.5, 79.3.2.6).
    let (requested_mw, allocated_mw) = match extended {
        [_priority, a, b, c, d, ..] => (
            Some(u32::from(u16::from_be_bytes([*a, *b])) * 100),
            Some(u32::from(u16::from_be_bytes([*c, *d])) * 100),
        ),
        _ => (None, None),
    };
    Ok(Power {
        source: support & 0x01 != 0,
        supported: support & 0x02 != 0,
        enabled: support & 0x04 != 0,
        class: class.checked_sub(1),
        requested_mw,
        allocated_mw,
    })
}
