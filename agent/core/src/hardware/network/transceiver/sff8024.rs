// SPDX-License-Identifier: Apache-2.0
//! Codes that every kind of module shares (SFF-8024, revision 4.12).

/// Finds a code in a table that is sorted by code.
fn look_up(table: &[(u8, &'static str)], code: u8) -> Option<&'static str> {
    let at = table.binary_search_by_key(&code, |row| row.0).ok()?;
    table.get(at).map(|row| row.1)
}

/// Form factor by identifier (table 4-1).
pub(super) fn form_factor(identifier: u8) -> Option<&'static str> {
    look_up(IDENTIFIERS, identifier)
}

/// Connector (table 4-3).
pub(super) fn connector(code: u8) -> Option<&'static str> {
    look_up(CONNECTORS, code)
}

/// Extended specification compliance (table 4-4), as modules with one lane (SFP)
/// or with several (QSFP) mean it.
pub(super) fn extended_compliance(code: u8, one_lane: bool) -> Option<&'static str> {
    if one_lane && let Some(name) = look_up(ONE_LANE, code) {
        return Some(name);
    }
    look_up(EXTENDED, code)
}

/// Electrical interface to the host (table 4-5).
pub(super) fn host_interface(code: u8) -> Option<&'static str> {
    look_up(HOST_INTERFACES, code)
}

/// Interface to the medium, by the module's media type (tables 4-6, 4-7, 4-10).
pub(super) fn media_interface(media_type: u8, code: u8) -> Option<&'static str> {
    let table = match media_type {
        1 => MULTI_MODE,
        2 => SINGLE_MODE,
        5 => BASE_T,
        _ => return None,
    };
    look_up(table, code)
}

const IDENTIFIERS: &[(u8, &str)] = &[
    (0x01, "GBIC"),
    (0x02, "soldered to the board"),
    (0x03, "SFP/SFP+/SFP28"),
    (0x06, "XFP"),
    (0x0b, "DWDM-SFP/SFP+"),
    (0x0c, "QSFP"),
    (0x0d, "QSFP+"),
    (0x0e, "CXP"),
    (0x11, "QSFP28"),
    (0x12, "CXP2"),
    (0x17, "microQSFP"),
    (0x18, "QSFP-DD"),
    (0x19, "OSFP"),
    (0x1a, "SFP-DD"),
    (0x1b, "DSFP"),
    (0x1e, "QSFP+ with CMIS"),
    (0x1f, "SFP-DD with CMIS"),
    (0x20, "SFP+ with CMIS"),
    (0x21, "OSFP-XD"),
];

const CONNECTORS: &[(u8, &str)] = &[
    (0x01, "SC"),
    (0x02, "Fibre Channel style 1 copper"),
    (0x03, "Fibre Channel style 2 copper"),
    (0x04, "BNC/TNC"),
    (0x05, "Fibre Channel coaxial"),
    (0x06, "Fiber Jack"),
    (0x07, "LC"),
    (0x08, "MT-RJ"),
    (0x09, "MU"),
    (0x0a, "SG"),
    (0x0b, "optical pigtail"),
    (0x0c, "MPO 1x12"),
    (0x0d, "MPO 2x16"),
    (0x20, "HSSDC II"),
    (0x21, "copper pigtail"),
    (0x22, "RJ45"),
    (0x23, "no separable connector"),
    (0x24, "MXC 2x16"),
    (0x25, "CS"),
    (0x26, "SN"),
    (0x27, "MPO 2x12"),
    (0x28, "MPO 1x16"),
];

