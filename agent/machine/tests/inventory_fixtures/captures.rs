// SPDX-License-Identifier: Apache-2.0
//! A capture of a machine is the machine: as an archive, unpacked, and without
//! what identifies it.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;

use ironseed_core::inventory::{Facts, block_devices, read};
use ironseed_core::snapshot::anonymise::{Key, anonymise, identifying_values};
use ironseed_core::snapshot::{Bytes, Entry, Snapshot};
use ironseed_machine::snapshot::archive::{load, save};
use serde_json::{Value, json, to_value};

use super::{fixtures, snapshot};

const KEY: Key = Key([42; 32]);

/// Every fixture, and what else a capture of it may hold.
fn machines() -> Vec<(String, Snapshot)> {
    let mut found: Vec<(String, Snapshot)> = fixtures()
        .read_dir()
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("snapshot.json").exists())
        .map(|path| {
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .map(|name| (name.clone(), snapshot(&name)))
        .collect();
    found.sort_by(|(first, _), (second, _)| first.cmp(second));
    found
}

/// What Ironic and the steps are told about a machine.
fn conclusions(snapshot: &Snapshot) -> Value {
    let inventory = read(snapshot, &Facts::default());
    json!({
        "inventory": to_value(&inventory).expect("JSON"),
        "blocks": to_value(block_devices(snapshot)).expect("JSON"),
    })
}

fn unpack(archive: &Path, directory: &Path) {
    let mut plain = Vec::new();
    zstd::Decoder::new(std::fs::File::open(archive).expect("open"))
        .expect("zstd")
        .read_to_end(&mut plain)
        .expect("unpack");
    tar::Archive::new(&*plain)
        .unpack(directory)
        .expect("unpack");
}

#[test]
fn an_archive_and_its_tree_give_the_same_inventory() {
    for (name, stored) in machines() {
        let directory = tempfile::tempdir().expect("a directory");
        let archive = directory.path().join("machine.tar.zst");
        save(&stored, &archive).expect("save");
        assert_eq!(load(&archive).expect("load"), stored, "{name}");
        let tree = directory.path().join("tree");
        unpack(&archive, &tree);
        let taken = load(&tree).expect("load");
        assert_eq!(conclusions(&taken), conclusions(&stored), "{name}");
        let again = directory.path().join("again.tar.zst");
        save(&stored, &again).expect("save");
        assert_eq!(
            std::fs::read(&archive).expect("read"),
            std::fs::read(&again).expect("read"),
            "{name}: the same bytes each time"
        );
    }
}

/// Fields of the conclusions that may differ after a machine was anonymised.
const IDENTIFYING: &[&str] = &[
    "bmc_address",
    "bmc_mac",
    "bmc_v6address",
    "by_path",
    "client_id",
    "hostname",
    "ipv4_address",
    "ipv6_address",
    "label",
    "mac_address",
    "partition_uuid",
    "serial",
    "serial_number",
    "udev_serials",
    "wwn",
    "wwn_vendor_extension",
    "wwn_with_extension",
];

/// Compares two values; what differs must be an identifying text. Returns the
/// pairs of texts that differ.
fn differences(field: &str, before: &Value, after: &Value, found: &mut BTreeSet<(String, String)>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let names = |members: &serde_json::Map<String, Value>| -> Vec<String> {
                members.keys().cloned().collect()
            };
            assert_eq!(names(before), names(after), "{field}");
            for (name, value) in before {
                differences(name, value, &after[name], found);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            assert_eq!(before.len(), after.len(), "{field}");
            for (before, after) in before.iter().zip(after) {
                differences(field, before, after, found);
            }
        }
        (Value::String(before), Value::String(after)) if IDENTIFYING.contains(&field) => {
            if before != after {
                found.insert((before.clone(), after.clone()));
            }
        }
        _ => assert_eq!(before, after, "{field}"),
    }
}

