// SPDX-License-Identifier: Apache-2.0
//! `[match]` by hardware, `[expect]`, `[layout]` and the quirks' arguments.

use super::{BASE, RICH};
use crate::amount::Amount;
use crate::expect::{Date, DiskKind};
use crate::layout::{MaxSize, RaidSize};
use crate::profile::Architecture;
use crate::quirk::QuirkKind;
use crate::{MachineFacts, ProfileSet};

fn rich_set() -> ProfileSet {
    ProfileSet::parse(&[("base.toml", BASE), ("rich.toml", RICH)]).unwrap()
}

fn rich_machine() -> MachineFacts {
    MachineFacts {
        architecture: Some(Architecture::X86_64),
        system_manufacturer: "Dell Inc.".to_owned(),
        cpu_vendor: "GenuineIntel".to_owned(),
        cpu_model: "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz".to_owned(),
        sockets: Some(2),
        memory_gib: Some(512),
        disks: Some(4),
        nics: Some(4),
        pci: [("8086:159b", 2), ("10de:2330", 1)]
            .map(|(id, count)| (id.parse().unwrap(), count))
            .into(),
        ..MachineFacts::default()
    }
}

#[test]
fn hardware_decides_and_the_reason_says_so() {
    let set = rich_set();
    let chosen = set.select(&rich_machine());
    assert_eq!(chosen.profile.name, "rich");
    for part in [
        "sockets \"2\" fits \"2\"",
        "memory_gib \"512\" fits \"at least 256\"",
        "pci 8086:159b \"2\" fits \"at least 2\"",
        "pci 10de:2330 \"1\" fits \"at least 1\"",
    ] {
        assert!(chosen.reason.contains(part), "{part}: {}", chosen.reason);
    }
}

