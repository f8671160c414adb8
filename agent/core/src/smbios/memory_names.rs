// SPDX-License-Identifier: Apache-2.0
//! What the numbers in memory arrays and memory devices stand for (DSP0134 §7.17,
//! §7.18), in the words that operators know from dmidecode.

/// The name of a number of a list that counts from 1.
#[must_use]
pub fn name(list: &[&'static str], number: u8) -> Option<&'static str> {
    list.get(usize::from(number).checked_sub(1)?).copied()
}

/// The names of the bits that are set in a field, lowest bit first.
#[must_use]
pub fn flags(list: &[(u32, &'static str)], bits: u64) -> Vec<&'static str> {
    list.iter()
        .filter(|(bit, _)| bits & (1 << bit) != 0)
        .map(|(_, name)| *name)
        .collect()
}

/// Use of a memory array.
pub const ARRAY_USE: &[&str] = &[
    "Other",
    "Unknown",
    "System Memory",
    "Video Memory",
    "Flash Memory",
    "Non-volatile RAM",
    "Cache Memory",
];

/// Error correction of a memory array.
pub const ERROR_CORRECTION: &[&str] = &[
    "Other",
    "Unknown",
    "None",
    "Parity",
    "Single-bit ECC",
    "Multi-bit ECC",
    "CRC",
];

/// Form factor of a memory device.
pub const FORM_FACTOR: &[&str] = &[
    "Other",
    "Unknown",
    "SIMM",
    "SIP",
    "Chip",
    "DIP",
    "ZIP",
    "Proprietary Card",
    "DIMM",
    "TSOP",
    "Row Of Chips",
    "RIMM",
    "SODIMM",
    "SRIMM",
    "FB-DIMM",
    "Die",
];

/// Type of a memory device.
pub const MEMORY_TYPE: &[&str] = &[
    "Other",
    "Unknown",
    "DRAM",
    "EDRAM",
    "VRAM",
    "SRAM",
    "RAM",
    "ROM",
    "Flash",
    "EEPROM",
    "FEPROM",
    "EPROM",
    "CDRAM",
    "3DRAM",
    "SDRAM",
    "SGRAM",
    "RDRAM",
    "DDR",
    "DDR2",
    "DDR2 FB-DIMM",
    "Reserved",
    "Reserved",
    "Reserved",
    "DDR3",
    "FBD2",
    "DDR4",
    "LPDDR",
    "LPDDR2",
    "LPDDR3",
    "LPDDR4",
    "Logical non-volatile device",
    "HBM",
    "HBM2",
    "DDR5",
    "LPDDR5",
    "HBM3",
];

/// Technology of a memory device.
pub const TECHNOLOGY: &[&str] = &[
    "Other",
    "Unknown",
    "DRAM",
    "NVDIMM-N",
    "NVDIMM-F",
    "NVDIMM-P",
    "Intel Optane DC persistent memory",
];

/// Type detail of a memory device, by bit.
pub const TYPE_DETAIL: &[(u32, &str)] = &[
    (1, "Other"),
    (2, "Unknown"),
    (3, "Fast-paged"),
    (4, "Static Column"),
    (5, "Pseudo-static"),
    (6, "RAMBus"),
    (7, "Synchronous"),
    (8, "CMOS"),
    (9, "EDO"),
    (10, "Window DRAM"),
    (11, "Cache DRAM"),
    (12, "Non-Volatile"),
    (13, "Registered (Buffered)"),
    (14, "Unbuffered (Unregistered)"),
    (15, "LRDIMM"),
];

/// Operating modes a memory device can have, by bit.
pub const OPERATING_MODE: &[(u32, &str)] = &[
    (1, "Other"),
    (2, "Unknown"),
    (3, "Volatile memory"),
    (4, "Byte-accessible persistent memory"),
    (5, "Block-accessible persistent memory"),
];

/// Where a memory array is. Numbers above 0xA0 are those of PC-98 and CXL.
#[must_use]
pub fn array_location(number: u8) -> Option<&'static str> {
    match number.checked_sub(0xa0) {
        Some(number) => SPECIAL_LOCATIONS.get(usize::from(number)).copied(),
        None => name(LOCATIONS, number),
    }
}

const LOCATIONS: &[&str] = &[
    "Other",
    "Unknown",
    "System Board Or Motherboard",
    "ISA Add-on Card",
    "EISA Add-on Card",
    "PCI Add-on Card",
    "MCA Add-on Card",
    "PCMCIA Add-on Card",
    "Proprietary Add-on Card",
    "NuBus",
];

const SPECIAL_LOCATIONS: &[&str] = &[
    "PC-98/C20 Add-on Card",
    "PC-98/C24 Add-on Card",
    "PC-98/E Add-on Card",
    "PC-98/Local Bus Add-on Card",
    "CXL Flexbus 1.0",
];
