// SPDX-License-Identifier: Apache-2.0
//! Block devices, and the hosts and transports they hang on.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    // Block devices. A partition's `device` does not exist.
    (
        "/sys/class/block/*",
        &[
            "dev",
            "device",
            "hidden",
            "nsid",
            "partition",
            "removable",
            "ro",
            "serial",
            "size",
            "start",
            "wwid",
        ],
    ),
    (
        "/sys/class/block/*/queue",
        &[
            "discard_granularity",
            "discard_max_bytes",
            "logical_block_size",
            "minimum_io_size",
            "optimal_io_size",
            "physical_block_size",
            "rotational",
            "write_cache",
            "write_zeroes_max_bytes",
            "zoned",
        ],
    ),
    ("/sys/class/block/*/holders", &["*"]),
    ("/sys/class/block/*/slaves", &["*"]),
    ("/sys/class/block/*/dm", &["name", "uuid"]),
    ("/sys/class/block/*/md", &["level", "metadata_version"]),
    (
        "/sys/class/block/*/device",
        &[
            "cid",
            "firmware_rev",
            "model",
            "name",
            "nguid",
            "rev",
            "scsi_device",
            "serial",
            "subsysnqn",
            "transport",
            "type",
            "vendor",
            "vpd_pg80",
            "vpd_pg83",
            "vpd_pg89",
            "vpd_pgb1",
            "vpd_pgb2",
            "wwid",
        ],
    ),
    ("/sys/class/block/*/device/scsi_disk/*", &["protection_type"]),
    (
        "/sys/class/nvme/*",
        &[
            "address",
            "cntlid",
            "firmware_rev",
            "model",
            "serial",
            "subsysnqn",
            "transport",
        ],
    ),
    ("/sys/class/nvme-subsystem/*", &["nvme*"]),
    // SCSI hosts and transports, for addresses and paths.
    ("/sys/class/scsi_host/*", &["proc_name"]),
    ("/sys/class/fc_host/*", &["symbolic_name"]),
    ("/sys/class/iscsi_host/*", &["hwaddress"]),
    ("/sys/class/sas_host", &["*"]),
    ("/sys/class/spi_host", &["*"]),
    (
        "/sys/class/sas_device/*",
        &["phy_identifier", "sas_address"],
    ),
    ("/sys/class/sas_port/*", &["num_phys"]),
    ("/sys/class/fc_remote_ports/*", &["port_name"]),
    ("/sys/class/ata_port/*", &["port_no"]),
    ("/sys/class/iscsi_session/*", &["targetname"]),
    (
        "/sys/class/iscsi_connection/*",
        &["persistent_address", "persistent_port"],
    ),
];
