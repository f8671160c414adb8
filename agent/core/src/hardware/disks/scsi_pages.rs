// SPDX-License-Identifier: Apache-2.0
//! SCSI vital product data, mode and log pages (SPC-5 §7, SBC-4 §6).

use super::answers::{Answers, be, byte};
use super::ata_identify::{form_factor, rotation_rpm};
use super::health::{Health, Warning};
use crate::snapshot::DriveRequest;

/// Additional sense codes (SPC-5 annex F).
const WARNING: u8 = 0x0b;
const FAILURE_PREDICTED: u8 = 0x5d;
/// Parameters of error counter pages (SPC-5 §7.3.7).
const TOTAL_CORRECTED: u16 = 0x0003;
const TOTAL_UNCORRECTED: u16 = 0x0006;
const TOTAL_BYTES: u16 = 0x0005;
/// Error counters of writes, reads and verifications.
const WRITE_ERRORS: u8 = 0x02;
const READ_ERRORS: u8 = 0x03;
const VERIFY_ERRORS: u8 = 0x05;

/// Block Device Characteristics (SBC-4 §6.6.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Characteristics {
    /// 0 for a drive without moving parts.
    pub(super) rotation_rpm: Option<u32>,
    pub(super) form_factor: Option<&'static str>,
    /// Whether zones are the drive's own business.
    pub(super) drive_managed: bool,
}

/// Reads page B1h; a page that names itself otherwise tells nothing.
pub(super) fn characteristics(page: &[u8]) -> Characteristics {
    if byte(page, 1) != Some(0xb1) {
        return Characteristics::default();
    }
    let rate = be(page, 4, 2).and_then(|code| u16::try_from(code).ok());
    let factor = byte(page, 7).map(|byte| u16::from(byte & 0x0f));
    Characteristics {
        rotation_rpm: rate.and_then(rotation_rpm),
        // SCSI defines fewer form factors than ATA.
        form_factor: factor.filter(|code| *code <= 5).and_then(form_factor),
        drive_managed: byte(page, 8).is_some_and(|byte| byte >> 4 & 3 == 2),
    }
}

/// Whether an unmapped block reads as zeroes: page B2h, LBPU and LBPRZ (SBC-4
/// §6.6.7); `None` if blocks cannot be unmapped.
pub(super) fn discarded_reads_zeroes(page: &[u8]) -> Option<bool> {
    let flags = byte(page, 5).filter(|_| byte(page, 1) == Some(0xb2))?;
    (flags & 0x80 != 0).then_some(flags >> 2 & 1 != 0)
}

/// Whether the write cache is on: WCE of the Caching mode page (SBC-4 §6.5.6)
/// behind the header of MODE SENSE (10).
pub(super) fn write_cache_enabled(answer: &[u8]) -> Option<bool> {
    let descriptors = usize::try_from(be(answer, 6, 2)?).ok()?;
    let page = answer.get(8..)?.get(descriptors..)?;
    let named = byte(page, 0)? & 0x3f == 8;
    named.then_some(byte(page, 2)? & 4 != 0)
}

/// The value of a parameter of a log page (SPC-5 §7.3.2).
fn parameter(page: &[u8], own: u8, wanted: u16) -> Option<&[u8]> {
    if byte(page, 0)? & 0x3f != own {
        return None;
    }
    let length = usize::try_from(be(page, 2, 2)?).ok()?;
    let data = page.get(4..)?;
    let mut rest = &data[..length.min(data.len())];
    loop {
        let code = be(rest, 0, 2)?;
        let size = usize::from(byte(rest, 3)?);
        let value = rest.get(4..)?.get(..size)?;
        if code == u64::from(wanted) {
            return Some(value);
        }
        rest = rest.get(4 + size..)?;
    }
}

