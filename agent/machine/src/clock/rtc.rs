// SPDX-License-Identifier: Apache-2.0
//! The real-time clock of the board (rtc(4)), kept in UTC.
//!
//! The kernel takes its date from it once, when the driver registers
//! (`CONFIG_RTC_HCTOSYS`), so it is only read to see whether it must be written.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use ironseed_core::clock::calendar::CalendarTime;
use nix::fcntl::OFlag;
use nix::libc::c_int;

use crate::root::Root;

/// The clock from which the kernel takes its date at boot.
const DEVICE: &str = "/dev/rtc0";

/// `struct rtc_time` of `linux/rtc.h`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RtcTime {
    second: c_int,
    minute: c_int,
    hour: c_int,
    day: c_int,
    /// 0 is January.
    month: c_int,
    /// Years since 1900.
    year: c_int,
    /// Not looked at by the kernel.
    week_day: c_int,
    year_day: c_int,
    daylight_saving: c_int,
}

mod request {
    use super::RtcTime;

    nix::ioctl_read!(
        /// `RTC_RD_TIME`.
        read_time, b'p', 0x09, RtcTime
    );
    nix::ioctl_write_ptr!(
        /// `RTC_SET_TIME`; needs `CAP_SYS_TIME`, not a file opened for writing.
        set_time, b'p', 0x0a, RtcTime
    );
}

/// Opens the clock; `None` if the board has none or the kernel no driver.
fn open(root: &Root) -> io::Result<Option<File>> {
    match root.open_at(DEVICE, OFlag::O_RDONLY) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // A node without a driver behind it.
        Err(error) if error.raw_os_error() == Some(nix::libc::ENXIO) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The Unix time that the clock shows. `None` if there is no clock, or if it
/// shows no date because its battery is empty.
pub(super) fn read(root: &Root) -> io::Result<Option<Duration>> {
    let Some(file) = open(root)? else {
        return Ok(None);
    };
    let mut time = RtcTime::default();
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call and the kernel writes
    // one structure of this type to the pointer.
    let read = unsafe { request::read_time(file.as_raw_fd(), &raw mut time) };
    match read {
        Ok(_) => Ok(time.to_unix()),
        // The driver knows that the clock has stood still (rtc_read_time).
        Err(nix::errno::Errno::EINVAL) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Sets the clock to a Unix time, to the nearest second. Gives whether there is
/// a clock.
pub(super) fn write(root: &Root, date: Duration) -> io::Result<bool> {
    let Some(file) = open(root)? else {
        return Ok(false);
    };
    let time = RtcTime::from_unix(date + Duration::from_millis(500))?;
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call and the kernel only
    // reads one structure of this type.
    unsafe { request::set_time(file.as_raw_fd(), &raw const time) }?;
    Ok(true)
}

impl RtcTime {
    fn from_unix(date: Duration) -> io::Result<Self> {
        let time = CalendarTime::from_unix(date);
        let field = |number: u64| c_int::try_from(number).map_err(io::Error::other);
        Ok(Self {
            second: field(time.second)?,
            minute: field(time.minute)?,
            hour: field(time.hour)?,
            day: field(time.day)?,
            month: field(time.month - 1)?,
            year: field(time.year - 1900)?,
            ..Self::default()
        })
    }

    fn to_unix(self) -> Option<Duration> {
        let field = |number: c_int| u64::try_from(number).ok();
        CalendarTime {
            year: field(self.year.checked_add(1900)?)?,
            month: field(self.month.checked_add(1)?)?,
            day: field(self.day)?,
            hour: field(self.hour)?,
            minute: field(self.minute)?,
            second: field(self.second)?,
        }
        .to_unix()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_fields_begin_at_january_1900() {
        let date = Duration::from_secs(1_714_545_000);
        let time = RtcTime::from_unix(date).expect("fits");
        let expected = RtcTime {
            second: 0,
            minute: 30,
            hour: 6,
            day: 1,
            month: 4,
            year: 124,
            ..RtcTime::default()
        };
        assert_eq!(time, expected);
        assert_eq!(time.to_unix(), Some(date));
    }

    #[test]
    fn fields_of_a_dead_clock_are_no_date() {
        for broken in [
            RtcTime::default(),
            RtcTime {
                month: 165,
                day: 165,
                year: 165,
                ..RtcTime::default()
            },
            RtcTime {
                year: c_int::MAX,
                ..RtcTime::default()
            },
            RtcTime {
                year: 124,
                day: 1,
                hour: -1,
                ..RtcTime::default()
            },
        ] {
            assert_eq!(broken.to_unix(), None, "{broken:?}");
        }
    }

    #[test]
    fn a_board_without_a_clock_is_fine() {
        let tree = tempfile::tempdir().expect("a directory");
        let root = Root::open(tree.path()).expect("a root");
        assert_eq!(read(&root).expect("no failure"), None);
        assert!(!write(&root, Duration::from_secs(1_800_000_000)).expect("no failure"));
        // Something else at its place is told.
        std::fs::create_dir(tree.path().join("dev")).expect("made");
        std::fs::write(tree.path().join("dev/rtc0"), "no clock").expect("written");
        assert!(read(&root).is_err());
        assert!(write(&root, Duration::from_secs(1_800_000_000)).is_err());
    }
}
