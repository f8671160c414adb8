// SPDX-License-Identifier: Apache-2.0
//! Files as Nova, Metal3 and people write them, and what each mistake is told
//! as.

use std::fmt::Write as _;

use super::{NetworkData, Problem, read};
use crate::network::description::{DescribedDevice, DescribedLink};
use crate::network::plan::Addressing;

/// A description as a person would write it down.
fn text(data: &NetworkData) -> String {
    let mut text = String::new();
    for link in &data.description.links {
        text.push_str(&line(link));
        for way in &link.addressing {
            let way = match way {
                Addressing::Static {
                    address,
                    prefix_len,
                } => format!("{address}/{prefix_len}"),
                other => format!("{other:?}"),
            };
            let _ = writeln!(text, "  {way}");
        }
        for route in &link.routes {
            let _ = writeln!(text, "  {route}");
        }
    }
    for address in &data.description.dns {
        let _ = writeln!(text, "dns {address}");
    }
    for domain in &data.description.search {
        let _ = writeln!(text, "search {domain}");
    }
    for server in &data.ntp {
        let _ = writeln!(text, "ntp {server}");
    }
    for warning in &data.warnings {
        let _ = writeln!(text, "warning {warning}");
    }
    text
}

fn line(link: &DescribedLink) -> String {
    let device = match &link.device {
        DescribedDevice::Port(port) => format!("port {port}"),
        DescribedDevice::Bond(bond) => {
            let options = bond.options.iter();
            let options: Vec<String> = options
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!(
                "bond {} of {} {}",
                bond.mode.name(),
                bond.ports.join("+"),
                options.join(" ")
            )
        }
        DescribedDevice::Vlan { parent, id } => format!("vlan {id} on {parent}"),
        DescribedDevice::Dummy => "dummy".into(),
    };
    let mtu = link
        .mtu
        .map_or_else(String::new, |mtu| format!(" mtu {mtu}"));
    let mac = link
        .mac
        .map_or_else(String::new, |mac| format!(" mac {mac}"));
    format!("{}: {device}{mac}{mtu}\n", link.name)
}

#[test]
fn files_of_every_writer_are_read() {
    let cases = [
        (
            include_str!("fixtures/nova.json"),
            include_str!("fixtures/nova.txt"),
        ),
        (
            include_str!("fixtures/metal3.json"),
            include_str!("fixtures/metal3.txt"),
        ),
        (
            include_str!("fixtures/by_name.json"),
            include_str!("fixtures/by_name.txt"),
        ),
        (
            include_str!("fixtures/dynamic.json"),
            include_str!("fixtures/dynamic.txt"),
        ),
        (
            include_str!("fixtures/odd.json"),
            include_str!("fixtures/odd.txt"),
        ),
    ];
    for (file, expected) in cases {
        let data = read(file.as_bytes()).unwrap_or_else(|problems| panic!("{problems}"));
        let found = text(&data.expect("a description"));
        assert_eq!(found, expected, "found:\n{found}");
        let with_mark = [b"\xef\xbb\xbf", file.as_bytes()].concat();
        assert!(read(&with_mark).is_ok());
    }
}

#[test]
fn nothing_is_not_a_network() {
    for file in ["{}", r#"{"links": [], "networks": [], "services": []}"#] {
        assert_eq!(read(file.as_bytes()), Ok(None), "{file}");
    }
}

