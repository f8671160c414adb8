// SPDX-License-Identifier: Apache-2.0
//! Processors of machines that describe them well, badly and not at all.

use super::*;
use crate::smbios::structures;
use crate::smbios::tests::Builder;
use crate::snapshot::{Bytes, Entry, Snapshot};

fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (path, text) in files {
        let path = path.strip_prefix('/').map_or_else(
            || format!("{CPUS}/{path}"),
            |absolute| format!("/{absolute}"),
        );
        snapshot.files.insert(path, Entry::File(Bytes::from(*text)));
    }
    snapshot
}

fn processors(snapshot: &Snapshot, table: &[u8]) -> (Processors, usize) {
    let structures = structures(table);
    let source = Source {
        snapshot,
        files: &snapshot.files,
        smbios: &structures,
    };
    let mut absent = Absences::default();
    let found = read(&source, &mut absent);
    (found, absent.into_list().len())
}

/// Sockets whose status bytes are these.
fn table(status: &[u8]) -> Vec<u8> {
    let mut table = Builder::default();
    for (socket, status) in status.iter().enumerate() {
        let mut fixed = vec![0_u8; 0x30 - 4];
        fixed[0] = 1;
        fixed[1] = 3;
        fixed[0x14 - 4..0x16 - 4].copy_from_slice(&4000_u16.to_le_bytes());
        fixed[0x18 - 4] = *status;
        fixed[0x19 - 4] = 0x4a;
        fixed[0x23 - 4] = 64;
        table = table.add(4, 0x400, &fixed, &[&format!("P{socket}")]);
    }
    table.end()
}

const TWO_PACKAGES: &[(&str, &str)] = &[
    ("online", "0-3\n"),
    ("present", "0-4\n"),
    ("smt/active", "1\n"),
    ("smt/control", "on\n"),
    ("vulnerabilities/meltdown", "Not affected\n"),
    ("cpu0/topology/physical_package_id", "0\n"),
    ("cpu1/topology/physical_package_id", "1\n"),
    ("cpu2/topology/physical_package_id", "0\n"),
    ("cpu3/topology/physical_package_id", "1\n"),
    ("cpu0/topology/thread_siblings_list", "0,2\n"),
    ("cpu2/topology/thread_siblings_list", "0,2\n"),
    ("cpu1/topology/thread_siblings_list", "1\n"),
    ("cpu3/topology/thread_siblings_list", "3\n"),
    ("cpu0/cpufreq/cpuinfo_max_freq", "3900000\n"),
    ("cpu0/cache/index0/level", "1\n"),
    ("cpu0/cache/index0/type", "Data\n"),
    ("cpu0/cache/index0/size", "32K\n"),
    ("cpu0/cache/index0/shared_cpu_list", "0,2\n"),
    ("cpu2/cache/index0/level", "1\n"),
    ("cpu2/cache/index0/type", "Data\n"),
    ("cpu2/cache/index0/size", "32K\n"),
    ("cpu2/cache/index0/shared_cpu_list", "0,2\n"),
    (
        "/proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n\
         model name\t: AMD EPYC 9554\nstepping\t: 1\nmicrocode\t: 0xa10113e\ncpu MHz\t\t: 1500.123\n",
    ),
];

#[test]
fn packages_are_put_into_the_sockets_in_use() {
    let snapshot = snapshot(TWO_PACKAGES);
    let (found, absent) = processors(&snapshot, &table(&[0x41, 0x00, 0x41]));
    assert_eq!(absent, 0);
    assert_eq!(found.offline.as_deref(), Some("4"));
    assert_eq!(found.smt_active, Some(true));
    assert_eq!(found.vulnerabilities["meltdown"], "Not affected");
    let [first, empty, last] = &found.sockets[..] else {
        panic!("three sockets: {found:?}");
    };
    assert_eq!(first.designation.as_deref(), Some("P0"));
    assert_eq!(first.socket_type.as_deref(), Some("Socket SP5"));
    assert_eq!(first.model.as_deref(), Some("AMD EPYC 9554"));
    assert_eq!(first.family_number, Some(25));
    assert_eq!(first.microcode.as_deref(), Some("0xa10113e"));
    assert_eq!((first.cores, first.cores_online), (Some(64), Some(1)));
    assert_eq!(first.cpus.as_deref(), Some("0,2"));
    assert_eq!((first.max_mhz, first.current_mhz), (Some(3900), Some(1500)));
    assert_eq!(first.caches[0].count, Some(1), "two threads share it");
    assert!(!empty.populated && empty.package.is_none());
    assert_eq!((last.package, last.cores_online), (Some(1), Some(2)));
    assert_eq!(last.max_mhz, Some(4000), "the firmware's");
}

#[test]
fn what_does_not_fit_together_is_left_apart() {
    let snapshot = snapshot(TWO_PACKAGES);
    let (found, absent) = processors(&snapshot, &table(&[0x41, 0x43]));
    assert_eq!(absent, 1);
    assert!(found.sockets.iter().all(|socket| socket.package.is_none()));
    assert_eq!(found.sockets[1].enabled, Some(false));
}

#[test]
fn without_smbios_the_kernel_alone_tells() {
    let snapshot = snapshot(TWO_PACKAGES);
    let (found, absent) = processors(&snapshot, &[]);
    assert_eq!(absent, 0);
    assert_eq!(found.sockets.len(), 2);
    assert_eq!(found.sockets[1].package, Some(1));
    assert!(found.sockets[1].populated);
}

#[test]
fn arm_without_packages_is_one_entry() {
    let snapshot = snapshot(&[
        ("online", "0-1\n"),
        ("cpu0/topology/physical_package_id", "-1\n"),
        ("cpu0/regs/identification/midr_el1", "0x00000000413fd0c1\n"),
        (
            "/proc/cpuinfo",
            "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n\nprocessor\t: 1\n",
        ),
    ]);
    let (found, absent) = processors(&snapshot, &[]);
    assert_eq!(absent, 2, "sockets and vulnerabilities");
    assert_eq!(found.sockets.len(), 1);
    let socket = &found.sockets[0];
    assert_eq!(socket.model.as_deref(), Some("Neoverse-N1"));
    assert_eq!(socket.midr.as_deref(), Some("0x00000000413fd0c1"));
    assert_eq!(socket.cpus.as_deref(), Some("0-1"));
    assert_eq!((socket.package, socket.cores_online), (None, None));
}

#[test]
fn nothing_known_is_nothing_said() {
    let (found, _) = processors(&Snapshot::default(), &[]);
    assert!(found.sockets.is_empty());
    assert_eq!((found.online, found.offline), (None, None));
}
