// SPDX-License-Identifier: Apache-2.0
//! The table as it looks on a console of 80 columns.

use ironseed_core::network::report::{
    BgpReport, KnownLease, Lack, LinkReport, NeighbourReport, PlannedLink, RouteReport,
};

use ironseed_core::network::report::Process;
use ironseed_core::network::{HeardVlans, Link, MacAddr};

use super::*;

fn sample() -> Report {
    let lease = KnownLease {
        address: "192.0.2.9/24".into(),
        server: "192.0.2.1".into(),
        gateway: Some("192.0.2.1".into()),
        lifetime_s: Some(3600),
        ..KnownLease::default()
    };
    let lease6 = KnownLease {
        address: "2001:db8::9/128".into(),
        server: "fe80::1".into(),
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
                dhcp6: Some("has an address".into()),
                lease6: Some(lease6),
                routers: vec!["fe80::1".into()],
                lacp: Some("the switch has no LACP here; the port works alone".into()),
                controller: Some("bond0".into()),
                bgp: Some(BgpReport {
                    state: "active".into(),
                    neighbour: Some("fe80::1".into()),
                    problem: Some("the neighbour refuses AS 4210002003".into()),
                    ..BgpReport::default()
                }),
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

/// A tree of files, below a root of its own.
#[expect(
    clippy::disallowed_methods,
    reason = "the test makes the files that are read"
)]
fn tree(files: &[(&str, String)]) -> (tempfile::TempDir, Root) {
    let directory = tempfile::tempdir().expect("a directory");
    for (path, content) in files {
        let path = directory.path().join(path);
        let parent = path.parent().expect("a parent");
        std::fs::create_dir_all(parent).expect("make");
        std::fs::write(&path, content).expect("write");
    }
    let root = Root::open(directory.path()).expect("open");
    (directory, root)
}

#[test]
fn what_a_process_that_is_gone_wrote_does_not_count() {
    let known = Knowledge {
        process: Process {
            pid: 7,
            started: 300,
        },
        manages: true,
        ..Knowledge::default()
    };
    let written = serde_json::to_string(&known).expect("JSON");
    let stat = |started: u64| format!("7 (agent) S {}{started} 0\n", "0 ".repeat(18));
    for (started, counts) in [(300, true), (301, false)] {
        let (_directory, root) = tree(&[
            ("run/ironseed/network.json", written.clone()),
            ("proc/7/stat", stat(started)),
        ]);
        assert_eq!(knowledge(&root).is_some(), counts, "{started}");
    }
    let (_directory, root) = tree(&[("proc/7/stat", stat(300))]);
    assert_eq!(knowledge(&root), None);
    assert!(!root.exists("/run/ironseed"), "nothing is made");
}

fn card(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.into(),
        kind: LinkKind::Ethernet,
        mac: Some(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0x56])),
        internal: false,
        details: ironseed_core::network::LinkDetails::default(),
        permanent: None,
        up: true,
        carrier: true,
        carrier_ups: 1,
        mtu: 1500,
        controller: None,
    }
}

#[test]
fn a_plan_follows_the_command_line_then_the_firmware() {
    let ibft = |name: &str, value: &str| {
        let path = format!("sys/firmware/ibft/ethernet0/{name}");
        (path, format!("{value}\n"))
    };
    let firmware = [
        ibft("flags", "3"),
        ibft("mac", "52:54:00:12:34:56"),
        ibft("ip-addr", "192.0.2.15"),
        ibft("prefix-len", "24"),
    ];
    let mut files: Vec<(&str, String)> = firmware
        .iter()
        .map(|(path, value)| (path.as_str(), value.clone()))
        .collect();
    files.push((
        "proc/cmdline",
        "quiet ipa-enable-vlan-interfaces=eth0.5\n".into(),
    ));
    let (_directory, root) = tree(&files);
    let links = [card(2, "eth0")];
    let heard = HeardVlans::new();
    let planned = |words: Option<&str>| {
        planned_network(&Told {
            root: &root,
            words,
            network_data: None,
            links: &links,
            heard: &heard,
        })
    };
    let shown = |words| {
        let plan = planned(words).expect("a plan");
        let links: Vec<String> = plan
            .links
            .iter()
            .map(|link| format!("{} {}", link.name, link.addressing.join(" ")))
            .collect();
        (plan.described_by.unwrap_or_default(), links, plan.missing)
    };
    let (source, links_by_firmware, _) = shown(None);
    assert_eq!(source, "the iSCSI boot firmware table");
    assert_eq!(
        links_by_firmware,
        ["eth0 192.0.2.15/24", "eth0.5 dhcp4 slaac"]
    );
    let (source, links_by_words, missing) = shown(Some("ip=eth0:auto6 ip=eth1:dhcp"));
    assert_eq!(source, "the kernel command line");
    assert_eq!(links_by_words, ["eth0 slaac"]);
    assert_eq!(missing, ["eth1: this machine has no port eth1"]);
    let error = planned(Some("ip=eth0:dhcpx")).expect_err("a bad word");
    assert!(error.to_string().contains("did you mean dhcp?"), "{error}");
}
