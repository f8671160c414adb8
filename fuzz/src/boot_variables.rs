// SPDX-License-Identifier: Apache-2.0
//! All boot variables of a firmware, and the plan that makes a deployed system boot.

use ironseed_core::boot::EfiVariable;
use ironseed_core::boot::variables::{boot_order_name, entry_name, numbers};
use ironseed_core::boot::{
    Architecture, BootFacts, Deletion, EfiFacts, EspContents, EspFile, EspPartition, LoadOption,
    plan,
};
use ironseed_core::lifecycle::BootloaderRequest;
use ironseed_core::plan::Op;
use uuid::Uuid;

/// In the input, this number stands for the boot order.
const ORDER: u16 = 0xffff;
const LABEL: &str = "debian";

/// The input is a list of variables: number, length of the value (both little-endian 16-bit),
/// value. The number 65535 is the boot order.
///
/// # Panics
/// If the plan loses an entry of somebody else, names one that does not exist, or does not boot
/// the deployed system first.
pub fn run(data: &[u8]) {
    let before = variables(data);
    let facts = BootFacts {
        disk: "/dev/sda".to_owned(),
        efi: Some(EfiFacts {
            esp: Some(esp()),
            architecture: Architecture::X64,
            variables: Ok(before.clone()),
        }),
    };
    let plan = plan(&facts, &BootloaderRequest::default()).expect("numbers are left");
    let after = carry_out(before.clone(), &plan.ops);
    check_order(&after);
    for variable in before {
        let foreign =
            LoadOption::decode(&variable.data).is_none_or(|option| option.description != LABEL);
        let entry = variable.name != boot_order_name();
        assert!(
            !(entry && foreign) || after.contains(&variable),
            "{} belongs to somebody else and is kept",
            variable.name
        );
    }
}

fn variables(mut data: &[u8]) -> Vec<EfiVariable> {
    let mut variables: Vec<EfiVariable> = Vec::new();
    while let Some(([a, b, c, d], rest)) = data.split_first_chunk::<4>() {
        let number = u16::from_le_bytes([*a, *b]);
        let length = usize::from(u16::from_le_bytes([*c, *d])).min(rest.len());
        let (value, rest) = rest.split_at(length);
        data = rest;
        let name = match number {
            ORDER => boot_order_name(),
            number => entry_name(number),
        };
        if variables.iter().all(|other| other.name != name) {
            variables.push(EfiVariable {
                name,
                attributes: 7,
                data: value.to_vec(),
            });
        }
    }
    variables
}

fn esp() -> EspContents {
    let text = format!("shimx64.efi,{LABEL},,");
    let csv: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = |path: &str, csv: Option<Vec<u8>>| EspFile {
        path: path.to_owned(),
        size: 4096,
        csv,
    };
    EspContents {
        partition: EspPartition {
            number: 1,
            start_lba: 2048,
            size_lba: 1 << 20,
            guid: Uuid::from_u128(1),
        },
        files: vec![
            file("EFI/debian/shimx64.efi", None),
            file("EFI/debian/BOOTX64.CSV", Some(csv)),
        ],
    }
}

/// What the firmware has after the plan.
fn carry_out(mut variables: Vec<EfiVariable>, ops: &[Op]) -> Vec<EfiVariable> {
    for op in ops {
        let Op::SetBootEntries { entries } = op else {
            continue;
        };
        delete(&mut variables, &entries.delete_first);
        for new in &entries.new {
            set(&mut variables, new.variable.clone());
        }
        let new: Vec<u16> = entries.new.iter().map(|new| new.number).collect();
        let goes = entries.delete_first.iter().chain(&entries.delete_after);
        let gone: Vec<u16> = goes.filter_map(Deletion::number).collect();
        set(&mut variables, entries.order.variable(&new, &gone));
        delete(&mut variables, &entries.delete_after);
    }
    variables
}

fn delete(variables: &mut Vec<EfiVariable>, deletions: &[Deletion]) {
    for Deletion { name, .. } in deletions {
        let count = variables.len();
        variables.retain(|variable| variable.name != *name);
        assert_eq!(variables.len() + 1, count, "{name} was there");
    }
}

fn set(variables: &mut Vec<EfiVariable>, new: EfiVariable) {
    variables.retain(|other| other.name != new.name);
    variables.push(new);
}

fn check_order(variables: &[EfiVariable]) {
    let named = |name: &str| variables.iter().find(|variable| variable.name == name);
    let order = named(&boot_order_name()).map(|variable| numbers(&variable.data));
    let order = order.unwrap_or_default();
    for (index, number) in order.iter().enumerate() {
        assert!(!order[..index].contains(number), "{number} stands twice");
        assert!(named(&entry_name(*number)).is_some(), "{number} exists");
    }
    let first = order.first().and_then(|number| named(&entry_name(*number)));
    let first = first.and_then(|variable| LoadOption::decode(&variable.data));
    assert_eq!(
        first.map(|option| option.description).as_deref(),
        Some(LABEL),
        "the deployed system is tried first"
    );
}
