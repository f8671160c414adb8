// SPDX-License-Identifier: Apache-2.0
//! What the machine is made of, in depth: everything beyond the inventory that
//! Ironic itself reads ([`crate::inventory`]). It is posted under the key
//! `ironseed` of the inspection data; `docs/ironseed.schema.json` is its schema.
//!
//! One file per section. What cannot be known is absent, and [`Absence`] says
//! why; a value is never made up.

mod absence;
mod disks;
mod kernel;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inventory::TABLE;
use crate::smbios::{Structure, structures};
use crate::snapshot::{Snapshot, Tree};

pub use absence::{Absence, Absences};
pub use disks::{
    AttributeBelowThreshold, Discard, Disk, Drive, FirmwareSlot, Format, Health, LbaFormat, Namespace, Nvme,
    Password, Sanitize, SanitizeState, Security, Sizes, Verdict, Warning, WriteCache, drives_to_ask,
};
pub use kernel::Kernel;

/// The machine in depth. Every section is there; one without content says why
/// in `absent`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Hardware {
    /// The running kernel.
    pub kernel: Kernel,
    /// Disks: what each is, what it can do, and how it is.
    pub disks: Vec<Disk>,
    /// What could not be known, and why.
    pub absent: Vec<Absence>,
}

/// What every section is read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// Everything that was read from the machine.
    pub(crate) snapshot: &'a Snapshot,
    /// The files among it.
    pub(crate) files: &'a Tree,
    /// The structures of the SMBIOS table.
    #[expect(dead_code, reason = "the sections that read it come next")]
    pub(crate) smbios: &'a [Structure<'a>],
}

/// Reads every section.
#[must_use]
pub fn read(snapshot: &Snapshot) -> Hardware {
    let structures = structures(snapshot.files.bytes(TABLE).unwrap_or_default());
    let source = Source {
        snapshot,
        files: &snapshot.files,
        smbios: &structures,
    };
    let mut absent = Absences::default();
    absent.problems_of(snapshot);
    Hardware {
        kernel: kernel::read(&source, &mut absent),
        disks: disks::read(&source, &mut absent),
        absent: absent.into_list(),
    }
}
