// SPDX-License-Identifier: Apache-2.0
//! Tables, and what dmidecode 3.4 makes of them (`tests/fixtures/dmidecode`).

use super::*;
use crate::inspection::tests::payload_of;
use crate::inventory::random::Random;
use crate::snapshot::{Bytes, Entry, Snapshot};

const ODD: &[u8] = include_bytes!("../../../../../tests/fixtures/dmidecode/odd.bin");
const ODD_PRINTED: &str = include_str!("../../../../../tests/fixtures/dmidecode/odd.json");
const QEMU: &[u8] = include_bytes!("../../../../../tests/fixtures/dmidecode/qemu-q35.bin");
const QEMU_PRINTED: &str = include_str!("../../../../../tests/fixtures/dmidecode/qemu-q35.json");

fn collected(table: &[u8]) -> Option<Value> {
    let mut snapshot = Snapshot::default();
    let file = Entry::File(Bytes(table.to_vec()));
    snapshot.files.insert(TABLE, file);
    let payload = payload_of("dmi-decode", &snapshot);
    assert_eq!(payload["error"], Value::Null);
    payload.get("dmi").cloned()
}

/// Where two values differ first, for a message a person can read.
fn difference(path: &str, found: &Value, printed: &Value) -> Option<String> {
    match (found, printed) {
        (Value::Object(one), Value::Object(other)) => one
            .keys()
            .chain(other.keys())
            .find_map(|key| difference(&format!("{path}/{key}"), &found[key], &printed[key])),
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => one
            .iter()
            .zip(other)
            .enumerate()
            .find_map(|(at, (one, other))| difference(&format!("{path}/{at}"), one, other)),
        _ if found == printed => None,
        _ => Some(format!("{path}: found {found}, dmidecode prints {printed}")),
    }
}

#[test]
fn the_words_are_those_of_dmidecode() {
    for (table, printed) in [(ODD, ODD_PRINTED), (QEMU, QEMU_PRINTED)] {
        let found = collected(table).expect("a table");
        let printed: Value = serde_json::from_str(printed).expect("JSON");
        assert_eq!(difference("", &found, &printed), None);
        assert_eq!(found, printed);
    }
}

#[test]
fn without_a_table_the_key_is_left_out_and_nothing_fails() {
    assert_eq!(collected(&[]), None);
    let payload = payload_of("dmi-decode", &Snapshot::default());
    let absent = payload["ironseed"]["hardware"]["absent"].to_string();
    assert!(absent.contains("SMBIOS"), "{absent}");
}

#[test]
fn broken_tables_give_what_they_have() {
    let mut random = Random::new(5);
    for _ in 0..2000 {
        let mut table = ODD.to_vec();
        table.truncate(random.below(table.len() + 1));
        for _ in 0..random.below(40) {
            let length = table.len();
            if length > 0 {
                table[random.below(length)] = random.byte();
            }
        }
        let structures = structures(&table);
        let found = dmi(&structures);
        assert!(found["memory"]["devices"].is_array());
    }
}
