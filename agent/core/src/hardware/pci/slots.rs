// SPDX-License-Identifier: Apache-2.0
//! The slots of the board and the names of its own devices (DSP0134 3.7,
//! sections 7.10 and 7.42).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PciDevice;
use super::address::ancestors;
use crate::smbios::Structure;
use crate::snapshot::Tree;

/// SMBIOS structure types.
const SYSTEM_SLOT: u8 = 9;
const ONBOARD_DEVICE: u8 = 41;
/// Class of bridges and ports.
const BRIDGE: &str = "0604";

/// A slot of the board, also if nothing is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PciSlot {
    /// Name as printed on the board or the chassis, `PCIe Slot 3`.
    pub name: Option<String>,
    /// Kind of slot, `PCI Express 4 x16`, `M.2 Socket 3`.
    pub kind: Option<String>,
    /// Lanes that are wired, where the firmware tells.
    pub lanes: Option<u8>,
    /// Whether the firmware found something in it.
    pub in_use: Option<bool>,
    /// Address of what is in it, or of the port that leads to it.
    pub address: Option<String>,
}

/// The slots in the firmware's order; slots of other buses (memory, ISA) are left out.
pub(in crate::hardware) fn read(structures: &[Structure<'_>]) -> Vec<PciSlot> {
    structures
        .iter()
        .filter(|structure| structure.kind == SYSTEM_SLOT)
        .filter_map(|slot| {
            let kind = kind_name(slot.byte(0x05)?)?;
            Some(PciSlot {
                name: slot.string(0x04),
                kind: Some(kind),
                lanes: slot.byte(0x06).and_then(lanes),
                in_use: match slot.byte(0x07) {
                    Some(3) => Some(false),
                    Some(4) => Some(true),
                    _ => None,
                },
                address: address(slot, 0x0d),
            })
        })
        .collect()
}

/// Names of devices of the board by their addresses.
pub(super) fn onboard_names(structures: &[Structure<'_>]) -> BTreeMap<String, String> {
    structures
        .iter()
        .filter(|structure| structure.kind == ONBOARD_DEVICE)
        .filter_map(|device| Some((address(device, 0x07)?, device.string(0x04)?)))
        .collect()
}

/// Segment, bus, device and function. Ones stand for "none"; so do zeroes,
/// because the first function of the first bus is the host bridge.
fn address(structure: &Structure<'_>, offset: usize) -> Option<String> {
    let segment = structure.word(offset)?;
    let bus = structure.byte(offset + 2)?;
    let function = structure.byte(offset + 3)?;
    let is_none = (bus == 0xff && function == 0xff) || (segment, bus, function) == (0, 0, 0);
    (!is_none && segment != 0xffff).then(|| {
        let (device, function) = (function >> 3, function & 7);
        format!("{segment:04x}:{bus:02x}:{device:02x}.{function}")
    })
}

/// The slot a function sits in: named by the function's own address, or by that
/// of a bridge or port on the way to it.
pub(super) fn slot_of(files: &Tree, device: &PciDevice, slots: &[PciSlot]) -> Option<String> {
    // The functions of a card differ in the last digit only. Ports do not share
    // a slot with the other functions of their device number.
    let own = if device.kind() == BRIDGE {
        at(slots, |address| address == device.address)
    } else {
        let card = without_function(&device.address);
        at(slots, |address| without_function(address) == card)
    };
    own.or_else(|| {
        ancestors(files, &format!("{}/{}", super::DEVICES, device.address))
            .iter()
            .find_map(|port| at(slots, |address| address == port))
    })
}

/// The name of the only slot whose address fits. Firmware that gives several
/// slots the same address leaves open which one it is, unless one is in use.
fn at(slots: &[PciSlot], fits: impl Fn(&str) -> bool) -> Option<String> {
    let fitting: Vec<&PciSlot> = slots
        .iter()
        .filter(|slot| slot.address.as_deref().is_some_and(&fits))
        .collect();
    let in_use: Vec<&PciSlot> = fitting
        .iter()
        .copied()
        .filter(|slot| slot.in_use == Some(true))
        .collect();
    match (fitting.as_slice(), in_use.as_slice()) {
        ([slot], _) | (_, [slot]) => slot.name.clone(),
        _ => None,
    }
}

fn without_function(address: &str) -> &str {
    address.rsplit_once('.').map_or(address, |(card, _)| card)
}

/// Name of the slot in `/sys/bus/pci/slots`, whose file `address` has no function.
pub(super) fn physical_slot(files: &Tree, address: &str) -> Option<String> {
    const SLOTS: &str = "/sys/bus/pci/slots";
    let card = without_function(address);
    files
        .names(SLOTS)
        .into_iter()
        .find(|name| files.text(&format!("{SLOTS}/{name}/address")) == Some(card))
        .map(str::to_owned)
}

/// Slot data bus width, table 47.
fn lanes(code: u8) -> Option<u8> {
    Some(match code {
        0x08 => 1,
        0x09 => 2,
        0x0a => 4,
        0x0b => 8,
        0x0c => 12,
        0x0d => 16,
        0x0e => 32,
        _ => return None,
    })
}

/// Slot type, table 46; `None` for slots of other buses.
fn kind_name(code: u8) -> Option<String> {
    let form = match code {
        0x06 => "PCI",
        0x12 => "PCI-X",
        0x14 => "M.2 Socket 1-DP",
        0x15 => "M.2 Socket 1-SD",
        0x16 => "M.2 Socket 2",
        0x17 => "M.2 Socket 3",
        0x18 => "MXM Type I",
        0x19 => "MXM Type II",
        0x1a => "MXM Type III (standard connector)",
        0x1b => "MXM Type III (HE connector)",
        0x1c => "MXM Type IV",
        0x1d => "MXM 3.0 Type A",
        0x1e => "MXM 3.0 Type B",
        0x1f => "PCI Express 2 SFF-8639 (U.2)",
        0x20 => "PCI Express 3 SFF-8639 (U.2)",
        0x21..=0x23 => "PCI Express Mini",
        0x24 => "PCI Express 4 SFF-8639 (U.2)",
        0x25 => "PCI Express 5 SFF-8639 (U.2)",
        0x26 => "OCP NIC 3.0 small form factor",
        0x27 => "OCP NIC 3.0 large form factor",
        0x28 => "OCP NIC before 3.0",
        0x30 => "CXL Flexbus 1.0",
        0xc4 => "PCI Express 6 or later",
        0xc5 => "EDSFF E1",
        0xc6 => "EDSFF E3",
        _ => return express_name(code),
    };
    Some(form.to_owned())
}

/// Each generation of PCI Express has codes for any width, x1, x2, x4, x8 and x16.
fn express_name(code: u8) -> Option<String> {
    const WIDTHS: [&str; 6] = ["", " x1", " x2", " x4", " x8", " x16"];
    let (generation, first) = match code {
        0xa5..=0xaa => ("", 0xa5),
        0xab..=0xb0 => (" 2", 0xab),
        0xb1..=0xb6 => (" 3", 0xb1),
        0xb8..=0xbd => (" 4", 0xb8),
        0xbe..=0xc3 => (" 5", 0xbe),
        _ => return None,
    };
    let width = WIDTHS.get(usize::from(code - first))?;
    Some(format!("PCI Express{generation}{width}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smbios::structures;
    use crate::smbios::tests::Builder;

    #[test]
    fn slots_are_read_with_their_addresses() {
        // As a PowerEdge writes them: name, type, width, usage, length, id, two
        // bytes of characteristics, segment, bus, device and function.
        let table = Builder::default()
            .add(
                9,
                0x900,
                &[1, 0xb6, 0x0d, 4, 4, 1, 0, 4, 1, 0, 0, 0x3b, 0],
                &["PCIe Slot 1"],
            )
            .add(
                9,
                0x901,
                &[1, 0xbc, 0x0b, 3, 4, 2, 0, 4, 1, 0, 0, 0xff, 0xff],
                &["PCIe Slot 2"],
            )
            .add(9, 0x902, &[1, 0x17, 0x0a, 2], &["M.2 Slot"])
            .add(9, 0x903, &[1, 0x03, 4, 3], &["ISA"])
            .add(9, 0x904, &[1], &["cut off"])
            .end();
        let found = read(&structures(&table));
        let slot = |name: &str, kind: &str, lanes, in_use, address: Option<&str>| PciSlot {
            name: Some(name.into()),
            kind: Some(kind.into()),
            lanes: Some(lanes),
            in_use,
            address: address.map(str::to_owned),
        };
        assert_eq!(
            found,
            [
                slot(
                    "PCIe Slot 1",
                    "PCI Express 3 x16",
                    16,
                    Some(true),
                    Some("0000:3b:00.0")
                ),
                slot("PCIe Slot 2", "PCI Express 4 x8", 8, Some(false), None),
                slot("M.2 Slot", "M.2 Socket 3", 4, None, None),
            ]
        );
    }

    #[test]
    fn kinds_of_slots_have_names() {
        for (code, expected) in [
            (0xa5, Some("PCI Express")),
            (0xaa, Some("PCI Express x16")),
            (0xb1, Some("PCI Express 3")),
            (0xb7, None),
            (0xbd, Some("PCI Express 4 x16")),
            (0xbf, Some("PCI Express 5 x1")),
            (0xc6, Some("EDSFF E3")),
            (0xff, None),
            (0x00, None),
        ] {
            assert_eq!(kind_name(code).as_deref(), expected, "{code:#x}");
        }
    }

    #[test]
    fn an_address_of_two_slots_names_the_one_in_use() {
        let slot = |name: &str, in_use| PciSlot {
            name: Some(name.into()),
            in_use: Some(in_use),
            address: Some("0000:3b:00.0".into()),
            ..PciSlot::default()
        };
        let fits = |address: &str| address == "0000:3b:00.0";
        let one = [slot("A", false), slot("B", true)];
        assert_eq!(at(&one, fits).as_deref(), Some("B"));
        assert_eq!(at(&[slot("A", true), slot("B", true)], fits), None);
        assert_eq!(at(&[slot("A", false), slot("B", false)], fits), None);
        assert_eq!(at(&one, |_| false), None);
    }
}
