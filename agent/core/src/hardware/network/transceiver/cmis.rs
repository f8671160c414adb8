// SPDX-License-Identifier: Apache-2.0
//! QSFP-DD, OSFP and newer modules: Common Management Interface Specification
//! (CMIS) 5.2.

use super::diagnostics::{Diagnostics, Lane, celsius, volts};
use super::memory::Half;
use super::{Medium, Reach, Transceiver, reach, sff8024};
use crate::snapshot::{ModuleEeprom, PageAddress};

/// Bytes 86 to 117: what the module can do, four bytes for each.
const APPLICATIONS: std::ops::RangeInclusive<usize> = 86..=117;
const APPLICATION_LENGTH: usize = 4;
/// An application that is not there.
const NO_APPLICATION: u8 = 0xff;
/// Lanes of one bank.
const LANES: usize = 8;

pub(super) fn decode(module: &ModuleEeprom) -> Option<Transceiver> {
    let lower = Half::lower(module.page(PageAddress::LOWER)?);
    let page = Half::upper(module.page(PageAddress::UPPER_0)?);
    let advertised = module.page(PageAddress::UPPER_1).map(Half::upper);
    let medium = medium(&lower, &page);
    let is_optical = matches!(medium, Some(Medium::Fibre | Medium::ActiveOptical));
    let wavelength = advertised
        .and_then(|page| page.word(138))
        .filter(|number| is_optical && *number != 0);
    let quarter_watts = page.byte(201).filter(|quarters| *quarters != 0);
    Some(Transceiver {
        medium,
        compliance: compliance(&lower),
        vendor: page.text(129, 16),
        vendor_oui: page.oui(145),
        part_number: page.text(148, 16),
        revision: page.text(164, 2),
        serial_number: page.text(166, 16),
        manufactured: page.date(182),
        connector: page
            .byte(203)
            .and_then(sff8024::connector)
            .map(str::to_owned),
        wavelength_nm: wavelength.map(|number| f64::from(number) / 20.0),
        cable_metres: page
            .byte(202)
            .filter(|_| medium.is_some_and(Medium::is_cable))
            .and_then(scaled_length),
        reach: advertised
            .filter(|_| medium == Some(Medium::Fibre))
            .map(|page| reaches(&page))
            .unwrap_or_default(),
        max_power_w: quarter_watts.map(|quarters| f64::from(quarters) / 4.0),
        firmware_version: firmware(&lower),
        checksum_valid: page.sum_is_right(128, 222),
        diagnostics: diagnostics(module, &lower),
        ..Transceiver::default()
    })
}

/// Byte 85 is the type of the medium, byte 212 of page 0 the technology.
fn medium(lower: &Half<'_>, page: &Half<'_>) -> Option<Medium> {
    Some(match lower.byte(85)? {
        1 | 2 => Medium::Fibre,
        3 => Medium::PassiveCopper,
        // Technologies 0Ah to 0Fh are copper.
        4 if matches!(page.byte(212)?, 0x0a..=0x0f) => Medium::ActiveCopper,
        4 => Medium::ActiveOptical,
        5 => Medium::TwistedPair,
        _ => return None,
    })
}

/// The interface to the medium of each application; cables have only one to the
/// host that has a name.
fn compliance(lower: &Half<'_>) -> Vec<String> {
    let media_type = lower.byte(85).unwrap_or(0);
    let mut names: Vec<String> = Vec::new();
    for at in APPLICATIONS.step_by(APPLICATION_LENGTH) {
        let Some([host, media, ..]) = lower.range(at, APPLICATION_LENGTH) else {
            break;
        };
        if matches!(*host, 0 | NO_APPLICATION) {
            break;
        }
        let name = match media_type {
            1 | 2 | 5 => sff8024::media_interface(media_type, *media),
            _ => sff8024::host_interface(*host),
        };
        let name = match name {
            Some(name) => name.to_owned(),
            None => format!("application {host:#04x}/{media:#04x}"),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Bits 7 and 6 are a power of ten that begins at 0.1, the others the number.
fn scaled_length(byte: u8) -> Option<f64> {
    let number = Some(byte & 0x3f).filter(|number| *number != 0)?;
    let tenths = f64::from(number) * 10_f64.powi(i32::from(byte >> 6));
    Some(tenths / 10.0)
}

fn reaches(page: &Half<'_>) -> Vec<Reach> {
    // Single mode: bits 7 and 6 choose between 100 m and 1 km.
    let unit = match page.byte(132).map(|byte| byte >> 6) {
        Some(0) => Some(100.0),
        Some(1) => Some(1000.0),
        _ => None,
    };
    let single_mode = page.byte(132).map(|byte| byte & 0x3f);
    [
        unit.and_then(|unit| reach("single mode", single_mode, unit)),
        reach("OM5", page.byte(133), 2.0),
        reach("OM4", page.byte(134), 2.0),
        reach("OM3", page.byte(135), 2.0),
        reach("OM2", page.byte(136), 1.0),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Bytes 39 and 40; all zeroes is no firmware, all ones a broken one.
fn firmware(lower: &Half<'_>) -> Option<String> {
    let (major, minor) = (lower.byte(39)?, lower.byte(40)?);
    let known = !matches!((major, minor), (0, 0) | (0xff, 0xff));
    known.then(|| format!("{major}.{minor}"))
}

/// Page 1 says which measurements there are (bytes 159 and 160).
fn diagnostics(module: &ModuleEeprom, lower: &Half<'_>) -> Option<Diagnostics> {
    let advertised = Half::upper(module.page(PageAddress::UPPER_1)?);
    let temperature = lower.signed(14).filter(|_| advertised.bit(159, 0));
    let supply = lower.word(16).filter(|_| advertised.bit(159, 1));
    let lanes = module.page(PageAddress::UPPER_11).map(Half::upper);
    Diagnostics {
        temperature_celsius: temperature.map(|number| celsius(f64::from(number))),
        supply_volts: supply.map(|number| volts(f64::from(number))),
        lanes: lanes.map_or_else(Vec::new, |page| measured_lanes(&advertised, &page)),
    }
    .if_any()
}

fn measured_lanes(advertised: &Half<'_>, page: &Half<'_>) -> Vec<Lane> {
    // Bits 4 and 3 of byte 160 multiply the unit of the current.
    let multiplier = match advertised.byte(160).map(|byte| byte >> 3 & 3) {
        Some(1) => 2.0,
        Some(2) => 4.0,
        _ => 1.0,
    };
    let measured = |bit: u8, at: usize| {
        let number = page.word(at).filter(|_| advertised.bit(160, bit));
        number.map(f64::from)
    };
    let lanes = (0..LANES).map(|lane| {
        Lane::from_raw(
            measured(0, 170 + 2 * lane).map(|number| number * multiplier),
            measured(1, 154 + 2 * lane),
            measured(2, 186 + 2 * lane),
        )
    });
    let mut lanes: Vec<Lane> = lanes.collect();
    // A module with fewer lanes reads as zero on the others.
    let is_dark = |lane: &Lane| {
        let numbers = [lane.tx_bias_ma, lane.tx_power_mw, lane.rx_power_mw];
        numbers
            .into_iter()
            .all(|number| number.unwrap_or(0.0) == 0.0)
    };
    while lanes.last().is_some_and(is_dark) {
        lanes.pop();
    }
    lanes
}
