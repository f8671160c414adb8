// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;

use hardware_profiles::{Architecture, DiskKind, ProfileSet};

use super::*;
use crate::inventory::random::Random;
use crate::lldp::{Cable, CableEnd, Cabling};
use crate::profile::{Dimm, Disk, Neighbour, Nic, PciDevice, deviations};

/// Reads a draft back, and says what deviates from it on its own machine.
fn check(facts: &MachineFacts, observed: &Observed) -> String {
    let (file, text) = draft(facts, observed, "generic");
    let (set, left_out) = ProfileSet::with(&[(file.clone(), text.clone())]);
    assert!(left_out.is_empty(), "{left_out:?}\n{text}");
    let name = file.trim_end_matches(".toml");
    let profile = set.get(name).expect("the draft is in the set");
    assert_eq!(set.select(facts).profile.name, name, "{text}");
    let found = deviations(&profile.expect, observed);
    assert!(found.is_empty(), "{found:?}\n{text}");
    text
}

fn r640() -> (MachineFacts, Observed) {
    let facts = MachineFacts {
        architecture: Some(Architecture::X86_64),
        system_manufacturer: "Dell Inc.".into(),
        system_product: "PowerEdge R640".into(),
        cpu_model: "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz".into(),
        ..MachineFacts::default()
    };
    let nic = |name: &str, speed| Nic {
        name: name.into(),
        pci: "8086:159b".parse().ok(),
        carrier: true,
        speed_mbps: Some(speed),
        firmware: Some("4.20 0x8001778b 22.0.9".into()),
        neighbour: Some(Neighbour {
            switch: "leaf-1".into(),
            port: "Ethernet1".into(),
        }),
        ..Nic::default()
    };
    let observed = Observed {
        sockets: Some(2),
        memory_mib: Some(65_536),
        dimms: Some(
            [("A1", 32_768), ("B1", 32_768), ("B2", 0)]
                .map(|(slot, size)| Dimm {
                    slot: slot.into(),
                    size_mib: Some(size),
                })
                .into(),
        ),
        nics: vec![nic("eno1", 25_000), nic("eno2", 10_000)],
        cabling: Some(Cabling(BTreeMap::from([(
            "eno1".to_owned(),
            Cable::Leads(CableEnd {
                chassis: "local leaf-1".into(),
                name: "leaf-1".into(),
                port: "Ethernet1".into(),
            }),
        )]))),
        disks: vec![Disk {
            name: "/dev/sda".into(),
            kind: DiskKind::Ssd,
            size: 479_559_942_144,
        }],
        pci: vec![PciDevice {
            address: "0000:3b:00.0".into(),
            id: "8086:159b".parse().expect("an id"),
            class: 0x02_0000,
            width: Some(4),
            max_width: Some(8),
            generation: Some(3),
            max_generation: Some(4),
        }],
        bios_version: Some("2.10.0".into()),
        bios_date: Some("11/12/2020".into()),
        bmc_version: Some("6.10.30.00".into()),
        secure_boot: Some(true),
        tpm: Some(2),
    };
    (facts, observed)
}

#[test]
fn a_draft_fits_the_machine_it_was_written_from() {
    let (facts, observed) = r640();
    let text = check(&facts, &observed);
    for line in [
        "name = \"poweredge-r640\"",
        "system_product = [\"PowerEdge R640\"]",
        "slots = [\"A1\", \"B1\"]",
        "min_speed_mbps = 10000",
        "size_gb = { at_least = 470, at_most = 488 }",
        "[expect.neighbours]",
        "distinct = { at_least = 1 }",
        "min_width = 4",
        "# The card can do more than its link does now: check the slot.",
        "bios_date = \"2020-11-12\"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    check(&MachineFacts::default(), &Observed::default());
    let nameless = MachineFacts {
        system_manufacturer: String::new(),
        system_product: String::new(),
        ..facts
    };
    let text = check(&nameless, &observed);
    assert_eq!(text.matches("cpu_model").count(), 1, "{text}");
}

/// Whatever the firmware writes into its strings, the draft can be read.
#[test]
fn odd_strings_do_not_break_a_draft() {
    let mut random = Random::new(3);
    for _ in 0..500 {
        let mut text = || -> String {
            let length = random.below(12);
            (0..length)
                .map(|_| match random.below(4) {
                    0 => '"',
                    1 => char::from(random.byte() % 128),
                    2 => '\\',
                    _ => char::from(random.byte()),
                })
                .collect::<String>()
                .trim()
                .to_owned()
        };
        let (mut facts, mut observed) = r640();
        facts.system_manufacturer = text();
        facts.system_product = text();
        facts.system_sku = text();
        observed.bios_version = Some(text());
        for dimm in observed.dimms.iter_mut().flatten() {
            dimm.slot = format!("{}{}", dimm.slot, text());
        }
        for nic in &mut observed.nics {
            nic.name = text();
            nic.firmware = Some(text());
        }
        let (file, text) = draft(&facts, &observed, "generic");
        let (_, left_out) = ProfileSet::with(&[(file, text.clone())]);
        assert!(left_out.is_empty(), "{left_out:?}\n{text}");
    }
}