const EXTENDED: &[(u8, &str)] = &[
    (0x01, "100G AOC"),
    (0x02, "100GBASE-SR4"),
    (0x03, "100GBASE-LR4"),
    (0x04, "100GBASE-ER4"),
    (0x05, "100GBASE-SR10"),
    (0x06, "100G CWDM4"),
    (0x07, "100G PSM4"),
    (0x08, "100G ACC"),
    (0x0b, "100GBASE-CR4"),
    (0x0c, "50GBASE-CR2 with BASE-R FEC"),
    (0x0d, "50GBASE-CR2 without FEC"),
    (0x10, "40GBASE-ER4"),
    (0x11, "4 x 10GBASE-SR"),
    (0x12, "40G PSM4"),
    (0x16, "10GBASE-T"),
    (0x17, "100G CLR4"),
    (0x18, "100G AOC"),
    (0x19, "100G ACC"),
    (0x1a, "100GE-DWDM2"),
    (0x1b, "100G 1550 nm WDM"),
    (0x1c, "10GBASE-T short reach"),
    (0x1d, "5GBASE-T"),
    (0x1e, "2.5GBASE-T"),
    (0x1f, "40G SWDM4"),
    (0x20, "100G SWDM4"),
    (0x21, "100G PAM4 BiDi"),
    (0x22, "100G 4WDM-10"),
    (0x23, "100G 4WDM-20"),
    (0x24, "100G 4WDM-40"),
    (0x25, "100GBASE-DR"),
    (0x26, "100GBASE-FR1"),
    (0x27, "100GBASE-LR1"),
    (0x28, "100GBASE-SR1"),
    (0x29, "100GBASE-SR1, 200GBASE-SR2 or 400GBASE-SR4"),
    (0x2a, "100GBASE-FR1 or 400GBASE-DR4-2"),
    (0x2b, "100GBASE-LR1"),
    (0x30, "200G ACC"),
    (0x31, "200G AOC"),
    (0x32, "200G ACC"),
    (0x33, "200G AOC"),
    (0x3f, "100GBASE-CR1, 200GBASE-CR2 or 400GBASE-CR4"),
    (0x40, "50GBASE-CR, 100GBASE-CR2 or 200GBASE-CR4"),
    (0x41, "50GBASE-SR, 100GBASE-SR2 or 200GBASE-SR4"),
    (0x42, "50GBASE-FR or 200GBASE-DR4"),
    (0x43, "200GBASE-FR4"),
    (0x44, "200G 1550 nm PSM4"),
    (0x45, "50GBASE-LR"),
    (0x46, "200GBASE-LR4"),
    (0x47, "400GBASE-DR4"),
    (0x48, "400GBASE-FR4"),
    (0x49, "400GBASE-LR4-6"),
    (0x4a, "50GBASE-ER"),
];

/// What the same codes mean in a module with one lane.
const ONE_LANE: &[(u8, &str)] = &[
    (0x01, "25G AOC"),
    (0x02, "25GBASE-SR"),
    (0x03, "25GBASE-LR"),
    (0x04, "25GBASE-ER"),
    (0x08, "25G ACC"),
    (0x0b, "25GBASE-CR CA-25G-L"),
    (0x0c, "25GBASE-CR CA-25G-S"),
    (0x0d, "25GBASE-CR CA-25G-N"),
    (0x18, "25G AOC"),
    (0x19, "25G ACC"),
    (0x29, "100GBASE-SR1"),
    (0x3f, "100GBASE-CR1"),
    (0x40, "50GBASE-CR"),
    (0x41, "50GBASE-SR"),
    (0x42, "50GBASE-FR"),
];

const HOST_INTERFACES: &[(u8, &str)] = &[
    (0x01, "1000BASE-CX"),
    (0x02, "XAUI"),
    (0x03, "XFI"),
    (0x04, "SFI"),
    (0x05, "25GAUI"),
    (0x06, "XLAUI"),
    (0x07, "XLPPI"),
    (0x08, "LAUI-2"),
    (0x09, "50GAUI-2"),
    (0x0a, "50GAUI-1"),
    (0x0b, "CAUI-4"),
    (0x0c, "100GAUI-4"),
    (0x0d, "100GAUI-2"),
    (0x0e, "200GAUI-8"),
    (0x0f, "200GAUI-4"),
    (0x10, "400GAUI-16"),
    (0x11, "400GAUI-8"),
    (0x13, "10GBASE-CX4"),
    (0x14, "25GBASE-CR CA-25G-L"),
    (0x15, "25GBASE-CR CA-25G-S"),
    (0x16, "25GBASE-CR CA-25G-N"),
    (0x17, "40GBASE-CR4"),
    (0x18, "50GBASE-CR"),
    (0x19, "100GBASE-CR10"),
    (0x1a, "100GBASE-CR4"),
    (0x1b, "100GBASE-CR2"),
    (0x1c, "200GBASE-CR4"),
    (0x1d, "400G-CR8"),
    (0x2c, "InfiniBand SDR"),
    (0x2d, "InfiniBand DDR"),
    (0x2e, "InfiniBand QDR"),
    (0x2f, "InfiniBand FDR"),
    (0x30, "InfiniBand EDR"),
    (0x31, "InfiniBand HDR"),
    (0x32, "InfiniBand NDR"),
    (0x41, "CAUI-4 without FEC"),
    (0x42, "CAUI-4 with RS FEC"),
    (0x43, "50GBASE-CR2 with RS FEC"),
    (0x44, "50GBASE-CR2 with BASE-R FEC"),
    (0x45, "50GBASE-CR2 without FEC"),
    (0x46, "100GBASE-CR1"),
    (0x47, "200GBASE-CR2"),
    (0x48, "400GBASE-CR4"),
    (0x49, "800GBASE-CR8"),
    (0x4b, "100GAUI-1-S"),
    (0x4c, "100GAUI-1-L"),
    (0x4d, "200GAUI-2-S"),
    (0x4e, "200GAUI-2-L"),
    (0x4f, "400GAUI-4-S"),
    (0x50, "400GAUI-4-L"),
    (0x51, "800GAUI-8-S"),
    (0x52, "800GAUI-8-L"),
    (0x57, "800GBASE-CR4"),
    (0x58, "1.6TBASE-CR8"),
    (0x80, "200GAUI-1"),
    (0x81, "400GAUI-2"),
    (0x82, "800GAUI-4"),
    (0x83, "1.6TAUI-8"),
];

