// SPDX-License-Identifier: Apache-2.0
//! Processors, memory, accelerators.

use super::column;
use crate::inventory::layout::{Part, Section};
use crate::inventory::words::{kib, mib, plain};

pub(super) const PROCESSORS: Section = Section {
    name: "processors",
    title: "Processors",
    parts: &[
        Part::Facts(&[
            column("model", "/inventory/cpu/model_name", plain),
            column("architecture", "/inventory/cpu/architecture", plain),
            column("logical processors", "/inventory/cpu/count", plain),
            column(
                "simultaneous threads",
                "/ironseed/hardware/processors/smt_control",
                plain,
            ),
        ]),
        Part::Rows {
            list: "/ironseed/hardware/processors/sockets",
            columns: &[
                column("socket", "/designation", plain),
                column("populated", "/populated", plain),
                column("model", "/model", plain),
                column("cores", "/cores", plain),
                column("threads", "/threads", plain),
                column("max MHz", "/max_mhz", plain),
                column("stepping", "/stepping", plain),
                column("microcode", "/microcode", plain),
            ],
        },
        Part::Rows {
            list: "/ironseed/hardware/processors/numa_nodes",
            columns: &[
                column("NUMA node", "/node", plain),
                column("processors", "/cpus", plain),
                column("memory", "/memory_kib", kib),
                column("distances", "/distances", plain),
            ],
        },
    ],
};

pub(super) const MEMORY: Section = Section {
    name: "memory",
    title: "Memory",
    parts: &[
        Part::Facts(&[
            column("installed", "/ironseed/hardware/memory/installed_mib", mib),
            column("usable", "/ironseed/hardware/memory/usable_kib", kib),
            column("at most", "/ironseed/hardware/memory/max_capacity_mib", mib),
            column(
                "error correction",
                "/ironseed/hardware/memory/error_correction",
                plain,
            ),
        ]),
        Part::Rows {
            list: "/ironseed/hardware/memory/modules",
            columns: &[
                column("slot", "/slot", plain),
                column("size", "/size_mib", mib),
                column("type", "/memory_type", plain),
                column("MT/s", "/configured_mts", plain),
                column("of", "/rated_mts", plain),
                column("ranks", "/ranks", plain),
                column("ECC", "/ecc", plain),
                column("manufacturer", "/manufacturer", plain),
                column("part number", "/part_number", plain),
                column("serial number", "/serial_number", plain),
            ],
        },
        Part::Rows {
            list: "/ironseed/hardware/memory/empty_slots",
            columns: &[
                column("empty slot", "/slot", plain),
                column("bank", "/bank", plain),
            ],
        },
        Part::Rows {
            list: "/ironseed/hardware/kernel/memory_errors",
            columns: &[
                column("memory controller", "/name", plain),
                column("corrected errors", "/corrected", plain),
                column("uncorrected errors", "/uncorrected", plain),
            ],
        },
    ],
};

pub(super) const ACCELERATORS: Section = Section {
    name: "accelerators",
    title: "Accelerators",
    parts: &[Part::Rows {
        list: "/ironseed/hardware/accelerators",
        columns: &[
            column("address", "/address", plain),
            column("kind", "/kind", plain),
            column("vendor", "/vendor", plain),
            column("ids", "/vendor_id", plain),
            column("", "/device_id", plain),
            column("slot", "/slot", plain),
            column("largest BAR", "/largest_bar_mib", mib),
            column("driver", "/driver", plain),
        ],
    }],
};
