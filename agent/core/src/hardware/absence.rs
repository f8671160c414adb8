// SPDX-License-Identifier: Apache-2.0
//! What could not be known, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::{Entry, Snapshot};

/// A value that is not in the report although somebody may look for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Absence {
    /// The device, file or part that was asked: `/dev/nvme0n1`, `eno1`, `DIMM_A1`.
    pub subject: String,
    /// What is not known of it: `health`, `size`; `everything` if it did not answer at all.
    pub value: String,
    /// Why, in the kernel's or the device's words where there are any.
    pub reason: String,
}

/// Collects absences while the sections are read.
#[derive(Debug, Default)]
pub struct Absences(Vec<Absence>);

impl Absences {
    /// Notes that a value is not known.
    pub fn note(
        &mut self,
        subject: impl Into<String>,
        value: impl Into<String>,
        reason: impl Into<String>,
    ) {
        self.0.push(Absence {
            subject: subject.into(),
            value: value.into(),
            reason: reason.into(),
        });
    }

    /// Notes the value if it is not there, and gives it back.
    pub fn expect<T>(
        &mut self,
        found: Option<T>,
        subject: &str,
        value: &str,
        reason: &str,
    ) -> Option<T> {
        if found.is_none() {
            self.note(subject, value, reason);
        }
        found
    }

    /// Notes what reading the machine itself ran into: devices that did not
    /// answer, files the kernel would not read.
    pub fn problems_of(&mut self, snapshot: &Snapshot) {
        for (subject, reason) in &snapshot.problems {
            self.note(subject, "everything", reason);
        }
        for (path, entry) in snapshot.files.iter() {
            if let Entry::Unreadable(reason) = entry
                && !is_of_a_network_link(path)
            {
                self.note(path, "content", reason);
            }
        }
    }

    /// The absences in order of their subjects, each once.
    #[must_use]
    pub fn into_list(mut self) -> Vec<Absence> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}

/// Whether a file is an attribute of a network link. The kernel has the same ones
/// for every link and answers with an error where one does not apply (the speed
/// of a port without carrier), so that such an error says nothing.
fn is_of_a_network_link(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let _attribute = parts.next();
    let _name = parts.next();
    parts.next() == Some("net")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_and_unreadable_files_are_told_once() {
        let mut snapshot = Snapshot::default();
        snapshot
            .problems
            .insert("/dev/sda".into(), "no answer within 10 s".into());
        for path in [
            "/sys/devices/pci0000:00/0000:00:06.0/wwid",
            "/sys/devices/pci0000:00/0000:00:07.0/net/eno1/speed",
        ] {
            let reason = "Invalid argument".to_owned();
            snapshot.files.insert(path, Entry::Unreadable(reason));
        }
        let mut absent = Absences::default();
        absent.problems_of(&snapshot);
        absent.problems_of(&snapshot);
        assert_eq!(absent.expect(Some(1), "x", "y", "z"), Some(1));
        let list = absent.into_list();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].subject, "/dev/sda");
        assert_eq!(list[1].subject, "/sys/devices/pci0000:00/0000:00:06.0/wwid");
        assert_eq!(list[1].reason, "Invalid argument");
    }
}
