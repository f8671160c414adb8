// SPDX-License-Identifier: Apache-2.0
//! What firmware made of the variables it was given, and what follows from it.
//!
//! Firmware refuses variables, forgets them, or stores something else: each
//! was seen in the field. A disk that has a program at the path where firmware
//! looks without any entry boots all the same, so that a refusal is worth a
//! warning there; on another disk it is a failure.

use thiserror::Error;

use super::device_path::{DeviceNode, DevicePath};
use super::entries::BootEntries;
use super::load_option::LoadOption;
use super::variables;
use crate::boot::EfiVariable;
use crate::fault::Fault;

/// `NON_VOLATILE`: the variable is there after a reset.
const NON_VOLATILE: u32 = 1;

/// Why a variable was not changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The store is full (`EFI_OUT_OF_RESOURCES`). Old crash dumps of kernels
    /// are what fills it most often.
    #[error(
        "there is no room in the firmware's NVRAM; variables named dump-type0-… are crash dumps that may be deleted"
    )]
    NoRoom,
    /// Neither kernel nor firmware lets anybody write.
    #[error("the firmware's variables are read-only: {0}")]
    ReadOnly(String),
    /// Anything else, in the kernel's words.
    #[error("{0}")]
    Other(String),
}

/// What stands in the firmware after a variable was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// What was wanted.
    AsWanted,
    /// Something else that does the same.
    Rewritten(String),
    /// Nothing that does.
    Lost(String),
}

/// What came of writing [`BootEntries`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// For each new entry, why it does not stand.
    pub entries: Vec<Result<(), String>>,
    /// Why the boot order does not name those that stand.
    pub order: Result<(), String>,
}

impl Results {
    /// Whether the firmware will boot one of the new entries.
    #[must_use]
    pub fn boots(&self) -> bool {
        self.order.is_ok() && self.entries.iter().any(Result::is_ok)
    }
}

impl Stored {
    /// Compares an entry with what the firmware has in its place.
    #[must_use]
    pub fn entry(wanted: &EfiVariable, found: Option<&EfiVariable>) -> Self {
        let found = match present(wanted, found) {
            Ok(found) => found,
            Err(lost) => return lost,
        };
        if found.data == wanted.data {
            return attributes(wanted, found);
        }
        let decoded = |variable: &EfiVariable| LoadOption::decode(&variable.data);
        match (decoded(wanted), decoded(found)) {
            (Some(wanted), Some(found)) if !found.is_active() && wanted.is_active() => {
                Self::Lost("the firmware made it inactive".to_owned())
            }
            (Some(wanted), Some(found)) if leads_alike(&wanted.path, &found.path) => {
                Self::Rewritten(format!("the firmware stored it as {}", found.path))
            }
            _ => Self::Lost(format!(
                "the firmware stored {} other bytes in its place",
                found.data.len()
            )),
        }
    }

    /// Compares the boot order with what the firmware made of it; `new` are
    /// the entries that shall be tried first.
    #[must_use]
    pub fn order(wanted: &EfiVariable, new: &[u16], found: Option<&EfiVariable>) -> Self {
        let found = match present(wanted, found) {
            Ok(found) => found,
            Err(lost) => return lost,
        };
        if found.data == wanted.data {
            return attributes(wanted, found);
        }
        let numbers = variables::numbers(&found.data);
        let has = shown(&numbers);
        match new.first() {
            Some(first) if !numbers.contains(first) => {
                Self::Lost(format!("the firmware took Boot{first:04X} out: {has}"))
            }
            Some(first) if numbers.first() != Some(first) => Self::Rewritten(format!(
                "the firmware tries others before Boot{first:04X}: {has}"
            )),
            _ => Self::Rewritten(format!("the firmware changed it: {has}")),
        }
    }
}

/// The numbers of a boot order for people: `0001,000A`.
pub(super) fn shown(numbers: &[u16]) -> String {
    let texts: Vec<String> = numbers.iter().map(|n| format!("{n:04X}")).collect();
    texts.join(",")
}

fn present<'a>(
    wanted: &EfiVariable,
    found: Option<&'a EfiVariable>,
) -> Result<&'a EfiVariable, Stored> {
    match found {
        None => Err(Stored::Lost(
            "the firmware accepted it and does not have it".to_owned(),
        )),
        Some(found) if wanted.attributes & !found.attributes & NON_VOLATILE != 0 => Err(
            Stored::Lost("the firmware keeps it until the next reset only".to_owned()),
        ),
        Some(found) => Ok(found),
    }
}

fn attributes(wanted: &EfiVariable, found: &EfiVariable) -> Stored {
    if wanted.attributes == found.attributes {
        Stored::AsWanted
    } else {
        Stored::Rewritten(format!(
            "the firmware gave it the attributes {:#x} instead of {:#x}",
            found.attributes, wanted.attributes
        ))
    }
}

/// Whether two paths name the same file of the same partition. Firmware puts
/// the way to the disk in front of a path that begins at the partition.
pub(super) fn leads_alike(one: &DevicePath, two: &DevicePath) -> bool {
    match (target(one), target(two)) {
        (Some((guid, file)), Some((other_guid, other_file))) => {
            guid == other_guid && file.eq_ignore_ascii_case(other_file)
        }
        _ => false,
    }
}

/// Partition and file that a path ends with.
pub(super) fn target(path: &DevicePath) -> Option<(uuid::Uuid, &str)> {
    match path.0.as_slice() {
        [.., DeviceNode::HardDrive(drive), DeviceNode::File(file)] => Some((drive.guid, file)),
        _ => None,
    }
}

impl BootEntries {
    /// What the results mean: warnings, or the fault that makes them a failure.
    ///
    /// # Errors
    /// [`Fault::EfiVariable`] if neither a new entry nor the path without an
    /// entry boots the disk.
    pub fn conclude(&self, results: &Results) -> Result<Vec<String>, Fault> {
        let entries = self.new.iter().zip(&results.entries);
        let order = variables::boot_order_name();
        let mut problems: Vec<(String, &String)> = entries
            .filter_map(|(new, result)| Some((new.variable.name.clone(), result.as_ref().err()?)))
            .collect();
        problems.extend(results.order.as_ref().err().map(|p| (order, p)));
        problems.extend(self.unreadable.iter().map(|p| ("efivarfs".to_owned(), p)));
        let mut warnings: Vec<String> = problems
            .iter()
            .map(|(name, problem)| format!("the firmware variable {name}: {problem}"))
            .collect();
        if results.boots() {
            return Ok(warnings);
        }
        let place = &self.place;
        match (&self.fallback, problems.into_iter().next()) {
            (Some(path), _) => {
                warnings.push(format!(
                    "no boot entry leads to {place}; the machine boots {path}, where firmware looks without one"
                ));
                Ok(warnings)
            }
            (None, problem) => {
                let (variable, problem) = problem
                    .map(|(name, problem)| (name, problem.clone()))
                    .unwrap_or_default();
                Err(Fault::EfiVariable {
                    variable,
                    problem: format!(
                        "{problem}; and {place} has no boot loader at the path where firmware looks without a boot entry"
                    ),
                })
            }
        }
    }
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