/// Whether two values have the same members, numbers and lengths of lists.
fn assert_same_shape(place: &str, before: &Value, after: &Value) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            assert_eq!(before.len(), after.len(), "{place}");
            for (name, value) in before {
                // Members may be named by an identity.
                if let Some(after) = after.get(name) {
                    assert_same_shape(&format!("{place}/{name}"), value, after);
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            assert_eq!(before.len(), after.len(), "{place}");
            for (before, after) in before.iter().zip(after) {
                assert_same_shape(place, before, after);
            }
        }
        (Value::String(_), Value::String(_)) => {}
        _ => assert_eq!(before, after, "{place}"),
    }
}

/// Every byte string of a snapshot: paths, texts, and decoded bytes.
fn haystacks(snapshot: &Snapshot) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (path, entry) in snapshot.files.iter() {
        found.push(path.as_bytes().to_vec());
        match entry {
            Entry::File(Bytes(bytes)) => {
                found.push(bytes.clone());
                found.push(
                    bytes
                        .chunks(2)
                        .flat_map(|pair| pair.iter().rev().copied())
                        .collect(),
                );
            }
            Entry::Link(text) | Entry::Unreadable(text) => found.push(text.clone().into_bytes()),
            Entry::Directory => {}
        }
    }
    let mut rest = snapshot.clone();
    rest.files = Default::default();
    strings(&to_value(&rest).expect("JSON"), &mut found);
    found
}

