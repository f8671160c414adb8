// SPDX-License-Identifier: Apache-2.0
//! Where identifying values stand, by the names of files and fields and by the
//! structures of firmware and devices.

use std::net::Ipv4Addr;

use serde_json::{Map, Value};

use super::identifiers::{Identifiers, swapped};
use super::{fields, tokens};
use crate::smbios;
use crate::snapshot::{Bytes, Entry, Tree};

/// Collects from every file, by its name.
pub(super) fn files(files: &Tree, found: &mut Identifiers) {
    for (path, entry) in files.iter() {
        let Entry::File(Bytes(bytes)) = entry else {
            continue;
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        match name {
            "DMI" => smbios_table(bytes, found),
            "vpd_pg80" => fields::unit_serial(bytes, found),
            "vpd_pg83" => fields::unit_names(bytes, found),
            "vpd_pg89" => fields::ata_identity(bytes.get(60..).unwrap_or_default(), found),
            _ => match std::str::from_utf8(bytes) {
                Ok(text) if !text.trim_end_matches('\0').contains('\0') => {
                    named_text(name, text, found);
                }
                _ => fields::binary(bytes, found),
            },
        }
    }
}

/// Collects from everything that is no file, by the names of its fields.
pub(super) fn value(value: &Value, found: &mut Identifiers) {
    walk("", value, found);
}

fn walk(path: &str, value: &Value, found: &mut Identifiers) {
    let name = path.rsplit('/').next().unwrap_or_default();
    if let Some(bytes) = byte_string(value).or_else(|| number_bytes(value)) {
        stored_bytes(path, &bytes, found);
        return;
    }
    match value {
        Value::String(text) => {
            named_text(name, text, found);
            if path.contains("address")
                && let Ok(address) = text.parse()
            {
                found.add_ip(address);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(path, item, found)),
        Value::Object(members) => {
            lan_parameter(members, found);
            for (name, value) in members {
                walk(&format!("{path}/{name}"), value, found);
            }
        }
        _ => {}
    }
}

/// What [`Bytes`] are stored as, if they are no text.
pub(super) fn byte_string(value: &Value) -> Option<Vec<u8>> {
    let members = value.as_object()?;
    if members.len() != 1 || !members.get("base64")?.is_string() {
        return None;
    }
    let bytes: Bytes = serde_json::from_value(value.clone()).ok()?;
    Some(bytes.0)
}

/// Bytes that are stored as a list of numbers.
pub(super) fn number_bytes(value: &Value) -> Option<Vec<u8>> {
    let numbers = value.as_array().filter(|numbers| numbers.len() >= 6)?;
    numbers
        .iter()
        .map(|number| u8::try_from(number.as_u64()?).ok())
        .collect()
}

/// Byte strings of devices: what they are is told by their length and field.
fn stored_bytes(path: &str, bytes: &[u8], found: &mut Identifiers) {
    match bytes.len() {
        128 if path.contains("module") => fields::module_page(bytes, found),
        4096 if path.contains("namespace") => fields::nvme_namespace(bytes, found),
        4096 => fields::nvme_controller(bytes, found),
        512 => fields::ata_identity(bytes, found),
        _ if path.contains("fru") => fields::fru(bytes, found),
        _ => {}
    }
    if path.contains("guid")
        && let Ok(id) = bytes.try_into()
    {
        found.add_uuid(id);
    }
    if let Ok(mac) = bytes.try_into()
        && (path.contains("mac") || path.contains("address"))
    {
        found.add_mac(mac);
    }
    fields::binary(bytes, found);
}

/// A text by the name of its file or field.
fn named_text(name: &str, text: &str, found: &mut Identifiers) {
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    match name {
        "serial" | "serial_number" | "serial-number" | "product_serial" | "board_serial"
        | "chassis_serial" | "board_asset_tag" | "chassis_asset_tag" | "asset_tag" | "cid"
        | "unique_id"
            if !is_pci_address(trimmed) =>
        {
            found.add_text(trimmed);
        }
        "hostname" | "node_name" if !trimmed.starts_with("0x") => found.add_host(trimmed),
        "cmdline" => tokens::command_line(text, found),
        "mountinfo" => tokens::mounted_from(text, found),
        // `QLE2562 FW:v8.07 DVR:v10.02 HN:rack7-node3`
        "symbolic_name" => {
            for word in trimmed.split_whitespace() {
                if let Some(host) = word.strip_prefix("HN:") {
                    found.add_host(host);
                }
            }
        }
        "subsysnqn" | "hostnqn" | "targetname" | "initiatorname" => qualified_name(trimmed, found),
        "wwid" | "wwn" | "nguid" | "eui" | "uuid" | "sas_address" | "port_name" | "node_name"
        | "node_guid" | "sys_image_guid" | "product_uuid" | "port_guid" => {
            unit_name(trimmed, found);
        }
        "persistent_address" | "ip_address" | "ipaddress" => {
            if let Ok(address) = trimmed.parse() {
                found.add_ip(address);
            }
        }
        _ => {}
    }
    tokens::collect(text, found);
}

/// `0000:00:14.0`: what the kernel gives the root hub of a USB host for a serial
/// number. It is in every machine of the kind.
fn is_pci_address(text: &str) -> bool {
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let Some((place, function)) = text.split_once('.') else {
        return false;
    };
    let parts: Vec<&str> = place.split(':').collect();
    matches!(parts[..], [domain, bus, device]
        if is_hex(domain, 4) && is_hex(bus, 2) && is_hex(device, 2))
        && is_hex(function, 1)
}

/// `nqn.2014-08.org.nvmexpress:…`, `iqn.2004-10.org.example:…`: what follows the
/// naming authority is this machine's.
fn qualified_name(name: &str, found: &mut Identifiers) {
    let Some((authority, own)) = name.split_once(':') else {
        return;
    };
    // The default name consists of ids, serial number and model (NVMe base §4.7);
    // UUIDs are found as such.
    if !authority.ends_with("nvmexpress") && !own.starts_with("uuid:") && own != "discovery" {
        found.add_text(own);
    }
}

/// A World Wide Name as sysfs spells it.
fn unit_name(text: &str, found: &mut Identifiers) {
    let text = text.strip_prefix("mpath-3").unwrap_or(text);
    let (kind, name) = text.split_once('.').unwrap_or(("", text));
    let digits: String = name
        .trim_start_matches("0x")
        .chars()
        .filter(|c| !matches!(c, '-' | ':' | ' '))
        .collect();
    let bytes: Option<Vec<u8>> = (digits.len().is_multiple_of(2) && digits.is_ascii())
        .then(|| {
            let pairs = (0..digits.len()).step_by(2);
            pairs
                .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
                .collect()
        })
        .flatten();
    match (kind, bytes) {
        // A UUID is collected where it is spelt as one.
        (_, Some(bytes)) if bytes.len() == 16 && name.len() == 36 => drop(bytes),
        ("" | "naa" | "eui" | "uuid", Some(bytes)) if matches!(bytes.len(), 8 | 16) => {
            found.add_wwn(&bytes);
        }
        // `t10.ATA     Model   Serial`: the last word is the unit's.
        ("t10", _) => {
            if let Some(serial) = name.split_whitespace().last() {
                found.add_text(serial);
            }
        }
        _ => {
            // `LVM-` and two identifiers of 32 characters, `CRYPT-LUKS2-` and a UUID.
            for part in text.split('-').filter(|part| part.len() >= 32) {
                for half in [part.get(..32), part.get(32..)].into_iter().flatten() {
                    found.add_text(half);
                }
            }
        }
    }
}

/// Offsets of strings that identify a part (DSP0134 §7), by type of structure.
const SMBIOS_STRINGS: &[(u8, &[usize])] = &[
    (1, &[0x07]),
    (2, &[0x07, 0x08]),
    (3, &[0x07, 0x08]),
    (4, &[0x20, 0x21]),
    (17, &[0x18, 0x19]),
    (22, &[0x07]),
    (39, &[0x08, 0x09]),
];

fn smbios_table(table: &[u8], found: &mut Identifiers) {
    for structure in smbios::structures(table) {
        let offsets = SMBIOS_STRINGS
            .iter()
            .find(|(kind, _)| *kind == structure.kind)
            .map_or(&[][..], |(_, offsets)| *offsets);
        for text in offsets
            .iter()
            .filter_map(|offset| structure.string(*offset))
        {
            found.add_text(&text);
        }
        if structure.kind == 1 {
            let id: Option<Vec<u8>> = (8..24).map(|offset| structure.byte(offset)).collect();
            if let Some(Ok(id)) = id.map(<[u8; 16]>::try_from) {
                found.add_uuid(*uuid::Uuid::from_bytes_le(id).as_bytes());
            }
        }
    }
    fields::binary(table, found);
}

/// LAN parameters that are addresses (IPMI 2.0 table 23-4).
fn lan_parameter(members: &Map<String, Value>, found: &mut Identifiers) {
    let Some((parameter, data)) = lan_data(members) else {
        return;
    };
    match parameter {
        3 | 12 | 14 => {
            if let Ok(octets) = <[u8; 4]>::try_from(data.as_slice()) {
                found.add_ip(Ipv4Addr::from(octets).into());
            }
        }
        5 | 13 | 15 => {
            if let Ok(mac) = data.as_slice().try_into() {
                found.add_mac(mac);
            }
        }
        16 => found.add_text(&String::from_utf8_lossy(&data)),
        // Static and dynamic IPv6 addresses: set, source, address, prefix length.
        56 | 59 => {
            if let Some(octets) = data.get(2..).and_then(|rest| rest.first_chunk::<16>()) {
                found.add_ip(std::net::Ipv6Addr::from(*octets).into());
            }
        }
        65 | 68 | 71 | 74 => {
            if let Some(octets) = data.first_chunk::<16>() {
                found.add_ip(std::net::Ipv6Addr::from(*octets).into());
            }
        }
        _ => {}
    }
}

fn lan_data(members: &Map<String, Value>) -> Option<(u64, Vec<u8>)> {
    let parameter = members.get("parameter")?.as_u64()?;
    let data: Bytes = serde_json::from_value(members.get("data")?.clone()).ok()?;
    Some((parameter, data.0))
}

/// Four bytes appear by accident: IPv4 addresses are replaced only where one is known to be.
pub(super) fn lan_parameter_replaced(members: &mut Map<String, Value>, found: &Identifiers) {
    if let Some((3 | 12 | 14, data)) = lan_data(members)
        && let Ok(octets) = <[u8; 4]>::try_from(data.as_slice())
        && let Some(by) = found.ipv4(Ipv4Addr::from(octets))
        && let Ok(value) = serde_json::to_value(Bytes(by.octets().to_vec()))
    {
        members.insert("data".into(), value);
    }
}

/// The text of an ATA field, whose pairs of bytes are swapped.
pub(super) fn ata_text(field: &[u8]) -> String {
    String::from_utf8_lossy(&swapped(field)).into_owned()
}