const MULTI_MODE: &[(u8, &str)] = &[
    (0x01, "10GBASE-SW"),
    (0x02, "10GBASE-SR"),
    (0x03, "25GBASE-SR"),
    (0x04, "40GBASE-SR4"),
    (0x05, "40GE SWDM4"),
    (0x06, "40GE BiDi"),
    (0x07, "50GBASE-SR"),
    (0x08, "100GBASE-SR10"),
    (0x09, "100GBASE-SR4"),
    (0x0a, "100GE SWDM4"),
    (0x0b, "100GE BiDi"),
    (0x0c, "100GBASE-SR2"),
    (0x0d, "100GBASE-SR1"),
    (0x0e, "200GBASE-SR4"),
    (0x0f, "400GBASE-SR16"),
    (0x10, "400GBASE-SR8"),
    (0x11, "400GBASE-SR4"),
    (0x12, "800GBASE-SR8"),
    (0x1a, "400GBASE-SR4.2"),
    (0x1b, "200GBASE-SR2"),
    (0x1d, "100GBASE-VR1"),
    (0x1e, "200GBASE-VR2"),
    (0x1f, "400GBASE-VR4"),
    (0x20, "800GBASE-VR8"),
];

const SINGLE_MODE: &[(u8, &str)] = &[
    (0x01, "10GBASE-LW"),
    (0x02, "10GBASE-EW"),
    (0x03, "10G-ZW"),
    (0x04, "10GBASE-LR"),
    (0x05, "10GBASE-ER"),
    (0x06, "10G-ZR"),
    (0x07, "25GBASE-LR"),
    (0x08, "25GBASE-ER"),
    (0x09, "40GBASE-LR4"),
    (0x0a, "40GBASE-FR"),
    (0x0b, "50GBASE-FR"),
    (0x0c, "50GBASE-LR"),
    (0x0d, "100GBASE-LR4"),
    (0x0e, "100GBASE-ER4"),
    (0x0f, "100G PSM4"),
    (0x10, "100G CWDM4"),
    (0x11, "100G 4WDM-10"),
    (0x12, "100G 4WDM-20"),
    (0x13, "100G 4WDM-40"),
    (0x14, "100GBASE-DR"),
    (0x15, "100GBASE-FR1"),
    (0x16, "100GBASE-LR1"),
    (0x17, "200GBASE-DR4"),
    (0x18, "200GBASE-FR4"),
    (0x19, "200GBASE-LR4"),
    (0x1a, "400GBASE-FR8"),
    (0x1b, "400GBASE-LR8"),
    (0x1c, "400GBASE-DR4"),
    (0x1d, "400GBASE-FR4"),
    (0x1e, "400G-LR4-10"),
    (0x3e, "400ZR, DWDM, amplified"),
    (0x3f, "400ZR, single wavelength"),
    (0x56, "800GBASE-DR8"),
    (0x7f, "1.6TBASE-DR8"),
];

const BASE_T: &[(u8, &str)] = &[
    (0x01, "1000BASE-T"),
    (0x02, "2.5GBASE-T"),
    (0x03, "5GBASE-T"),
    (0x04, "10GBASE-T"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        for table in [
            IDENTIFIERS,
            CONNECTORS,
            EXTENDED,
            ONE_LANE,
            HOST_INTERFACES,
            MULTI_MODE,
            SINGLE_MODE,
            BASE_T,
        ] {
            let sorted = table.windows(2).all(|pair| pair[0].0 < pair[1].0);
            assert!(sorted, "{table:?}");
        }
    }

    #[test]
    fn the_same_code_is_named_by_the_number_of_lanes() {
        for (code, one_lane, expected) in [
            (0x02, true, Some("25GBASE-SR")),
            (0x02, false, Some("100GBASE-SR4")),
            (0x16, true, Some("10GBASE-T")),
            (0x00, true, None),
            (0xfe, false, None),
        ] {
            assert_eq!(extended_compliance(code, one_lane), expected, "{code:#x}");
        }
    }
}
