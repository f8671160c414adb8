// SPDX-License-Identifier: Apache-2.0
//! The health of a drive, in the same words for every protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a drive reports about its own condition. Counters are over its life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Health {
    /// The drive's own overall judgement: SMART RETURN STATUS of ATA,
    /// informational exceptions of SCSI, no critical warning of NVMe.
    pub passed: Option<bool>,
    /// What it warns of.
    pub warnings: Vec<Warning>,
    /// Temperature now, °C.
    pub temperature_celsius: Option<i16>,
    /// Temperature above which it warns or must not be operated, °C.
    pub temperature_limit_celsius: Option<i16>,
    /// Hours it was powered.
    pub power_on_hours: Option<u64>,
    /// How often it was powered up.
    pub power_cycles: Option<u64>,
    /// How often power went away without notice (NVMe).
    pub unsafe_shutdowns: Option<u64>,
    /// Bytes that hosts read.
    pub bytes_read: Option<u64>,
    /// Bytes that hosts wrote.
    pub bytes_written: Option<u64>,
    /// Share of the rated write endurance that is used, percent; above 100 when
    /// the drive outlives it. 255 stands for 255 and more.
    pub endurance_used_percent: Option<u8>,
    /// Spare blocks left, percent of what it had when new (NVMe).
    pub spare_percent: Option<u8>,
    /// Spare below which the drive warns, percent (NVMe).
    pub spare_threshold_percent: Option<u8>,
    /// Errors that it could not correct: lost or unreadable data.
    pub uncorrected_errors: Option<u64>,
    /// Errors that it corrected (SCSI).
    pub corrected_errors: Option<u64>,
    /// Bad sectors that were replaced by spare ones (ATA).
    pub reallocated_sectors: Option<u64>,
    /// Sectors that could not be read and wait to be written again (ATA).
    pub pending_sectors: Option<u64>,
    /// Sectors that stayed unreadable in the drive's own scan (ATA).
    pub uncorrectable_sectors: Option<u64>,
    /// Errors on the cable between drive and host (ATA).
    pub link_errors: Option<u64>,
    /// SMART attributes at or below their threshold (ATA).
    pub attributes_below_threshold: Vec<AttributeBelowThreshold>,
}

/// A SMART attribute that reached the threshold its vendor set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AttributeBelowThreshold {
    /// Number of the attribute: 5 is reallocated sectors.
    pub id: u8,
    /// Its normalised value.
    pub value: u8,
    /// The threshold.
    pub threshold: u8,
    /// Whether reaching it predicts failure soon; otherwise the drive has only
    /// outlived its design.
    pub predicts_failure: bool,
}

/// What a drive warns of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// It predicts its failure.
    FailurePredicted,
    /// Spare blocks are below the threshold.
    SpareLow,
    /// Reliability is degraded by media or internal errors.
    Unreliable,
    /// Its media can only be read.
    ReadOnly,
    /// The backup of its volatile memory failed: data may be lost when power goes.
    BackupFailed,
    /// Its persistent memory region is unreliable or read-only.
    PersistentMemory,
    /// It is hotter or colder than allowed.
    Temperature,
}

/// Whether to trust a drive.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did not say enough.
    #[default]
    Unknown,
    /// Nothing speaks against it.
    Healthy,
    /// It used up its rated endurance, or it has had defects.
    Worn,
    /// It says that it fails, or that it soon will: replace it.
    Failing,
}

/// The verdict, and what it rests on; a reason may also stand beside `healthy`.
pub(super) fn judge(health: &Health) -> (Verdict, Vec<String>) {
    let mut verdict = match health.passed {
        Some(_) => Verdict::Healthy,
        None => Verdict::Unknown,
    };
    let mut reasons = Vec::new();
    for (worse, reason) in findings(health) {
        verdict = verdict.max(worse);
        reasons.push(reason);
    }
    (verdict, reasons)
}

