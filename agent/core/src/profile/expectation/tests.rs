// SPDX-License-Identifier: Apache-2.0

use hardware_profiles::{DiskKind, Expect, ProfileSet};

use super::*;
use crate::lldp::{Cable, CableEnd, Cabling};
use crate::profile::{Dimm, Disk, Neighbour, Nic, PciDevice};

/// What a profile with these lines expects.
fn expect(lines: &str) -> Expect {
    let text = format!(
        "name = \"own\"\ndescription = \"x\"\nextends = \"generic\"\n\
         [match]\nsystem_sku = [\"1\"]\n{lines}"
    );
    let (set, left_out) = ProfileSet::with(&[("own.toml".into(), text)]);
    assert!(left_out.is_empty(), "{left_out:?}");
    set.get("own").expect("the profile").expect.clone()
}

fn nic(name: &str, speed: u64, switch: &str) -> Nic {
    Nic {
        name: name.into(),
        pci: "8086:159b".parse().ok(),
        driver: Some("ice".into()),
        carrier: speed > 0,
        speed_mbps: Some(speed).filter(|speed| *speed > 0),
        max_speed_mbps: Some(25_000),
        firmware: Some("4.10 0x8001778b 22.0.9".into()),
        neighbour: (!switch.is_empty()).then(|| Neighbour {
            switch: switch.into(),
            port: "Ethernet12".into(),
        }),
    }
}

fn cabling() -> Cabling {
    let leads = |port: &str| {
        Cable::Leads(CableEnd {
            chassis: "mac-address 44:4c:a8:00:00:01".into(),
            name: "leaf-1".into(),
            port: port.into(),
        })
    };
    let cables = [
        ("eno1", leads("Ethernet12")),
        ("eno2", leads("Ethernet13")),
        ("eno3", Cable::NoLink),
    ];
    Cabling(cables.map(|(port, cable)| (port.to_owned(), cable)).into())
}

fn machine() -> Observed {
    Observed {
        sockets: Some(2),
        memory_mib: Some(3 * 32_768),
        dimms: Some(
            [("A1", 32_768), ("A2", 32_768), ("B1", 32_768), ("B2", 0)]
                .map(|(slot, size)| Dimm {
                    slot: slot.into(),
                    size_mib: Some(size),
                })
                .into(),
        ),
        nics: vec![
            nic("eno1", 25_000, "leaf-1"),
            nic("eno2", 1000, "leaf-1"),
            nic("eno3", 0, ""),
        ],
        cabling: Some(cabling()),
        disks: [("/dev/nvme0n1", 960), ("/dev/nvme1n1", 480)]
            .map(|(name, gb)| Disk {
                name: name.into(),
                kind: DiskKind::Nvme,
                size: gb * 1_000_000_000 + 197_124_096,
            })
            .into(),
        pci: vec![PciDevice {
            address: "0000:3b:00.0".into(),
            id: "8086:159b".parse().expect("an id"),
            class: 0x02_0000,
            width: Some(4),
            max_width: Some(8),
            generation: Some(4),
            max_generation: Some(4),
        }],
        bios_version: Some("2.10.0".into()),
        bios_date: Some("11/12/2020".into()),
        bmc_version: None,
        secure_boot: Some(false),
        tpm: None,
    }
}

