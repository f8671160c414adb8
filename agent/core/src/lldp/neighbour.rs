// SPDX-License-Identifier: Apache-2.0
//! A neighbour: what its LLDPDU says, element by element.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::basic::{capabilities, management_address};
use super::dot1::{once, word};
use super::frame::Frame;
use super::text::{cleaned, colons};
use super::tlv::{END, Tlv, split};
use super::{
    Identifier, LinkAggregation, ManagementAddress, PhysicalLayer, Power, ProtocolVlan, RawTlv,
    Vlan, dot1, dot3, identifier,
};

/// The neighbour of a port, as it describes itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Neighbour {
    /// MAC address the frame came from.
    pub source_address: String,
    /// The neighbour itself, such as the switch.
    pub chassis_id: Option<Identifier>,
    /// Its port at the other end of the cable.
    pub port_id: Option<Identifier>,
    /// For how long its words count, in seconds.
    pub ttl_s: Option<u16>,
    /// Description of its port.
    pub port_description: Option<String>,
    /// Its name.
    pub system_name: Option<String>,
    /// Its description: maker, model, software.
    pub system_description: Option<String>,
    /// What it is able to do: `bridge`, `router`, `station`, ….
    pub capabilities: Vec<String>,
    /// What of it is switched on.
    pub enabled_capabilities: Vec<String>,
    /// Where it can be managed.
    pub management_addresses: Vec<ManagementAddress>,
    /// VLAN of untagged frames on its port; 0 if there is none.
    pub port_vlan: Option<u16>,
    /// VLAN it is managed in.
    pub management_vlan: Option<u16>,
    /// VLANs of its port that have names.
    pub vlans: Vec<Vlan>,
    /// Port-and-protocol VLANs.
    pub protocol_vlans: Vec<ProtocolVlan>,
    /// Whether its port is bundled with others.
    pub link_aggregation: Option<LinkAggregation>,
    /// The physical layer of its port.
    pub physical_layer: Option<PhysicalLayer>,
    /// The largest frame its port takes, in bytes, with Ethernet header and checksum.
    pub max_frame_bytes: Option<u16>,
    /// Power over the cable.
    pub power: Option<Power>,
    /// What is broken in the frame, a sentence each; the rest counts all the same.
    pub problems: Vec<String>,
    /// Every whole TLV as it came: type, and value in hexadecimal digits.
    pub tlvs: Vec<RawTlv>,
}

impl Neighbour {
    /// The VLANs of its port that have names (802.1 TLV 3), each once, in
    /// order, without numbers that are no VLAN (0 and from 4095 on). A
    /// neighbour may name the VLAN of untagged frames, [`Self::port_vlan`], or
    /// not.
    #[must_use]
    pub fn vlan_ids(&self) -> Vec<u16> {
        let ids = self.vlans.iter().map(|vlan| vlan.id);
        let usable: BTreeSet<u16> = ids.filter(|id| (1..=4094).contains(id)).collect();
        usable.into_iter().collect()
    }
}

/// Reads a frame: the neighbour, and those of its TLVs that are sound.
pub(super) fn read(frame: &Frame<'_>) -> (Neighbour, Vec<RawTlv>) {
    let (tlvs, broken_off) = split(frame.pdu);
    let mut neighbour = Neighbour {
        source_address: colons(&frame.source),
        tlvs: tlvs.iter().map(|tlv| RawTlv::from(*tlv)).collect(),
        ..Neighbour::default()
    };
    let mut sound = Vec::new();
    for tlv in &tlvs {
        match take(&mut neighbour, *tlv) {
            Ok(()) => sound.push(RawTlv::from(*tlv)),
            Err(problem) => {
                let problem = format!("{}: {problem}", subject(*tlv));
                neighbour.problems.push(problem);
            }
        }
    }
    neighbour.problems.extend(broken_off);
    neighbour.problems.extend(missing(&tlvs));
    (neighbour, sound)
}