fn findings(health: &Health) -> Vec<(Verdict, String)> {
    let mut found: Vec<(Verdict, String)> = health.warnings.iter().map(warned).collect();
    if health.passed == Some(false) && health.warnings.is_empty() {
        let reason = "the drive's own assessment failed";
        found.push((Verdict::Failing, reason.into()));
    }
    for attribute in &health.attributes_below_threshold {
        let verdict = if attribute.predicts_failure {
            Verdict::Failing
        } else {
            Verdict::Worn
        };
        let AttributeBelowThreshold {
            id,
            value,
            threshold,
            ..
        } = attribute;
        let reason = format!("SMART attribute {id} is {value}, its threshold {threshold}");
        found.push((verdict, reason));
    }
    // NVMe base specification 2.0 §5.16.1.3, ACS-4 §9.5.9, SBC-4 §6.4.8: 100
    // means that the estimated endurance has been consumed.
    if let Some(used) = health.endurance_used_percent.filter(|used| *used >= 100) {
        let reason = format!("{used} % of the rated endurance is used");
        found.push((Verdict::Worn, reason));
    }
    let counted = [
        (health.uncorrected_errors, "uncorrected errors"),
        (health.reallocated_sectors, "reallocated sectors"),
        (health.pending_sectors, "sectors wait to be reallocated"),
        (health.uncorrectable_sectors, "unreadable sectors"),
    ];
    for (count, what) in counted {
        if let Some(count) = count.filter(|count| *count > 0) {
            found.push((Verdict::Worn, format!("{count} {what}")));
        }
    }
    found
}

/// What a warning means. Heat is the machine's trouble, not the drive's.
fn warned(warning: &Warning) -> (Verdict, String) {
    let (verdict, reason) = match warning {
        Warning::FailurePredicted => (Verdict::Failing, "the drive predicts its failure"),
        Warning::SpareLow => (Verdict::Failing, "spare blocks are below the threshold"),
        Warning::Unreliable => (Verdict::Failing, "the drive calls itself unreliable"),
        Warning::ReadOnly => (Verdict::Failing, "the media can only be read"),
        Warning::BackupFailed => (Verdict::Failing, "the backup of its volatile memory failed"),
        Warning::PersistentMemory => (Verdict::Worn, "the persistent memory region is unreliable"),
        Warning::Temperature => (Verdict::Unknown, "the temperature is out of range"),
    };
    (verdict, reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed() -> Health {
        Health {
            passed: Some(true),
            ..Health::default()
        }
    }

    #[test]
    fn the_worst_finding_decides_and_every_one_is_told() {
        let attribute = |predicts_failure| AttributeBelowThreshold {
            id: 5,
            value: 9,
            threshold: 10,
            predicts_failure,
        };
        let cases = [
            (Health::default(), Verdict::Unknown, 0),
            (passed(), Verdict::Healthy, 0),
            (
                Health {
                    endurance_used_percent: Some(99),
                    reallocated_sectors: Some(0),
                    ..passed()
                },
                Verdict::Healthy,
                0,
            ),
            (
                Health {
                    endurance_used_percent: Some(100),
                    ..passed()
                },
                Verdict::Worn,
                1,
            ),
            (
                Health {
                    pending_sectors: Some(8),
                    uncorrected_errors: Some(3),
                    ..passed()
                },
                Verdict::Worn,
                2,
            ),
            (
                Health {
                    warnings: vec![Warning::Temperature],
                    ..passed()
                },
                Verdict::Healthy,
                1,
            ),
            (
                Health {
                    passed: Some(false),
                    warnings: vec![Warning::ReadOnly, Warning::SpareLow],
                    endurance_used_percent: Some(255),
                    ..Health::default()
                },
                Verdict::Failing,
                3,
            ),
            (
                Health {
                    passed: Some(false),
                    ..Health::default()
                },
                Verdict::Failing,
                1,
            ),
            (
                Health {
                    attributes_below_threshold: vec![attribute(false)],
                    ..passed()
                },
                Verdict::Worn,
                1,
            ),
            (
                Health {
                    attributes_below_threshold: vec![attribute(true)],
                    ..passed()
                },
                Verdict::Failing,
                1,
            ),
        ];
        for (health, verdict, reasons) in cases {
            let found = judge(&health);
            assert_eq!((found.0, found.1.len()), (verdict, reasons), "{health:?}");
        }
    }
}
