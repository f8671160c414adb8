// SPDX-License-Identifier: Apache-2.0
//! Which firmware variables `install_bootloader` changes (contract §17).

use super::entries::Place;
use super::esp::{EspContents, Loaders};
use super::{BootFacts, EfiFacts, replace};
use crate::fault::Fault;
use crate::lifecycle::BootloaderRequest;
use crate::plan::{Choice, Op, Plan};

/// `root_uuid` of an image that has no disk identifier: Ironic then expects
/// nothing from this command but trying.
const NO_IDENTIFIER: &str = "0x00000000";

/// Plans the boot entries of the deployed disk.
///
/// Every entry with a label that a new one gets is written over or deleted, new
/// entries stand first in the boot order; entries of the firmware and of others
/// stay as they are. If there is nothing to boot and the request allows it, the
/// plan is empty and says why among its choices.
///
/// Nothing is added to the image: where it has no loader at the path that
/// firmware looks at without an entry, the choices say so.
///
/// `ignore_failure` is the caller's business, because it covers the execution
/// of the plan as well.
///
/// # Errors
/// [`Fault::NoBootLoader`] if the disk cannot be made bootable,
/// [`Fault::EfiVariable`] if there is no number left for an entry, or the text
/// of one cannot be stored.
pub fn plan(facts: &BootFacts, request: &BootloaderRequest) -> Result<Plan, Fault> {
    let Some(efi) = &facts.efi else {
        let problem = "this system was not started by UEFI, and boot sectors are not written";
        return not_handled(facts, request, problem, Vec::new());
    };
    let Some(esp) = &efi.esp else {
        return Err(no_boot_loader(facts, "it has no EFI system partition"));
    };
    let loaders = esp.loaders();
    let place = Place {
        disk: facts.disk.clone(),
        partition: esp.partition.number,
    };
    let choices = choices(efi, esp, &loaders, &place);
    if loaders.chosen.is_empty() {
        let problem = "no boot loader is on its EFI system partition";
        return not_handled(facts, request, problem, choices);
    }
    let entries = replace::entries(efi, esp, &loaders.chosen, place)?;
    let entries = Box::new(entries);
    let mut plan = Plan::in_order(vec![Op::SetBootEntries { entries }, Op::Sync]);
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

fn choices(efi: &EfiFacts, esp: &EspContents, loaders: &Loaders, place: &Place) -> Vec<Choice> {
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
    let absent = efi
        .architecture
        .fallback_path()
        .filter(|_| esp.fallback(efi.architecture).is_none())
        .map(|path| Choice {
            device: format!("{path} on {place}"),
            chosen: false,
            reason: "it is not there: the disk boots only as long as the firmware keeps its entry"
                .to_owned(),
        });
    chosen.chain(refused).chain(absent).collect()
}
