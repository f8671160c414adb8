// SPDX-License-Identifier: Apache-2.0
//! What profiles match on and expect, besides what the inventory reads.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    (
        "/sys/bus/pci/devices/*",
        &[
            "current_link_speed",
            "current_link_width",
            "max_link_speed",
            "max_link_width",
        ],
    ),
    ("/sys/class/dmi/id", &["chassis_vendor", "product_family"]),
    ("/sys/class/tpm/tpm0", &["tpm_version_major"]),
    (
        "/sys/firmware/efi/efivars",
        &["SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"],
    ),
    ("/sys/devices/system/cpu/cpu0/cpufreq", &["base_frequency"]),
];
