// SPDX-License-Identifier: Apache-2.0
//! Names of units, entities and sensor types (IPMI 2.0 tables 43-15, 43-13, 42-3).

/// Event/reading type code of sensors with thresholds (table 42-1).
pub(super) const THRESHOLD: u8 = 0x01;
/// Event/reading type code of states that belong to the type of the sensor.
pub(super) const SENSOR_SPECIFIC: u8 = 0x6f;

/// Base units by code.
const UNITS: &[&str] = &[
    "",
    "°C",
    "°F",
    "K",
    "V",
    "A",
    "W",
    "J",
    "C",
    "VA",
    "nit",
    "lm",
    "lx",
    "cd",
    "kPa",
    "psi",
    "N",
    "CFM",
    "RPM",
    "Hz",
    "µs",
    "ms",
    "s",
    "min",
    "h",
    "d",
    "week",
    "mil",
    "in",
    "ft",
    "in³",
    "ft³",
    "mm",
    "cm",
    "m",
    "cm³",
    "m³",
    "l",
    "fl oz",
    "rad",
    "sr",
    "revolutions",
    "cycles",
    "g",
    "oz",
    "lb",
    "ft·lb",
    "oz·in",
    "G",
    "Gb",
    "H",
    "mH",
    "F",
    "µF",
    "Ω",
    "S",
    "mol",
    "Bq",
    "ppm",
    "",
    "dB",
    "dBA",
    "dBC",
    "Gy",
    "Sv",
    "K (color)",
    "bit",
    "kbit",
    "Mbit",
    "Gbit",
    "byte",
    "kB",
    "MB",
    "GB",
    "word",
    "double word",
    "quad word",
    "cache line",
    "hits",
    "misses",
    "retries",
    "resets",
    "overruns",
    "underruns",
    "collisions",
    "packets",
    "messages",
    "characters",
    "errors",
    "correctable errors",
    "uncorrectable errors",
    "fatal errors",
    "gram",
];

/// Rates by code (bits 5 to 3 of the first byte).
const RATES: &[&str] = &["", "µs", "ms", "s", "min", "h", "d"];

/// The unit that three bytes of a record describe; `None` if it has none.
pub(super) fn name(flags: u8, base: u8, modifier: u8) -> Option<String> {
    let unit = |code: u8| UNITS.get(usize::from(code)).copied().unwrap_or_default();
    let (base, modifier) = (unit(base), unit(modifier));
    let mut text = if flags & 0x01 != 0 { "%" } else { "" }.to_owned();
    if !base.is_empty() && !text.is_empty() {
        text.push(' ');
    }
    text.push_str(base);
    match flags >> 1 & 0x03 {
        1 if !modifier.is_empty() => text.push_str(&format!("/{modifier}")),
        2 if !modifier.is_empty() => text.push_str(&format!("·{modifier}")),
        _ => {}
    }
    let rate = RATES.get(usize::from(flags >> 3 & 0x07));
    if let Some(rate) = rate.filter(|rate| !rate.is_empty()) {
        text.push_str(&format!("/{rate}"));
    }
    (!text.is_empty()).then_some(text)
}

/// Sensor types by code, from 1 on.
const SENSOR_TYPES: &[&str] = &[
    "temperature",
    "voltage",
    "current",
    "fan",
    "physical security",
    "platform security",
    "processor",
    "power supply",
    "power unit",
    "cooling device",
    "other",
    "memory",
    "drive slot",
    "POST memory resize",
    "system firmware",
    "event logging",
    "watchdog",
    "system event",
    "critical interrupt",
    "button",
    "module or board",
    "microcontroller",
    "add-in card",
    "chassis",
    "chip set",
    "other FRU",
    "cable",
    "terminator",
    "system boot",
    "boot error",
    "operating system boot",
    "operating system stop",
    "slot or connector",
    "ACPI power state",
    "watchdog 2",
    "platform alert",
    "entity presence",
    "monitor ASIC",
    "LAN",
    "management subsystem health",
    "battery",
    "session audit",
    "version change",
    "FRU state",
];