fn strings(value: &Value, found: &mut Vec<Vec<u8>>) {
    if let Some(Ok(Bytes(bytes))) = value
        .as_object()
        .filter(|members| members.contains_key("base64"))
        .map(|_| serde_json::from_value(value.clone()))
    {
        found.push(bytes);
        return;
    }
    match value {
        Value::String(text) => found.push(text.clone().into_bytes()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => {
            for (name, value) in members {
                found.push(name.clone().into_bytes());
                strings(value, found);
            }
        }
        _ => {}
    }
}

fn contains(haystacks: &[Vec<u8>], needle: &[u8]) -> bool {
    haystacks
        .iter()
        .any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
}

/// Addresses of documentation, which fixtures written by hand use: replacements
/// come from the same ranges, so that finding one proves nothing.
fn is_for_documentation(spelling: &[u8]) -> bool {
    const V6: [u8; 4] = [0x20, 0x01, 0x0d, 0xb8];
    let text = std::str::from_utf8(spelling).unwrap_or_default();
    match text.parse() {
        Ok(IpAddr::V4(address)) => address.is_documentation(),
        Ok(IpAddr::V6(address)) => address.octets().starts_with(&V6),
        Err(_) => spelling.len() == 16 && spelling.starts_with(&V6),
    }
}

#[test]
fn nothing_that_identifies_a_machine_is_left_and_the_rest_is_the_same() {
    for (name, stored) in machines() {
        let anonymous = anonymise(&stored, &KEY).expect("anonymise");
        let mut changed = BTreeSet::new();
        differences(
            "",
            &conclusions(&stored),
            &conclusions(&anonymous),
            &mut changed,
        );
        let hardware =
            |snapshot: &Snapshot| to_value(ironseed_core::hardware::read(snapshot)).expect("JSON");
        assert_same_shape(&name, &hardware(&stored), &hardware(&anonymous));
        let originals: BTreeSet<&String> = changed.iter().map(|(before, _)| before).collect();
        assert_eq!(
            originals.len(),
            changed.len(),
            "{name}: one replacement for each value"
        );

        let haystacks = haystacks(&anonymous);
        let mut looked_for = 0;
        for needle in identifying_values(&stored).expect("values") {
            if needle.len() >= 6 && !is_for_documentation(&needle) {
                looked_for += 1;
                let text = String::from_utf8_lossy(&needle);
                assert!(
                    !contains(&haystacks, &needle),
                    "{name}: {text} {needle:02x?} is left"
                );
            }
        }
        // Not only what the collector knows: what the conclusions call identifying.
        for (before, _) in &changed {
            if before.len() >= 6 && !is_for_documentation(before.as_bytes()) {
                assert!(
                    !contains(&haystacks, before.as_bytes()),
                    "{name}: {before} is left"
                );
            }
        }
        assert!(looked_for > 4, "{name}: {looked_for} spellings");
    }
}

/// Values known from the fixtures, so that a field the collector forgets is noticed.
#[test]
fn the_known_identities_of_the_fixtures_are_gone() {
    for (machine, identities) in [
        (
            "dell-poweredge",
            &[
                "ABC1234",
                // The module in a port.
                "AUJ0RCJ",
                "24:6e:96:00:00:02",
                "d0:94:66:00:11:22",
                "61866da066bca5002f9c8b7a6f5e4dc0",
                "624a9370a1b2c3d4e5f6001100011015",
            ][..],
        ),
        (
            "qemu-q35",
            &[
                "52:54:00:12:34:56",
                "52-54-00-12-34-56",
                "f816:3eff:fe00:1",
                "NVME0001",
                "4e564d4530303031",
                "VIRTIO0001",
                "SATA0001",
                "5000c500a1b2c3d4",
                "0b6b4b0c-5f5e-4a9b-9c2e-000000000001",
            ],
        ),
        (
            "arm64-ampere",
            &["b8:59:9f:03:00:20:0b:be", "b4:2e:99:00:00:01"],
        ),
    ] {
        let stored = snapshot(machine);
        let anonymous = anonymise(&stored, &KEY).expect("anonymise");
        let (before, files) = (haystacks(&stored), haystacks(&anonymous));
        let told = conclusions(&stored).to_string();
        let anonymous = conclusions(&anonymous).to_string();
        for identity in identities {
            let was_there = told.contains(identity) || contains(&before, identity.as_bytes());
            assert!(was_there, "{machine}: {identity} is in the fixture");
            assert!(!anonymous.contains(identity), "{machine}: {identity}");
            assert!(
                !contains(&files, identity.as_bytes()),
                "{machine}: {identity}"
            );
        }
    }
}

/// The snapshot with every entry below a directory changed, or taken out.
fn spoilt(stored: &Snapshot, below: &str, by: Option<&str>) -> Snapshot {
    let mut spoilt = stored.clone();
    spoilt.files = Default::default();
    for (path, entry) in stored.files.iter() {
        let entry = match (path.starts_with(below), entry, by) {
            (true, _, None) => continue,
            (true, Entry::File(_), Some(words)) => Entry::Unreadable(words.to_owned()),
            _ => entry.clone(),
        };
        spoilt.files.insert(path, entry);
    }
    spoilt
}

/// A disk that breaks or is pulled while the machine is read costs itself only.
#[test]
fn a_broken_disk_leaves_the_others_as_they_are() {
    for machine in ["qemu-q35", "dell-poweredge"] {
        let stored = snapshot(machine);
        let disks = read(&stored, &Facts::default()).disks;
        for (at, disk) in disks.iter().enumerate() {
            let name = disk.name.trim_start_matches("/dev/");
            let place = stored.files.canonical(&format!("/sys/class/block/{name}"));
            let place = place.expect("its directory") + "/";
            for by in [Some("Input/output error"), None] {
                let spoilt = spoilt(&stored, &place, by);
                let mut expected = disks.clone();
                let broken = expected.remove(at);
                let left = read(&spoilt, &Facts::default()).disks;
                // Paths of a multipath map appear when the map itself is gone.
                let others = left.iter().filter(|disk| expected.contains(disk)).count();
                assert_eq!(others, expected.len(), "{machine}: {name} {by:?}");
                assert!(!left.contains(&broken), "{machine}: {name}");
                if let Some(words) = by {
                    let hardware = ironseed_core::hardware::read(&spoilt);
                    let told = hardware.absent.iter().any(|absence| {
                        absence.subject.starts_with(&place) && absence.reason == words
                    });
                    assert!(told, "{machine}: {name}: the report says why");
                }
            }
        }
    }
}
