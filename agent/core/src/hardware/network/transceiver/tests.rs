// SPDX-License-Identifier: Apache-2.0
//! Modules as they were read from real hardware, modules laid out after the
//! specification, and modules that lie.

use super::*;
use crate::inventory::random::Random;
use crate::snapshot::{Bytes, ModulePage, PageAddress};

/// A half page of 128 bytes from a hex dump.
fn page(address: PageAddress, dump: &str) -> ModulePage {
    let bytes: Vec<u8> = dump
        .split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).expect("hex"))
        .collect();
    assert!(bytes.len() <= 128, "{address:?}");
    let mut half = bytes;
    half.resize(128, 0);
    let bytes = Bytes(half);
    ModulePage { address, bytes }
}

fn module(pages: &[(PageAddress, &str)]) -> ModuleEeprom {
    ModuleEeprom {
        pages: pages
            .iter()
            .map(|(address, dump)| page(*address, dump))
            .collect(),
        error: None,
    }
}

const LOWER: PageAddress = PageAddress::LOWER;
const UPPER: PageAddress = PageAddress::UPPER_0;

/// A 10GBASE-SR module of MikroTik, from the manual of their RouterOS, which
/// also says what their decoder makes of it.
fn mikrotik() -> ModuleEeprom {
    module(&[
        (
            LOWER,
            "03 04 07 10 00 00 00 20 40 0c c0 06 67 00 00 00
             08 03 00 1e 4d 69 6b 72 6f 74 69 6b 20 20 20 20
             20 20 20 20 00 00 00 00 53 2b 38 35 44 4c 43 30
             33 44 20 20 20 20 20 20 41 20 20 20 03 52 00 45
             00 1a 00 00 53 54 53 54 38 35 53 38 34 37 30 30
             31 35 35 20 31 38 31 32 30 37 20 20 68 f0 05 b6",
        ),
        (
            PageAddress::DIAGNOSTICS,
            "64 00 d8 00 5f 00 dd 00 8c a0 6d 60 88 b8 71 48
             1d 4c 00 fa 17 70 01 f4 31 2d 04 ea 27 10 06 30
             31 2d 01 3c 27 10 01 8e 00 00 00 00 00 00 00 00
             00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
             00 00 00 00 3f 80 00 00 00 00 00 00 01 00 00 00
             01 00 00 00 01 00 00 00 01 00 00 00 00 00 00 26
             21 8a 7f 00 0c cd 14 4c 1d 9c 00 00 00 00 00 00",
        ),
    ])
}

#[test]
fn an_sfp_transceiver() {
    let found = decode(&mikrotik()).expect("a module");
    let text = |text: &str| Some(text.to_owned());
    let fibre = |fibre: &str, metres| Reach {
        fibre: fibre.to_owned(),
        metres,
    };
    assert_eq!(
        found,
        Transceiver {
            form_factor: text("SFP/SFP+/SFP28"),
            medium: Some(Medium::Fibre),
            compliance: vec!["10GBASE-SR".into(), "12GFC".into(), "8GFC".into()],
            vendor: text("Mikrotik"),
            part_number: text("S+85DLC03D"),
            revision: text("A"),
            serial_number: text("STST85S84700155"),
            manufactured: text("2018-12-07"),
            connector: text("LC"),
            lane_rate_mbd: Some(10_300),
            wavelength_nm: Some(850.0),
            reach: vec![fibre("OM3", 300.0), fibre("OM2", 80.0), fibre("OM1", 30.0)],
            checksum_valid: Some(true),
            diagnostics: Some(Diagnostics {
                temperature_celsius: Some(33.54),
                supply_volts: Some(3.2512),
                lanes: vec![Lane {
                    tx_bias_ma: Some(6.554),
                    tx_power_mw: Some(0.5196),
                    tx_power_dbm: Some(-2.84),
                    rx_power_mw: Some(0.758),
                    rx_power_dbm: Some(-1.2),
                }],
            }),
            ..Transceiver::default()
        }
    );
}

