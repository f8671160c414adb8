// SPDX-License-Identifier: Apache-2.0
//! Which firmware variables `install_bootloader` changes (contract §17).

use std::collections::BTreeSet;

use super::esp::{EspContents, Loader, Loaders};
use super::load_option::LoadOption;
use super::order::{boot_order, free_numbers};
use super::{BootFacts, EfiFacts, variables};
use crate::fault::Fault;
use crate::lifecycle::BootloaderRequest;
use crate::plan::{Choice, EfiVariable, Op, Plan};

/// `root_uuid` of an image that has no disk identifier: Ironic then expects
/// nothing from this command but trying.
const NO_IDENTIFIER: &str = "0x00000000";

/// Plans the boot entries of the deployed disk.
///
/// Every entry with a label that a new one gets is deleted, new entries take
/// the lowest free numbers and stand first in the boot order; entries of the
/// firmware and of others stay as they are. If there is nothing to boot and
/// the request allows it, the plan is empty and says why among its choices.
///
/// `ignore_failure` is the caller's business, because it covers the execution
/// of the plan as well.
///
/// # Errors
/// [`Fault::NoBootLoader`] if the disk cannot be made bootable,
/// [`Fault::EfiVariable`] if there is no room for an entry.
pub fn plan(facts: &BootFacts, request: &BootloaderRequest) -> Result<Plan, Fault> {
    let Some(efi) = &facts.efi else {
        let problem = "this system was not started by UEFI, and boot sectors are not written";
        return not_handled(facts, request, problem, Vec::new());
    };
    let Some(esp) = &efi.esp else {
        return Err(no_boot_loader(facts, "it has no EFI system partition"));
    };
    let loaders = esp.loaders();
    let choices = choices(facts, esp, &loaders);
    if loaders.chosen.is_empty() {
        let problem = "no boot loader is on its EFI system partition";
        return not_handled(facts, request, problem, choices);
    }
    let mut plan = Plan::in_order(ops(efi, esp, &loaders.chosen)?);
    plan.choices = choices;
    Ok(plan)
}

/// Nothing can be set. That is a failure only if the image says that it has
/// something to boot.
fn not_handled(
    facts: &BootFacts,
    request: &BootloaderRequest,
    problem: &str,
    mut choices: Vec<Choice>,
) -> Result<Plan, Fault> {
    if !matches!(request.root_uuid.as_deref(), None | Some(NO_IDENTIFIER)) {
        return Err(no_boot_loader(facts, problem));
    }
    choices.push(Choice {
        device: facts.disk.clone(),
        chosen: false,
        reason: format!("{problem}, and nothing asks for one: boot entries stay as they are"),
    });
    let mut plan = Plan::in_order(Vec::new());
    plan.choices = choices;
    Ok(plan)
}

fn no_boot_loader(facts: &BootFacts, problem: &str) -> Fault {
    Fault::NoBootLoader {
        device: facts.disk.clone(),
        problem: problem.to_owned(),
    }
}

fn choices(facts: &BootFacts, esp: &EspContents, loaders: &Loaders) -> Vec<Choice> {
    let place = format!("partition {} of {}", esp.partition.number, facts.disk);
    let chosen = loaders.chosen.iter().map(|loader| Choice {
        device: format!("{} on {place}", loader.path),
        chosen: true,
        reason: loader.found.clone(),
    });
    let refused = loaders.refused.iter().map(|(path, reason)| Choice {
        device: format!("{path} on {place}"),
        chosen: false,
        reason: reason.clone(),
    });
    chosen.chain(refused).collect()
}

/// A boot entry the firmware has.
struct Entry<'a> {
    number: u16,
    variable: &'a EfiVariable,
    option: Option<LoadOption>,
}

fn ops(efi: &EfiFacts, esp: &EspContents, loaders: &[Loader]) -> Result<Vec<Op>, Fault> {
    let (replaced, kept): (Vec<Entry<'_>>, Vec<Entry<'_>>) =
        entries(&efi.variables).into_iter().partition(|entry| {
            loaders
                .iter()
                .any(|loader| entry.is_labelled(&loader.label))
        });
    let kept: BTreeSet<u16> = kept.iter().map(|entry| entry.number).collect();
    let numbers = free_numbers(&kept, loaders.len()).ok_or_else(|| Fault::EfiVariable {
        variable: "Boot####".to_owned(),
        problem: "every number of a boot entry is taken".to_owned(),
    })?;
    let current = variables::boot_current(&efi.variables);
    let mut ops: Vec<Op> = replaced
        .iter()
        .map(|entry| entry.deletion(current))
        .collect();
    for (number, loader) in numbers.iter().zip(loaders) {
        ops.push(creation(*number, esp, loader)?);
    }
    ops.push(order_op(&efi.variables, &numbers, &kept));
    ops.push(Op::Sync);
    Ok(ops)
}

/// The entries of the firmware in the order of their numbers.
fn entries(variables: &[EfiVariable]) -> Vec<Entry<'_>> {
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
    fn is_labelled(&self, label: &str) -> bool {
        self.option
            .as_ref()
            .is_some_and(|option| option.description == label)
    }

    fn deletion(&self, current: Option<u16>) -> Op {
        let (label, path) = self
            .option
            .as_ref()
            .map(|option| (option.description.as_str(), option.path.to_string()))
            .unwrap_or_default();
        let running = if current == Some(self.number) {
            ", which started this system"
        } else {
            ""
        };
        Op::DeleteEfiVariable {
            name: self.variable.name.clone(),
            reason: format!("the entry {label} {path}{running} is replaced"),
        }
    }
}

fn creation(number: u16, esp: &EspContents, loader: &Loader) -> Result<Op, Fault> {
    let name = variables::entry_name(number);
    let option = LoadOption::file(&loader.label, esp.partition, &loader.path);
    let data = option.encode().map_err(|error| Fault::EfiVariable {
        variable: name.clone(),
        problem: error.to_string(),
    })?;
    Ok(Op::SetEfiVariable {
        variable: EfiVariable {
            name,
            attributes: variables::ATTRIBUTES,
            data,
        },
        reason: format!("{} boots {}: {}", loader.label, option.path, loader.found),
    })
}

fn order_op(variables: &[EfiVariable], new: &[u16], kept: &BTreeSet<u16>) -> Op {
    let existing = variables::boot_order(variables);
    let before = existing.map_or_else(Vec::new, |variable| variables::numbers(&variable.data));
    let order = boot_order(new, &before, kept);
    let shown: Vec<String> = order.iter().map(|number| format!("{number:04X}")).collect();
    Op::SetEfiVariable {
        variable: EfiVariable {
            // Firmware refuses to change the attributes of a variable it has.
            attributes: existing.map_or(variables::ATTRIBUTES, |variable| variable.attributes),
            name: variables::boot_order_name(),
            data: variables::encode_numbers(&order),
        },
        reason: format!("the new entries are tried first: {}", shown.join(",")),
    }
}
