// SPDX-License-Identifier: Apache-2.0
//! Network links.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    (
        "/sys/class/net/*",
        &[
            "addr_assign_type",
            "address",
            "bonding",
            "carrier",
            "device",
            "dev_port",
            "duplex",
            "flags",
            "ifindex",
            "master",
            "operstate",
            "phys_port_name",
            "speed",
            "type",
        ],
    ),
    (
        "/sys/class/net/*/device",
        &[
            "device",
            "driver",
            "numa_node",
            "subsystem",
            "subsystem_device",
            "subsystem_vendor",
            "vendor",
        ],
    ),
];
