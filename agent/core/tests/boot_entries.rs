// SPDX-License-Identifier: Apache-2.0
//! Boot entries over stored variables of real and of odd firmware: what is
//! planned is kept beside each dump. `UPDATE_GOLDEN=1` writes it anew.

use std::path::Path;

use ironseed_core::boot::EfiVariable;
use ironseed_core::boot::variables::{self, entry_name, numbers};
use ironseed_core::boot::{BootEntries, BootFacts, Deletion, LoadOption, plan};
use ironseed_core::lifecycle::BootloaderRequest;
use ironseed_core::plan::{Op, Plan};

mod dumps;

fn planned(variables: Vec<EfiVariable>) -> Plan {
    let facts = BootFacts {
        disk: "/dev/sda".into(),
        efi: Some(dumps::facts(variables, true)),
    };
    plan(&facts, &BootloaderRequest::default()).expect("a plan")
}

fn entries(plan: &Plan) -> &BootEntries {
    let [Op::SetBootEntries { entries }, Op::Sync] = plan.ops.as_slice() else {
        panic!("other operations: {:?}", plan.ops);
    };
    entries
}

/// A plan for people who review it.
fn shown(plan: &Plan) -> String {
    let entries = entries(plan);
    let mut lines = Vec::new();
    let short = |name: &str| name.split('-').next().unwrap_or_default().to_owned();
    let deletions = |when: &str, deletions: &[Deletion]| -> Vec<String> {
        deletions
            .iter()
            .map(|gone| format!("{when} {}: {}", short(&gone.name), gone.reason))
            .collect()
    };
    lines.extend(deletions("delete", &entries.delete_first));
    for new in &entries.new {
        lines.push(format!("set {}: {}", short(&new.variable.name), new.reason));
    }
    let new: Vec<u16> = entries.new.iter().map(|new| new.number).collect();
    let order = entries.order.variable(&new, &[]);
    let numbers: Vec<String> = numbers(&order.data)
        .iter()
        .map(|number| format!("{number:04X}"))
        .collect();
    lines.push(format!(
        "order {} with attributes {:#x}",
        numbers.join(","),
        order.attributes
    ));
    lines.extend(deletions("then delete", &entries.delete_after));
    lines.extend(deletions("if there is no room, delete", &entries.spare));
    lines.push(format!(
        "without an entry {}",
        entries.fallback.as_deref().unwrap_or("nothing")
    ));
    lines.join("\n") + "\n"
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "golden files are compared with what was planned"
)]
fn each_dump_has_the_plan_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/efi");
    for (name, dump) in dumps::DUMPS {
        let found = shown(&planned(dumps::read(dump)));
        let golden = folder.join(name).with_extension("plan");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &found).expect("written");
        }
        let kept = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(found, kept, "{}", golden.display());
    }
    let files = std::fs::read_dir(folder).expect("the folder");
    assert_eq!(
        files.count(),
        2 * dumps::DUMPS.len(),
        "every dump is tested"
    );
}

#[test]
fn planning_again_after_the_plan_changes_nothing() {
    for (name, dump) in dumps::DUMPS {
        let mut variables = dumps::read(dump);
        let plan = planned(variables.clone());
        carry_out(&mut variables, &plan);
        let before = variables.clone();
        let plan = planned(variables.clone());
        carry_out(&mut variables, &plan);
        assert_eq!(variables, before, "{name}");
    }
}

/// What perfect firmware would have afterwards.
fn carry_out(variables: &mut Vec<EfiVariable>, plan: &Plan) {
    let entries = entries(plan);
    let delete = |variables: &mut Vec<EfiVariable>, gone: &[Deletion]| {
        variables.retain(|variable| gone.iter().all(|gone| gone.name != variable.name));
    };
    let set = |variables: &mut Vec<EfiVariable>, new: &EfiVariable| match variables
        .iter_mut()
        .find(|old| old.name == new.name)
    {
        Some(old) => {
            assert_eq!(old.attributes, new.attributes, "{} keeps its own", new.name);
            *old = new.clone();
        }
        None => variables.push(new.clone()),
    };
    delete(variables, &entries.delete_first);
    for new in &entries.new {
        set(variables, &new.variable);
    }
    let new: Vec<u16> = entries.new.iter().map(|new| new.number).collect();
    set(variables, &entries.order.variable(&new, &[]));
    delete(variables, &entries.delete_after);
    variables.sort_by(|one, other| one.name.cmp(&other.name));
}

/// After the plan the new entry is first, the only one of its label, and every
/// number in the order has its entry; what others made is untouched.
fn assert_sound(before: &[EfiVariable], context: &str) {
    let plan = planned(before.to_vec());
    let mut after = before.to_vec();
    carry_out(&mut after, &plan);
    let ours: Vec<&EfiVariable> = after
        .iter()
        .filter(|variable| {
            variables::entry_number(&variable.name).is_some()
                && LoadOption::label_units(&variable.data)
                    .is_some_and(|units| units == "debian".encode_utf16().collect::<Vec<_>>())
        })
        .collect();
    let [ours] = ours.as_slice() else {
        panic!("{context}: {} entries named debian", ours.len());
    };
    let order = variables::boot_order(&after).expect("an order");
    let order = numbers(&order.data);
    assert_eq!(
        order.first().map(|first| entry_name(*first)),
        Some(ours.name.clone()),
        "{context}"
    );
    for (at, number) in order.iter().enumerate() {
        let has = |variable: &EfiVariable| variables::entry_number(&variable.name) == Some(*number);
        assert!(after.iter().any(has), "{context}: {number:04X}");
        assert!(
            !order[..at].contains(number),
            "{context}: {number:04X} twice"
        );
    }
    if let Some((_, next)) = variables::boot_next(&after) {
        let has = |variable: &EfiVariable| variables::entry_number(&variable.name) == Some(next);
        assert!(
            after.iter().any(has),
            "{context}: the next boot leads nowhere"
        );
    }
    for reason in entries(&plan)
        .delete_after
        .iter()
        .chain(&entries(&plan).spare)
    {
        assert!(
            !reason.reason.contains(char::is_control),
            "{context}: {reason:?}"
        );
    }
}

#[test]
fn every_truncation_gives_a_sound_plan() {
    for (name, dump) in dumps::DUMPS {
        let variables = dumps::read(dump);
        for index in 0..variables.len() {
            for length in 0..variables[index].data.len() {
                let mut cut = variables.clone();
                cut[index].data.truncate(length);
                assert_sound(&cut, &format!("{name} {length} of {:?}", cut[index]));
            }
        }
    }
}

#[test]
fn every_flipped_bit_gives_a_sound_plan() {
    for (name, dump) in dumps::DUMPS {
        let variables = dumps::read(dump);
        for index in 0..variables.len() {
            for at in 0..variables[index].data.len() {
                // One bit of each byte, another one in each.
                let mut flipped = variables.clone();
                flipped[index].data[at] ^= 1 << (at % 8);
                assert_sound(
                    &flipped,
                    &format!("{name} byte {at} of {:?}", flipped[index]),
                );
            }
        }
    }
}
