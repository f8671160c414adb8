// SPDX-License-Identifier: Apache-2.0
//! Memory and its modules.

use hardware_profiles::Expect;

use super::{Found, Severity};
use crate::profile::Observed;

pub(super) fn compare(expect: &Expect, observed: &Observed, found: &mut Found) {
    found.amount(
        "memory",
        "memory",
        expect.memory_gib,
        observed.memory_mib.map(|mib| mib / 1024),
        " GiB",
    );
    let wanted = &expect.dimms;
    let Some(dimms) = &observed.dimms else {
        if let Some(count) = wanted.count {
            found.not_told("dimm-count", "memory modules", count.to_string());
        }
        return;
    };
    // A module of unknown size is there; only 0 means empty.
    let there = || dimms.iter().filter(|dimm| dimm.size_mib != Some(0));
    found.amount(
        "dimm-count",
        "memory modules",
        wanted.count,
        u64::try_from(there().count()).ok(),
        "",
    );
    for slot in wanted.slots.iter().flatten() {
        let dimm = dimms
            .iter()
            .find(|dimm| dimm.slot.eq_ignore_ascii_case(slot));
        let state = match dimm {
            None => "no slot of this name",
            Some(dimm) if dimm.size_mib == Some(0) => "an empty slot",
            Some(_) => continue,
        };
        found.add(Severity::Error, "dimm-missing", slot, "a module", state);
    }
    let Some(size) = wanted.size_gib else {
        return;
    };
    for dimm in there() {
        let expected = format!("{size} GiB");
        match dimm.size_mib {
            None => found.not_told("dimm-size", &dimm.slot, expected),
            Some(mib) if size.fits(mib / 1024) => {}
            Some(mib) => {
                let severity = if mib / 1024 < size.smallest() {
                    Severity::Warning
                } else {
                    Severity::Info
                };
                let text = format!("{} GiB", mib / 1024);
                found.add(severity, "dimm-size", &dimm.slot, expected, text);
            }
        }
    }
}