/// Cables and transceivers that were read elsewhere: what tells them apart.
#[test]
fn modules_of_the_field() {
    let dac_1g = module(&[(
        LOWER,
        "03 04 21 00 00 00 00 00 04 00 00 00 67 00 00 00
         00 00 03 00 41 6d 70 68 65 6e 6f 6c 20 20 20 20
         20 20 20 20 00 41 50 48 35 37 31 35 34 30 30 30
         32 20 20 20 20 20 20 20 4b 20 20 20 01 00 00 f7
         00 00 00 00 41 50 46 30 39 34 38 30 30 32 30 32
         37 39 20 20 30 39 31 31 32 34 20 20 00 00 00 c1",
    )]);
    let dac_10g = module(&[(
        LOWER,
        "03 04 21 01 00 00 00 00 04 00 00 00 67 00 00 00
         00 00 01 00 4f 45 4d 20 20 20 20 20 20 20 20 20
         20 20 20 20 00 00 40 20 53 46 50 2d 44 41 43 2d
         31 4d 20 20 20 20 20 20 30 33 20 20 01 00 00 63
         00 00 00 00 54 4f 32 30 30 39 31 36 30 32 30 20
         20 20 20 20 32 30 30 39 31 36 20 20 00 00 00 79",
    )]);
    let dac_fdr = module(&[
        (LOWER, "0d 02 06"),
        (
            UPPER,
            "0d 00 23 08 00 00 00 00 00 00 00 05 8d 00 00 00
             00 00 02 a0 4d 65 6c 6c 61 6e 6f 78 20 20 20 20
             20 20 20 20 0f 00 02 c9 36 37 30 37 35 39 2d 42
             32 33 20 20 20 20 20 20 41 31 04 06 09 00 46 27
             00 00 00 00 36 43 32 32 31 32 30 37 36 58 20 20
             20 20 20 20 31 32 30 33 32 37 20 20 00 00 00 64",
        ),
    ]);
    let sr4 = module(&[
        (
            LOWER,
            "11 07 00 ff 00 ff 00 00 00 55 55 00 00 00 00 00
             00 00 00 00 00 00 27 79 00 00 82 c5",
        ),
        (
            UPPER,
            "11 8c 0c 80 00 00 00 00 00 00 00 05 ff 00 00 23
             00 00 32 00 4d 65 6c 6c 61 6e 6f 78 20 20 20 20
             20 20 20 20 00 00 02 c9 4d 4d 41 31 42 30 30 2d
             53 53 31 20 20 20 20 20 41 32 42 68 0b b8 46 05
             02 07 f5 9e 4d 54 31 38 33 34 46 54 30 33 38 34
             36 20 20 20 31 38 30 37 30 33 00 00 0c 10 67 c2",
        ),
    ]);
    for (module, expected) in [
        (
            dac_1g,
            "SFP/SFP+/SFP28|Some(PassiveCopper)||Amphenol|571540002|APF09480020279|2009-11-24|\
             copper pigtail|Some(10300)|None|Some(3.0)|Some(true)",
        ),
        (
            dac_10g,
            "SFP/SFP+/SFP28|Some(PassiveCopper)|InfiniBand 1X copper passive|OEM|SFP-DAC-1M|\
             TO200916020|2020-09-16|copper pigtail|Some(10300)|None|Some(1.0)|Some(true)",
        ),
        (
            dac_fdr,
            "QSFP+|Some(PassiveCopper)|40GBASE-CR4,InfiniBand FDR,InfiniBand QDR,InfiniBand DDR,\
             InfiniBand SDR|Mellanox|670759-B23|6C2212076X|2012-03-27|no separable connector|\
             Some(14100)|None|Some(2.0)|Some(true)",
        ),
        (
            sr4,
            "QSFP28|Some(Fibre)|100GBASE-SR4|Mellanox|MMA1B00-SS1|MT1834FT03846|2018-07-03|\
             MPO 1x12|Some(25750)|Some(850.0)|None|Some(true)",
        ),
    ] {
        let found = decode(&module).expect("a module");
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let summary = format!(
            "{}|{:?}|{}|{}|{}|{}|{}|{}|{:?}|{:?}|{:?}|{:?}",
            text(&found.form_factor),
            found.medium,
            found.compliance.join(","),
            text(&found.vendor),
            text(&found.part_number),
            text(&found.serial_number),
            text(&found.manufactured),
            text(&found.connector),
            found.lane_rate_mbd,
            found.wavelength_nm,
            found.cable_metres,
            found.checksum_valid,
        );
        assert_eq!(summary, expected);
    }
}

