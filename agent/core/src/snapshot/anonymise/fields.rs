// SPDX-License-Identifier: Apache-2.0
//! Identifying values inside the structures that devices and firmware give, and
//! the check sums that have to fit again afterwards.

use std::net::{IpAddr, Ipv4Addr};

use super::collect::ata_text;
use super::identifiers::Identifiers;

/// Vital product data page 0x80 (SPC-4 §7.8.15).
pub(super) fn unit_serial(page: &[u8], found: &mut Identifiers) {
    found.add_text(&String::from_utf8_lossy(page.get(4..).unwrap_or_default()));
}

/// Vital product data page 0x83 (SPC-4 §7.8.6).
pub(super) fn unit_names(page: &[u8], found: &mut Identifiers) {
    let mut rest = page.get(4..).unwrap_or_default();
    while let [codes, kinds, _, length, after @ ..] = rest {
        let data = after.get(..usize::from(*length)).unwrap_or(after);
        rest = after.get(data.len()..).unwrap_or_default();
        match (kinds & 0x0f, codes & 0x0f) {
            (2 | 3, 1) => found.add_wwn(data),
            // T10: the vendor's name, then what the vendor likes; often model and serial.
            (1, _) => {
                let text = String::from_utf8_lossy(data.get(8..).unwrap_or_default());
                if let Some(serial) = text.split_whitespace().last() {
                    found.add_text(serial);
                }
            }
            (0, 2 | 3) => found.add_text(&String::from_utf8_lossy(data)),
            (8, 3) => {
                let text = String::from_utf8_lossy(data);
                let text = text.trim_end_matches('\0');
                if let Some((_, own)) = text.split_once(':') {
                    found.add_text(own.split(',').next().unwrap_or(own));
                }
            }
            (10, 1) => {
                if let Some(id) = data.get(2..).and_then(|id| id.first_chunk::<16>()) {
                    found.add_uuid(*id);
                }
            }
            _ => {}
        }
    }
}

/// IDENTIFY DEVICE (ACS-4 §7.13): words 10 to 19 and 108 to 111.
pub(super) fn ata_identity(data: &[u8], found: &mut Identifiers) {
    if data.len() < 512 {
        return;
    }
    if let Some(serial) = data.get(20..40) {
        found.add_text(&ata_text(serial));
    }
    if let Some(name) = data.get(216..224) {
        found.add_wwn(&super::identifiers::swapped(name));
    }
}

/// Identify Controller (NVMe base specification, figure "Identify Controller").
pub(super) fn nvme_controller(data: &[u8], found: &mut Identifiers) {
    let text = |first: usize, end: usize| {
        let bytes = data.get(first..end).unwrap_or_default();
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        text.trim_matches(|c: char| c == '\0' || c == ' ')
            .to_owned()
    };
    found.add_text(&text(4, 24));
    if let Some(id) = data.get(112..128).and_then(|id| id.first_chunk::<16>()) {
        found.add_wwn(id);
    }
    let name = text(768, 1024);
    if let Some((authority, own)) = name.split_once(':')
        && !authority.ends_with("nvmexpress")
    {
        found.add_text(own);
    }
}

/// The upper half of page 0 of a module in a port: its serial number, as SFF-8472
/// and SFF-8636 place it, and as CMIS does.
pub(super) fn module_page(half: &[u8], found: &mut Identifiers) {
    for place in [68..84, 38..54] {
        let bytes = half.get(place).unwrap_or_default();
        // The lower half and other pages hold numbers there, and no text.
        if bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            found.add_text(String::from_utf8_lossy(bytes).trim());
        }
    }
}

/// The sum over the identity of a module (SFF-8472 bytes 64 to 94, SFF-8636
/// bytes 192 to 222), where it was right before.
fn module_sum_repaired(before: &[u8], after: &mut [u8]) {
    if before.len() != 128 {
        return;
    }
    let sum = |bytes: &[u8]| {
        let identity = bytes.get(64..95).unwrap_or_default();
        identity
            .iter()
            .fold(0_u8, |sum, byte| sum.wrapping_add(*byte))
    };
    let right = sum(after);
    if before.get(95) == Some(&sum(before))
        && let Some(stored) = after.get_mut(95)
    {
        *stored = right;
    }
}

/// Identify Namespace: NGUID and EUI-64.
pub(super) fn nvme_namespace(data: &[u8], found: &mut Identifiers) {
    found.add_wwn(data.get(104..120).unwrap_or_default());
    found.add_wwn(data.get(120..128).unwrap_or_default());
}

/// Fields of the FRU areas that identify the part (Platform Management FRU
/// Information Storage Definition §10 to §12): serial numbers and asset tags.
pub(super) fn fru(data: &[u8], found: &mut Identifiers) {
    // Offset of the area in the header, bytes before its first field, and which fields.
    for (area, before, wanted) in [(2, 3, &[1][..]), (3, 6, &[2]), (4, 3, &[4, 5])] {
        let Some(start) = area_start(data, area) else {
            continue;
        };
        let mut rest = data.get(start + before..).unwrap_or_default();
        let mut number = 0;
        while let [kind, after @ ..] = rest {
            let length = usize::from(kind & 0x3f);
            if *kind == 0xc1 || after.len() < length {
                break;
            }
            let (field, next) = after.split_at(length);
            if wanted.contains(&number) && kind >> 6 == 3 {
                found.add_text(&String::from_utf8_lossy(field));
            }
            rest = next;
            number += 1;
        }
    }
}

