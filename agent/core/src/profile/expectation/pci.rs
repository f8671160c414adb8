// SPDX-License-Identifier: Apache-2.0
//! PCI devices and their links, and accelerators.

use hardware_profiles::{Amount, PciExpect};

use super::{Found, Severity};
use crate::profile::PciDevice;

pub(super) fn compare(row: &PciExpect, devices: &[PciDevice], found: &mut Found) {
    let meant: Vec<&PciDevice> = devices
        .iter()
        .filter(|device| device.id == row.id)
        .collect();
    found.amount(
        "pci-count",
        &format!("PCI devices {}", row.id),
        row.count,
        u64::try_from(meant.len()).ok(),
        "",
    );
    for device in meant {
        link(
            found,
            ("pci-width", &device.address),
            row.min_width,
            (device.width, device.max_width),
            |lanes| format!("x{lanes}"),
        );
        link(
            found,
            ("pci-generation", &device.address),
            row.min_generation,
            (device.generation, device.max_generation),
            |generation| format!("PCI Express {generation}.0"),
        );
    }
}

fn link(
    found: &mut Found,
    (code, subject): (&str, &str),
    wanted: Option<u8>,
    (now, most): (Option<u8>, Option<u8>),
    text: fn(u8) -> String,
) {
    let Some(wanted) = wanted else {
        return;
    };
    let expected = format!("at least {}", text(wanted));
    match now {
        None => found.not_told(code, subject, expected),
        Some(now) if now >= wanted => {}
        Some(now) => {
            let there = match most {
                Some(most) if most > now => format!("{} of a card with {}", text(now), text(most)),
                _ => text(now),
            };
            found.add(Severity::Warning, code, subject, expected, there);
        }
    }
}

pub(super) fn accelerators(wanted: Option<Amount>, devices: &[PciDevice], found: &mut Found) {
    let count = devices
        .iter()
        .filter(|device| device.is_accelerator())
        .count();
    found.amount(
        "gpu-count",
        "accelerators",
        wanted,
        u64::try_from(count).ok(),
        "",
    );
}
