// SPDX-License-Identifier: Apache-2.0
//! Processors and memory.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    (
        "/sys/devices/system/cpu",
        &["online", "possible", "present"],
    ),
    ("/sys/devices/system/cpu/smt", &["active", "control"]),
    ("/sys/devices/system/cpu/vulnerabilities", &["*"]),
    (
        "/sys/devices/system/cpu/cpu*/cache/index*",
        &["level", "shared_cpu_list", "size", "type"],
    ),
    (
        "/sys/devices/system/node/node*",
        &["cpulist", "distance", "meminfo"],
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
    // The frequency class of SCS flavors; the same on every processor.
    ("/sys/devices/system/cpu/cpu0/cpufreq", &["base_frequency"]),
    (
        "/sys/devices/system/cpu/cpu*/cpufreq",
        &["cpuinfo_max_freq"],
    ),
    (
        "/sys/devices/system/cpu/cpu*/regs/identification",
        &["midr_el1"],
    ),
];