fn area_start(data: &[u8], area: usize) -> Option<usize> {
    let start = 8 * usize::from(*data.get(area)?);
    (start > 0).then_some(start)
}

/// EFI device paths (UEFI §10.3) and LLDP frames (IEEE 802.1AB), wherever they stand.
pub(super) fn binary(data: &[u8], found: &mut Identifiers) {
    for at in 0..data.len() {
        let rest = data.get(at..).unwrap_or_default();
        match rest {
            // Messaging, MAC address, 37 bytes.
            [3, 0x0b, 37, 0, mac @ ..] => {
                if let Some(mac) = mac.first_chunk() {
                    found.add_mac(*mac);
                }
            }
            // Media, hard drive, 42 bytes: the partition's GUID, little-endian first.
            [4, 1, 42, 0, node @ ..] => {
                if let Some(id) = node.get(20..36).and_then(|id| id.first_chunk::<16>())
                    && node.get(37) == Some(&2)
                {
                    found.add_uuid(*uuid::Uuid::from_bytes_le(*id).as_bytes());
                }
            }
            _ => {}
        }
    }
    for (_, address) in addresses(data) {
        found.add_ip(IpAddr::V4(address));
    }
    lldp(data, found);
}

/// Positions of IPv4 addresses in EFI device paths and LLDP frames.
fn addresses(data: &[u8]) -> Vec<(usize, Ipv4Addr)> {
    let mut positions = Vec::new();
    for at in 0..data.len() {
        // Messaging, IPv4, 27 (or once 19) bytes: local and remote address, and gateway.
        if let Some([3, 0x0c, length @ (19 | 27), 0]) = data.get(at..at + 4) {
            positions.extend([at + 4, at + 8]);
            if *length == 27 {
                positions.push(at + 19);
            }
        }
    }
    for (at, kind, value) in lldp_values(data) {
        // Management address: length, family 1 (IPv4), address. Chassis and port by address.
        match (kind, value) {
            (8, [5, 1, ..]) => positions.push(at + 2),
            (1, [5, 1, _, _, _, _]) | (2, [4, 1, _, _, _, _]) => positions.push(at + 2),
            _ => {}
        }
    }
    positions
        .into_iter()
        .filter_map(|at| {
            let octets = data.get(at..)?.first_chunk::<4>()?;
            Some((at, Ipv4Addr::from(*octets)))
        })
        .collect()
}

/// Position, type and value of the TLVs, if this is an LLDP frame.
fn lldp_values(data: &[u8]) -> Vec<(usize, u8, &[u8])> {
    let mut values = Vec::new();
    if data.get(12..14) != Some(&[0x88, 0xcc]) {
        return values;
    }
    let mut at = 14;
    while let Some([high, low]) = data.get(at..at + 2) {
        let length = usize::from(high & 1) << 8 | usize::from(*low);
        let Some(value) = data.get(at + 2..at + 2 + length) else {
            break;
        };
        values.push((at + 2, high >> 1, value));
        at += 2 + length;
    }
    values
}

fn lldp(data: &[u8], found: &mut Identifiers) {
    if let (false, Some(source)) = (
        lldp_values(data).is_empty(),
        data.get(6..12).and_then(|mac| mac.first_chunk()),
    ) {
        found.add_mac(*source);
    }
    for (_, kind, value) in lldp_values(data) {
        match (kind, value) {
            (1, [4, mac @ ..]) | (2, [3, mac @ ..]) => {
                if let Ok(mac) = mac.try_into() {
                    found.add_mac(mac);
                }
            }
            // A local name of the chassis, the system's name.
            (1, [7, name @ ..]) => found.add_host(&String::from_utf8_lossy(name)),
            (5, name) => found.add_host(&String::from_utf8_lossy(name)),
            _ => {}
        }
    }
}

/// The bytes with IPv4 addresses replaced where structures say that one stands.
pub(super) fn addresses_replaced(name: &str, bytes: &[u8], found: &Identifiers) -> Vec<u8> {
    let mut replaced = bytes.to_vec();
    // Texts hold addresses as text.
    if name == "cmdline" || name == "cpuinfo" {
        return replaced;
    }
    for (at, address) in addresses(bytes) {
        if let Some(by) = found.ipv4(address)
            && let Some(place) = replaced.get_mut(at..at + 4)
        {
            place.copy_from_slice(&by.octets());
        }
    }
    replaced
}

/// The replaced bytes with those check sums right that were right before: of
/// ATA IDENTIFY data (ACS-4 §7.13.7.122) and of FRU areas.
pub(super) fn sums_repaired(before: &[u8], mut after: Vec<u8>) -> Vec<u8> {
    if before.len() != after.len() || before == after {
        return after;
    }
    module_sum_repaired(before, &mut after);
    let mut parts = Vec::new();
    for start in [0, 60] {
        if before.get(start + 510) == Some(&0xa5) {
            parts.push(start..start + 512);
        }
    }
    for area in 2..5 {
        if let Some(start) = area_start(before, area)
            && let Some([1, blocks]) = before.get(start..start + 2)
        {
            parts.push(start..start + 8 * usize::from(*blocks));
        }
    }
    for part in parts {
        let sum = |bytes: &[u8]| bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        if before.get(part.clone()).map(sum) == Some(0)
            && let Some(bytes) = after.get_mut(part)
        {
            let wrong = sum(bytes);
            if let Some(last) = bytes.last_mut() {
                *last = last.wrapping_sub(wrong);
            }
        }
    }
    after
}
