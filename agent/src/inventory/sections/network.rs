// SPDX-License-Identifier: Apache-2.0
//! Network ports, what is plugged into them, and who is at the other end.

use super::column;
use crate::inventory::layout::{Part, Section};
use crate::inventory::words::{mbps, plain};

pub(super) const PORTS: Section = Section {
    name: "network",
    title: "Network ports",
    parts: &[
        Part::Rows {
            list: "/ironseed/hardware/network",
            columns: &[
                column("port", "/name", plain),
                column("MAC address", "/permanent_mac", plain),
                column("carrier", "/carrier", plain),
                column("speed", "/speed_mbps", mbps),
                column("at most", "/max_speed_mbps", mbps),
                column("kind", "/port_type", plain),
                column("driver", "/driver", plain),
                column("firmware", "/firmware_version", plain),
                column("PCI", "/pci_address", plain),
            ],
        },
        Part::Rows {
            list: "/inventory/interfaces",
            columns: &[
                column("interface", "/name", plain),
                column("address for Ironic", "/mac_address", plain),
                column("IPv4", "/ipv4_address", plain),
                column("IPv6", "/ipv6_address", plain),
            ],
        },
    ],
};

pub(super) const TRANSCEIVERS: Section = Section {
    name: "transceivers",
    title: "Modules and cables in the ports",
    parts: &[Part::Rows {
        list: "/ironseed/hardware/network",
        columns: &[
            column("port", "/name", plain),
            column("form", "/transceiver/form_factor", plain),
            column("vendor", "/transceiver/vendor", plain),
            column("part number", "/transceiver/part_number", plain),
            column("serial number", "/transceiver/serial_number", plain),
            column("for", "/transceiver/compliance", plain),
            column("nm", "/transceiver/wavelength_nm", plain),
            column("cable m", "/transceiver/cable_metres", plain),
        ],
    }],
};

pub(super) const NEIGHBOURS: Section = Section {
    name: "neighbours",
    title: "Neighbours (LLDP)",
    parts: &[Part::Rows {
        list: "/ironseed/hardware/neighbours",
        columns: &[
            column("port", "/port", plain),
            column("switch", "/neighbour/system_name", plain),
            column("its port", "/neighbour/port_id/value", plain),
            column("port VLAN", "/neighbour/port_vlan", plain),
            column(
                "management address",
                "/neighbour/management_addresses/0/address",
                plain,
            ),
        ],
    }],
};
