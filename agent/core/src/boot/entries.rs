// SPDX-License-Identifier: Apache-2.0
//! The change of the firmware's boot entries as one value: what is written,
//! what goes, and what may go if there is no room.
//!
//! It is one operation and not several, because firmware can refuse any part
//! of it: an entry that was refused must not stand in the boot order, and the
//! entries it would have replaced must stay.

use std::fmt;

use serde::Serialize;

use super::variables;
use crate::boot::EfiVariable;

/// The boot entries that a disk shall have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootEntries {
    /// The partition they lead to.
    pub place: Place,
    /// Entries that must go before, because their number is needed and their
    /// variable cannot be written over.
    pub delete_first: Vec<Deletion>,
    /// The entries, the first to be booted first. Empty if the variables
    /// cannot even be read.
    pub new: Vec<NewEntry>,
    /// The boot order around them.
    pub order: BootOrder,
    /// What is replaced, deleted once the new entries stand.
    pub delete_after: Vec<Deletion>,
    /// What may be deleted if the firmware has no room, and stays otherwise.
    pub spare: Vec<Deletion>,
    /// Path with backslashes of the program that is started without any boot
    /// entry, if the partition has it.
    pub fallback: Option<String>,
    /// Why the firmware's variables cannot be read.
    pub unreadable: Option<String>,
}

/// The partition that boot entries lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The disk, `/dev/sda`.
    pub disk: String,
    /// Number of its EFI system partition.
    pub partition: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {} of {}", self.partition, self.disk)
    }
}

/// A boot entry to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewEntry {
    /// Its number.
    pub number: u16,
    /// Its variable, new or written over.
    pub variable: EfiVariable,
    /// What it boots and why, for the log.
    pub reason: String,
}

/// A variable to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deletion {
    /// Its name as the firmware spells it.
    pub name: String,
    /// Why, for the log.
    pub reason: String,
}

impl Deletion {
    /// The number of the entry, if the variable is one.
    #[must_use]
    pub fn number(&self) -> Option<u16> {
        variables::entry_number(&self.name)
    }
}

/// The boot order around the new entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootOrder {
    /// The attributes it has: firmware refuses to change them.
    pub attributes: u32,
    /// The entries that are tried after the new ones.
    pub others: Vec<u16>,
}

impl BootOrder {
    /// The variable that puts `new` first and leaves out what is `gone`.
    #[must_use]
    pub fn variable(&self, new: &[u16], gone: &[u16]) -> EfiVariable {
        let others = self.others.iter().filter(|number| !gone.contains(number));
        let order: Vec<u16> = new.iter().chain(others).copied().collect();
        EfiVariable {
            name: variables::boot_order_name(),
            attributes: self.attributes,
            data: variables::encode_numbers(&order),
        }
    }
}

/// One line for a plan that is shown.
impl fmt::Display for BootEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<&str> = self.new.iter().map(|new| new.reason.as_str()).collect();
        let goes = self.delete_first.iter().chain(&self.delete_after);
        write!(f, "boot entries for {}: {}", self.place, reasons.join("; "))?;
        for deletion in goes {
            write!(f, "; {}", deletion.reason)?;
        }
        Ok(())
    }
}