#[test]
fn a_qsfp_without_light_still_measures_its_temperature() {
    let found = decode(&module(&[
        (
            LOWER,
            "11 07 00 ff 00 ff 00 00 00 55 55 00 00 00 00 00
             00 00 00 00 00 00 27 79 00 00 82 c5",
        ),
        (
            UPPER,
            "11 8c 0c 80 00 00 00 00 00 00 00 05 ff 00 00 23 00 00 32 00",
        ),
    ]))
    .expect("a module");
    let diagnostics = found.diagnostics.expect("diagnostics");
    assert_eq!(diagnostics.temperature_celsius, Some(39.47));
    assert_eq!(diagnostics.supply_volts, Some(3.3477));
    assert!(diagnostics.lanes.is_empty());
    assert_eq!(found.max_power_w, Some(2.5));
    assert_eq!(
        found.reach,
        [
            Reach {
                fibre: "OM4".into(),
                metres: 100.0
            },
            Reach {
                fibre: "OM3".into(),
                metres: 70.0
            },
        ]
    );
}

/// Puts bytes at a position of a half page that begins at `first`.
fn fill(page: &mut [u8], first: usize, at: usize, bytes: &[u8]) {
    page[at - first..at - first + bytes.len()].copy_from_slice(bytes);
}

/// A QSFP-DD 400GBASE-DR4 transceiver laid out after CMIS 5.2.
fn cmis() -> ModuleEeprom {
    let mut lower = vec![0; 128];
    fill(&mut lower, 0, 0, &[0x18, 0x52, 0x04, 0x06]);
    fill(&mut lower, 0, 14, &[0x2d, 0x80, 0x80, 0xe8]);
    fill(&mut lower, 0, 39, &[2, 7]);
    fill(&mut lower, 0, 85, &[2]);
    let applications = [0x11, 0x1c, 0x84, 1, 0x0f, 0x17, 0x44, 1, 0xff, 0, 0, 0];
    fill(&mut lower, 0, 86, &applications);
    let mut upper = vec![b' '; 128];
    fill(&mut upper, 128, 128, &[0x18]);
    fill(&mut upper, 128, 129, b"Example Optics  \x00\x02\xc9");
    fill(&mut upper, 128, 148, b"QDD-400G-DR4    A1");
    fill(&mut upper, 128, 166, b"EX2103000017    21031501");
    fill(&mut upper, 128, 200, &[0xe0, 48, 0, 0x0c]);
    fill(&mut upper, 128, 212, &[0x06]);
    let sum = upper[..94]
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    fill(&mut upper, 128, 222, &[sum]);
    let mut advertised = vec![0; 128];
    fill(&mut advertised, 128, 132, &[0x05]);
    fill(&mut advertised, 128, 138, &26_220_u16.to_be_bytes());
    fill(&mut advertised, 128, 159, &[0x03, 0x0f]);
    let mut lanes = vec![0; 128];
    for lane in 0..4 {
        fill(&mut lanes, 128, 154 + 2 * lane, &10_000_u16.to_be_bytes());
        fill(&mut lanes, 128, 170 + 2 * lane, &12_500_u16.to_be_bytes());
        fill(&mut lanes, 128, 186 + 2 * lane, &5_012_u16.to_be_bytes());
    }
    let pages = [
        (LOWER, lower),
        (UPPER, upper),
        (PageAddress::UPPER_1, advertised),
        (PageAddress::UPPER_11, lanes),
    ];
    ModuleEeprom {
        pages: pages
            .into_iter()
            .map(|(address, bytes)| ModulePage {
                address,
                bytes: Bytes(bytes),
            })
            .collect(),
        error: None,
    }
}

