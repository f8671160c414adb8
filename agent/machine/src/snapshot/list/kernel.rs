// SPDX-License-Identifier: Apache-2.0
//! The kernel: what it was told, what it runs on.

use super::Row;

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
        "/proc/device-tree",
        &["compatible", "model", "serial-number"],
    ),
];