/// Every LLDPDU begins with chassis ID, port ID and time to live (clause 8.2).
fn missing(tlvs: &[Tlv<'_>]) -> Option<String> {
    let first = tlvs.iter().map(|tlv| tlv.kind).take(3);
    (!first.eq([1, 2, 3]))
        .then(|| "the frame does not begin with chassis ID, port ID and time to live".to_owned())
}

/// Takes one TLV in; the error says what is wrong with it.
fn take(neighbour: &mut Neighbour, tlv: Tlv<'_>) -> Result<(), String> {
    match tlv.kind {
        END if tlv.value.is_empty() => Ok(()),
        END => Err("is not empty".to_owned()),
        1 => keep(&mut neighbour.chassis_id, identifier::chassis(tlv.value)),
        2 => keep(&mut neighbour.port_id, identifier::port(tlv.value)),
        3 => once(&mut neighbour.ttl_s, word(tlv.value)),
        4 => text(&mut neighbour.port_description, tlv.value),
        5 => text(&mut neighbour.system_name, tlv.value),
        6 => text(&mut neighbour.system_description, tlv.value),
        7 => able(neighbour, tlv.value),
        8 => {
            let (found, problem) = apart(management_address(tlv.value));
            neighbour.management_addresses.extend(found);
            problem.map_or(Ok(()), Err)
        }
        127 => organisation(neighbour, tlv.value),
        // Types 9 to 126 are reserved (table 8-1): kept raw.
        _ => Ok(()),
    }
}

fn organisation(neighbour: &mut Neighbour, value: &[u8]) -> Result<(), String> {
    let [a, b, c, subtype, rest @ ..] = value else {
        return Err("ends within its organisation and subtype".to_owned());
    };
    match [*a, *b, *c] {
        dot1::OUI => dot1::take(neighbour, *subtype, rest),
        dot3::OUI => dot3::take(neighbour, *subtype, rest),
        _ => Ok(()),
    }
}

/// The name of a TLV in a problem.
fn subject(tlv: Tlv<'_>) -> String {
    let name = match (tlv.kind, tlv.value) {
        (1, _) => "chassis ID",
        (2, _) => "port ID",
        (3, _) => "time to live",
        (4, _) => "port description",
        (5, _) => "system name",
        (6, _) => "system description",
        (7, _) => "system capabilities",
        (8, _) => "management address",
        (127, [0x00, 0x80, 0xc2, subtype, ..]) => return format!("802.1 TLV {subtype}"),
        (127, [0x00, 0x12, 0x0f, subtype, ..]) => return format!("802.3 TLV {subtype}"),
        (127, _) => "organizationally specific TLV",
        (kind, _) => return format!("TLV type {kind}"),
    };
    name.to_owned()
}

fn able(neighbour: &mut Neighbour, value: &[u8]) -> Result<(), String> {
    let Some((able, enabled)) = capabilities(value) else {
        return Err(format!("has {} octets instead of 4", value.len()));
    };
    if !neighbour.capabilities.is_empty() {
        return Err("comes twice; the first one counts".to_owned());
    }
    neighbour.capabilities = able;
    neighbour.enabled_capabilities = enabled;
    Ok(())
}

fn text(place: &mut Option<String>, value: &[u8]) -> Result<(), String> {
    if value.is_empty() {
        // Nothing to say is allowed (clauses 8.5.5 to 8.5.7).
        return Ok(());
    }
    let (text, sound) = cleaned(value);
    once(place, Ok(text))?;
    match sound {
        true => Ok(()),
        false => Err("is not text".to_owned()),
    }
}

/// What can be kept of something, and what is wrong with it.
type Kept<T> = Result<T, (Option<T>, String)>;

fn apart<T>(found: Kept<T>) -> (Option<T>, Option<String>) {
    match found {
        Ok(found) => (Some(found), None),
        Err((found, problem)) => (found, Some(problem)),
    }
}

fn keep<T>(place: &mut Option<T>, found: Kept<T>) -> Result<(), String> {
    let (found, problem) = apart(found);
    if let Some(found) = found {
        once(place, Ok(found))?;
    }
    problem.map_or(Ok(()), Err)
}