/// A parameter that is one number; all ones is a counter that overflowed.
fn number(page: &[u8], own: u8, wanted: u16) -> Option<u64> {
    let value = parameter(page, own, wanted)?;
    let full = value.iter().all(|byte| *byte == 0xff);
    (1..=8)
        .contains(&value.len())
        .then(|| be(value, 0, value.len()))
        .flatten()
        .filter(|_| !full)
}

/// The health in the log pages of a drive.
pub(super) fn health(answers: Answers<'_>) -> Health {
    let log = |page| answers.optional(DriveRequest::ScsiLog { page });
    let sum = |wanted| {
        let pages = [WRITE_ERRORS, READ_ERRORS, VERIFY_ERRORS];
        let counts = pages
            .iter()
            .filter_map(|page| number(log(*page), *page, wanted));
        counts.reduce(u64::saturating_add)
    };
    let mut health = Health {
        temperature_celsius: temperature(log(0x0d), 0),
        temperature_limit_celsius: temperature(log(0x0d), 1),
        // Solid State Media (SBC-4 §6.4.8): the indicator is the last byte.
        endurance_used_percent: parameter(log(0x11), 0x11, 1).and_then(|value| byte(value, 3)),
        // Background Scan Results (SBC-4 §6.4.2): power-on minutes come first.
        power_on_hours: parameter(log(0x15), 0x15, 0)
            .and_then(|value| be(value, 0, 4))
            .map(|minutes| minutes / 60),
        corrected_errors: sum(TOTAL_CORRECTED),
        uncorrected_errors: sum(TOTAL_UNCORRECTED),
        bytes_read: number(log(READ_ERRORS), READ_ERRORS, TOTAL_BYTES),
        bytes_written: number(log(WRITE_ERRORS), WRITE_ERRORS, TOTAL_BYTES),
        ..Health::default()
    };
    add_exception(&mut health, log(0x2f));
    health
}

/// Temperature page (SPC-5 §7.3.21): 0 is now, 1 the highest allowed; FFh is
/// not known.
fn temperature(page: &[u8], wanted: u16) -> Option<i16> {
    let celsius = byte(parameter(page, 0x0d, wanted)?, 1)?;
    (celsius != 0xff && celsius != 0).then(|| i16::from(celsius))
}

