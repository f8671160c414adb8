// SPDX-License-Identifier: Apache-2.0
//! The table as it looks on a console of 80 columns.

use ironseed_core::network::report::{
    KnownLease, Lack, LinkReport, NeighbourReport, PlannedLink, RouteReport,
};

use super::*;

fn sample() -> Report {
    let lease = KnownLease {
        address: "192.0.2.9/24".into(),
        server: "192.0.2.1".into(),
        gateway: Some("192.0.2.1".into()),
        lifetime_s: Some(3600),
        ..KnownLease::default()
    };
    let link = |name: &str, state: &str| LinkReport {
        name: name.into(),
        kind: "ethernet".into(),
        mac: Some("52:54:00:12:34:56".into()),
        state: state.into(),
        mtu: 1500,
        ..LinkReport::default()
    };
    Report {
        version: 1,
        address: Some("192.0.2.9".into()),
        managed_by: Some("ironseed-agent".into()),
        links: vec![
            LinkReport {
                addresses: vec!["192.0.2.9/24".into(), "fe80::5054:ff:fe12:3456/64".into()],
                dhcp: Some("has an address".into()),
                lease: Some(lease),
                ..link("eno1", "up")
            },
            link("eno2", "no link"),
        ],
        routes: vec![RouteReport {
            destination: "default".into(),
            gateway: Some("192.0.2.1".into()),
            link: Some("eno1".into()),
            metric: 1000,
        }],
        neighbours: vec![NeighbourReport {
            link: "eno1".into(),
            system: Some("leaf1".into()),
            port: Some("Ethernet7".into()),
            port_vlan: Some(12),
            vlans: vec![100, 200],
        }],
        plan: vec![PlannedLink {
            name: "eno1".into(),
            device: "port".into(),
            addressing: vec!["dhcp4".into(), "slaac".into()],
            ..PlannedLink::default()
        }],
        missing: vec![Lack {
            code: "no-dns-server".into(),
            link: None,
            what: "there is no DNS server: only addresses work in URLs, no names".into(),
            next: "DHCP must send DNS servers (option 6), or the description must name them".into(),
        }],
        ..Report::default()
    }
}

#[test]
fn the_table_fits_a_console() {
    let text = table(&sample(), 80).expect("a table");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let golden = include_str!("table.txt");
    assert_eq!(text, golden, "\n{text}");
}

#[test]
fn every_column_is_in_the_report() {
    use crate::inventory::layout::Part;
    let data = serde_json::to_value(sample()).expect("JSON");
    for section in sections::ALL {
        for part in section.parts {
            match part {
                Part::Facts(columns) => {
                    for column in *columns {
                        assert!(data.pointer(column.pointer).is_some(), "{}", column.pointer);
                    }
                }
                Part::Rows { list, columns } => {
                    let first = &data.pointer(list).expect(list)[0];
                    for column in *columns {
                        let found = first.pointer(column.pointer);
                        assert!(found.is_some(), "{list}{}", column.pointer);
                    }
                }
            }
        }
    }
}

#[test]
fn a_machine_that_lacks_nothing_is_told_so() {
    let mut report = sample();
    report.missing.clear();
    let text = table(&report, 80).expect("a table");
    assert!(text.ends_with("Nothing is missing.\n"), "{text}");
}
