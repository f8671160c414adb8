// SPDX-License-Identifier: Apache-2.0
//! The kernel's ring buffer (kernel documentation, `ABI/testing/dev-kmsg`).

use std::io::{self, Read as _};

use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::root::Root;

/// Longest record of the kernel log (`CONSOLE_EXT_LOG_MAX`).
const LONGEST_RECORD: usize = 8192;
/// More records than any kernel ring buffer holds.
const MOST_RECORDS: usize = 1 << 18;

/// Hands over every record the ring buffer holds now, oldest first; does not
/// wait for new ones.
///
/// # Errors
/// `/dev/kmsg` is missing, or the kernel refuses to show its log.
pub(crate) fn each_record(root: &Root, mut take: impl FnMut(&str)) -> io::Result<()> {
    let mut kmsg = root.open_at("/dev/kmsg", OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
    let mut record = [0_u8; LONGEST_RECORD];
    for _ in 0..MOST_RECORDS {
        match kmsg.read(&mut record) {
            Ok(0) => break,
            Ok(length) => take(&String::from_utf8_lossy(&record[..length])),
            // Records were overwritten while we read; the next one is fine.
            Err(error) if error.raw_os_error() == Some(Errno::EPIPE as i32) => {}
            // The end, without waiting.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
