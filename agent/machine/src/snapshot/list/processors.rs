// SPDX-License-Identifier: Apache-2.0
//! Processors and memory.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    (
        "/sys/devices/system/cpu",
        &["online", "possible", "present"],
    ),
    // That a memory node exists.
    ("/sys/devices/system/node", &["node*"]),
    (
        "/sys/devices/system/cpu/cpu*/topology",
        &[
            "core_id",
            "core_siblings_list",
            "physical_package_id",
            "thread_siblings_list",
        ],
    ),
    (
        "/sys/devices/system/cpu/cpu*/cpufreq",
        &["cpuinfo_max_freq"],
    ),
    (
        "/sys/devices/system/cpu/cpu*/regs/identification",
        &["midr_el1"],
    ),
];
