// SPDX-License-Identifier: Apache-2.0
//! Errors the kernel logged since boot, machine checks among them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command_line::without_secrets;
use super::{Absences, Source};
use crate::snapshot::KernelRecord;

/// How many messages go into the report.
const LAST_MESSAGES: usize = 50;
/// Names of the levels from 0 on.
const LEVELS: &[&str] = &[
    "emergency",
    "alert",
    "critical",
    "error",
    "warning",
    "notice",
    "info",
    "debug",
];

/// What the kernel logged since boot at level error or worse.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KernelErrors {
    /// Messages of level emergency.
    pub emergencies: u64,
    /// Messages of level alert.
    pub alerts: u64,
    /// Messages of level critical.
    pub critical: u64,
    /// Messages of level error.
    pub errors: u64,
    /// Reports of broken hardware of any level: machine checks, PCIe and memory errors.
    pub hardware_errors: u64,
    /// Whether the log goes back to the kernel's start; null if the log could not be read.
    pub complete: Option<bool>,
    /// The last messages, oldest first, at most 50; secrets of the command line are masked.
    pub last: Vec<KernelMessage>,
}

/// One message of the kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KernelMessage {
    /// When it was logged, in milliseconds since the kernel started.
    pub at_ms: u64,
    /// Its level: `emergency`, `alert`, `critical`, `error`; lower ones only of broken hardware.
    pub level: String,
    /// The message.
    pub text: String,
}

pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> KernelErrors {
    let log = source.snapshot.kernel_log.as_ref();
    let reason = "the kernel's log was not read";
    let Some(log) = absent.expect(log, "kernel", "errors", reason) else {
        return KernelErrors::default();
    };
    let of_level = |level| log.by_level.get(&level).copied().unwrap_or_default();
    let skipped = log.records.len().saturating_sub(LAST_MESSAGES);
    KernelErrors {
        emergencies: of_level(0),
        alerts: of_level(1),
        critical: of_level(2),
        errors: of_level(3),
        hardware_errors: log.hardware_errors,
        complete: log.first_sequence.map(|first| first == 0),
        last: log
            .records
            .iter()
            .skip(skipped)
            .filter_map(|record| KernelRecord::parse(record))
            .map(|record| KernelMessage {
                at_ms: record.at_us / 1000,
                level: LEVELS
                    .get(usize::from(record.level))
                    .map(|level| (*level).to_owned())
                    .unwrap_or_default(),
                text: without_secrets(record.text),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{KernelLog, Snapshot};

    fn errors(snapshot: &Snapshot) -> (KernelErrors, usize) {
        let source = Source {
            snapshot,
            files: &snapshot.files,
            smbios: &[],
        };
        let mut absent = Absences::default();
        let found = read(&source, &mut absent);
        (found, absent.into_list().len())
    }

    #[test]
    fn the_last_messages_are_told_and_all_are_counted() {
        let mut log = KernelLog::default();
        log.add("2,0,1000,-;CPU0: Core temperature is above threshold");
        for sequence in 1..=60 {
            log.add(&format!(
                "3,{sequence},{sequence}000,-;ata1: error {sequence}"
            ));
        }
        log.add("3,61,61000,-;unknown word ipa-agent-token=swordfish");
        let snapshot = Snapshot {
            kernel_log: Some(log),
            ..Snapshot::default()
        };
        let (found, absent) = errors(&snapshot);
        assert_eq!((absent, found.complete), (0, Some(true)));
        assert_eq!((found.critical, found.errors), (1, 61));
        assert_eq!(found.last.len(), LAST_MESSAGES);
        let last = found.last.last().expect("messages");
        assert_eq!(last.text, "unknown word ipa-agent-token=******");
        assert_eq!((last.at_ms, last.level.as_str()), (61, "error"));
    }

    #[test]
    fn an_unread_log_is_no_log_without_errors() {
        let (found, absent) = errors(&Snapshot::default());
        assert_eq!((found.complete, absent), (None, 1));
    }
}
