// SPDX-License-Identifier: Apache-2.0
//! Firmware in memory that behaves as badly as firmware does.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ironseed_core::boot::EfiVariable;
use ironseed_core::boot::variables::{boot_order_name, entry_number, numbers};
use ironseed_core::boot::{BootEntries, BootFacts, Refusal, plan};
use ironseed_core::lifecycle::BootloaderRequest;
use ironseed_core::plan::Op;

use super::EfiVariables;

#[path = "../../../core/tests/dumps/mod.rs"]
pub(crate) mod dumps;

/// One bad habit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Bytes for all names and values together.
    Capacity(usize),
    /// As `Capacity`, but what is deleted takes its room until a reset.
    CapacityWithoutReclaim(usize),
    /// Nothing can be written.
    ReadOnly,
    /// New entries are accepted and not stored.
    DropsEntries,
    /// Entries vanish when the order is written.
    DropsEntriesAtOrder,
    /// The order is accepted and stays as it was.
    KeepsOrder,
    /// The order cannot be written.
    RefusesOrder,
    /// The last entry of the order comes first all the same.
    PrefersLast,
    /// Entries get data at their end.
    AppendsData,
    /// Entries are made inactive.
    Deactivates,
    /// New variables are gone after a reset.
    Volatile,
    /// Nothing can be deleted.
    KeepsAll,
    /// Values cannot be read back.
    Unreadable,
}

/// Variables, and the habits of whoever keeps them.
#[derive(Debug, Default)]
pub(crate) struct FakeFirmware {
    habits: Vec<Habit>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    variables: BTreeMap<String, EfiVariable>,
    /// Bytes that deleted and replaced values still take.
    garbage: usize,
    writes: usize,
}

impl FakeFirmware {
    pub(crate) fn new(variables: &[EfiVariable], habits: &[Habit]) -> Self {
        let variables = variables.iter().map(|v| (v.name.clone(), v.clone()));
        Self {
            habits: habits.to_vec(),
            state: Mutex::new(State {
                variables: variables.collect(),
                ..State::default()
            }),
        }
    }

    /// Bytes that the variables take.
    pub(crate) fn used(&self) -> usize {
        self.state().used()
    }

    /// How often something was written or deleted.
    pub(crate) fn writes(&self) -> usize {
        self.state().writes
    }

    pub(crate) fn all(&self) -> Vec<EfiVariable> {
        self.state().variables.values().cloned().collect()
    }

    pub(crate) fn order(&self) -> Vec<u16> {
        let state = self.state();
        let order = state.variables.get(&boot_order_name());
        order.map_or_else(Vec::new, |order| numbers(&order.data))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, habit: Habit) -> bool {
        self.habits.contains(&habit)
    }

    fn room(&self, state: &State) -> usize {
        let rooms = self.habits.iter().filter_map(|habit| match habit {
            Habit::Capacity(all) => Some(all.saturating_sub(state.used())),
            Habit::CapacityWithoutReclaim(all) => {
                Some(all.saturating_sub(state.used() + state.garbage))
            }
            _ => None,
        });
        rooms.min().unwrap_or(usize::MAX)
    }

    /// What the firmware makes of a value.
    fn changed(&self, variable: &EfiVariable, state: &State) -> EfiVariable {
        let mut kept = variable.clone();
        let is_entry = entry_number(&variable.name).is_some();
        let is_order = variable.name == boot_order_name();
        if is_entry && self.has(Habit::AppendsData) {
            kept.data.extend([0xff; 8]);
        }
        if is_entry && self.has(Habit::Deactivates) {
            kept.data[0] &= !1;
        }
        if self.has(Habit::Volatile) {
            kept.attributes &= !1;
        }
        if is_order && self.has(Habit::PrefersLast) {
            kept.data.rotate_right(2);
        }
        if is_order && self.has(Habit::KeepsOrder) {
            let before = state.variables.get(&variable.name);
            kept.data = before.map(|order| order.data.clone()).unwrap_or_default();
        }
        kept
    }
}

impl State {
    fn used(&self) -> usize {
        self.variables.values().map(size).sum()
    }
}

fn size(variable: &EfiVariable) -> usize {
    60 + 2 * variable.name.len() + variable.data.len()
}

impl EfiVariables for FakeFirmware {
    fn get(&self, name: &str) -> Result<Option<EfiVariable>, Refusal> {
        if self.has(Habit::Unreadable) {
            return Err(Refusal::Other("Input/output error".to_owned()));
        }
        Ok(self.state().variables.get(name).cloned())
    }

    fn set(&self, variable: &EfiVariable) -> Result<(), Refusal> {
        let mut state = self.state();
        let is_order = variable.name == boot_order_name();
        if self.has(Habit::ReadOnly) || (is_order && self.has(Habit::RefusesOrder)) {
            return Err(Refusal::ReadOnly("writing".to_owned()));
        }
        let old = state.variables.get(&variable.name);
        if old.is_some_and(|old| old.attributes != variable.attributes) {
            return Err(Refusal::Other("invalid attributes".to_owned()));
        }
        let old = old.map_or(0, size);
        // As in real stores, the new value stands before the old one goes.
        if size(variable) > self.room(&state) {
            return Err(Refusal::NoRoom);
        }
        state.garbage += old;
        state.writes += 1;
        if is_order && self.has(Habit::DropsEntriesAtOrder) {
            let first = numbers(&variable.data).first().copied();
            let first = |name: &str| entry_number(name) == first;
            state.variables.retain(|name, _| !first(name));
        }
        if self.has(Habit::DropsEntries) && entry_number(&variable.name).is_some() {
            return Ok(());
        }
        let kept = self.changed(variable, &state);
        state.variables.insert(kept.name.clone(), kept);
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        if self.has(Habit::ReadOnly) || self.has(Habit::KeepsAll) {
            return Err(Refusal::ReadOnly("deleting".to_owned()));
        }
        if let Some(old) = state.variables.remove(name) {
            state.garbage += size(&old);
            state.writes += 1;
        }
        Ok(())
    }
}

/// What is planned for an image of Debian that has no loader but its own.
pub(crate) fn debian(variables: &[EfiVariable]) -> BootEntries {
    planned(variables, false)
}

/// The same with a loader at the path that needs no entry, or without.
pub(crate) fn planned(variables: &[EfiVariable], fallback: bool) -> BootEntries {
    let facts = BootFacts {
        disk: "/dev/sda".to_owned(),
        efi: Some(dumps::facts(variables.to_vec(), fallback)),
    };
    let plan = plan(&facts, &BootloaderRequest::default()).expect("a plan");
    match plan.ops.into_iter().next() {
        Some(Op::SetBootEntries { entries }) => *entries,
        other => panic!("{other:?} is not about boot entries"),
    }
}
