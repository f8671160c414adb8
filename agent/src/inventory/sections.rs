// SPDX-License-Identifier: Apache-2.0
//! The sections of the report for people, in the order of a walk around the
//! machine. Pointers lead into the inspection data.

use super::layout::{Column, Part, Section};
use super::words::{bytes, disk_bytes, mbps, mib, plain};

/// Every section.
pub(super) const ALL: &[Section] = &[MACHINE, PROCESSORS, MEMORY, DISKS, NETWORK];

/// A value with its heading.
const fn column(
    heading: &'static str,
    pointer: &'static str,
    show: fn(&serde_json::Value) -> String,
) -> Column {
    Column {
        heading,
        pointer,
        show,
    }
}

const MACHINE: Section = Section {
    name: "machine",
    title: "Machine",
    parts: &[Part::Facts(&[
        column(
            "manufacturer",
            "/inventory/system_vendor/manufacturer",
            plain,
        ),
        column("product", "/inventory/system_vendor/product_name", plain),
        column(
            "serial number",
            "/inventory/system_vendor/serial_number",
            plain,
        ),
        column("boot mode", "/inventory/boot/current_boot_mode", plain),
        column(
            "firmware",
            "/inventory/system_vendor/firmware/version",
            plain,
        ),
        column(
            "firmware date",
            "/inventory/system_vendor/firmware/build_date",
            plain,
        ),
        column("BMC address", "/inventory/bmc_address", plain),
    ])],
};

const PROCESSORS: Section = Section {
    name: "processors",
    title: "Processors",
    parts: &[Part::Facts(&[
        column("model", "/inventory/cpu/model_name", plain),
        column("architecture", "/inventory/cpu/architecture", plain),
        column("sockets", "/inventory/cpu/socket_count", plain),
        column("logical", "/inventory/cpu/count", plain),
    ])],
};

const MEMORY: Section = Section {
    name: "memory",
    title: "Memory",
    parts: &[Part::Facts(&[
        column("installed", "/inventory/memory/physical_mb", mib),
        column("usable", "/inventory/memory/total", bytes),
    ])],
};

const DISKS: Section = Section {
    name: "disks",
    title: "Disks",
    parts: &[
        Part::Rows {
            list: "/inventory/disks",
            columns: &[
                column("disk", "/name", plain),
                column("size", "/size", disk_bytes),
                column("bus", "/tran", plain),
                column("model", "/model", plain),
                column("serial number", "/serial", plain),
                column("WWN", "/wwn", plain),
            ],
        },
        Part::Facts(&[column("root disk without hints", "/root_disk/name", plain)]),
    ],
};

const NETWORK: Section = Section {
    name: "network",
    title: "Network ports",
    parts: &[Part::Rows {
        list: "/inventory/interfaces",
        columns: &[
            column("port", "/name", plain),
            column("MAC address", "/mac_address", plain),
            column("link", "/has_carrier", plain),
            column("speed", "/speed_mbps", mbps),
            column("driver", "/driver", plain),
            column("PCI", "/pci_address", plain),
            column("IPv4", "/ipv4_address", plain),
        ],
    }],
};
