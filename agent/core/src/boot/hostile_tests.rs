// SPDX-License-Identifier: Apache-2.0
//! Bytes from broken firmware and hostile images: nothing panics, nothing
//! grows, and what was read can be written.

use super::esp::tests::{csv, esp, file};
use super::golden_tests::GOLDEN;
use super::*;
use crate::fault::Fault;
use crate::inventory::random::Random;
use crate::lifecycle::BootloaderRequest;
use crate::plan::Op;

/// Some bytes changed, inserted or cut off.
fn damaged(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(6) {
        match random.below(4) {
            0 => bytes.truncate(random.below(bytes.len() + 1)),
            1 => bytes.insert(random.below(bytes.len() + 1), random.byte()),
            _ if bytes.is_empty() => {}
            _ => {
                let at = random.below(bytes.len());
                bytes[at] = random.byte();
            }
        }
    }
    bytes
}

fn noise(random: &mut Random) -> Vec<u8> {
    (0..random.below(300)).map(|_| random.byte()).collect()
}

#[test]
fn any_load_option_can_be_read_and_written_again() {
    let mut random = Random::new(17);
    for round in 0..20_000 {
        let golden = &GOLDEN[round % GOLDEN.len()];
        let bytes = if round % 3 == 0 {
            noise(&mut random)
        } else {
            damaged(&mut random, &golden.bytes())
        };
        let Some(option) = LoadOption::decode(&bytes) else {
            continue;
        };
        // What was understood survives; lost surrogates were replaced before.
        let again = option.encode().map(|bytes| LoadOption::decode(&bytes));
        assert_eq!(again, Ok(Some(option)), "round {round}: {bytes:02x?}");
    }
}

#[test]
fn any_csv_gives_clean_fields_or_nothing() {
    let mut random = Random::new(18);
    let sample: Vec<u8> = "\u{feff}shimx64.efi,Fedora,,text\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for round in 0..20_000 {
        let bytes = if round % 3 == 0 {
            noise(&mut random)
        } else {
            damaged(&mut random, &sample)
        };
        if let Some(entry) = BootCsv::decode(&bytes) {
            assert!(!entry.file.is_empty());
            let clean = |text: &str| !text.chars().any(char::is_control) && !text.contains(',');
            assert!(clean(&entry.file) && clean(&entry.label), "{entry:?}");
        }
    }
}

#[test]
fn any_variables_give_a_plan_that_boots_the_image() {
    let mut random = Random::new(19);
    for _ in 0..3000 {
        let mut variables: Vec<EfiVariable> = (0..random.below(12))
            .map(|_| {
                let golden = &GOLDEN[random.below(GOLDEN.len())];
                EfiVariable {
                    name: variables::entry_name(u16::from(random.byte() & 0xf)),
                    attributes: 7,
                    data: damaged(&mut random, &golden.bytes()),
                }
            })
            .collect();
        variables.sort_by(|one, other| one.name.cmp(&other.name));
        variables.dedup_by(|one, other| one.name == other.name);
        variables.push(EfiVariable {
            name: variables::boot_order_name(),
            attributes: 7,
            data: noise(&mut random),
        });
        let facts = BootFacts {
            disk: "/dev/sda".into(),
            efi: Some(EfiFacts {
                esp: Some(esp(vec![
                    csv("EFI/debian/BOOTX64.CSV", "shimx64.efi,debian,"),
                    file("EFI/debian/shimx64.efi"),
                ])),
                architecture: Architecture::X64,
                variables: Ok(variables.clone()),
            }),
        };
        let plan = plan(&facts, &BootloaderRequest::default()).expect("there is room");
        assert_plan(&plan.ops, &variables);
    }
}

/// The order begins with a new entry, names nothing twice and nothing that is not there.
fn assert_plan(ops: &[Op], before: &[EfiVariable]) {
    let [Op::SetBootEntries { entries }, Op::Sync] = ops else {
        panic!("{ops:?} is not about boot entries");
    };
    let mut names: Vec<&String> = before.iter().map(|variable| &variable.name).collect();
    let delete = |names: &mut Vec<&String>, gone: &[Deletion]| {
        for gone in gone {
            assert!(names.contains(&&gone.name), "{} was there", gone.name);
            names.retain(|name| **name != gone.name);
        }
    };
    delete(&mut names, &entries.delete_first);
    for new in &entries.new {
        names.push(&new.variable.name);
    }
    delete(&mut names, &entries.delete_after);
    let new: Vec<u16> = entries.new.iter().map(|new| new.number).collect();
    let order = variables::numbers(&entries.order.variable(&new, &[]).data);
    for (index, number) in order.iter().enumerate() {
        assert!(names.contains(&&variables::entry_name(*number)));
        assert!(!order[..index].contains(number));
    }
    assert!(!order.is_empty());
}

#[test]
fn a_hostile_csv_cannot_make_an_entry_that_cannot_be_stored() {
    let long = "x".repeat(40_000);
    let path = format!("{long}.efi");
    let facts = BootFacts {
        disk: "/dev/sda".into(),
        efi: Some(EfiFacts {
            esp: Some(esp(vec![
                csv("BOOT.CSV", &format!("{path},label,")),
                file(&path),
            ])),
            architecture: Architecture::X64,
            variables: Ok(Vec::new()),
        }),
    };
    let fault = plan(&facts, &BootloaderRequest::default()).expect_err("it is too long");
    assert!(matches!(fault, Fault::EfiVariable { .. }), "{fault}");
}
