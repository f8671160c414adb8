// SPDX-License-Identifier: Apache-2.0
//! The kernel: what it was told, what it runs on.

use super::Row;

/// What the memory controller's driver shows of a module, or of a rank.
const EDAC_MODULE: &[&str] = &[
    "dimm_ce_count",
    "dimm_label",
    "dimm_location",
    "dimm_ue_count",
];

pub(super) const ROWS: &[Row] = &[
    (
        "/proc",
        &[
            "cmdline",
            "cpuinfo",
            "iomem",
            "mdstat",
            "meminfo",
            "modules",
            "partitions",
            "swaps",
            "version",
        ],
    ),
    ("/proc/self", &["mountinfo"]),
    (
        "/proc/sys/kernel",
        &["arch", "hostname", "osrelease", "tainted"],
    ),
    (
        "/sys/devices/system/edac/mc/mc*",
        &["ce_count", "mc_name", "seconds_since_reset", "ue_count"],
    ),
    ("/sys/devices/system/edac/mc/mc*/dimm*", EDAC_MODULE),
    ("/sys/devices/system/edac/mc/mc*/rank*", EDAC_MODULE),
    (
        "/proc/device-tree",
        &["compatible", "model", "serial-number"],
    ),
];
