// SPDX-License-Identifier: Apache-2.0
//! NVMe health: the SMART / Health Information log (NVM Express base
//! specification 2.0 §5.16.1.3) and the Sanitize Status log (§5.16.1.19).

use super::answers::{byte, counter, le};
use super::health::{Health, Warning};
use super::nvme_identify::celsius;
use super::security::{Sanitize, SanitizeState};

/// A data unit is 1000 blocks of 512 bytes, whatever the format.
const DATA_UNIT: u64 = 512_000;
/// Bits of Critical Warning.
const WARNINGS: [Warning; 6] = [
    Warning::SpareLow,
    Warning::Temperature,
    Warning::Unreliable,
    Warning::ReadOnly,
    Warning::BackupFailed,
    Warning::PersistentMemory,
];

/// The log's health; `None` if it is too short to be one.
pub(super) fn health(log: &[u8]) -> Option<Health> {
    let critical = byte(log, 0)?;
    let units = |at| counter(log, at)?.checked_mul(DATA_UNIT);
    // A log ends with reserved bytes; one that does not reach them is cut.
    log.get(..216)?;
    let warnings = WARNINGS.iter().enumerate();
    // Zero of zero is what firmware says that does not count.
    let has_spare = log.get(3..5)? != [0, 0];
    let percent = |at| byte(log, at).filter(|percent| has_spare && *percent <= 100);
    Some(Health {
        passed: Some(critical & 0b11_1111 & !0b10 == 0),
        warnings: warnings
            .filter(|(bit, _)| critical >> bit & 1 != 0)
            .map(|(_, warning)| *warning)
            .collect(),
        temperature_celsius: le(log, 1, 2).and_then(celsius),
        spare_percent: percent(3),
        spare_threshold_percent: percent(4),
        endurance_used_percent: byte(log, 5),
        bytes_read: units(32),
        bytes_written: units(48),
        power_cycles: counter(log, 112),
        power_on_hours: counter(log, 128),
        unsafe_shutdowns: counter(log, 144),
        uncorrected_errors: counter(log, 160),
        ..Health::default()
    })
}

/// Puts in what the Sanitize Status log says.
pub(super) fn add_sanitize_status(sanitize: &mut Sanitize, log: &[u8]) {
    let seconds = |at| {
        let seconds = u32::try_from(le(log, at, 4)?).ok()?;
        // All ones: not reported; zero is what a drive that knows nothing says.
        (1..u32::MAX).contains(&seconds).then_some(seconds)
    };
    sanitize.overwrite_seconds = seconds(8);
    sanitize.block_erase_seconds = seconds(12);
    sanitize.cryptographic_erase_seconds = seconds(16);
    sanitize.state = byte(log, 2).and_then(|status| match status & 7 {
        0 => Some(SanitizeState::Never),
        1 | 4 => Some(SanitizeState::Succeeded),
        2 => Some(SanitizeState::Running),
        3 => Some(SanitizeState::Failed),
        _ => None,
    });
    if sanitize.state == Some(SanitizeState::Running) {
        // A fraction of 65536.
        let percent = le(log, 0, 2).map(|progress| progress * 100 / 65536);
        sanitize.progress_percent = percent.and_then(|percent| u8::try_from(percent).ok());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The health log of an SSD in use, with the values nvme-cli shows for it:
    /// 38 °C, spare 100 % of 10 %, 3 % used.
    pub(in super::super) fn log() -> Vec<u8> {
        let mut log = vec![0; 512];
        log[1..3].copy_from_slice(&311_u16.to_le_bytes());
        log[3..6].copy_from_slice(&[100, 10, 3]);
        let counters: [(usize, u128); 6] = [
            (32, 43_196_178),
            (48, 97_502_410),
            (112, 45),
            (128, 17_520),
            (144, 21),
            (160, 0),
        ];
        for (at, value) in counters {
            log[at..at + 16].copy_from_slice(&value.to_le_bytes());
        }
        log
    }

    #[test]
    fn a_healthy_drive_tells_its_life() {
        let found = health(&log()).expect("health");
        assert_eq!(found.passed, Some(true));
        assert_eq!(found.temperature_celsius, Some(38));
        assert_eq!(found.endurance_used_percent, Some(3));
        assert_eq!(found.bytes_written, Some(49_921_233_920_000));
        assert_eq!(found.power_on_hours, Some(17_520));
        assert_eq!(found.unsafe_shutdowns, Some(21));
        assert_eq!(found.uncorrected_errors, Some(0));
    }

    #[test]
    fn every_warning_has_its_bit() {
        for (bits, passed, warnings) in [
            (0b00_0001, false, vec![Warning::SpareLow]),
            (0b00_0010, true, vec![Warning::Temperature]),
            (
                0b00_1100,
                false,
                vec![Warning::Unreliable, Warning::ReadOnly],
            ),
            (
                0b11_0000,
                false,
                vec![Warning::BackupFailed, Warning::PersistentMemory],
            ),
            (0b1100_0000, true, vec![]),
        ] {
            let mut log = log();
            log[0] = bits;
            let found = health(&log).expect("health");
            assert_eq!(
                (found.passed, found.warnings),
                (Some(passed), warnings),
                "{bits:#b}"
            );
        }
    }

    #[test]
    fn what_cannot_be_true_is_left_out() {
        assert_eq!(health(&log()[..200]), None);
        let mut odd = log();
        odd[1..5].copy_from_slice(&[0, 0, 255, 200]);
        odd[128..144].fill(0xff);
        let found = health(&odd).expect("health");
        assert_eq!(found.temperature_celsius, None);
        assert_eq!(
            (found.spare_percent, found.spare_threshold_percent),
            (None, None)
        );
        assert_eq!(found.power_on_hours, None);
    }

    #[test]
    fn the_last_sanitize_is_told() {
        let mut log = vec![0; 512];
        log[0..4].copy_from_slice(&[0, 0x40, 2, 0]);
        log[8..12].fill(0xff);
        log[12..16].copy_from_slice(&30_u32.to_le_bytes());
        let mut found = Sanitize::default();
        add_sanitize_status(&mut found, &log);
        assert_eq!(found.state, Some(SanitizeState::Running));
        assert_eq!(found.progress_percent, Some(25));
        assert_eq!(found.overwrite_seconds, None);
        assert_eq!(found.block_erase_seconds, Some(30));
        let mut found = Sanitize::default();
        add_sanitize_status(&mut found, &[0xff, 0xff, 1]);
        assert_eq!(found.state, Some(SanitizeState::Succeeded));
        assert_eq!(found.progress_percent, None);
    }
}