/// The name of a sensor type.
pub(super) fn sensor_type(code: u8) -> String {
    let known = usize::from(code)
        .checked_sub(1)
        .and_then(|index| SENSOR_TYPES.get(index));
    match known {
        Some(name) => (*name).to_owned(),
        None if code >= 0xc0 => format!("OEM {code:#04x}"),
        None => format!("type {code:#04x}"),
    }
}

const ENTITIES: &[(u8, &str)] = &[
    (0x03, "processor"),
    (0x04, "disk"),
    (0x05, "peripheral bay"),
    (0x06, "system management module"),
    (0x07, "system board"),
    (0x08, "memory module"),
    (0x09, "processor module"),
    (0x0a, "power supply"),
    (0x0b, "add-in card"),
    (0x0c, "front panel board"),
    (0x0d, "back panel board"),
    (0x0e, "power system board"),
    (0x0f, "drive backplane"),
    (0x10, "expansion board"),
    (0x11, "other system board"),
    (0x12, "processor board"),
    (0x13, "power unit"),
    (0x14, "power module"),
    (0x15, "power management board"),
    (0x16, "chassis back panel board"),
    (0x17, "system chassis"),
    (0x1a, "disk bay"),
    (0x1b, "peripheral bay"),
    (0x1c, "device bay"),
    (0x1d, "fan"),
    (0x1e, "cooling unit"),
    (0x1f, "cable"),
    (0x20, "memory device"),
    (0x21, "system management software"),
    (0x22, "system firmware"),
    (0x23, "operating system"),
    (0x24, "system bus"),
    (0x26, "remote management device"),
    (0x27, "external environment"),
    (0x28, "battery"),
    (0x29, "processing blade"),
    (0x2a, "connectivity switch"),
    (0x2b, "processor and memory module"),
    (0x2c, "I/O module"),
    (0x2e, "management controller firmware"),
    (0x37, "air inlet"),
    (0x40, "air inlet"),
    (0x41, "processor"),
    (0x42, "baseboard"),
];

/// What a sensor is part of, with its number: `memory device 3`.
pub(super) fn entity((code, instance): (u8, u8)) -> Option<String> {
    let known = ENTITIES.iter().find(|(known, _)| *known == code);
    let instance = instance & 0x7f;
    known.map(|(_, name)| format!("{name} {instance}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_as_long_as_the_specifications() {
        assert_eq!(UNITS.len(), 93);
        assert_eq!(SENSOR_TYPES.len(), 0x2c);
    }

    #[test]
    fn units_are_put_together() {
        for ((flags, base, modifier), expected) in [
            ((0x80, 1, 0), Some("°C")),
            ((0, 18, 0), Some("RPM")),
            ((0x01, 0, 0), Some("%")),
            ((0x01, 6, 0), Some("% W")),
            ((0b010, 70, 22), Some("byte/s")),
            ((0b100, 46, 19), Some("ft·lb·Hz")),
            ((0b1_1000, 85, 0), Some("packets/s")),
            ((0, 0, 0), None),
            ((0, 255, 0), None),
        ] {
            assert_eq!(name(flags, base, modifier).as_deref(), expected);
        }
    }

    #[test]
    fn types_and_entities_are_named() {
        for (code, expected) in [
            (1, "temperature"),
            (0x0c, "memory"),
            (0x13, "critical interrupt"),
            (0x23, "watchdog 2"),
            (0x29, "battery"),
            (0x2c, "FRU state"),
            (0x2d, "type 0x2d"),
            (0, "type 0x00"),
            (0xc8, "OEM 0xc8"),
        ] {
            assert_eq!(sensor_type(code), expected);
        }
        assert_eq!(entity((0x20, 0x83)).as_deref(), Some("memory device 3"));
        assert_eq!(entity((0, 1)), None);
    }
}