/// Informational Exceptions (SPC-5 §7.3.10): the additional sense code of what
/// the drive would report.
fn add_exception(health: &mut Health, page: &[u8]) {
    let Some(value) = parameter(page, 0x2f, 0) else {
        return;
    };
    let (Some(code), Some(qualifier)) = (byte(value, 0), byte(value, 1)) else {
        return;
    };
    let warning = match (code, qualifier) {
        (FAILURE_PREDICTED, _) => Some(Warning::FailurePredicted),
        (WARNING, 0x01) => Some(Warning::Temperature),
        (WARNING, 0x03) => Some(Warning::Unreliable),
        (WARNING, 0x06 | 0x07) => Some(Warning::BackupFailed),
        _ => None,
    };
    health.passed = Some(matches!(warning, None | Some(Warning::Temperature)));
    health.warnings.extend(warning);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::snapshot::{Answer, Bytes, DriveAnswer, DriveAnswers};

    pub(in super::super) fn log(page: u8, parameters: &[(u16, &[u8])]) -> Vec<u8> {
        let mut data = Vec::new();
        for (code, value) in parameters {
            data.extend(code.to_be_bytes());
            data.extend([3, u8::try_from(value.len()).expect("short")]);
            data.extend(*value);
        }
        let length = u16::try_from(data.len()).expect("short").to_be_bytes();
        [&[page, 0, length[0], length[1]], data.as_slice()].concat()
    }

    fn answers(pages: &[(u8, Vec<u8>)]) -> DriveAnswers {
        let answers = pages.iter().map(|(page, data)| DriveAnswer {
            request: DriveRequest::ScsiLog { page: *page },
            answer: Answer::Data(Bytes(data.clone())),
        });
        DriveAnswers {
            answers: answers.collect(),
            problem: None,
        }
    }

    /// Pages with the values sg_logs shows for a Seagate SAS disk.
    #[test]
    fn log_pages_tell_health() {
        let known = answers(&[
            (
                2,
                log(
                    2,
                    &[(3, &[0; 4]), (5, &[0, 0, 1, 0, 0, 0, 0, 0]), (6, &[0; 4])],
                ),
            ),
            (
                3,
                log(3, &[(0, &[1; 4]), (3, &[0, 0, 1, 2]), (6, &[0, 0, 0, 1])]),
            ),
            (0x0d, log(0x0d, &[(0, &[0, 34]), (1, &[0, 60])])),
            (0x11, log(0x11, &[(1, &[0, 0, 0, 7])])),
            (0x15, log(0x15, &[(0, &[0, 0x10, 0, 0, 0, 0, 0, 0])])),
            (0x2f, log(0x2f, &[(0, &[0, 0, 34, 60])])),
        ]);
        let found = health(Answers(Some(&known)));
        assert_eq!(
            found,
            Health {
                passed: Some(true),
                temperature_celsius: Some(34),
                temperature_limit_celsius: Some(60),
                endurance_used_percent: Some(7),
                power_on_hours: Some(17_476),
                corrected_errors: Some(258),
                uncorrected_errors: Some(1),
                bytes_written: Some(1 << 40),
                ..Health::default()
            }
        );
    }

    #[test]
    fn exceptions_are_named() {
        for (code, qualifier, passed, warning) in [
            (0, 0, true, None),
            (0x5d, 0x10, false, Some(Warning::FailurePredicted)),
            (0x0b, 0x01, true, Some(Warning::Temperature)),
            (0x0b, 0x06, false, Some(Warning::BackupFailed)),
        ] {
            let known = answers(&[(0x2f, log(0x2f, &[(0, &[code, qualifier, 30])]))]);
            let found = health(Answers(Some(&known)));
            assert_eq!(found.passed, Some(passed), "{code:#x}");
            assert_eq!(found.warnings.first().copied(), warning, "{code:#x}");
        }
    }

    #[test]
    fn pages_of_the_drives_make_are_read() {
        let mut page = vec![0; 64];
        page[1] = 0xb1;
        page[3] = 60;
        page[4..9].copy_from_slice(&[0x1c, 0x20, 0, 2, 0x20]);
        assert_eq!(
            characteristics(&page),
            Characteristics {
                rotation_rpm: Some(7200),
                form_factor: Some("3.5 inch"),
                drive_managed: true,
            }
        );
        assert_eq!(characteristics(&[0; 64]), Characteristics::default());
        assert_eq!(
            discarded_reads_zeroes(&[0, 0xb2, 0, 4, 0, 0xe4, 0, 0]),
            Some(true)
        );
        assert_eq!(
            discarded_reads_zeroes(&[0, 0xb2, 0, 4, 0, 0x04, 0, 0]),
            None
        );
        let mode = |flags| {
            let mut answer = vec![0, 26, 0, 0x10, 0, 0, 0, 0, 0x88, 0x12, flags];
            answer.resize(28, 0);
            answer
        };
        assert_eq!(write_cache_enabled(&mode(0x14)), Some(true));
        assert_eq!(write_cache_enabled(&mode(0x10)), Some(false));
        assert_eq!(write_cache_enabled(&[0, 6, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn a_page_that_is_another_one_or_cut_tells_nothing() {
        let page = log(0x0d, &[(0, &[0, 34])]);
        assert_eq!(temperature(&page, 0), Some(34));
        assert_eq!(temperature(&page[..9], 0), None);
        assert_eq!(temperature(&log(0x2f, &[(0, &[0, 34])]), 0), None);
        assert_eq!(temperature(&log(0x0d, &[(0, &[0, 0xff])]), 0), None);
        assert_eq!(number(&log(3, &[(6, &[0xff; 4])]), 3, 6), None);
    }
}
