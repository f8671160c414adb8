// SPDX-License-Identifier: Apache-2.0
//! Counters of Advanced Error Reporting (kernel documentation,
//! ABI/testing/sysfs-bus-pci-devices-aer_stats).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::Tree;

/// Errors a function reported since the kernel started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PciErrors {
    /// Errors the hardware corrected, such as bad packets that were sent again.
    pub correctable: u64,
    /// Errors that lost a transaction.
    pub nonfatal: u64,
    /// Errors after which the link cannot be trusted.
    pub fatal: u64,
}

pub(super) fn read(files: &Tree, path: &str) -> Option<PciErrors> {
    let sum = |severity: &str| files.text(&format!("{path}/aer_dev_{severity}")).map(total);
    // Drivers of firmware-first machines may show only some of them.
    let counters = [sum("correctable"), sum("nonfatal"), sum("fatal")];
    counters.iter().any(Option::is_some).then(|| {
        let [correctable, nonfatal, fatal] = counters.map(Option::unwrap_or_default);
        PciErrors {
            correctable,
            nonfatal,
            fatal,
        }
    })
}

/// The line `TOTAL_…`, else the sum of all lines.
fn total(text: &str) -> u64 {
    let lines = text.lines().filter_map(|line| {
        let (name, count) = line.rsplit_once(' ')?;
        Some((name, count.parse::<u64>().ok()?))
    });
    let mut sum = 0_u64;
    for (name, count) in lines {
        if name.starts_with("TOTAL") {
            return count;
        }
        sum = sum.saturating_add(count);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_once() {
        for (text, expected) in [
            ("RxErr 1\nBadTLP 2\nBadDLLP 0\nTOTAL_ERR_COR 3\n", 3),
            ("RxErr 1\nBadTLP 2\n", 3),
            ("Data Link Protocol 4\nTOTAL_ERR_FATAL 4", 4),
            ("RxErr 18446744073709551615\nBadTLP 2", u64::MAX),
            ("nothing here", 0),
            ("", 0),
        ] {
            assert_eq!(total(text), expected, "{text:?}");
        }
    }
}
