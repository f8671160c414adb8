// SPDX-License-Identifier: Apache-2.0
//! ATA commands in ATA PASS-THROUGH (16) (SAT-4 §12.2.2, ACS-4).

/// Operation code of ATA PASS-THROUGH (16).
const PASS_THROUGH_16: u8 = 0x85;
/// Protocol field: no data; data in by PIO.
const NON_DATA: u8 = 3 << 1;
const PIO_IN: u8 = 4 << 1;
/// EXTEND: the command has 48-bit registers.
const EXTEND: u8 = 1;
/// T_DIR from the device, BYT_BLOK in blocks, T_LENGTH in the count field.
const BLOCKS_IN: u8 = 0x0e;
/// CK_COND: the registers come back in the sense data.
const CK_COND: u8 = 0x20;
/// SMART, whose commands carry C24Fh in the LBA field (ACS-4 §7.44).
const SMART: u8 = 0xb0;
const SMART_LOW: u8 = 0x4f;
const SMART_HIGH: u8 = 0xc2;
const READ_LOG_EXT: u8 = 0x2f;
const IDENTIFY_DEVICE: u8 = 0xec;

/// IDENTIFY DEVICE.
pub(crate) const IDENTIFY: [u8; 16] = [
    PASS_THROUGH_16,
    PIO_IN,
    BLOCKS_IN,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    IDENTIFY_DEVICE,
    0,
];

/// SMART READ DATA.
pub(crate) const SMART_DATA: [u8; 16] = smart(PIO_IN, BLOCKS_IN, 0xd0, 1);

/// SMART READ THRESHOLDS; obsolete since ATA-4 and still what tells thresholds.
pub(crate) const SMART_THRESHOLDS: [u8; 16] = smart(PIO_IN, BLOCKS_IN, 0xd1, 1);

/// SMART RETURN STATUS: the verdict is in the registers that come back.
pub(crate) const SMART_STATUS: [u8; 16] = smart(NON_DATA, CK_COND, 0xda, 0);

const fn smart(protocol: u8, transfer: u8, feature: u8, count: u8) -> [u8; 16] {
    [
        PASS_THROUGH_16,
        protocol,
        transfer,
        0,
        feature,
        0,
        count,
        0,
        0,
        0,
        SMART_LOW,
        0,
        SMART_HIGH,
        0,
        SMART,
        0,
    ]
}

/// READ LOG EXT of one page.
pub(crate) fn read_log(log: u8, page: u16) -> [u8; 16] {
    let [page_high, page_low] = page.to_be_bytes();
    [
        PASS_THROUGH_16,
        PIO_IN | EXTEND,
        BLOCKS_IN,
        0,
        0,
        0,
        1,
        // LBA 31:24 and 7:0, 39:32 and 15:8, 47:40 and 23:16.
        0,
        log,
        page_high,
        page_low,
        0,
        0,
        0,
        READ_LOG_EXT,
        0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What smartctl sends, as its debug output shows it.
    #[test]
    fn commands_are_laid_out_as_sat_says() {
        let cases: [(&[u8; 16], [u8; 16]); 5] = [
            (
                &IDENTIFY,
                [0x85, 8, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xec, 0],
            ),
            (
                &SMART_DATA,
                [
                    0x85, 8, 0x0e, 0, 0xd0, 0, 1, 0, 0, 0, 0x4f, 0, 0xc2, 0, 0xb0, 0,
                ],
            ),
            (
                &SMART_THRESHOLDS,
                [
                    0x85, 8, 0x0e, 0, 0xd1, 0, 1, 0, 0, 0, 0x4f, 0, 0xc2, 0, 0xb0, 0,
                ],
            ),
            (
                &SMART_STATUS,
                [
                    0x85, 6, 0x20, 0, 0xda, 0, 0, 0, 0, 0, 0x4f, 0, 0xc2, 0, 0xb0, 0,
                ],
            ),
            (
                &read_log(4, 0x0105),
                [0x85, 9, 0x0e, 0, 0, 0, 1, 0, 4, 1, 5, 0, 0, 0, 0x2f, 0],
            ),
        ];
        for (command, expected) in cases {
            assert_eq!(command, &expected);
        }
    }
}
