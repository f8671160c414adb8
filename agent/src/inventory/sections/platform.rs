// SPDX-License-Identifier: Apache-2.0
//! The machine itself: identity, firmware, BMC, TPM, PCI, kernel.

use super::column;
use crate::inventory::layout::{Part, Section};
use crate::inventory::words::{plain, seconds};

pub(super) const MACHINE: Section = Section {
    name: "machine",
    title: "Machine",
    parts: &[Part::Facts(&[
        column(
            "manufacturer",
            "/ironseed/hardware/system/manufacturer",
            plain,
        ),
        column("product", "/ironseed/hardware/system/product", plain),
        column("version", "/ironseed/hardware/system/version", plain),
        column(
            "serial number",
            "/ironseed/hardware/system/serial_number",
            plain,
        ),
        column("UUID", "/ironseed/hardware/system/uuid", plain),
        column("board", "/ironseed/hardware/system/board/product", plain),
        column("chassis", "/ironseed/hardware/system/chassis/kind", plain),
        column("firmware", "/ironseed/hardware/firmware/version", plain),
        column(
            "firmware vendor",
            "/ironseed/hardware/firmware/vendor",
            plain,
        ),
        column("firmware date", "/ironseed/hardware/firmware/date", plain),
        column("boot mode", "/ironseed/hardware/firmware/boot_mode", plain),
        column(
            "Secure Boot",
            "/ironseed/hardware/firmware/secure_boot",
            plain,
        ),
        column("hardware profile", "/ironseed/profile/name", plain),
        column("because", "/ironseed/profile/reason", plain),
        column("SCS flavor suffix", "/ironseed/scs/suffix", plain),
    ])],
};

pub(super) const PCI: Section = Section {
    name: "pci",
    title: "PCI",
    parts: &[Part::Rows {
        list: "/ironseed/hardware/pci_devices",
        columns: &[
            column("address", "/address", plain),
            column("slot", "/slot", plain),
            column("class", "/class_name", plain),
            column("vendor", "/vendor", plain),
            column("ids", "/vendor_id", plain),
            column("", "/device_id", plain),
            column("driver", "/driver", plain),
            column("MT/s", "/link/speed_mts", plain),
            column("of", "/link/speed_max_mts", plain),
            column("lanes", "/link/width", plain),
            column("of", "/link/width_max", plain),
        ],
    }],
};

pub(super) const BMC: Section = Section {
    name: "bmc",
    title: "Management controller",
    parts: &[
        Part::Facts(&[
            column(
                "manufacturer",
                "/ironseed/hardware/bmc/device/manufacturer",
                plain,
            ),
            column(
                "firmware",
                "/ironseed/hardware/bmc/device/firmware_version",
                plain,
            ),
            column("IPMI", "/ironseed/hardware/bmc/device/ipmi_version", plain),
            column(
                "events logged",
                "/ironseed/hardware/bmc/event_log/entries",
                plain,
            ),
            column(
                "log overflowed",
                "/ironseed/hardware/bmc/event_log/overflow",
                plain,
            ),
        ]),
        Part::Rows {
            list: "/ironseed/hardware/bmc/lan_channels",
            columns: &[
                column("channel", "/channel", plain),
                column("IPv4", "/ipv4_address", plain),
                column("netmask", "/ipv4_netmask", plain),
                column("gateway", "/ipv4_gateway", plain),
                column("VLAN", "/vlan_id", plain),
                column("MAC address", "/mac_address", plain),
            ],
        },
        Part::Rows {
            list: "/ironseed/hardware/bmc/event_log/latest",
            columns: &[
                column("time", "/at", plain),
                column("severity", "/severity", plain),
                column("sensor", "/sensor", plain),
                column("event", "/event", plain),
            ],
        },
    ],
};

pub(super) const SENSORS: Section = Section {
    name: "sensors",
    title: "Sensors",
    parts: &[Part::Rows {
        list: "/ironseed/hardware/bmc/sensors",
        columns: &[
            column("sensor", "/name", plain),
            column("kind", "/kind", plain),
            column("value", "/value", plain),
            column("unit", "/unit", plain),
            column("status", "/status", plain),
            column("states", "/states", plain),
        ],
    }],
};

pub(super) const TPM: Section = Section {
    name: "tpm",
    title: "TPM",
    parts: &[Part::Rows {
        list: "/ironseed/hardware/tpms",
        columns: &[
            column("TPM", "/name", plain),
            column("version", "/version", plain),
            column("manufacturer", "/manufacturer", plain),
            column("firmware", "/firmware_version", plain),
            column("EK certificates", "/ek_certificates", plain),
            column("PCR banks", "/pcr_banks", plain),
        ],
    }],
};

pub(super) const BOOT: Section = Section {
    name: "boot",
    title: "Boot entries",
    parts: &[
        Part::Facts(&[
            column("order", "/ironseed/hardware/firmware/boot_order", plain),
            column(
                "booted by",
                "/ironseed/hardware/firmware/boot_current",
                plain,
            ),
            column("next once", "/ironseed/hardware/firmware/boot_next", plain),
        ]),
        Part::Rows {
            list: "/ironseed/hardware/firmware/boot_entries",
            columns: &[
                column("entry", "/number", plain),
                column("active", "/active", plain),
                column("label", "/label", plain),
                column("path", "/path", plain),
            ],
        },
    ],
};

pub(super) const KERNEL: Section = Section {
    name: "kernel",
    title: "Kernel",
    parts: &[
        Part::Facts(&[
            column("release", "/ironseed/hardware/kernel/release", plain),
            column("tainted by", "/ironseed/hardware/kernel/taints", plain),
            column(
                "command line",
                "/ironseed/hardware/kernel/command_line",
                plain,
            ),
            column(
                "errors logged",
                "/ironseed/hardware/kernel/errors/errors",
                plain,
            ),
            column(
                "hardware errors",
                "/ironseed/hardware/kernel/errors/hardware_errors",
                plain,
            ),
        ]),
        Part::Rows {
            list: "/ironseed/hardware/kernel/errors/last",
            columns: &[
                column("s", "/at_ms", seconds),
                column("level", "/level", plain),
                column("message", "/text", plain),
            ],
        },
    ],
};
