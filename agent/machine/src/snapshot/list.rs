// SPDX-License-Identifier: Apache-2.0
//! The list of files that discovery reads, in one place.
//!
//! Each row is a directory, in which `*` stands for any part of a name, and the
//! names to read in it: attributes as bytes, links as targets, directories as
//! the fact that they exist. What is missing costs one look-up and is left out.

/// Directory patterns and the names to record in them.
pub(super) const FILES: &[(&str, &[&str])] = &[
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
    // Firmware.
    ("/sys/firmware", &["efi"]),
    ("/sys/firmware/efi", &["fw_platform_size"]),
    ("/sys/firmware/dmi/tables", &["DMI", "smbios_entry_point"]),
    (
        "/sys/class/dmi/id",
        &[
            "bios_date",
            "bios_vendor",
            "bios_version",
            "board_name",
            "board_serial",
            "board_vendor",
            "chassis_type",
            "product_name",
            "product_serial",
            "product_sku",
            "product_uuid",
            "product_version",
            "sys_vendor",
        ],
    ),
    ("/sys/hypervisor", &["type"]),
    // Processors.
    (
        "/sys/devices/system/cpu",
        &["online", "possible", "present"],
    ),
    (
        "/sys/devices/system/cpu/cpu*/topology",
        &["core_id", "physical_package_id", "thread_siblings_list"],
    ),
    (
        "/sys/devices/system/cpu/cpu*/cpufreq",
        &["cpuinfo_max_freq"],
    ),
    (
        "/sys/devices/system/cpu/cpu*/regs/identification",
        &["midr_el1"],
    ),
    // Network.
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
            "logical_block_size",
            "optimal_io_size",
            "physical_block_size",
            "rotational",
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
            "wwid",
        ],
    ),
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
    // PCI functions.
    (
        "/sys/bus/pci/devices/*",
        &[
            "class",
            "device",
            "driver",
            "numa_node",
            "revision",
            "vendor",
        ],
    ),
];

/// Devices whose chain of parents tells how they are attached.
pub(super) const WITH_ANCESTORS: &[&str] = &["/sys/class/block/*", "/sys/class/net/*"];

/// What is read of each parent.
pub(super) const ANCESTOR_FILES: &[&str] = &[
    "idVendor",
    "manufacturer",
    "product",
    "serial",
    "subsystem",
    "uevent",
];