#[test]
fn each_difference_is_named() {
    let cases: &[(&str, &[(Severity, &str)])] = &[
        ("", &[]),
        ("[expect]\nsockets = 2\nmemory_gib = 96\ngpus = 0\n", &[]),
        (
            "[expect]\nsockets = 4\nmemory_gib = { at_most = 64 }\n",
            &[
                (
                    Severity::Error,
                    "processors: expected 4 sockets, found 2 sockets [sockets]",
                ),
                (
                    Severity::Info,
                    "memory: expected at most 64 GiB, found 96 GiB [memory]",
                ),
            ],
        ),
        (
            "[expect.dimms]\ncount = 4\nsize_gib = 64\nslots = [\"a1\", \"B2\", \"C9\"]\n",
            &[
                (
                    Severity::Error,
                    "memory modules: expected 4, found 3 [dimm-count]",
                ),
                (
                    Severity::Error,
                    "B2: expected a module, found an empty slot [dimm-missing]",
                ),
                (
                    Severity::Error,
                    "C9: expected a module, found no slot of this name [dimm-missing]",
                ),
                (
                    Severity::Warning,
                    "A1: expected 64 GiB, found 32 GiB [dimm-size]",
                ),
                (
                    Severity::Warning,
                    "A2: expected 64 GiB, found 32 GiB [dimm-size]",
                ),
                (
                    Severity::Warning,
                    "B1: expected 64 GiB, found 32 GiB [dimm-size]",
                ),
            ],
        ),
        (
            "[[expect.nics]]\ninterfaces = [\"eno*\"]\ncount = 4\nmin_speed_mbps = 25000\n",
            &[
                (
                    Severity::Error,
                    "network ports eno*: expected 4 ports, found 3 ports [nic-count]",
                ),
                (
                    Severity::Warning,
                    "eno2: expected at least 25000 Mbit/s, found 1000 Mbit/s [nic-speed]",
                ),
                (
                    Severity::Error,
                    "eno3: expected at least 25000 Mbit/s, found no link [nic-no-link]",
                ),
            ],
        ),
        (
            "[[expect.nics]]\ninterfaces = [\"eno1\"]\nmin_speed_mbps = 100000\n",
            &[(
                Severity::Warning,
                "eno1: expected at least 100000 Mbit/s, found 25000 Mbit/s, which is all the port can (25000) [nic-speed]",
            )],
        ),
        (
            "[[expect.nics]]\npci = \"8086:159b\"\n\
             neighbours = { switch = [\"leaf-*\"], port = [\"Ethernet1\"], distinct = 2 }\n",
            &[
                (
                    Severity::Warning,
                    "eno1: expected switch leaf-*, port Ethernet1, found switch leaf-1, port Ethernet12 [nic-neighbour]",
                ),
                (
                    Severity::Warning,
                    "eno2: expected switch leaf-*, port Ethernet1, found switch leaf-1, port Ethernet12 [nic-neighbour]",
                ),
                (
                    Severity::Info,
                    "eno3: expected switch leaf-*, port Ethernet1, found nothing that tells [nic-neighbour]",
                ),
                (
                    Severity::Warning,
                    "network ports 8086:159b: expected 2 different switches, found 1 (leaf-1) [nic-switches]",
                ),
            ],
        ),
        ("[expect.neighbours]\ndistinct = { at_most = 1 }\n", &[]),
        (
            "[expect.neighbours]\ndistinct = 2\n",
            &[(
                Severity::Error,
                "cabling: expected 2 different neighbours, found 1: eno1 leads to leaf-1 Ethernet12, eno2 leads to leaf-1 Ethernet13, no link on eno3 [neighbours-missing]",
            )],
        ),
        (
            "[expect.neighbours]\ndistinct = 0\n",
            &[(
                Severity::Info,
                "cabling: expected 0 different neighbours, found 1: eno1 leads to leaf-1 Ethernet12, eno2 leads to leaf-1 Ethernet13, no link on eno3 [neighbours]",
            )],
        ),
        (
            "[[expect.nics]]\ndriver = \"mlx5_core\"\nmin_speed_mbps = 100000\n",
            &[],
        ),
        (
            "[[expect.disks]]\nkind = \"nvme\"\ncount = 2\nsize_gb = 960\n\
             [[expect.disks]]\nkind = \"nvme\"\ncount = 1\n\
             [[expect.disks]]\nkind = \"hdd\"\ncount = 0\n",
            &[
                (
                    Severity::Error,
                    "nvme disks: expected 2 nvme disks of 960 GB, found 1, and /dev/nvme1n1 of 480 GB [disk-missing]",
                ),
                (
                    Severity::Info,
                    "nvme disks: expected 1 nvme disks, found 2 [disk-count]",
                ),
            ],
        ),
        (
            "[[expect.pci]]\nid = \"8086:159b\"\ncount = 2\nmin_width = 8\nmin_generation = 4\n",
            &[
                (
                    Severity::Error,
                    "PCI devices 8086:159b: expected 2, found 1 [pci-count]",
                ),
                (
                    Severity::Warning,
                    "0000:3b:00.0: expected at least x8, found x4 of a card with x8 [pci-width]",
                ),
            ],
        ),
        (
            "[expect]\nsecure_boot = true\ntpm = 2\n[expect.firmware]\nbios_version = \"2.11\"\n\
             bios_date = \"2021-01-01\"\nbmc_version = \"6\"\n\
             nics = [{ pci = \"8086:159b\", at_least = \"4.10\" }, { pci = \"8086:159b\", at_least = \"4.11\" }]\n",
            &[
                (
                    Severity::Warning,
                    "BIOS: expected version 2.11 or later, found 2.10.0 [bios-version]",
                ),
                (
                    Severity::Info,
                    "BMC firmware: expected version 6 or later, found nothing that tells [bmc-version]",
                ),
                (
                    Severity::Warning,
                    "BIOS: expected 2021-01-01 or later, found 2020-11-12 [bios-date]",
                ),
                (
                    Severity::Warning,
                    "eno1: expected version 4.11 or later, found 4.10 0x8001778b 22.0.9 [nic-firmware]",
                ),
                (
                    Severity::Warning,
                    "eno2: expected version 4.11 or later, found 4.10 0x8001778b 22.0.9 [nic-firmware]",
                ),
                (
                    Severity::Warning,
                    "eno3: expected version 4.11 or later, found 4.10 0x8001778b 22.0.9 [nic-firmware]",
                ),
                (
                    Severity::Warning,
                    "Secure Boot: expected on, found off [secure-boot]",
                ),
                (
                    Severity::Error,
                    "TPM: expected version 2, found no TPM that the kernel knows [tpm]",
                ),
            ],
        ),
    ];
    for (lines, expected) in cases {
        let found = deviations(&expect(lines), &machine());
        let found: Vec<(Severity, String)> = found
            .iter()
            .map(|deviation| (deviation.severity, deviation.to_string()))
            .collect();
        let expected: Vec<(Severity, String)> = expected
            .iter()
            .map(|(severity, text)| (*severity, (*text).to_owned()))
            .collect();
        assert_eq!(found, expected, "{lines}");
    }
}

#[test]
fn a_machine_that_tells_nothing_lacks_only_what_can_be_counted() {
    let all = "[expect]\nsockets = 2\nmemory_gib = 96\nsecure_boot = true\n\
        [expect.dimms]\ncount = 4\nsize_gib = 32\n[expect.firmware]\nbios_version = \"1\"\n";
    let found = deviations(&expect(all), &Observed::default());
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(
        found
            .iter()
            .all(|one| one.found.is_none() && one.severity == Severity::Info),
        "{found:?}"
    );
}
