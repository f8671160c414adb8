// SPDX-License-Identifier: Apache-2.0
//! Times of the event log (IPMI 2.0 section 37).

use crate::clock::calendar::date;

/// A time stamp as text, `2024-05-01T06:30:00`, by the clock of the controller;
/// the specification does not say in which zone that runs. Below 2000_0000h a
/// stamp counts seconds since the controller's start; all ones is "unspecified".
pub(super) fn text(stamp: u32) -> Option<String> {
    match stamp {
        0 | u32::MAX => None,
        1..=0x2000_0000 => Some(format!("{stamp} s after the controller's start")),
        _ => {
            let (year, month, day) = date(u64::from(stamp / 86_400));
            let second = stamp % 86_400;
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            Some(format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_dates() {
        for (stamp, expected) in [
            (0, None),
            (u32::MAX, None),
            (75, Some("75 s after the controller's start")),
            (951_782_400, Some("2000-02-29T00:00:00")),
            (1_714_545_000, Some("2024-05-01T06:30:00")),
            (1_735_689_599, Some("2024-12-31T23:59:59")),
            (4_294_967_294, Some("2106-02-07T06:28:14")),
        ] {
            assert_eq!(text(stamp).as_deref(), expected, "{stamp}");
        }
    }
}
