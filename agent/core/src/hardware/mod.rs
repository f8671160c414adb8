// SPDX-License-Identifier: Apache-2.0
//! What the machine is made of, in depth: everything beyond the inventory that
//! Ironic itself reads ([`crate::inventory`]). It is posted under the key
//! `ironseed` of the inspection data; `docs/ironseed.schema.json` is its schema.
//!
//! One file per section. What cannot be known is absent, and [`Absence`] says
//! why; a value is never made up.

mod absence;
mod command_line;
mod firmware;
mod kernel;
mod kernel_errors;
pub(crate) mod kernel_list;
mod memory;
mod memory_errors;
pub(crate) mod numa;
mod processors;
mod system;
pub(crate) mod topology;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inventory::TABLE;
use crate::smbios::{Structure, structures};
use crate::snapshot::{Snapshot, Tree};

pub use absence::{Absence, Absences};
pub use firmware::{BootEntry, Firmware};
pub use kernel::Kernel;
pub use kernel_errors::{KernelErrors, KernelMessage};
pub use memory::{EmptySlot, Memory, MemoryModule, NodeMemory};
pub use memory_errors::{MemoryController, MemoryModuleErrors};
pub use numa::NumaNode;
pub use processors::{Processors, Socket};
pub use system::{Board, Chassis, System};
pub use topology::ProcessorCache;

/// The machine in depth. Every section is there; one without content says why
/// in `absent`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Hardware {
    /// Who the machine, its board and its enclosure are.
    pub system: System,
    /// Firmware and boot entries.
    pub firmware: Firmware,
    /// Processors.
    pub processors: Processors,
    /// Memory.
    pub memory: Memory,
    /// The running kernel.
    pub kernel: Kernel,
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
        system: system::read(&source, &mut absent),
        firmware: firmware::read(&source, &mut absent),
        processors: processors::read(&source, &mut absent),
        memory: memory::read(&source, &mut absent),
        kernel: kernel::read(&source, &mut absent),
        absent: absent.into_list(),
    }
}
