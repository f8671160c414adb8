// SPDX-License-Identifier: Apache-2.0
//! The bytes of SCSI commands (SPC-5).

const INQUIRY: u8 = 0x12;
const LOG_SENSE: u8 = 0x4d;
const MODE_SENSE_10: u8 = 0x5a;

/// Room for a vital product data page. Some devices of old answer to more than
/// 255 bytes with an error.
pub(crate) const VPD_LENGTH: u16 = 252;
/// Room for a log or mode page; a longer one is cut by the device.
pub(crate) const PAGE_LENGTH: u16 = 1024;

/// INQUIRY with EVPD (SPC-5 §6.7).
pub(crate) fn inquiry(page: u8) -> [u8; 6] {
    let [high, low] = VPD_LENGTH.to_be_bytes();
    [INQUIRY, 1, page, high, low, 0]
}

/// LOG SENSE, page control 01b: cumulative values (SPC-5 §6.8).
pub(crate) fn log_sense(page: u8) -> [u8; 10] {
    let [high, low] = PAGE_LENGTH.to_be_bytes();
    [LOG_SENSE, 0, 0x40 | page & 0x3f, 0, 0, 0, 0, high, low, 0]
}

/// MODE SENSE (10), DBD, current values (SPC-5 §6.14).
pub(crate) fn mode_sense(page: u8) -> [u8; 10] {
    let [high, low] = PAGE_LENGTH.to_be_bytes();
    [MODE_SENSE_10, 0x08, page & 0x3f, 0, 0, 0, 0, high, low, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_laid_out_as_spc_says() {
        assert_eq!(inquiry(0xb1), [0x12, 1, 0xb1, 0, 252, 0]);
        assert_eq!(log_sense(0x2f), [0x4d, 0, 0x6f, 0, 0, 0, 0, 4, 0, 0]);
        assert_eq!(mode_sense(8), [0x5a, 8, 8, 0, 0, 0, 0, 4, 0, 0]);
    }
}