#[test]
fn a_cmis_transceiver() {
    let found = decode(&cmis()).expect("a module");
    assert_eq!(found.form_factor.as_deref(), Some("QSFP-DD"));
    assert_eq!(found.medium, Some(Medium::Fibre));
    assert_eq!(found.compliance, ["400GBASE-DR4", "200GBASE-DR4"]);
    assert_eq!(found.vendor.as_deref(), Some("Example Optics"));
    assert_eq!(found.vendor_oui.as_deref(), Some("00:02:c9"));
    assert_eq!(found.part_number.as_deref(), Some("QDD-400G-DR4"));
    assert_eq!(found.revision.as_deref(), Some("A1"));
    assert_eq!(found.serial_number.as_deref(), Some("EX2103000017"));
    assert_eq!(found.manufactured.as_deref(), Some("2021-03-15"));
    assert_eq!(found.connector.as_deref(), Some("MPO 1x12"));
    assert_eq!(found.wavelength_nm, Some(1311.0));
    assert_eq!(found.max_power_w, Some(12.0));
    assert_eq!(found.firmware_version.as_deref(), Some("2.7"));
    assert_eq!(found.checksum_valid, Some(true));
    assert_eq!(
        found.reach,
        [Reach {
            fibre: "single mode".into(),
            metres: 500.0
        }]
    );
    let diagnostics = found.diagnostics.expect("diagnostics");
    assert_eq!(diagnostics.temperature_celsius, Some(45.5));
    assert_eq!(diagnostics.supply_volts, Some(3.3));
    assert_eq!(diagnostics.lanes.len(), 4, "dark lanes are left out");
    // Current in units of 4 µA: bits 4 and 3 of byte 160 are 01.
    assert_eq!(diagnostics.lanes[0].tx_bias_ma, Some(50.0));
    assert_eq!(diagnostics.lanes[0].tx_power_dbm, Some(0.0));
    assert_eq!(diagnostics.lanes[3].rx_power_dbm, Some(-3.0));
}

#[test]
fn cmis_cables_have_a_length_and_no_light() {
    for (media_type, technology, expected) in [
        (3, 0x0a, Medium::PassiveCopper),
        (4, 0x0d, Medium::ActiveCopper),
        (4, 0x00, Medium::ActiveOptical),
    ] {
        let mut cable = cmis();
        let [lower, upper, ..] = cable.pages.as_mut_slice() else {
            panic!("four pages");
        };
        fill(&mut lower.bytes.0, 0, 85, &[media_type]);
        fill(&mut lower.bytes.0, 0, 86, &[0x48, 0x01]);
        fill(&mut upper.bytes.0, 128, 202, &[0x0f, 0x23]);
        fill(&mut upper.bytes.0, 128, 212, &[technology]);
        let found = decode(&cable).expect("a module");
        assert_eq!(found.medium, Some(expected));
        assert_eq!(found.cable_metres, Some(1.5));
        assert_eq!(found.compliance[0], "400GBASE-CR4");
        assert!(found.reach.is_empty());
    }
}

