// SPDX-License-Identifier: Apache-2.0
//! What IEEE 802.1 adds: VLANs and link aggregation (IEEE 802.1Q-2018 annex D,
//! IEEE 802.1AX-2014 annex E).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Neighbour;
use super::text::cleaned;

/// Organizationally unique identifier of IEEE 802.1.
pub(super) const OUI: [u8; 3] = [0x00, 0x80, 0xc2];

/// A VLAN of the neighbour's port that has a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Vlan {
    /// VLAN identifier, 1 to 4094.
    pub id: u16,
    /// Its name on the neighbour.
    pub name: String,
}

/// A port-and-protocol VLAN.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ProtocolVlan {
    /// VLAN identifier; 0 if the port supports such VLANs but has none.
    pub id: u16,
    /// Whether the port supports such VLANs.
    pub supported: bool,
    /// Whether this one is switched on.
    pub enabled: bool,
}

/// Whether the neighbour's port is bundled with others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LinkAggregation {
    /// The port can be bundled.
    pub capable: bool,
    /// The port is bundled now.
    pub active: bool,
    /// Number of the bundle on the neighbour; 0 if there is none.
    pub port_id: u32,
}

/// Takes one TLV in; the error says what is wrong with it.
pub(super) fn take(neighbour: &mut Neighbour, subtype: u8, value: &[u8]) -> Result<(), String> {
    match subtype {
        1 => once(&mut neighbour.port_vlan, word(value)),
        2 => {
            let [flags, id @ ..] = value else {
                return Err("is empty".to_owned());
            };
            let vlan = ProtocolVlan {
                id: word(id)?,
                supported: flags & 0x02 != 0,
                enabled: flags & 0x04 != 0,
            };
            neighbour.protocol_vlans.push(vlan);
            Ok(())
        }
        3 => vlan_name(neighbour, value),
        6 => once(&mut neighbour.management_vlan, word(value)),
        // 802.3 had this first; what stands here counts, in whatever order
        // both come.
        7 => {
            neighbour.link_aggregation = Some(link_aggregation(value)?);
            Ok(())
        }
        // Protocol identities, VID digests and data centre bridging are in the
        // raw TLVs for whoever wants them.
        _ => Ok(()),
    }
}

fn vlan_name(neighbour: &mut Neighbour, value: &[u8]) -> Result<(), String> {
    let id = word(value)?;
    let [_, _, length, rest @ ..] = value else {
        return Err(format!("has no name for VLAN {id}"));
    };
    let whole = rest.get(..usize::from(*length));
    let (name, sound) = cleaned(whole.unwrap_or(rest));
    neighbour.vlans.push(Vlan { id, name });
    match whole {
        None => Err(format!("claims a name of VLAN {id} longer than the TLV")),
        Some(_) if !sound => Err(format!("has a name of VLAN {id} that is not text")),
        Some(_) => Ok(()),
    }
}

/// Status and port number, as both 802.1 and (before that) 802.3 have it.
pub(super) fn link_aggregation(value: &[u8]) -> Result<LinkAggregation, String> {
    let [status, a, b, c, d, ..] = value else {
        return Err(format!("has {} octets instead of 5", value.len()));
    };
    Ok(LinkAggregation {
        capable: status & 0x01 != 0,
        active: status & 0x02 != 0,
        port_id: u32::from_be_bytes([*a, *b, *c, *d]),
    })
}

/// The first two octets as a number.
pub(super) fn word(value: &[u8]) -> Result<u16, String> {
    let [a, b, ..] = value else {
        return Err(format!("ends after {} octets", value.len()));
    };
    Ok(u16::from_be_bytes([*a, *b]))
}

/// Keeps the first value; a second one is an error.
pub(super) fn once<T>(place: &mut Option<T>, found: Result<T, String>) -> Result<(), String> {
    let found = found?;
    if place.is_some() {
        return Err("comes twice; the first one counts".to_owned());
    }
    *place = Some(found);
    Ok(())
}
