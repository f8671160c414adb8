// SPDX-License-Identifier: Apache-2.0
//! Collector `dmi-decode`: firmware, processors and memory of the SMBIOS table
//! with the keys and words of dmidecode (contract §6.6), which operators' rules
//! are written against.
//!
//! As in Ironic's own agent, each structure is an object with `Handle` and one
//! key for each line; a key whose line has no value has a list.

mod bios;
mod memory;
mod processor;
mod words;

use serde_json::{Map, Value, json};

use super::Collected;
use crate::inventory::TABLE;
use crate::smbios::{Structure, structures};
use words::Section;

pub(super) fn collect(
    collected: &Collected<'_>,
    payload: &mut Map<String, Value>,
) -> Result<(), String> {
    let table = collected.snapshot.files.bytes(TABLE).unwrap_or_default();
    let structures = structures(table);
    // Ironic fails an inspection that reports an error, and a machine without
    // a table is no less sound: the key is left out, and `absent` says why.
    if structures.is_empty() {
        return Ok(());
    }
    payload.insert("dmi".into(), dmi(&structures));
    Ok(())
}

fn dmi(structures: &[Structure<'_>]) -> Value {
    let each = |kind: u8, decode: fn(&Structure<'_>, &mut Section)| -> Vec<Value> {
        structures
            .iter()
            .filter(|structure| structure.kind == kind)
            .map(|structure| {
                let mut section = Section::new(structure);
                decode(structure, &mut section);
                section.into_value()
            })
            .collect()
    };
    // The last one counts, as it always has.
    let bios = each(0, bios::decode).pop().unwrap_or_else(|| json!({}));
    json!({
        "bios": bios,
        "cpu": each(4, processor::decode),
        "memory": memory_of(each(16, memory::array), each(17, memory::device)),
    })
}

/// The first array stands for all of them, with the sum of their devices.
fn memory_of(arrays: Vec<Value>, devices: Vec<Value>) -> Value {
    let number = "Number Of Devices";
    let count: u64 = arrays
        .iter()
        .filter_map(|array| array[number].as_str()?.parse::<u64>().ok())
        .sum();
    let mut memory = match arrays.into_iter().next() {
        Some(Value::Object(mut first)) => {
            first.remove("Handle");
            first.insert(number.into(), json!(count));
            first
        }
        _ => Map::new(),
    };
    memory.insert("devices".into(), Value::Array(devices));
    Value::Object(memory)
}

#[cfg(test)]
#[path = "dmi_decode/tests.rs"]
mod tests;
