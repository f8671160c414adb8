// SPDX-License-Identifier: Apache-2.0
//! SFP, SFP+ and SFP28 modules: SFF-8472 revision 12.4. Numbers of bytes are
//! those of address A0h, and of A2h for the diagnostics.

use super::diagnostics::{Diagnostics, Lane, celsius, volts};
use super::memory::Half;
use super::{Medium, Transceiver, cable_metres, reach, sff8024};
use crate::snapshot::{ModuleEeprom, PageAddress};

/// Byte 3: 10G Ethernet and InfiniBand.
const TEN_GIGABIT: &[(u8, &str)] = &[
    (7, "10GBASE-ER"),
    (6, "10GBASE-LRM"),
    (5, "10GBASE-LR"),
    (4, "10GBASE-SR"),
    (3, "InfiniBand 1X SX"),
    (2, "InfiniBand 1X LX"),
    (1, "InfiniBand 1X copper active"),
    (0, "InfiniBand 1X copper passive"),
];
/// Byte 6: Ethernet.
const GIGABIT: &[(u8, &str)] = &[
    (7, "BASE-PX"),
    (6, "BASE-BX10"),
    (5, "100BASE-FX"),
    (4, "100BASE-LX10"),
    (3, "1000BASE-T"),
    (2, "1000BASE-CX"),
    (1, "1000BASE-LX"),
    (0, "1000BASE-SX"),
];
/// Byte 10: speeds of Fibre Channel.
const FIBRE_CHANNEL: &[(u8, &str)] = &[
    (7, "12GFC"),
    (6, "8GFC"),
    (5, "16GFC"),
    (4, "4GFC"),
    (3, "32GFC"),
    (2, "2GFC"),
    (0, "1GFC"),
];

pub(super) fn decode(module: &ModuleEeprom) -> Option<Transceiver> {
    let base = Half::lower(module.page(PageAddress::LOWER)?);
    let medium = medium(&base);
    let is_cable = medium.is_some_and(Medium::is_cable);
    let in_cable = base.byte(18).filter(|_| is_cable);
    let to_fibre = |at| base.byte(at).filter(|_| medium == Some(Medium::Fibre));
    Some(Transceiver {
        medium,
        compliance: compliance(&base),
        vendor: base.text(20, 16),
        vendor_oui: base.oui(37),
        part_number: base.text(40, 16),
        revision: base.text(56, 4),
        serial_number: base.text(68, 16),
        manufactured: base.date(84),
        connector: base.byte(2).and_then(sff8024::connector).map(str::to_owned),
        lane_rate_mbd: lane_rate(&base),
        wavelength_nm: wavelength(&base, medium),
        cable_metres: cable_metres(in_cable),
        reach: [
            // Byte 15 counts the same reach in finer units; where it is full,
            // byte 14 has it.
            reach("single mode", to_fibre(15), 100.0)
                .or_else(|| reach("single mode", to_fibre(14), 1000.0)),
            reach("OM4", to_fibre(18), 10.0),
            reach("OM3", to_fibre(19), 10.0),
            reach("OM2", to_fibre(16), 10.0),
            reach("OM1", to_fibre(17), 10.0),
        ]
        .into_iter()
        .flatten()
        .collect(),
        checksum_valid: base.sum_is_right(0, 63),
        diagnostics: diagnostics(module, &base),
        ..Transceiver::default()
    })
}

fn compliance(base: &Half<'_>) -> Vec<String> {
    let mut names = base.names(3, TEN_GIGABIT);
    names.extend(base.names(6, GIGABIT));
    names.extend(base.names(10, FIBRE_CHANNEL));
    let extended = base
        .byte(36)
        .and_then(|code| sff8024::extended_compliance(code, true));
    names.extend(extended.map(str::to_owned));
    names
}

