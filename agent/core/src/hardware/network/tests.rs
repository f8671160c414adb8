// SPDX-License-Identifier: Apache-2.0
//! A port of each kind, from a snapshot to the report.

use super::*;
use crate::snapshot::{
    Bytes, DriverInfo, Entry, FecParameters, LinkSettings, ModuleEeprom, ModulePage, PageAddress,
    Snapshot,
};

fn source_of(snapshot: &Snapshot) -> Source<'_> {
    Source {
        snapshot,
        files: &snapshot.files,
        smbios: &[],
    }
}

fn put(snapshot: &mut Snapshot, path: &str, text: &str) {
    snapshot.files.insert(path, Entry::File(Bytes::from(text)));
}

/// A ConnectX port with a link of 25 Gbit/s, and a bond above it.
fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let device = "/sys/devices/pci0000:3a/0000:3b:00.0";
    let port = format!("{device}/net/eno1");
    for (link, target) in [
        ("/sys/class/net/eno1".to_owned(), port.clone()),
        (format!("{port}/device"), device.to_owned()),
        (format!("{device}/subsystem"), "/sys/bus/pci".to_owned()),
        (
            format!("{device}/driver"),
            "/sys/bus/pci/drivers/mlx5_core".to_owned(),
        ),
    ] {
        snapshot.files.insert(link, Entry::Link(target));
    }
    let bond = Entry::Directory;
    snapshot.files.insert("/sys/class/net/bond0/bonding", bond);
    for (attribute, text) in [
        ("carrier", "1\n"),
        ("carrier_changes", "3\n"),
        ("mtu", "9000\n"),
        ("phys_port_name", "p0\n"),
        ("phys_switch_id", "b8599f0020bbe\n"),
    ] {
        put(&mut snapshot, &format!("{port}/{attribute}"), text);
    }
    for (attribute, text) in [
        ("sriov_totalvfs", "8\n"),
        ("sriov_numvfs", "2\n"),
        ("infiniband/mlx5_0/node_guid", "b859:9f03:0020:0bbe\n"),
        ("infiniband/mlx5_0/fw_ver", "16.35.4030\n"),
        ("infiniband/mlx5_0/ports/1/state", "4: ACTIVE\n"),
        ("infiniband/mlx5_0/ports/1/rate", "25 Gb/sec (1X EDR)\n"),
        ("infiniband/mlx5_0/ports/1/link_layer", "Ethernet\n"),
    ] {
        put(&mut snapshot, &format!("{device}/{attribute}"), text);
    }
    snapshot.links.push(NetworkLink {
        name: "eno1".into(),
        alternative_names: vec!["enp59s0f0np0".into()],
        address: vec![0xb8, 0x59, 0x9f, 0, 0, 2],
        permanent_address: vec![0xb8, 0x59, 0x9f, 0, 0, 1],
        speed_mbps: Some(25_000),
        max_speed_mbps: Some(25_000),
        driver: Some(DriverInfo {
            driver: "mlx5_core".into(),
            version: "6.12.48".into(),
            firmware_version: "16.35.4030 (MT_0000000080)".into(),
            ..DriverInfo::default()
        }),
        settings: Some(LinkSettings {
            speed: 25_000,
            duplex: 1,
            port: 5,
            autoneg: 1,
            // 1000baseKX, 10000baseKR, FIBRE, Autoneg; 25000baseCR, FEC RS.
            supported: vec![1 << 17 | 1 << 19 | 1 << 10 | 1 << 6 | 1 << 31, 1 << 18],
            advertised: vec![1 << 31],
            partner: vec![1 << 19 | 1 << 31],
        }),
        fec: Some(FecParameters {
            active: 1 << 3,
            configured: 1 << 1,
        }),
        module: Some(ModuleEeprom {
            pages: vec![ModulePage {
                address: PageAddress::LOWER,
                bytes: Bytes(vec![0x03]),
            }],
            error: Some("Input/output error".into()),
        }),
        ..NetworkLink::default()
    });
    snapshot
}

#[test]
fn a_port_in_depth() {
    let snapshot = snapshot();
    let mut absent = Absences::default();
    let ports = read(&source_of(&snapshot), &mut absent);
    assert_eq!(ports.len(), 1, "the bond is no port");
    let port = &ports[0];
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    assert_eq!(port.alternative_names, ["enp59s0f0np0"]);
    assert_eq!(text(&port.permanent_mac), "b8:59:9f:00:00:01");
    assert_eq!(text(&port.mac), "b8:59:9f:00:00:02");
    assert_eq!(text(&port.pci_address), "0000:3b:00.0");
    assert_eq!(text(&port.driver), "mlx5_core");
    assert_eq!(text(&port.firmware_version), "16.35.4030 (MT_0000000080)");
    assert_eq!(text(&port.port_type), "DA");
    assert_eq!((port.carrier, port.carrier_changes), (Some(true), Some(3)));
    assert_eq!(port.mtu, Some(9000));
    assert_eq!(port.duplex, Some(Duplex::Full));
    assert_eq!(port.autonegotiation, Some(true));
    assert_eq!(port.partner_max_speed_mbps, Some(25_000));
    assert_eq!(
        port.link_modes.supported,
        ["1000baseKX/Full", "10000baseKR/Full", "25000baseCR/Full"]
    );
    assert_eq!(port.link_modes.port_types, ["FIBRE"]);
    assert_eq!(port.link_modes.fec, ["RS"]);
    assert_eq!(text(&port.fec.clone().expect("fec").active), "RS");
    assert_eq!(
        port.sriov,
        Some(Sriov {
            total: 8,
            enabled: 2
        })
    );
    assert!(!port.is_virtual_function);
    assert_eq!(port.rdma[0].name, "mlx5_0");
    assert_eq!(text(&port.rdma[0].ports[0].state), "ACTIVE");
    let transceiver = port.transceiver.as_ref().expect("what was read of it");
    assert_eq!(text(&transceiver.form_factor), "SFP/SFP+/SFP28");
    let absent = absent.into_list();
    assert_eq!(absent.len(), 1);
    assert_eq!(absent[0].reason, "Input/output error");
}

#[test]
fn a_captured_tree_without_netlink_says_what_is_missing() {
    let mut snapshot = snapshot();
    snapshot.links.clear();
    let mut absent = Absences::default();
    let ports = read(&source_of(&snapshot), &mut absent);
    assert_eq!(ports[0].carrier, Some(true));
    assert_eq!(ports[0].permanent_mac, None);
    let absent = absent.into_list();
    assert_eq!((absent[0].subject.as_str(), absent.len()), ("eno1", 1));
}

#[test]
fn a_module_that_cannot_be_read_is_an_absence_where_there_may_be_one() {
    for (port_type, expected) in [(3, 1), (5, 1), (0, 0), (0xff, 0)] {
        let mut snapshot = snapshot();
        let link = &mut snapshot.links[0];
        link.module = None;
        link.settings.as_mut().expect("settings").port = port_type;
        let mut absent = Absences::default();
        let ports = read(&source_of(&snapshot), &mut absent);
        assert_eq!(ports[0].transceiver, None);
        assert_eq!(absent.into_list().len(), expected, "{port_type}");
    }
}
