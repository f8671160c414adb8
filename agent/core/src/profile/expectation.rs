// SPDX-License-Identifier: Apache-2.0
//! How a machine differs from what its profile expects.

mod firmware;
mod memory;
mod network;
mod pci;
#[cfg(test)]
mod tests;

use std::fmt;

use hardware_profiles::{Amount, DiskExpect, Expect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Observed;

/// How bad a deviation is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// There is more than expected, or the machine does not tell.
    #[default]
    Info,
    /// It works, but not as it should.
    Warning,
    /// Something is missing.
    Error,
}

/// One difference between the machine and its profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Deviation {
    /// Short stable name: `dimm-missing`, `nic-speed`, ….
    pub code: String,
    /// What is meant: a slot, an interface, a PCI address, `memory`.
    pub subject: String,
    /// What the profile expects, with units.
    pub expected: String,
    /// What is there, with units; null if the machine does not tell.
    pub found: Option<String>,
    /// How bad it is.
    pub severity: Severity,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found.as_deref().unwrap_or("nothing that tells");
        write!(
            f,
            "{}: expected {}, found {found} [{}]",
            self.subject, self.expected, self.code
        )
    }
}

/// Collects deviations.
#[derive(Debug, Default)]
struct Found(Vec<Deviation>);

impl Found {
    fn add(
        &mut self,
        severity: Severity,
        code: &str,
        subject: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.0.push(Deviation {
            code: code.to_owned(),
            subject: subject.into(),
            expected: expected.into(),
            found: Some(found.into()),
            severity,
        });
    }

    fn not_told(&mut self, code: &str, subject: impl Into<String>, expected: impl Into<String>) {
        self.0.push(Deviation {
            code: code.to_owned(),
            subject: subject.into(),
            expected: expected.into(),
            found: None,
            severity: Severity::Info,
        });
    }

    /// Compares a number; too few is an error, too many is worth knowing.
    fn amount(
        &mut self,
        code: &str,
        subject: &str,
        expected: Option<Amount>,
        found: Option<u64>,
        unit: &str,
    ) {
        let Some(expected) = expected else {
            return;
        };
        let text = format!("{expected}{unit}");
        match found {
            None => self.not_told(code, subject, text),
            Some(number) if expected.fits(number) => {}
            Some(number) => {
                let severity = if number < expected.smallest() {
                    Severity::Error
                } else {
                    Severity::Info
                };
                self.add(severity, code, subject, text, format!("{number}{unit}"));
            }
        }
    }
}

/// Every difference, in the order of the tables of the profile.
#[must_use]
pub fn deviations(expect: &Expect, observed: &Observed) -> Vec<Deviation> {
    let mut found = Found::default();
    found.amount(
        "sockets",
        "processors",
        expect.sockets,
        observed.sockets,
        " sockets",
    );
    memory::compare(expect, observed, &mut found);
    for row in expect.nics.iter().flatten() {
        network::compare(row, &observed.nics, &mut found);
    }
    network::cabling(&expect.neighbours, observed.cabling.as_ref(), &mut found);
    for row in expect.disks.iter().flatten() {
        disks(row, observed, &mut found);
    }
    for row in expect.pci.iter().flatten() {
        pci::compare(row, &observed.pci, &mut found);
    }
    pci::accelerators(expect.gpus, &observed.pci, &mut found);
    firmware::compare(expect, observed, &mut found);
    found.0
}

/// Disks of the kind that have the size are counted; the others are named.
fn disks(row: &DiskExpect, observed: &Observed, found: &mut Found) {
    const GB: u64 = 1_000_000_000;
    let of_kind = || observed.disks.iter().filter(|disk| disk.kind == row.kind);
    let fits = |size: u64| row.size_gb.is_none_or(|range| range.fits(size / GB));
    let count = of_kind().filter(|disk| fits(disk.size)).count();
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    if row.count.fits(count) {
        return;
    }
    let kind = row.kind.name();
    let expected = match row.size_gb {
        Some(size) => format!("{} {kind} disks of {size} GB", row.count),
        None => format!("{} {kind} disks", row.count),
    };
    let others: Vec<String> = of_kind()
        .filter(|disk| !fits(disk.size))
        .map(|disk| format!("{} of {} GB", disk.name, disk.size / GB))
        .collect();
    let there = if others.is_empty() {
        count.to_string()
    } else {
        format!("{count}, and {}", others.join(", "))
    };
    let (severity, code) = if count < row.count.smallest() {
        (Severity::Error, "disk-missing")
    } else {
        (Severity::Info, "disk-count")
    };
    found.add(severity, code, format!("{kind} disks"), expected, there);
}
