// SPDX-License-Identifier: Apache-2.0
//! Boot entries on firmware with bad habits, over the stored dumps.

use std::sync::Mutex;

use ironseed_core::boot::LoadOption;
use ironseed_core::boot::variables::{boot_order_name, entry_name, entry_number};

use super::super::fake::dumps::{DUMPS, read};
use super::super::fake::{FakeFirmware, Habit, planned};
use super::*;

/// What happened, warnings apart.
struct Told {
    result: Result<(), Fault>,
    warnings: Vec<String>,
}

fn applied(firmware: &FakeFirmware, variables: &[EfiVariable], fallback: bool) -> Told {
    let warnings = Mutex::new(Vec::new());
    let entries = planned(variables, fallback);
    let result = apply(&entries, firmware, &|event| {
        if let Event::Warning(text) = event {
            warnings.lock().expect("warnings").push(text);
        }
    });
    Told {
        result,
        warnings: warnings.into_inner().expect("warnings"),
    }
}

fn labelled(firmware: &FakeFirmware, label: &str) -> Vec<u16> {
    let all = firmware.all();
    let entries = all.iter().filter(|variable| {
        LoadOption::decode(&variable.data).is_some_and(|option| option.description == label)
    });
    entries
        .filter_map(|entry| entry_number(&entry.name))
        .collect()
}

fn dump(name: &str) -> Vec<EfiVariable> {
    let found = DUMPS.iter().find(|(other, _)| *other == name);
    read(found.expect("the dump").1)
}

/// Entries of the network and of two deployments before, with an order.
fn used_machine() -> Vec<EfiVariable> {
    dump("dell-duplicates")
}

#[test]
fn good_firmware_boots_the_new_entry_of_every_dump() {
    for (name, dump) in DUMPS {
        let variables = read(dump);
        let firmware = FakeFirmware::new(&variables, &[]);
        let told = applied(&firmware, &variables, false);
        assert_eq!(told.result, Ok(()), "{name}");
        assert_eq!(told.warnings, [""; 0], "{name}");
        let [number] = labelled(&firmware, "debian")[..] else {
            // The label with a zero within is followed by something else.
            panic!("{name}: not one entry");
        };
        assert_eq!(firmware.order().first(), Some(&number), "{name}");
        // Again, and nothing is written.
        let (variables, writes) = (firmware.all(), firmware.writes());
        let told = applied(&firmware, &variables, false);
        assert_eq!((told.result, firmware.writes()), (Ok(()), writes), "{name}");
    }
}

/// A habit, whether an image without a loader at the path that needs no entry
/// boots with it, and a word of the warning or the fault.
const HABITS: &[(Habit, bool, &str)] = &[
    (Habit::ReadOnly, false, "read-only"),
    (Habit::Capacity(0), false, "no room"),
    (Habit::CapacityWithoutReclaim(0), false, "no room"),
    (Habit::DropsEntries, false, "other bytes"),
    (Habit::DropsEntriesAtOrder, false, "does not have it"),
    (Habit::KeepsOrder, true, "tries others before"),
    (Habit::RefusesOrder, false, "read-only"),
    (Habit::PrefersLast, true, "tries others before"),
    (Habit::AppendsData, true, "stored it as"),
    (Habit::Deactivates, false, "inactive"),
    (Habit::Volatile, false, "until the next reset"),
    (Habit::KeepsAll, true, "cannot be deleted"),
    (Habit::Unreadable, false, "cannot be read back"),
];

#[test]
fn each_bad_habit_is_told_and_fails_only_where_nothing_else_boots() {
    let mut variables = used_machine();
    // Written over, so that dropping it can be seen.
    variables.retain(|variable| variable.name != entry_name(0));
    for (habit, boots, word) in HABITS {
        let firmware = FakeFirmware::new(&variables, &[*habit]);
        let told = applied(&firmware, &variables, false);
        let text = match &told.result {
            Ok(()) => told.warnings.join("; "),
            Err(fault) => {
                assert_eq!(fault.code(), "efi-variable", "{habit:?}");
                fault.to_string()
            }
        };
        assert_eq!(told.result.is_ok(), *boots, "{habit:?}: {text}");
        assert!(text.contains(word), "{habit:?}: {text}");

        let firmware = FakeFirmware::new(&variables, &[*habit]);
        let told = applied(&firmware, &variables, true);
        assert_eq!(told.result, Ok(()), "{habit:?}");
        let text = told.warnings.join("; ");
        assert!(text.contains(word), "{habit:?}: {text}");
        assert_eq!(
            text.contains(r"\EFI\BOOT\BOOTX64.EFI"),
            !boots,
            "{habit:?}: {text}"
        );
    }
}

#[test]
fn old_entries_stay_where_no_new_one_does() {
    let variables = used_machine();
    for habit in [Habit::ReadOnly, Habit::RefusesOrder, Habit::Deactivates] {
        let firmware = FakeFirmware::new(&variables, &[habit]);
        let told = applied(&firmware, &variables, true);
        assert_eq!(told.result, Ok(()));
        let old = labelled(&firmware, "debian");
        assert_eq!(old.len(), 3, "{habit:?}: {old:?}");
    }
}

#[test]
fn duplicates_make_room_and_leave_the_order() {
    let variables = used_machine();
    let used = FakeFirmware::new(&variables, &[]).used();
    // Every size between no room at all and room for everything.
    let mut outcomes = std::collections::BTreeSet::new();
    for spare in 0..400 {
        let firmware = FakeFirmware::new(&variables, &[Habit::Capacity(used + spare)]);
        let told = applied(&firmware, &variables, false);
        outcomes.insert(told.result.is_ok());
        assert_sound(&firmware, &told, spare);
        let firmware =
            FakeFirmware::new(&variables, &[Habit::CapacityWithoutReclaim(used + spare)]);
        let told = applied(&firmware, &variables, true);
        assert_eq!(told.result, Ok(()), "{spare} bytes");
    }
    // One duplicate is more than the new entry needs.
    assert_eq!(outcomes, [true].into());
}

/// The order leads with one entry of ours, and to nothing that is gone.
fn assert_sound(firmware: &FakeFirmware, told: &Told, spare: usize) {
    assert_eq!(told.result, Ok(()), "{spare} bytes: {:?}", told.warnings);
    let order = firmware.order();
    assert_eq!(
        order.first(),
        labelled(firmware, "debian").first(),
        "{spare} bytes"
    );
    let all = firmware.all();
    for number in order {
        let name = entry_name(number);
        assert!(
            all.iter().any(|variable| variable.name == name),
            "{spare} bytes: {name}"
        );
    }
}

#[test]
fn entries_that_lead_nowhere_make_room_and_others_do_not() {
    let mut variables = dump("odd-labels");
    // The entry with a zero in its label would be replaced, and make room.
    variables.retain(|variable| variable.name != entry_name(2));
    let used = FakeFirmware::new(&variables, &[]).used();
    let firmware = FakeFirmware::new(&variables, &[Habit::Capacity(used + 250)]);
    let told = applied(&firmware, &variables, false);
    assert_eq!(told.result, Ok(()), "{:?}", told.warnings);
    let names: Vec<String> = firmware
        .all()
        .into_iter()
        .map(|variable| variable.name)
        .collect();
    assert!(
        !names.contains(&entry_name(3)),
        "it led to a file that is not there"
    );
    for kept in [0, 1, 4, 5, 6, 7, 8] {
        assert!(names.contains(&entry_name(kept)), "{kept}");
    }
    assert!(!firmware.order().contains(&3));
    assert!(names.contains(&boot_order_name()));
}
