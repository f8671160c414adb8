// SPDX-License-Identifier: Apache-2.0
//! Which entries of the firmware make way for the new ones, and which numbers
//! those get.

use std::collections::BTreeSet;

use super::device_path::DevicePath;
use super::entries::{BootEntries, BootOrder, Deletion, NewEntry, Place};
use super::esp::{EspContents, Loader};
use super::load_option::LoadOption;
use super::order::{boot_order, free_numbers};
use super::stored::{leads_alike, target};
use super::{DeviceNode, EfiFacts, variables};
use crate::boot::EfiVariable;
use crate::fault::Fault;

/// What shall be changed so that `loaders` are booted first.
///
/// # Errors
/// [`Fault::EfiVariable`] if there is no number left, or a text cannot be stored.
pub(super) fn entries(
    efi: &EfiFacts,
    esp: &EspContents,
    loaders: &[Loader],
    place: Place,
) -> Result<BootEntries, Fault> {
    let fallback = esp.fallback(efi.architecture);
    let variables = match &efi.variables {
        Ok(variables) => variables.as_slice(),
        Err(problem) => return Ok(without_variables(place, fallback, problem)),
    };
    let all = read(variables);
    let (old, kept): (Vec<Entry<'_>>, Vec<Entry<'_>>) = all
        .into_iter()
        .partition(|entry| loaders.iter().any(|new| entry.is_labelled(&new.label)));
    let wanted = loaders
        .iter()
        .map(|loader| LoadOption::file(&loader.label, esp.partition, &loader.path))
        .collect::<Vec<_>>();
    let numbers = numbers(&wanted, &old, &kept)?;
    let new = numbers
        .iter()
        .zip(wanted.iter().zip(loaders))
        .map(|(number, (option, loader))| new_entry(*number, option, loader))
        .collect::<Result<Vec<_>, _>>()?;
    let current = variables::boot_current(variables);
    let (delete_first, mut delete_after): (Vec<Deletion>, Vec<Deletion>) = old
        .iter()
        .filter(|entry| {
            !(entry.can_be_written_over(&old, &kept) && numbers.contains(&entry.number))
        })
        .map(|entry| entry.deletion("is replaced", current))
        .partition(|deletion| deletion.number().is_some_and(|n| numbers.contains(&n)));
    let kept_numbers: BTreeSet<u16> = kept.iter().map(|entry| entry.number).collect();
    delete_after.extend(dangling_next(variables, &numbers, &kept_numbers));
    let order = variables::boot_order(variables);
    let before = order.map_or_else(Vec::new, |order| variables::numbers(&order.data));
    Ok(BootEntries {
        place,
        delete_first,
        new,
        order: BootOrder {
            attributes: order.map_or(variables::ATTRIBUTES, |order| order.attributes),
            others: boot_order(&[], &before, &kept_numbers),
        },
        delete_after,
        spare: kept
            .iter()
            .filter(|entry| entry.is_stale(esp, &wanted))
            .map(|entry| entry.deletion("leads nowhere or twice to the same", current))
            .collect(),
        fallback,
        unreadable: None,
    })
}

fn without_variables(place: Place, fallback: Option<String>, problem: &str) -> BootEntries {
    BootEntries {
        place,
        delete_first: Vec::new(),
        new: Vec::new(),
        order: BootOrder {
            attributes: variables::ATTRIBUTES,
            others: Vec::new(),
        },
        delete_after: Vec::new(),
        spare: Vec::new(),
        fallback,
        unreadable: Some(problem.to_owned()),
    }
}

/// A boot entry the firmware has.
struct Entry<'a> {
    number: u16,
    variable: &'a EfiVariable,
    option: Option<LoadOption>,
}

/// The entries of the firmware in the order of their numbers.
fn read(variables: &[EfiVariable]) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = variables
        .iter()
        .filter_map(|variable| {
            Some(Entry {
                number: variables::entry_number(&variable.name)?,
                variable,
                option: LoadOption::decode(&variable.data),
            })
        })
        .collect();
    entries.sort_by_key(|entry| entry.number);
    entries
}

