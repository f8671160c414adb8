// SPDX-License-Identifier: Apache-2.0
//! Comparing versions and dates of firmware, whose vendors agree on no form.

use std::cmp::Ordering;

use hardware_profiles::Date;

/// Whether a version is at least another. Numbers compare as numbers, letters as
/// letters; what stands between them only divides. A version with more parts is
/// later than one that ends there.
pub(super) fn is_at_least(found: &str, wanted: &str) -> bool {
    let (mut found, mut wanted) = (parts(found).into_iter(), parts(wanted).into_iter());
    loop {
        match (found.next(), wanted.next()) {
            (_, None) => return true,
            (None, Some(_)) => return false,
            (Some(found), Some(wanted)) => match compare(&found, &wanted) {
                Ordering::Greater => return true,
                Ordering::Less => return false,
                Ordering::Equal => {}
            },
        }
    }
}

/// Runs of digits without leading zeroes, and runs of letters in lower case.
fn parts(version: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut last = None;
    for c in version.chars() {
        let kind = c.is_ascii_alphanumeric().then(|| c.is_ascii_digit());
        match parts.last_mut() {
            Some(part) if kind.is_some() && kind == last => part.push(c.to_ascii_lowercase()),
            _ if kind.is_some() => parts.push(c.to_ascii_lowercase().to_string()),
            _ => {}
        }
        last = kind;
    }
    for part in &mut parts {
        let digits = part.trim_start_matches('0');
        if part.starts_with('0') {
            *part = if digits.is_empty() { "0" } else { digits }.to_owned();
        }
    }
    parts
}

/// A number of any length without leading zeroes is larger if it is longer.
/// Letters are before numbers: a release candidate before a release.
fn compare(one: &str, other: &str) -> Ordering {
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    match (is_number(one), is_number(other)) {
        (true, true) => (one.len(), one).cmp(&(other.len(), other)),
        (false, false) => one.cmp(other),
        (one, other) => one.cmp(&other),
    }
}

/// A date of SMBIOS, `mm/dd/yyyy`, or with a year of two digits, then of the
/// twentieth century (DSP0134 §7.1).
pub(super) fn smbios_date(text: &str) -> Option<Date> {
    let mut parts = text.trim().splitn(3, '/').map(|part| part.parse().ok());
    let (month, day, year): (u16, u16, u16) = (parts.next()??, parts.next()??, parts.next()??);
    let year = if year < 100 { 1900 + year } else { year };
    Date::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_several_vendors_compare() {
        for (found, wanted, expected) in [
            ("2.10.0", "2.9.4", true),
            ("2.9.4", "2.10.0", false),
            ("2.10.0", "2.10.0", true),
            ("2.10", "2.10.0", false),
            ("F17a", "F17", true),
            ("F17", "F17a", false),
            ("F9", "F17", false),
            ("U46 v2.10 (05/26/2023)", "U46 v2.10", true),
            ("4.20 0x8001778b 22.0.9", "4.20", true),
            ("4.10 0x8001778b 22.0.9", "4.20", false),
            ("22.36.1010 (MT_0000000359)", "22.35.2000", true),
            ("07.01", "7.1", true),
            ("1.0rc1", "1.0.1", false),
            ("99999999999999999999999", "3", true),
            ("", "1", false),
            ("--", "", true),
        ] {
            assert_eq!(is_at_least(found, wanted), expected, "{found:?} {wanted:?}");
        }
    }

    #[test]
    fn dates_of_firmware_are_read() {
        assert_eq!(smbios_date("11/12/2020"), Date::new(2020, 11, 12));
        assert_eq!(smbios_date("04/01/99"), Date::new(1999, 4, 1));
        for text in ["", "2020-11-12", "13/01/2020", "1/2", "1/2/3/4", "a/b/c"] {
            assert_eq!(smbios_date(text), None, "{text}");
        }
    }
}
