// SPDX-License-Identifier: Apache-2.0
//! Admin commands that only read: Identify, Get Log Page, Get Features (NVM
//! Express base specification 2.0 §5.17, §5.16, §5.15).

use std::fs::File;
use std::io;
use std::time::Duration;

use super::command::{Command, IDENTIFY_LENGTH, OPCODE_IDENTIFY};

const OPCODE_GET_LOG_PAGE: u8 = 0x02;
const OPCODE_GET_FEATURES: u8 = 0x0a;
/// The log of the controller and everything in it.
const EVERY_NAMESPACE: u32 = 0xffff_ffff;

/// The Identify data structure of a kind (`cns`), 4096 bytes.
pub(crate) fn identify(
    device: &File,
    cns: u8,
    namespace: u32,
    timeout: Duration,
) -> io::Result<Vec<u8>> {
    let command = Command {
        opcode: OPCODE_IDENTIFY,
        namespace,
        cdw10: u32::from(cns),
        timeout_ms: milliseconds(timeout),
        ..Command::default()
    };
    let mut answer = vec![0; IDENTIFY_LENGTH];
    command.read_into(device, &mut answer)?;
    Ok(answer)
}

/// The first `length` bytes of a log page, a multiple of 4.
pub(crate) fn log_page(
    device: &File,
    page: u8,
    length: u32,
    timeout: Duration,
) -> io::Result<Vec<u8>> {
    let (cdw10, cdw11) = log_dwords(page, length);
    let command = Command {
        opcode: OPCODE_GET_LOG_PAGE,
        namespace: EVERY_NAMESPACE,
        cdw10,
        cdw11,
        timeout_ms: milliseconds(timeout),
    };
    let mut answer = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    command.read_into(device, &mut answer)?;
    Ok(answer)
}

/// The current value of a feature that fits into the completion.
pub(crate) fn feature(device: &File, feature: u8, timeout: Duration) -> io::Result<u32> {
    let command = Command {
        opcode: OPCODE_GET_FEATURES,
        cdw10: u32::from(feature),
        timeout_ms: milliseconds(timeout),
        ..Command::default()
    };
    command.run(device)
}

/// Dwords 10 and 11 of Get Log Page: the page, and the number of dwords less
/// one in two halves.
fn log_dwords(page: u8, length: u32) -> (u32, u32) {
    let dwords = (length / 4).saturating_sub(1);
    (u32::from(page) | (dwords & 0xffff) << 16, dwords >> 16)
}

fn milliseconds(timeout: Duration) -> u32 {
    u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_log_is_told_in_dwords_less_one() {
        for (page, length, expected) in [
            (0x02, 512, (0x007f_0002, 0)),
            (0x03, 4, (0x0000_0003, 0)),
            (0x81, 1 << 20, (0xffff_0081, 3)),
        ] {
            assert_eq!(log_dwords(page, length), expected, "{page:#x} {length}");
        }
    }

    #[test]
    fn what_is_no_nvme_device_answers_with_an_error() {
        let file = tempfile::tempfile().expect("a file");
        let soon = Duration::from_secs(1);
        assert!(identify(&file, 1, 0, soon).is_err());
        assert!(log_page(&file, 2, 512, soon).is_err());
        assert!(feature(&file, 6, soon).is_err());
    }
}