#[test]
fn one_fact_that_does_not_fit_is_enough() {
    let changes: [fn(&mut MachineFacts); 7] = [
        |facts| facts.cpu_vendor = "AuthenticAMD".to_owned(),
        |facts| facts.cpu_model = "Intel(R) Xeon(R) Silver 4210".to_owned(),
        |facts| facts.sockets = None,
        |facts| facts.memory_gib = Some(255),
        |facts| facts.disks = Some(9),
        |facts| facts.nics = Some(3),
        |facts| facts.pci = [("8086:159b".parse().unwrap(), 2)].into(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut facts = rich_machine();
        change(&mut facts);
        assert_eq!(rich_set().select(&facts).profile.name, "base", "{index}");
    }
}

#[test]
fn every_table_is_read() {
    let set = rich_set();
    let rich = set.get("rich").unwrap();
    let expect = &rich.expect;
    assert_eq!(expect.sockets, Some(Amount::exactly(2)));
    assert_eq!(expect.dimms.slots.as_ref().unwrap(), &["A1", "B2"]);
    let nic = &expect.nics.as_ref().unwrap()[0];
    assert_eq!(nic.min_speed_mbps, Some(25_000));
    let neighbours = nic.neighbours.as_ref().unwrap();
    assert_eq!(neighbours.distinct, Some(Amount::exactly(2)));
    assert_eq!(expect.neighbours.distinct, Some(Amount::at_least(2)));
    let disk = &expect.disks.as_ref().unwrap()[0];
    assert_eq!(
        (disk.kind, disk.count),
        (DiskKind::Nvme, Amount::at_least(2))
    );
    assert_eq!(expect.firmware.bios_date, Date::new(2020, 11, 12));
    assert_eq!((expect.secure_boot, expect.tpm), (Some(true), Some(2)));
    let raid = rich.layout.raid.as_ref().unwrap();
    assert_eq!(raid.logical_disks[0].size_gb, RaidSize::Text(MaxSize::Max));
    let network = rich.layout.network.as_ref().unwrap();
    assert_eq!(
        network.bonds[0].ports[0].pci.as_deref(),
        Some("0000:3b:00.0")
    );
    assert_eq!(network.vlans[0].id, 104);
    let ignored = QuirkKind::IgnoreInterface {
        driver: Some("cdc_ether".to_owned()),
        mac_prefix: Some("be:3a:f2".to_owned()),
        usb: Some("413c:a102".parse().unwrap()),
    };
    assert_eq!(rich.quirks[1].kind, ignored);
}

#[test]
fn a_child_overrides_field_by_field() {
    let child = "name = \"child\"\ndescription = \"c\"\nextends = \"rich\"\n\
        [match]\nsystem_sku = [\"1\"]\n[expect]\nsockets = 1\n[expect.dimms]\ncount = 8\n\
        [expect.firmware]\nbios_version = \"3\"\n[layout.root_device]\nmodel = \"BOSS\"\n";
    let set = ProfileSet::parse(&[
        ("base.toml", BASE),
        ("rich.toml", RICH),
        ("child.toml", child),
    ])
    .unwrap();
    let (rich, child) = (set.get("rich").unwrap(), set.get("child").unwrap());
    assert_eq!(child.expect.sockets, Some(Amount::exactly(1)));
    assert_eq!(child.expect.dimms.count, Some(Amount::exactly(8)));
    assert_eq!(child.expect.dimms.size_gib, rich.expect.dimms.size_gib);
    assert_eq!(child.expect.nics, rich.expect.nics);
    assert_eq!(child.expect.neighbours, rich.expect.neighbours);
    assert_eq!(child.expect.firmware.bios_version.as_deref(), Some("3"));
    assert_eq!(child.expect.firmware.nics, rich.expect.firmware.nics);
    let root = child.layout.root_device.as_ref().unwrap();
    assert_eq!(
        (root.model.as_deref(), root.rotational),
        (Some("BOSS"), None)
    );
    assert_eq!(child.layout.network, rich.layout.network);
}

#[test]
fn mistakes_name_file_line_and_field() {
    let changes = [
        (
            "sockets = 2\nmemory_gib = { at",
            "sockets = -2\nmemory_gib = { at",
            "rich.toml:10: match.sockets: must not be negative",
        ),
        (
            "{ exactly = 4 }",
            "{ exactly = 4, at_most = 5 }",
            "rich.toml:13: match.nics: exactly stands alone",
        ),
        (
            "at_least = 1, at_most = 8",
            "at_least = 9, at_most = 8",
            "rich.toml:12: match.disks: at_least is more than at_most",
        ),
        (
            "{ exactly = 4 }",
            "{}",
            "rich.toml:13: match.nics: needs one of",
        ),
        (
            "{ exactly = 4 }",
            "{ about = 4 }",
            "rich.toml:13: match.nics: unknown field `about`",
        ),
        (
            "{ exactly = 4 }",
            "\"four\"",
            "rich.toml:13: match.nics: invalid type: string \"four\", expected a number, or a table",
        ),
        (
            "8086:159B",
            "8086-159b",
            "rich.toml:15: match.pci: must be vendor and device",
        ),
        (
            "BE:3a:f2",
            "BE:3",
            "rich.toml:28: quirks.mac_prefix: must be whole bytes",
        ),
        (
            "413C:a102",
            "413C-a102",
            "rich.toml:29: quirks.usb: must be vendor and device",
        ),
        (
            "driver = \"cdc_ether\"\nmac_prefix = \"BE:3a:f2\"\nusb = \"413C:a102\"",
            "milliseconds = 5\nusb = \"413C:a102\"",
            "rich.toml:26: quirks.kind: ignore-interface takes driver, mac_prefix and usb only",
        ),
        (
            "tpm = 2",
            "tpm = 3",
            "rich.toml:41: expect.tpm: must be from 1 to 2, not 3",
        ),
        (
            "\"A1\", \"B2\"",
            "\"A1\", \"A1\"",
            "rich.toml:46: expect.dimms.slots: is listed twice",
        ),
        (
            "kind = \"nvme\"",
            "kind = \"tape\"",
            "rich.toml:58: expect.disks.kind: unknown variant `tape`",
        ),
        (
            "2020-11-12",
            "2020-13-12",
            "rich.toml:69: expect.firmware.bios_date: must be a date",
        ),
        (
            "raid_level = \"1\"",
            "raid_level = \"7\"",
            "rich.toml:78: layout.raid.logical_disks.raid_level: must be JBOD",
        ),
        (
            "physical_disks = 2",
            "physical_disks = 1",
            "rich.toml:81: layout.raid.logical_disks.number_of_physical_disks: level 1 needs at least 2",
        ),
        (
            "size_gb = \"MAX\"",
            "size_gb = \"ALL\"",
            "rich.toml:79: layout.raid.logical_disks.size_gb: must be a number of GiB",
        ),
        (
            "size = \">= 400\"\nrotational = false",
            "",
            "rich.toml:73: layout.root_device: needs at least one",
        ),
        (
            "mode = \"802.3ad\"",
            "mode = \"lacp\"",
            "rich.toml:85: layout.network.bonds.mode: is not a mode",
        ),
        (
            "mode = \"802.3ad\"",
            "mode = \"active-backup\"",
            "rich.toml:86: layout.network.bonds.lacp_rate: goes with the mode 802.3ad only",
        ),
        (
            "{ slot = \"Slot 3\", port = 2 }",
            "{ name = \"eno1\", port = 2 }",
            "rich.toml:88: layout.network.bonds.ports: port goes with slot only",
        ),
        (
            "{ slot = \"Slot 3\", port = 2 }",
            "{ pci = \"0000:3b:00.0\" }",
            "rich.toml:88: layout.network.bonds.ports: is listed twice",
        ),
        (
            "id = 104",
            "id = 4095",
            "rich.toml:92: layout.network.vlans.id: must be from 1 to 4094",
        ),
        (
            "mtu = 1500",
            "mtu = 9001",
            "rich.toml:93: layout.network.vlans.mtu: is more than the 9000 of bond0",
        ),
    ];
    for (from, to, expected) in changes {
        assert!(RICH.contains(from), "{from}");
        let text = RICH.replacen(from, to, 1);
        let message = ProfileSet::parse(&[("base.toml", BASE), ("rich.toml", &text)])
            .unwrap_err()
            .to_string();
        assert!(
            message.starts_with(expected),
            "{to}\ngave      {message}\nexpected  {expected}"
        );
    }
}

#[test]
fn the_agent_makes_links_only_where_a_profile_says_so() {
    let parsed = |text: &str| ProfileSet::parse(&[("base.toml", BASE), ("rich.toml", text)]);
    let agent = |text: &str| {
        let set = parsed(text).unwrap();
        let rich = set.get("rich").unwrap();
        rich.layout.network.as_ref().unwrap().agent
    };
    assert!(!agent(RICH));
    let bonds = "[[layout.network.bonds]]";
    let told = format!("[layout.network]\nagent = true\n\n{bonds}");
    assert!(agent(&RICH.replacen(bonds, &told, 1)));
    let (before, _) = RICH.split_once(bonds).unwrap();
    let without_links = format!("{before}[layout.network]\nagent = true\n");
    let message = parsed(&without_links).unwrap_err().to_string();
    let expected = "layout.network.agent: needs bonds or vlans for the agent to make";
    assert!(message.ends_with(expected), "{message}");
}
