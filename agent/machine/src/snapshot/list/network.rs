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
            "carrier_changes",
            "device",
            "dev_port",
            "duplex",
            "flags",
            "ifindex",
            "master",
            "mtu",
            "operstate",
            "phys_port_name",
            "phys_switch_id",
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
            "physfn",
            "sriov_numvfs",
            "sriov_totalvfs",
            "subsystem",
            "subsystem_device",
            "subsystem_vendor",
            "vendor",
        ],
    ),
    // RDMA devices of the same hardware.
    (
        "/sys/class/net/*/device/infiniband/*",
        &["board_id", "fw_ver", "hca_type", "node_guid"],
    ),
    (
        "/sys/class/net/*/device/infiniband/*/ports/*",
        &["link_layer", "rate", "state"],
    ),
];