impl Entry<'_> {
    /// Labels are compared as the firmware stores them: text that is no
    /// UTF-16 equals nothing.
    fn is_labelled(&self, label: &str) -> bool {
        LoadOption::label_units(&self.variable.data)
            .is_some_and(|units| units.into_iter().eq(label.encode_utf16()))
    }

    /// Firmware changes neither names nor attributes of a variable it has, and
    /// a number in two spellings has two variables.
    fn can_be_written_over(&self, old: &[Entry<'_>], kept: &[Entry<'_>]) -> bool {
        let same = old.iter().chain(kept).filter(|e| e.number == self.number);
        self.variable.name == variables::entry_name(self.number)
            && self.variable.attributes == variables::ATTRIBUTES
            && same.count() == 1
    }

    /// Whether the entry was made for a deployment before this one, or leads
    /// into the partition of the deployed disk to nothing or to what a new
    /// entry leads to.
    fn is_stale(&self, esp: &EspContents, new: &[LoadOption]) -> bool {
        let Some(option) = &self.option else {
            return false;
        };
        let ours = option
            .description
            .strip_prefix("ironic")
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        match target(&option.path) {
            Some((guid, file)) if guid == esp.partition.guid => {
                !esp.has(file) || new.iter().any(|new| leads_alike(&new.path, &option.path))
            }
            Some(_) => ours,
            None => false,
        }
    }

    fn deletion(&self, why: &str, current: Option<u16>) -> Deletion {
        let (label, path) = self
            .option
            .as_ref()
            .map(|option| (printable(&option.description), shown_path(&option.path)))
            .unwrap_or_default();
        let running = if current == Some(self.number) {
            ", which started this system,"
        } else {
            ""
        };
        Deletion {
            name: self.variable.name.clone(),
            reason: format!("the entry {label} {path}{running} {why}"),
        }
    }
}

/// Text of firmware for a console, which would obey control characters.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "?")
}

fn shown_path(path: &DevicePath) -> String {
    let file = |node: &DeviceNode| matches!(node, DeviceNode::File(_));
    let text = path.to_string();
    if path.0.iter().any(file) {
        printable(&text)
    } else {
        text
    }
}

/// A number for each new entry: that of an entry with its label if that can be
/// written over, best of all with what stands there already; else the lowest
/// that is free, and at last that of an entry which goes anyway.
fn numbers(
    wanted: &[LoadOption],
    old: &[Entry<'_>],
    kept: &[Entry<'_>],
) -> Result<Vec<u16>, Fault> {
    let mut taken: BTreeSet<u16> = kept.iter().map(|entry| entry.number).collect();
    let reused: Vec<Option<u16>> = wanted
        .iter()
        .map(|option| {
            let data = option.encode().unwrap_or_default();
            let own = old.iter().filter(|entry| {
                entry.is_labelled(&option.description)
                    && !taken.contains(&entry.number)
                    && entry.can_be_written_over(old, kept)
            });
            let number = own
                .min_by_key(|e| (e.variable.data != data, e.number))?
                .number;
            taken.insert(number);
            Some(number)
        })
        .collect();
    let missing = reused.iter().filter(|number| number.is_none()).count();
    let mut occupied = taken.clone();
    occupied.extend(old.iter().map(|entry| entry.number));
    let mut free = free_numbers(&occupied, missing)
        .or_else(|| free_numbers(&taken, missing))
        .ok_or_else(|| Fault::EfiVariable {
            variable: "Boot####".to_owned(),
            problem: "every number of a boot entry is taken".to_owned(),
        })?
        .into_iter();
    Ok(reused
        .into_iter()
        .filter_map(|number| number.or_else(|| free.next()))
        .collect())
}

fn new_entry(number: u16, option: &LoadOption, loader: &Loader) -> Result<NewEntry, Fault> {
    let name = variables::entry_name(number);
    let data = option.encode().map_err(|error| Fault::EfiVariable {
        variable: name.clone(),
        problem: error.to_string(),
    })?;
    Ok(NewEntry {
        number,
        variable: EfiVariable {
            name,
            attributes: variables::ATTRIBUTES,
            data,
        },
        reason: format!("{} boots {}: {}", loader.label, option.path, loader.found),
    })
}

/// `BootNext` is somebody's wish and stays, unless the entry it names is gone:
/// some firmware stops at a number that leads nowhere.
fn dangling_next(variables: &[EfiVariable], new: &[u16], kept: &BTreeSet<u16>) -> Option<Deletion> {
    let (variable, number) = variables::boot_next(variables)?;
    (!new.contains(&number) && !kept.contains(&number)).then(|| Deletion {
        name: variable.name.clone(),
        reason: format!("the next boot would be by Boot{number:04X}, which is gone"),
    })
}
