// SPDX-License-Identifier: Apache-2.0
//! The sections of the report for people, in the order of questions: is there an
//! address, what is missing, and then everything in detail.

use serde_json::Value;

use crate::inventory::layout::{Part, Section, column};
use crate::inventory::words::plain;

/// Every section. Pointers lead into the report.
pub(super) const ALL: &[Section] = &[
    Section {
        name: "network",
        title: "Network",
        parts: &[Part::Facts(&[
            column("address", "/address", plain),
            column("managed by", "/managed_by", plain),
            column("described by", "/described_by", plain),
            column("waiting for", "/waiting_for", plain),
            column("DNS servers", "/dns_servers", plain),
            column("search", "/search_domains", plain),
        ])],
    },
    Section {
        name: "missing",
        title: "What is missing",
        parts: &[Part::Rows {
            list: "/missing",
            columns: &[
                column("what", "/what", plain),
                column("check next", "/next", plain),
            ],
        }],
    },
    Section {
        name: "links",
        title: "Links",
        parts: &[Part::Rows {
            list: "/links",
            columns: &[
                column("link", "/name", plain),
                column("kind", "/kind", plain),
                column("state", "/state", plain),
                column("in", "/controller", plain),
                column("MTU", "/mtu", plain),
                column("MAC address", "/mac", plain),
                column("addresses", "/addresses", lines),
            ],
        }],
    },
    Section {
        name: "dhcp",
        title: "DHCPv4",
        parts: &[Part::Rows {
            list: "/links",
            columns: &[
                column("link", "/name", plain),
                column("state", "/dhcp", plain),
                column("address", "/lease/address", plain),
                column("server", "/lease/server", plain),
                column("gateway", "/lease/gateway", plain),
                column("seconds", "/lease/lifetime_s", plain),
            ],
        }],
    },
    Section {
        name: "ipv6",
        title: "DHCPv6 and routers",
        parts: &[Part::Rows {
            list: "/links",
            columns: &[
                column("link", "/name", plain),
                column("state", "/dhcp6", plain),
                column("address", "/lease6/address", plain),
                column("server", "/lease6/server", plain),
                column("seconds", "/lease6/lifetime_s", plain),
                column("routers", "/routers", lines),
            ],
        }],
    },
    Section {
        name: "lacp",
        title: "LACP",
        parts: &[Part::Rows {
            list: "/links",
            columns: &[
                column("link", "/name", plain),
                column("bond", "/controller", plain),
                column("state", "/lacp", plain),
            ],
        }],
    },
    Section {
        name: "bgp",
        title: "BGP",
        parts: &[Part::Rows {
            list: "/links",
            columns: &[
                column("link", "/name", plain),
                column("state", "/bgp/state", plain),
                column("neighbour", "/bgp/neighbour", plain),
                column("its AS", "/bgp/neighbour_as", plain),
                column("networks", "/bgp/networks", lines),
                column("problem", "/bgp/problem", plain),
            ],
        }],
    },
    Section {
        name: "routes",
        title: "Routes",
        parts: &[Part::Rows {
            list: "/routes",
            columns: &[
                column("to", "/destination", plain),
                column("via", "/gateway", plain),
                column("link", "/link", plain),
                column("metric", "/metric", plain),
            ],
        }],
    },
    Section {
        name: "neighbours",
        title: "Neighbours (LLDP)",
        parts: &[Part::Rows {
            list: "/neighbours",
            columns: &[
                column("link", "/link", plain),
                column("switch", "/system", plain),
                column("its port", "/port", plain),
                column("port VLAN", "/port_vlan", plain),
                column("VLANs", "/vlans", plain),
            ],
        }],
    },
    Section {
        name: "plan",
        title: "Plan",
        parts: &[Part::Rows {
            list: "/plan",
            columns: &[
                column("link", "/name", plain),
                column("what", "/device", plain),
                column("on", "/on", plain),
                column("addresses", "/addressing", lines),
                column("routes", "/routes", lines),
                column("MTU", "/mtu", plain),
            ],
        }],
    },
];

/// Each item of a list on a line of its own: addresses are long.
fn lines(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("\n"),
        other => plain(other),
    }
}
