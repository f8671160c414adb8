// SPDX-License-Identifier: Apache-2.0
//! Days and dates of the Gregorian calendar, in UTC.
//!
//! Years are counted from March, so that the leap day is the last one; every
//! era of 400 years then has 146097 days.

use std::time::Duration;

/// Days from 0000-03-01 to 1970-01-01.
const TO_1970: u64 = 719_468;

/// A moment as a real-time clock keeps it, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarTime {
    /// Full year.
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
    /// 0 to 23.
    pub hour: u64,
    /// 0 to 59.
    pub minute: u64,
    /// 0 to 59.
    pub second: u64,
}

impl CalendarTime {
    /// The calendar's name for a Unix time; fractions of a second are cut off.
    #[must_use]
    pub fn from_unix(time: Duration) -> Self {
        let seconds = time.as_secs();
        let (year, month, day) = date(seconds / 86_400);
        let second = seconds % 86_400;
        Self {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    /// The Unix time; `None` before 1970 or if a field is out of its range, as
    /// those of a clock are whose battery is empty.
    #[must_use]
    pub fn to_unix(self) -> Option<Duration> {
        let in_range = (1970..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60;
        if !in_range {
            return None;
        }
        let days = days(self.year, self.month, self.day)?;
        // The 31st of February is no date.
        (date(days) == (self.year, self.month, self.day)).then(|| {
            Duration::from_secs(days * 86_400 + self.hour * 3600 + self.minute * 60 + self.second)
        })
    }
}

/// Year, month and day of a day since 1970.
pub(crate) fn date(days: u64) -> (u64, u64, u64) {
    let days = days + TO_1970;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + later, month, day)
}

/// The day since 1970 of a date; `None` before.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, year) = (year / 400, year % 400);
    let day = (153 * month + 2) / 5 + day - 1;
    let day = year * 365 + year / 4 - year / 100 + day;
    (era * 146_097 + day).checked_sub(TO_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(fields: [u64; 6]) -> CalendarTime {
        let [year, month, day, hour, minute, second] = fields;
        CalendarTime {
            year,
            month,
            day,
            hour,
            minute,
            second,
        }
    }

    #[test]
    fn dates_go_there_and_back() {
        // Checked with date(1).
        for (unix, fields) in [
            (0, [1970, 1, 1, 0, 0, 0]),
            (951_782_400, [2000, 2, 29, 0, 0, 0]),
            (1_714_545_000, [2024, 5, 1, 6, 30, 0]),
            (1_735_689_599, [2024, 12, 31, 23, 59, 59]),
            (4_294_967_296, [2106, 2, 7, 6, 28, 16]),
            (4_107_542_400, [2100, 3, 1, 0, 0, 0]),
        ] {
            let time = Duration::from_secs(unix);
            assert_eq!(CalendarTime::from_unix(time), moment(fields), "{unix}");
            assert_eq!(moment(fields).to_unix(), Some(time), "{unix}");
        }
    }

    #[test]
    fn the_fields_of_an_empty_battery_are_no_date() {
        for fields in [
            [1969, 12, 31, 23, 59, 59],
            [2024, 0, 1, 0, 0, 0],
            [2024, 13, 1, 0, 0, 0],
            [2023, 2, 29, 0, 0, 0],
            [2024, 1, 1, 24, 0, 0],
            [2024, 1, 1, 0, 0, 60],
            [u64::MAX, 1, 1, 0, 0, 0],
        ] {
            assert_eq!(moment(fields).to_unix(), None, "{fields:?}");
        }
    }
}