/// The kinds of SFP that no single field tells apart.
#[test]
fn media_of_sfp_modules() {
    for (bytes, expected) in [
        (&[(2, 0x22), (36, 0x16)][..], Some(Medium::TwistedPair)),
        (&[(2, 0x22), (6, 0x08)], Some(Medium::TwistedPair)),
        (&[(2, 0x23), (36, 0x0c)], Some(Medium::PassiveCopper)),
        (&[(2, 0x23), (36, 0x01)], Some(Medium::ActiveOptical)),
        (&[(2, 0x23), (36, 0x08)], Some(Medium::ActiveCopper)),
        (
            &[(2, 0x21), (8, 0x08), (60, 0x01)],
            Some(Medium::ActiveCopper),
        ),
        (
            &[(2, 0x23), (8, 0x08), (60, 3), (61, 0x52)],
            Some(Medium::ActiveOptical),
        ),
        (&[(2, 0x07), (60, 5), (61, 0x1e)], Some(Medium::Fibre)),
        (&[(2, 0x07)], None),
    ] {
        let mut page = vec![0; 128];
        page[0] = 3;
        for (at, byte) in bytes {
            page[*at] = *byte;
        }
        let bytes_of_page = Bytes(page);
        let module = ModuleEeprom {
            pages: vec![ModulePage {
                address: LOWER,
                bytes: bytes_of_page,
            }],
            error: None,
        };
        assert_eq!(decode(&module).expect("one").medium, expected, "{bytes:?}");
    }
}

/// External calibration: the same measurements with other constants.
#[test]
fn diagnostics_are_calibrated() {
    let mut module = mikrotik();
    let [lower, page] = module.pages.as_mut_slice() else {
        panic!("two pages");
    };
    lower.bytes.0[92] = 0x58;
    let page = &mut page.bytes.0;
    // The received power is 2 x + 10, the temperature 1.5 x - 256.
    fill(page, 0, 68, &2.0_f32.to_be_bytes());
    fill(page, 0, 72, &10.0_f32.to_be_bytes());
    fill(page, 0, 84, &[0x01, 0x80, 0xff, 0x00]);
    let found = decode(&module).and_then(|found| found.diagnostics);
    let found = found.expect("diagnostics");
    assert_eq!(found.temperature_celsius, Some(49.31));
    assert_eq!(found.supply_volts, Some(3.2512));
    assert_eq!(found.lanes[0].rx_power_mw, Some(1.517));
    assert_eq!(found.lanes[0].tx_power_mw, Some(0.5196));
}

#[test]
fn what_is_not_there_is_absent() {
    assert_eq!(decode(&ModuleEeprom::default()), None);
    let unknown = decode(&module(&[(LOWER, "7f")])).expect("an identifier");
    assert_eq!(unknown.form_factor.as_deref(), Some("identifier 0x7f"));
    assert_eq!(unknown.vendor, None);
    // A QSFP whose upper half could not be read.
    let half = decode(&module(&[(LOWER, "11")])).expect("an identifier");
    assert_eq!(half.form_factor.as_deref(), Some("QSFP28"));
    assert_eq!(half.checksum_valid, None);
    let blank = ModuleEeprom {
        pages: vec![ModulePage {
            address: LOWER,
            bytes: Bytes(vec![0xff; 128]),
        }],
        error: None,
    };
    assert_eq!(decode(&blank).expect("an identifier").compliance, [""; 0]);
}

#[test]
fn broken_modules_give_what_they_have() {
    let sources = [mikrotik(), cmis()];
    let mut random = Random::new(8472);
    for _ in 0..20_000 {
        let mut module = sources[random.below(sources.len())].clone();
        for page in &mut module.pages {
            let length = page.bytes.0.len();
            if random.below(4) == 0 {
                page.bytes.0.truncate(random.below(length + 1));
            }
            for _ in 0..random.below(8) {
                let length = page.bytes.0.len();
                if length > 0 {
                    page.bytes.0[random.below(length)] = random.byte();
                }
            }
        }
        // Also as the other kinds of module.
        if let Some(first) = module.pages[0].bytes.0.first_mut()
            && random.below(2) == 0
        {
            *first = [0x03, 0x11, 0x19][random.below(3)];
        }
        let Some(found) = decode(&module) else {
            continue;
        };
        let json = serde_json::to_string(&found).expect("it can be posted");
        let back: Transceiver = serde_json::from_str(&json).expect("and read back");
        assert_eq!(back, found, "no number is lost");
        assert!(found.compliance.len() <= 40);
        let _ = module.next_page();
    }
}