/// Two ports, two bonds' worth of them, as `links`.
const PORTS: &str = r#"
    {"id": "a", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01"},
    {"id": "b", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:02"}"#;

fn problems(file: &str) -> Vec<String> {
    match read(file.as_bytes()) {
        Err(problems) => problems.problems.iter().map(Problem::to_string).collect(),
        Ok(data) => panic!("{file}: {data:?}"),
    }
}

/// What is wrong with two ports, more links and these networks.
fn of(links: &str, networks: &str) -> Vec<String> {
    let links = match links {
        "" => PORTS.to_owned(),
        links => format!("{PORTS}, {links}"),
    };
    problems(&format!(
        r#"{{"links": [{links}], "networks": [{networks}], "services": []}}"#
    ))
}

#[test]
fn another_schema_is_named() {
    let cases = [
        (
            "network: {version: 2}",
            "wanted JSON, found none: expected ident at line 1 column 2",
        ),
        (
            "",
            "wanted JSON, found none: EOF while parsing a value at line 1 column 0",
        ),
        (
            "[]",
            "wanted Nova's network data, an object with links, networks and services; found a list",
        ),
        (
            r#"{"version": 1, "config": []}"#,
            "wanted Nova's network data, an object with links, networks and services; found an object with config (a list), version (a value)",
        ),
        (
            r#"{"links": [], "network": []}"#,
            "wanted Nova's network data, an object with links, networks and services; found an object with links (a list), network (a list)",
        ),
    ];
    for (file, expected) in cases {
        assert_eq!(problems(file), [expected], "{file}");
    }
}

#[test]
fn what_contradicts_itself_in_links_is_named() {
    let bond = |id: &str, ports: &str| {
        format!(
            r#"{{"id": "{id}", "type": "bond", "bond_mode": "802.3ad", "bond_links": [{ports}]}}"#
        )
    };
    let vlan = |id: &str, link: &str, tag: &str| {
        format!(r#"{{"id": "{id}", "type": "vlan", "vlan_link": "{link}", "vlan_id": {tag}}}"#)
    };
    let cases = [
        (
            bond("x", r#""a", "c""#),
            "links[2].bond_links[1] (x): wanted the id of a link, found c; the links are a, b, x",
        ),
        (
            vlan("x", "c", "1"),
            "links[2].vlan_link (x): wanted the id of a link, found c; the links are a, b, x",
        ),
        (
            vlan("x", "a", "4095"),
            "links[2].vlan_id (x): wanted a VLAN from 1 to 4094, found 4095",
        ),
        (
            vlan("x", "a", "\"0\""),
            "links[2].vlan_id (x): wanted a VLAN from 1 to 4094, found 0",
        ),
        (
            vlan("x", "a", "null"),
            "links[2].vlan_id (x): wanted a VLAN from 1 to 4094, found nothing",
        ),
        (
            [vlan("x", "a", "7"), vlan("y", "a", "7")].join(","),
            "links[3] (y): the VLAN 7 on a is already that of links[2] (x)",
        ),
        (
            [bond("x", r#""a""#), bond("y", r#""b", "a""#)].join(","),
            "links[3].bond_links[1] (y): a is already a port of the bond x",
        ),
        (
            [bond("x", r#""a""#), vlan("y", "a", "7")].join(","),
            "links[3].vlan_link (y): a is a port of the bond x; wanted the bond itself here",
        ),
        (
            bond("x", ""),
            "links[2].bond_links (x): wanted the ids of its ports, found nothing",
        ),
        (
            bond("x", r#""x""#),
            "links[2] (x): the link lies on itself: x on x",
        ),
        (
            [vlan("x", "z", "1"), vlan("y", "x", "1"), vlan("z", "y", "1")].join(","),
            "links[2] (x): the link lies on itself: x on z on y on x",
        ),
        (
            bond("x", r#""a""#).replace("802.3ad", "lacp"),
            "links[2].bond_mode (x): wanted balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb or their numbers 0 to 6, found lacp",
        ),
        (
            bond("x", r#""a""#).replace(r#""bond_mode""#, r#""bond_primary": "b", "bond_mode""#),
            "links[2].bond_primary (x): wanted the id of one of the bond's ports, found b",
        ),
        (
            vlan("a", "b", "7"),
            "links[2] (a): the id a is already that of links[0] (a)",
        ),
        (
            r#"{"id": "c", "type": "phy", "ethernet_mac_address": "52-54-00-00-00-02"}"#.into(),
            "links[2] (c): the MAC address 52:54:00:00:00:02 is already that of links[1] (b)",
        ),
        (
            r#"{"id": "x", "type": "bond", "bond_mode": 1, "bond_links": ["b"], "ethernet_mac_address": "52:54:00:00:00:01"}"#.into(),
            "links[2] (x): the MAC address 52:54:00:00:00:01 is already that of links[0] (a)",
        ),
        (
            r#"{"id": "c", "type": "phy", "ethernet_mac_address": "80:00:02:08:fe:80::1"}"#.into(),
            "links[2].ethernet_mac_address (c): wanted an Ethernet address of one card such as 52:54:00:12:34:56, found 80:00:02:08:fe:80::1",
        ),
        (
            r#"{"id": "2ecc7709-b3f7-4448-9580-e1ec32d75bbd", "type": "phy"}"#.into(),
            "links[2].ethernet_mac_address (2ecc7709-b3f7-4448-9580-e1ec32d75bbd): wanted an Ethernet address of one card such as 52:54:00:12:34:56, found nothing",
        ),
        (
            r#"{"type": "phy", "ethernet_mac_address": "52:54:00:00:00:03"}"#.into(),
            "links[2].id: wanted the id of the link, found nothing",
        ),
        (
            r#""eth0""#.into(),
            "links[2]: wanted an object, found \"eth0\"",
        ),
        (
            r#"{"id": "x", "type": "vlan", "vlan_link": "a", "vlan_id": 1, "mtu": 70000}"#.into(),
            "links[2].mtu (x): wanted an MTU from 68 to 65535 bytes, found 70000",
        ),
        (
            r#"{"id": "c", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:03", "mtu": 1500},
               {"id": "x", "type": "vlan", "vlan_link": "c", "vlan_id": 1, "mtu": 9000}"#.into(),
            "links[3].mtu (x): wanted at most the 1500 bytes of c, found 9000",
        ),
        (
            r#"{"id": "c", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:03", "mtu": 500}"#.into(),
            "links[2].mtu (c): wanted at least 576 bytes for IPv4, found 500",
        ),
    ];
    for (links, expected) in cases {
        assert_eq!(of(&links, ""), [expected], "{links}");
    }
    let tower: Vec<String> = (0..8)
        .map(|level| match level {
            0 => vlan("v0", "a", "1"),
            level => vlan(&format!("v{level}"), &format!("v{}", level - 1), "1"),
        })
        .collect();
    assert_eq!(
        of(&tower.join(","), ""),
        ["links[9] (v7): wanted at most 8 links on top of each other, found more"]
    );
    let lower = format!(
        r#"{{"links": [{PORTS}, {}], "networks": []}}"#,
        tower[..7].join(",")
    );
    assert!(read(lower.as_bytes()).is_ok());
}

#[test]
fn what_contradicts_itself_in_networks_is_named() {
    let on = |link: &str, address: &str, gateway: &str| {
        format!(
            r#"{{"id": "n", "type": "ipv4", "link": "{link}", "ip_address": "{address}", "gateway": "{gateway}"}}"#
        )
    };
    let with = |more: &str| format!(r#"{{"id": "n", "link": "a", {more}}}"#);
    let cases = [
        (
            with(r#""type": "ipv4_dhcp""#).replace("\"a\"", "\"c\""),
            "networks[0].link (n): wanted the id of a link, found c; the links are a, b",
        ),
        (
            with(r#""type": "ipx""#),
            "networks[0].type (n): wanted ipv4, ipv4_dhcp, ipv6, ipv6_dhcp, ipv6_slaac, ipv6_dhcpv6-stateful or ipv6_dhcpv6-stateless, found ipx",
        ),
        (
            with(r#""type": "ipv4""#),
            "networks[0].ip_address (n): wanted an IPv4 address, found nothing",
        ),
        (
            with(r#""type": "ipv4", "ip_address": "192.0.2.7""#),
            "networks[0].netmask (n): wanted a netmask or a prefix length, found nothing",
        ),
        (
            with(r#""type": "ipv4", "ip_address": "192.0.2.7", "netmask": "255.0.255.0""#),
            "networks[0].netmask (n): wanted the mask of ip_address, found 255.0.255.0",
        ),
        (
            with(r#""type": "ipv4", "ip_address": "192.0.2.7/24", "netmask": "255.255.0.0""#),
            "networks[0].netmask (n): wanted the mask of ip_address, found 255.255.0.0",
        ),
        (
            with(r#""type": "ipv4", "ip_address": "2001:db8::1/64""#),
            "networks[0].ip_address (n): wanted an IPv4 address, found 2001:db8::1/64",
        ),
        (
            with(r#""type": "ipv6", "ip_address": "2001:db8::1/129""#),
            "networks[0].ip_address (n): wanted an IPv6 address, found 2001:db8::1/129",
        ),
        (
            with(r#""type": "ipv4", "ip_address": "192.0.2.255/24""#),
            "networks[0].ip_address (n): wanted an address that a machine in this network can have, found 192.0.2.255/24",
        ),
        (
            [on("a", "192.0.2.7/24", ""), on("b", "192.0.2.7/24", "")].join(","),
            "networks[1].ip_address (n): the address 192.0.2.7 is already that of networks[0] (n)",
        ),
        (
            [
                on("a", "192.0.2.7/24", "192.0.2.1"),
                on("b", "198.51.100.7/24", "198.51.100.1"),
            ]
            .join(","),
            "networks[1].gateway (n): a second default route for IPv4, default via 198.51.100.1 on b; the first is default via 192.0.2.1 on a; wanted one for the whole machine",
        ),
        (
            on("a", "192.0.2.7/24", "192.0.2.7"),
            "networks[0].gateway (n): the gateway 192.0.2.7 cannot be reached through a: it is the address of a itself",
        ),
        (
            [
                on("a", "192.0.2.7/24", "198.51.100.1"),
                on("b", "198.51.100.7/24", ""),
            ]
            .join(","),
            "networks[0].gateway (n): the gateway 198.51.100.1 cannot be reached through a: it is in the network of b",
        ),
        (
            on("a", "192.0.2.7/24", "224.0.0.1"),
            "networks[0].gateway (n): wanted an IPv4 address, found 224.0.0.1",
        ),
        (
            with(
                r#""type": "ipv4", "ip_address": "192.0.2.7/24", "routes": [
                {"network": "10.0.0.0", "netmask": "255.0.0.0", "gateway": "192.0.2.1"},
                {"network": "10.0.0.0", "netmask": "255.0.0.0", "gateway": "192.0.2.2"}]"#,
            ),
            "networks[0].routes[1].gateway (n): the destination 10.0.0.0/8 is already that of networks[0].routes[0].gateway (n)",
        ),
        (
            with(
                r#""type": "ipv4_dhcp", "routes": [{"network": "10.0.0.0", "gateway": "192.0.2.1"}]"#,
            ),
            "networks[0].routes[0].netmask (n): wanted a netmask or a prefix length, found nothing",
        ),
        (
            with(r#""type": "ipv4_dhcp", "services": [{"type": "dns", "address": "ns.example"}]"#),
            "networks[0].services[0].address (n): wanted an IP address, found ns.example",
        ),
        (
            with(
                r#""type": "ipv4_dhcp", "dns_search": ["good.example", "x\nnameserver 192.0.2.66"]"#,
            ),
            "networks[0].dns_search[1] (n): wanted a domain name, found x?nameserver 192.0.2.66",
        ),
        (
            with(r#""type": "ipv4_dhcp", "routes": {}"#),
            "networks[0].routes (n): wanted a list, found an object",
        ),
    ];
    for (networks, expected) in cases {
        assert_eq!(of("", &networks), [expected], "{networks}");
    }
    let bonded = r#"{"id": "x", "type": "bond", "bond_mode": 1, "bond_links": ["a", "b"]}"#;
    assert_eq!(
        of(bonded, &with(r#""type": "ipv4_dhcp""#)),
        ["networks[0].link (n): a is a port of the bond x; wanted the bond itself here"]
    );
    let small = r#"{"id": "x", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:03", "mtu": 1279},
        {"id": "y", "type": "vlan", "vlan_link": "x", "vlan_id": 9}"#;
    let slaac = r#"{"id": "n", "type": "ipv6_slaac", "link": "y"}"#;
    assert_eq!(
        of(small, slaac),
        ["links[3].mtu (y): wanted at least 1280 bytes for IPv6, found 1279"]
    );
}

#[test]
fn all_problems_are_told_at_once_and_in_short() {
    let links = r#"
        {"id": "x", "type": "bond", "bond_mode": "best", "bond_links": ["a", "c"]},
        {"id": "y", "type": "vlan", "vlan_link": "x", "vlan_id": 0}"#;
    let networks = r#"
        {"id": "n", "type": "ipv4", "link": "x", "ip_address": "192.0.2.300"},
        {"id": "m", "type": "ipv4_dhcp", "link": "z"}"#;
    let found = of(links, networks);
    let keys: Vec<&str> = found
        .iter()
        .filter_map(|text| text.split(' ').next())
        .collect();
    assert_eq!(
        keys,
        [
            "links[2].bond_mode",
            "links[3].vlan_id",
            "networks[0].ip_address",
            "networks[1].link"
        ]
    );
    let many = vec![r#"{"id": "n", "type": "ipv4_dhcp", "link": "nowhere"}"#; 600].join(",");
    let file = format!(r#"{{"links": [{PORTS}], "networks": [{many}]}}"#);
    let Err(problems) = read(file.as_bytes()) else {
        panic!("it was read");
    };
    assert_eq!(problems.problems.len(), 513);
    let text = problems.to_string();
    assert!(
        text.starts_with("networks: wanted at most 512 of them, found 600; "),
        "{text}"
    );
    assert!(text.ends_with("; and 493 more"), "{text}");
    assert!(text.len() < 4000, "{}", text.len());
}
