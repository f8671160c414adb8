// SPDX-License-Identifier: Apache-2.0
//! Writing boot entries to a firmware that may refuse, forget or change them.
//!
//! New entries are written before old ones go, so that the machine is never
//! without one; only a full store turns that around. What stands in the end is
//! read back, and `ironseed_core::boot` says what it means.

use std::collections::VecDeque;
use std::fmt;

use ironseed_core::boot::EfiVariable;
use ironseed_core::boot::{BootEntries, Deletion, NewEntry, Refusal, Results, Stored};
use ironseed_core::event::Event;
use ironseed_core::fault::Fault;

use super::Efivarfs;
use crate::progress::Observer;

/// The firmware's variables.
pub trait EfiVariables: Send + Sync + fmt::Debug {
    /// The variable of this name, if the firmware has it.
    ///
    /// # Errors
    ///
    /// What the firmware or the kernel says.
    fn get(&self, name: &str) -> Result<Option<EfiVariable>, Refusal>;

    /// Sets or creates a variable. What the firmware made of it must be read back.
    ///
    /// # Errors
    ///
    /// What the firmware or the kernel says.
    fn set(&self, variable: &EfiVariable) -> Result<(), Refusal>;

    /// Deletes a variable; one that is not there is deleted already.
    ///
    /// # Errors
    ///
    /// What the firmware or the kernel says.
    fn delete(&self, name: &str) -> Result<(), Refusal>;
}

impl EfiVariables for Efivarfs {
    fn get(&self, name: &str) -> Result<Option<EfiVariable>, Refusal> {
        Efivarfs::get(self, name)
    }

    fn set(&self, variable: &EfiVariable) -> Result<(), Refusal> {
        Efivarfs::set(self, variable)
    }

    fn delete(&self, name: &str) -> Result<(), Refusal> {
        Efivarfs::delete(self, name)
    }
}

/// Carries out what was planned about boot entries.
///
/// # Errors
///
/// [`Fault::EfiVariable`] if the firmware will not boot the disk.
pub fn apply(
    entries: &BootEntries,
    variables: &dyn EfiVariables,
    observer: &Observer<'_>,
) -> Result<(), Fault> {
    let mut run = Run {
        variables,
        observer,
        room: entries.delete_after.iter().chain(&entries.spare).collect(),
        gone: Vec::new(),
    };
    for deletion in &entries.delete_first {
        run.delete(deletion);
    }
    let mut results = Results {
        entries: entries.new.iter().map(|new| run.entry(new)).collect(),
        order: Ok(()),
    };
    let standing = standing(entries, &results);
    if !standing.is_empty() {
        results.order = run.order(entries, &standing);
        run.check(entries, &mut results);
    }
    if results.boots() {
        for deletion in &entries.delete_after {
            run.delete(deletion);
        }
    }
    for warning in entries.conclude(&results)? {
        run.warn(warning);
    }
    Ok(())
}

/// Numbers of the new entries that the firmware has.
fn standing(entries: &BootEntries, results: &Results) -> Vec<u16> {
    let both = entries.new.iter().zip(&results.entries);
    both.filter_map(|(new, result)| result.is_ok().then_some(new.number))
        .collect()
}

struct Run<'a> {
    variables: &'a dyn EfiVariables,
    observer: &'a Observer<'a>,
    /// What may be deleted if there is no room, in this order.
    room: VecDeque<&'a Deletion>,
    /// Numbers of entries that were deleted.
    gone: Vec<u16>,
}

impl<'a> Run<'a> {
    fn warn(&self, text: String) {
        (self.observer)(Event::Warning(text));
    }

    fn note(&self, text: String) {
        (self.observer)(Event::Note(text));
    }

    /// A leftover entry is a line too many in a menu, so it is only told.
    fn delete(&mut self, deletion: &'a Deletion) {
        self.room.retain(|other| *other != deletion);
        let number = deletion.number();
        if number.is_some_and(|number| self.gone.contains(&number)) {
            return;
        }
        let name = &deletion.name;
        self.note(format!("deleting {name}: {}", deletion.reason));
        match self.variables.delete(name) {
            Ok(()) => self.gone.extend(number),
            Err(refusal) => self.warn(format!("{name} cannot be deleted: {refusal}")),
        }
    }

    fn entry(&mut self, new: &NewEntry) -> Result<(), String> {
        self.note(format!("setting {}: {}", new.variable.name, new.reason));
        self.gone.retain(|number| *number != new.number);
        let result = self.set(&new.variable).or_else(|refusal| match refusal {
            // The entry that is written over needs room until then.
            Refusal::NoRoom => self
                .variables
                .delete(&new.variable.name)
                .and_then(|()| self.variables.set(&new.variable)),
            refusal => Err(refusal),
        });
        result.map_err(|refusal| refusal.to_string())
    }

    fn order(&mut self, entries: &BootEntries, standing: &[u16]) -> Result<(), String> {
        loop {
            let order = entries.order.variable(standing, &self.gone);
            match self.once(&order) {
                Err(Refusal::NoRoom) if self.make_room() => {}
                result => return result.map_err(|refusal| refusal.to_string()),
            }
        }
    }

    /// Sets a variable, as often as something can go to make room for it.
    fn set(&mut self, variable: &EfiVariable) -> Result<(), Refusal> {
        loop {
            match self.once(variable) {
                Err(Refusal::NoRoom) if self.make_room() => {}
                result => return result,
            }
        }
    }

    /// What is there already is not written again: the store wears out.
    fn once(&self, variable: &EfiVariable) -> Result<(), Refusal> {
        match self.variables.get(&variable.name) {
            Ok(Some(there)) if there == *variable => Ok(()),
            _ => self.variables.set(variable),
        }
    }

    fn make_room(&mut self) -> bool {
        match self.room.pop_front() {
            Some(deletion) => {
                self.note("there is no room in the firmware's NVRAM".to_owned());
                self.delete(deletion);
                true
            }
            None => false,
        }
    }

    /// Reads back, after everything was written: some firmware answers with
    /// success and drops the value, some drops it when the order changes.
    fn check(&self, entries: &BootEntries, results: &mut Results) {
        for (new, result) in entries.new.iter().zip(&mut results.entries) {
            if result.is_ok() {
                *result = self.judged(&new.variable.name, |found| {
                    Stored::entry(&new.variable, found)
                });
            }
        }
        let standing = standing(entries, results);
        if results.order.is_ok() {
            let wanted = entries.order.variable(&standing, &self.gone);
            results.order = self.judged(&wanted.name, |found| {
                Stored::order(&wanted, &standing, found)
            });
        }
    }

    fn judged(
        &self,
        name: &str,
        compare: impl FnOnce(Option<&EfiVariable>) -> Stored,
    ) -> Result<(), String> {
        let found = self
            .variables
            .get(name)
            .map_err(|refusal| format!("it cannot be read back: {refusal}"))?;
        match compare(found.as_ref()) {
            Stored::AsWanted => Ok(()),
            Stored::Rewritten(how) => {
                self.warn(format!("{name}: {how}"));
                Ok(())
            }
            Stored::Lost(how) => Err(how),
        }
    }
}

#[cfg(test)]
#[path = "entries_tests.rs"]
mod tests;
