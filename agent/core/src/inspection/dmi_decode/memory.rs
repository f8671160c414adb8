// SPDX-License-Identifier: Apache-2.0
//! Memory arrays and memory devices (DSP0134 §7.17, §7.18).

use super::words::{OUT_OF_SPEC, Section, joined, named, size, string, with_unit};
use crate::smbios::Structure;
use crate::smbios::memory_names::{
    ARRAY_USE, ERROR_CORRECTION, FORM_FACTOR, MEMORY_TYPE, OPERATING_MODE, TECHNOLOGY, TYPE_DETAIL,
    array_location, flags,
};

pub(super) fn array(array: &Structure<'_>, section: &mut Section) {
    if array.length() < 0x0f {
        return;
    }
    let name = |offset, list| array.byte(offset).map(|number| named(list, number));
    let location = array
        .byte(0x04)
        .map(|number| array_location(number).unwrap_or(OUT_OF_SPEC));
    section.put("Location", location);
    section.put("Use", name(0x05, ARRAY_USE));
    section.put("Error Correction Type", name(0x06, ERROR_CORRECTION));
    section.put("Maximum Capacity", capacity(array));
    section.put(
        "Error Information Handle",
        array.word(0x0b).map(error_handle),
    );
    let devices = array.word(0x0d).map(|devices| devices.to_string());
    section.put("Number Of Devices", devices);
}

fn capacity(array: &Structure<'_>) -> Option<String> {
    Some(match array.dword(0x07)? {
        0x8000_0000 => match array.qword(0x0f) {
            Some(bytes) => size(bytes, 0),
            None => "Unknown".to_owned(),
        },
        kib => size(kib.into(), 1),
    })
}

fn error_handle(handle: u16) -> String {
    match handle {
        0xfffe => "Not Provided".to_owned(),
        0xffff => "No Error".to_owned(),
        handle => format!("0x{handle:04X}"),
    }
}

pub(super) fn device(device: &Structure<'_>, section: &mut Section) {
    if device.length() < 0x15 {
        return;
    }
    let name = |offset, list| device.byte(offset).map(|number| named(list, number));
    let array = device.word(0x04).map(|handle| format!("0x{handle:04X}"));
    section.put("Array Handle", array);
    section.put(
        "Error Information Handle",
        device.word(0x06).map(error_handle),
    );
    section.put("Total Width", device.word(0x08).map(width));
    section.put("Data Width", device.word(0x0a).map(width));
    section.put("Size", device_size(device));
    section.put("Form Factor", name(0x0e, FORM_FACTOR));
    section.put("Set", device.byte(0x0f).map(set));
    section.put("Locator", string(device, 0x10));
    section.put("Bank Locator", string(device, 0x11));
    section.put("Type", name(0x12, MEMORY_TYPE));
    let bits = |list, bits: u16| joined(&flags(list, bits.into()));
    let details = device.word(0x13).map(|details| bits(TYPE_DETAIL, details));
    section.put("Type Detail", details);
    // An empty slot has no more to tell.
    if device.word(0x0c) == Some(0) {
        return;
    }
    section.put("Speed", speed(device, 0x15, 0x54));
    section.put("Manufacturer", string(device, 0x17));
    section.put("Serial Number", string(device, 0x18));
    section.put("Asset Tag", string(device, 0x19));
    section.put("Part Number", string(device, 0x1a));
    section.put("Rank", device.byte(0x1b).map(rank));
    section.put("Configured Memory Speed", speed(device, 0x20, 0x58));
    section.put("Minimum Voltage", device.word(0x22).map(voltage));
    section.put("Maximum Voltage", device.word(0x24).map(voltage));
    section.put("Configured Voltage", device.word(0x26).map(voltage));
    section.put("Memory Technology", name(0x28, TECHNOLOGY));
    let modes = device.word(0x29).map(|modes| bits(OPERATING_MODE, modes));
    section.put("Memory Operating Mode Capability", modes);
    section.put("Firmware Version", string(device, 0x2b));
    let module = "Module";
    let controller = "Memory Subsystem Controller";
    for (what, offset) in [(module, 0x2c), (controller, 0x30)] {
        let maker = device.word(offset).map(manufacturer_id);
        section.put(&format!("{what} Manufacturer ID"), maker);
        let product = device.word(offset + 2).map(product_id);
        section.put(&format!("{what} Product ID"), product);
    }
    for (what, offset) in [
        ("Non-Volatile", 0x34),
        ("Volatile", 0x3c),
        ("Cache", 0x44),
        ("Logical", 0x4c),
    ] {
        section.put(&format!("{what} Size"), device.qword(offset).map(part_size));
    }
}

fn width(bits: u16) -> String {
    match bits {
        0 | 0xffff => "Unknown".to_owned(),
        bits => format!("{bits} bits"),
    }
}

fn device_size(device: &Structure<'_>) -> Option<String> {
    Some(match device.word(0x0c)? {
        0 => "No Module Installed".to_owned(),
        0xffff => "Unknown".to_owned(),
        0x7fff if device.length() >= 0x20 => {
            let mib = device.dword(0x1c)? & 0x7fff_ffff;
            if mib & 0x3ff != 0 {
                format!("{mib} MB")
            } else if mib & 0xf_fc00 != 0 {
                format!("{} GB", mib >> 10)
            } else {
                format!("{} TB", mib >> 20)
            }
        }
        kib if kib & 0x8000 != 0 => size(u64::from(kib & 0x7fff), 1),
        mib => size(mib.into(), 2),
    })
}

fn set(set: u8) -> String {
    match set {
        0 => "None".to_owned(),
        0xff => "Unknown".to_owned(),
        set => set.to_string(),
    }
}

fn speed(device: &Structure<'_>, word: usize, extended: usize) -> Option<String> {
    let speed = match device.word(word)? {
        0xffff => device.dword(extended).unwrap_or_default() & 0x7fff_ffff,
        speed => speed.into(),
    };
    Some(with_unit(speed, "MT/s"))
}

fn rank(attributes: u8) -> String {
    match attributes & 0x0f {
        0 => "Unknown".to_owned(),
        rank => rank.to_string(),
    }
}

/// Millivolts as volts, at least one digit after the point.
fn voltage(millivolts: u16) -> String {
    match (millivolts, millivolts % 100) {
        (0, _) => "Unknown".to_owned(),
        (_, 0) => format!("{}.{} V", millivolts / 1000, millivolts % 1000 / 100),
        _ => format!("{} V", f64::from(millivolts) / 1000.0),
    }
}

/// Bank and number of JEDEC publication 106.
fn manufacturer_id(id: u16) -> String {
    if id == 0 {
        return "Unknown".to_owned();
    }
    format!("Bank {}, Hex 0x{:02X}", (id & 0x7f) + 1, id >> 8)
}

fn product_id(id: u16) -> String {
    if id == 0 {
        return "Unknown".to_owned();
    }
    format!("0x{id:04X}")
}

fn part_size(bytes: u64) -> String {
    match bytes {
        u64::MAX => "Unknown".to_owned(),
        0 => "None".to_owned(),
        bytes => size(bytes, 0),
    }
}
