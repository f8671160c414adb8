// SPDX-License-Identifier: Apache-2.0
//! QSFP+ and QSFP28 modules: SFF-8636 revision 2.11.

use super::diagnostics::{Diagnostics, Lane, celsius, volts};
use super::memory::Half;
use super::{Medium, Transceiver, cable_metres, reach, sff8024};
use crate::snapshot::{ModuleEeprom, PageAddress};

/// Byte 131: Ethernet. Bit 7 refers to byte 192.
const ETHERNET: &[(u8, &str)] = &[
    (6, "10GBASE-LRM"),
    (5, "10GBASE-LR"),
    (4, "10GBASE-SR"),
    (3, "40GBASE-CR4"),
    (2, "40GBASE-SR4"),
    (1, "40GBASE-LR4"),
    (0, "40G active cable"),
];
/// Byte 134: gigabit Ethernet.
const GIGABIT: &[(u8, &str)] = &[
    (3, "1000BASE-T"),
    (2, "1000BASE-CX"),
    (1, "1000BASE-LX"),
    (0, "1000BASE-SX"),
];
/// Byte 164: InfiniBand.
const INFINIBAND: &[(u8, &str)] = &[
    (5, "InfiniBand HDR"),
    (4, "InfiniBand EDR"),
    (3, "InfiniBand FDR"),
    (2, "InfiniBand QDR"),
    (1, "InfiniBand DDR"),
    (0, "InfiniBand SDR"),
];
/// Power classes 1 to 4 (byte 129, bits 7 and 6), in W.
const POWER: [f64; 4] = [1.5, 2.0, 2.5, 3.5];
/// Power classes 5 to 7 (byte 129, bits 1 and 0), in W.
const HIGH_POWER: [f64; 3] = [4.0, 4.5, 5.0];
const LANES: usize = 4;

pub(super) fn decode(module: &ModuleEeprom) -> Option<Transceiver> {
    let lower = Half::lower(module.page(PageAddress::LOWER)?);
    let page = Half::upper(module.page(PageAddress::UPPER_0)?);
    let medium = medium(&page);
    let is_cable = medium.is_some_and(Medium::is_cable);
    let to_fibre = |at| page.byte(at).filter(|_| medium == Some(Medium::Fibre));
    // Byte 146 is the reach over OM4 of modules with a laser for it.
    let has_850_nm = page.byte(147).is_some_and(|byte| byte >> 4 == 0);
    Some(Transceiver {
        medium,
        compliance: compliance(&page),
        vendor: page.text(148, 16),
        vendor_oui: page.oui(165),
        part_number: page.text(168, 16),
        revision: page.text(184, 2),
        serial_number: page.text(196, 16),
        manufactured: page.date(212),
        connector: page
            .byte(130)
            .and_then(sff8024::connector)
            .map(str::to_owned),
        lane_rate_mbd: lane_rate(&page),
        wavelength_nm: wavelength(&page, medium),
        cable_metres: cable_metres(page.byte(146).filter(|_| is_cable)),
        reach: [
            reach("single mode", to_fibre(142), 1000.0),
            reach("OM4", to_fibre(146).filter(|_| has_850_nm), 2.0),
            reach("OM3", to_fibre(143), 2.0),
            reach("OM2", to_fibre(144), 1.0),
            reach("OM1", to_fibre(145), 1.0),
        ]
        .into_iter()
        .flatten()
        .collect(),
        max_power_w: max_power(&lower, &page),
        checksum_valid: page.sum_is_right(128, 191),
        diagnostics: diagnostics(&lower, &page, medium),
        ..Transceiver::default()
    })
}

fn compliance(page: &Half<'_>) -> Vec<String> {
    let mut names = page.names(131, ETHERNET);
    let extended = page
        .byte(192)
        .filter(|_| page.bit(131, 7))
        .and_then(|code| sff8024::extended_compliance(code, false));
    names.extend(extended.map(str::to_owned));
    names.extend(page.names(134, GIGABIT));
    names.extend(page.names(164, INFINIBAND));
    names
}

/// By the technology of the transmitter (byte 147, bits 7 to 4); lasers in a
/// module without a connector are the end of a cable.
fn medium(page: &Half<'_>) -> Option<Medium> {
    let has_connector = !matches!(page.byte(130)?, 0x0b | 0x23);
    Some(match page.byte(147)? >> 4 {
        0xa | 0xb => Medium::PassiveCopper,
        0xc..=0xf => Medium::ActiveCopper,
        _ if page.byte(130)? == 0x22 => Medium::TwistedPair,
        _ if has_connector => Medium::Fibre,
        _ => Medium::ActiveOptical,
    })
}

/// In units of 100 MBd; above 25 400 MBd in units of 250 in byte 222.
fn lane_rate(page: &Half<'_>) -> Option<u32> {
    match page.byte(140)? {
        0 => None,
        0xff => Some(u32::from(page.byte(222).filter(|rate| *rate != 0)?) * 250),
        rate => Some(u32::from(rate) * 100),
    }
}

/// In units of 0.05 nm; copper has its attenuation there.
fn wavelength(page: &Half<'_>, medium: Option<Medium>) -> Option<f64> {
    let is_optical = matches!(medium, Some(Medium::Fibre | Medium::ActiveOptical));
    let number = page.word(186).filter(|number| is_optical && *number != 0);
    number.map(|number| f64::from(number) / 20.0)
}

/// Class 8 (byte 129 bit 5) gives its power in byte 107, in units of 0.1 W.
fn max_power(lower: &Half<'_>, page: &Half<'_>) -> Option<f64> {
    let class = page.byte(129)?;
    if class & 0x20 != 0
        && let Some(tenths) = lower.byte(107).filter(|tenths| *tenths != 0)
    {
        return Some(f64::from(tenths) / 10.0);
    }
    match class & 3 {
        0 => POWER.get(usize::from(class >> 6)).copied(),
        high => HIGH_POWER.get(usize::from(high - 1)).copied(),
    }
}

/// Older revisions do not say which measurements there are. What is not
/// measured reads as zero, and so does all of a passive cable.
fn diagnostics(lower: &Half<'_>, page: &Half<'_>, medium: Option<Medium>) -> Option<Diagnostics> {
    // Byte 2 bit 0: the measurements are not there yet.
    if medium == Some(Medium::PassiveCopper) || lower.bit(2, 0) {
        return None;
    }
    let measured = |at: usize| lower.word(at).filter(|number| *number != 0).map(f64::from);
    let temperature = lower.signed(22).filter(|number| *number != 0);
    let is_optical = matches!(medium, Some(Medium::Fibre | Medium::ActiveOptical));
    let lane = |lane: usize| {
        let at = |first: usize| first + 2 * lane;
        // Bit 2 of byte 220: the power that is sent is measured.
        let tx_power = lower.word(at(50)).filter(|_| page.bit(220, 2));
        let rx_power = lower.word(at(34));
        Lane::from_raw(
            measured(at(42)),
            tx_power.map(f64::from),
            rx_power.map(f64::from),
        )
    };
    let anything = (34..58).step_by(2).any(|at| measured(at).is_some());
    Diagnostics {
        temperature_celsius: temperature.map(|number| celsius(f64::from(number))),
        supply_volts: measured(26).map(volts),
        lanes: match is_optical && anything {
            true => (0..LANES).map(lane).collect(),
            false => Vec::new(),
        },
    }
    .if_any()
}