/// No field names the medium; these, in the order of how far they can be
/// trusted, do together.
fn medium(base: &Half<'_>) -> Option<Medium> {
    let connector = base.byte(2)?;
    let extended = base.byte(36)?;
    let has_fibre_ends = matches!(connector, 0x0b | 0x23);
    Some(match extended {
        0x01 | 0x18 | 0x31 | 0x33 if has_fibre_ends => Medium::ActiveOptical,
        0x08 | 0x19 | 0x30 | 0x32 => Medium::ActiveCopper,
        0x16 | 0x1c..=0x1e => Medium::TwistedPair,
        0x0b..=0x0d | 0x3f | 0x40 => Medium::PassiveCopper,
        _ if base.bit(8, 2) => Medium::PassiveCopper,
        // Where active optical cables have the wavelength, active copper ones
        // have their compliance in byte 60, and byte 61 is 0.
        _ if base.bit(8, 3) && (connector == 0x0b || base.byte(61)? != 0) => Medium::ActiveOptical,
        _ if base.bit(8, 3) => Medium::ActiveCopper,
        _ if connector == 0x22 || base.bit(6, 3) => Medium::TwistedPair,
        _ if connector == 0x21 || base.bit(6, 2) => Medium::PassiveCopper,
        _ if base.word(60)? != 0 => Medium::Fibre,
        _ => return None,
    })
}

/// In units of 100 MBd; above 25 400 MBd in units of 250 in byte 66.
fn lane_rate(base: &Half<'_>) -> Option<u32> {
    match base.byte(12)? {
        0 => None,
        0xff => Some(u32::from(base.byte(66).filter(|rate| *rate != 0)?) * 250),
        rate => Some(u32::from(rate) * 100),
    }
}

/// Copper cables have their compliance where others have the wavelength.
fn wavelength(base: &Half<'_>, medium: Option<Medium>) -> Option<f64> {
    let is_optical = matches!(medium, Some(Medium::Fibre | Medium::ActiveOptical));
    let nanometres = base.word(60).filter(|number| is_optical && *number != 0);
    nanometres.map(f64::from)
}

/// How measured numbers become real ones: `slope * number + offset`.
struct Line {
    slope: f64,
    offset: f64,
}

impl Line {
    const IDENTITY: Self = Self {
        slope: 1.0,
        offset: 0.0,
    };

    /// A slope of 8.8 fixed point and a signed offset.
    fn at(page: &Half<'_>, slope: usize) -> Option<Self> {
        Some(Self {
            slope: f64::from(page.word(slope)?) / 256.0,
            offset: f64::from(page.signed(slope + 2)?),
        })
    }

    fn of(&self, raw: f64) -> f64 {
        self.slope * raw + self.offset
    }
}

fn diagnostics(module: &ModuleEeprom, base: &Half<'_>) -> Option<Diagnostics> {
    // Byte 110 bit 0: the measurements are not there yet.
    let page = Half::lower(module.page(PageAddress::DIAGNOSTICS)?);
    if page.bit(110, 0) {
        return None;
    }
    let external = base.bit(92, 4) && !base.bit(92, 5);
    let line = |slope| match external {
        true => Line::at(&page, slope),
        false => Some(Line::IDENTITY),
    };
    let unsigned = |at| page.word(at).map(f64::from);
    let temperature = line(84)?.of(f64::from(page.signed(96)?));
    let supply = line(88)?.of(unsigned(98)?);
    let bias = line(76)?.of(unsigned(100)?);
    let tx_power = line(80)?.of(unsigned(102)?);
    let rx_power = match external {
        true => received(&page, unsigned(104)?)?,
        false => unsigned(104)?,
    };
    // Broken constants give numbers that no module measures (here 100 mW, 2 A).
    let plausible = |value: f64| Some(value).filter(|value| (0.0..=1e6).contains(value));
    Diagnostics {
        temperature_celsius: Some(celsius(temperature)),
        supply_volts: Some(volts(supply)),
        lanes: vec![Lane::from_raw(
            plausible(bias),
            plausible(tx_power),
            plausible(rx_power),
        )],
    }
    .if_any()
}

/// A polynomial whose coefficients stand at bytes 56 to 75, highest power first.
fn received(page: &Half<'_>, raw: f64) -> Option<f64> {
    (56..=72).step_by(4).try_fold(0.0, |value, at| {
        Some(value * raw + f64::from(page.float(at)?))
    })
}
