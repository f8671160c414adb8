// SPDX-License-Identifier: Apache-2.0
//! The kernel's messages from `/dev/kmsg`, for consoles that the kernel does not write to.
//! (Documentation/ABI/testing/dev-kmsg.)

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use nix::fcntl::OFlag;

/// The longest record that the kernel gives (`PRINTKRB_RECORD_MAX` and its prefix).
const LONGEST: usize = 8 << 10;
/// If the kernel does not tell its own: warnings are not shown, errors are.
const USUAL_LEVEL: u32 = 4;

/// A message to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelMessage {
    /// Since the kernel started.
    pub time: Duration,
    /// One line.
    pub text: String,
}

/// The kernel log, from its beginning.
#[derive(Debug)]
pub struct KernelLog {
    file: File,
    level: u32,
}

impl KernelLog {
    /// Opens the log. Which messages are shown is decided as for the kernel's own consoles.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open() -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open("/dev/kmsg")?;
        let levels = std::fs::read_to_string("/proc/sys/kernel/printk").unwrap_or_default();
        let level = levels
            .split_whitespace()
            .next()
            .and_then(|level| level.parse().ok());
        Ok(Self {
            file,
            level: level.unwrap_or(USUAL_LEVEL),
        })
    }

    /// The next record; `None` if it is not to be shown or was overwritten before it was read.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is none; others for good.
    pub fn read(&mut self) -> io::Result<Option<KernelMessage>> {
        let mut buffer = [0; LONGEST];
        match self.file.read(&mut buffer) {
            Ok(length) => {
                let record = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
                Ok(parse(&record, self.level))
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for KernelLog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Reads `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,…];TEXT` and lines of properties, which begin with
/// a space. Only messages more urgent than `level` are shown; of those that programs wrote (a
/// facility that is not 0) not the debugging ones, which init writes of its own lines.
fn parse(record: &str, level: u32) -> Option<KernelMessage> {
    let (prefix, rest) = record.split_once(';')?;
    let mut fields = prefix.split(',');
    let priority: u32 = fields.next()?.parse().ok()?;
    let microseconds: u64 = fields.nth(1)?.parse().ok()?;
    let (facility, urgency) = (priority >> 3, priority & 7);
    if urgency >= level || (facility != 0 && urgency == 7) {
        return None;
    }
    Some(KernelMessage {
        time: Duration::from_micros(microseconds),
        text: rest.split('\n').next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "3,812,7301399,-;EXT4-fs (nvme0n1): Cannot load crc32c driver.\n SUBSYSTEM=block\n DEVICE=b259:0\n";

    #[test]
    fn records() {
        let message = parse(RECORD, 4).expect("an error is shown");
        assert_eq!(message.time, Duration::from_micros(7_301_399));
        assert_eq!(
            message.text,
            "EXT4-fs (nvme0n1): Cannot load crc32c driver."
        );
        for (record, level, shown) in [
            (RECORD, 3, false),
            ("6,1,2,-;info", 7, true),
            ("6,1,2,-;info", 6, false),
            ("11,1,2,-,caller=T1;init: trouble", 4, true),
            ("15,1,2,-;init: own line", 8, false),
            ("x,1,2,-;a", 8, false),
            ("6,1", 8, false),
        ] {
            assert_eq!(parse(record, level).is_some(), shown, "{record} {level}");
        }
    }

    #[test]
    fn truncated_and_random_records_do_no_harm() {
        for end in 0..RECORD.len() {
            if let Some(message) = RECORD.get(..end).and_then(|record| parse(record, 8)) {
                assert!(RECORD.contains(&message.text));
            }
        }
        let mut random = crate::testing::Random::new(11);
        for _ in 0..5000 {
            let record = random.text(b"0193,,;-a\n ", 24);
            if let Some(message) = parse(&record, 8) {
                assert!(!message.text.contains('\n'));
            }
        }
    }
}
