// SPDX-License-Identifier: Apache-2.0
//! Which kind of machine this is, and how it differs from what such a machine
//! should be.
//!
//! ```text
//! snapshot + inventory ── facts ──► ProfileSet::select ──► profile
//!                                      quirks ◄───────────────┤
//! snapshot + inventory ── observe ──► Observed ── deviations ─┘
//! ```

mod draft;
mod expectation;
mod facts;
mod observed;
mod quirks;
mod version;

use hardware_profiles::{Layout, MachineFacts, ProfileSet, Selection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hardware::{self, Hardware};
use crate::inventory::{self, Inventory};
use crate::snapshot::Snapshot;

pub use draft::draft;
pub use expectation::{Deviation, Severity, deviations};
pub use facts::facts;
pub(crate) use observed::pci_devices;
pub use observed::{Dimm, Disk, Neighbour, Nic, Observed, PciDevice, observe};
pub use quirks::Quirks;

/// The profile that was chosen for the machine, as it is reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MachineProfile {
    /// Name of the profile.
    pub name: String,
    /// What kind of machine it means.
    pub description: String,
    /// Why this profile was chosen.
    pub reason: String,
    /// The disk and network layout that such a machine shall get; null if the
    /// profile has none.
    pub layout: Option<Layout>,
}

impl From<&Selection<'_>> for MachineProfile {
    fn from(selection: &Selection<'_>) -> Self {
        let profile = selection.profile;
        Self {
            name: profile.name.clone(),
            description: profile.description.clone(),
            reason: selection.reason.clone(),
            layout: Some(profile.layout.clone()).filter(|layout| !layout.is_empty()),
        }
    }
}

/// A machine with the profile that was chosen for it.
#[derive(Debug, Clone)]
pub struct Recognised<'a> {
    /// The profile and why.
    pub selection: Selection<'a>,
    /// What it was chosen by.
    pub facts: MachineFacts,
    /// What the agent heeds.
    pub quirks: Quirks,
    /// The machine as Ironic knows it, quirks heeded.
    pub inventory: Inventory,
    /// The machine in depth, quirks heeded.
    pub hardware: Hardware,
    /// What expectations are compared with.
    pub observed: Observed,
    /// How the machine differs from them.
    pub deviations: Vec<Deviation>,
}

/// Chooses the profile, and reads and compares the machine with it.
///
/// The inventory is read twice: the profile is chosen by it, and its quirks
/// change what stands in it.
#[must_use]
pub fn recognise<'a>(
    set: &'a ProfileSet,
    snapshot: &Snapshot,
    boot: &inventory::Facts,
) -> Recognised<'a> {
    let facts = facts(snapshot, &inventory::read(snapshot, boot));
    let selection = set.select(&facts);
    let quirks = Quirks::from(selection.profile);
    let inventory = inventory::read(snapshot, &quirks.inventory_facts(boot.clone()));
    let mut hardware = hardware::read(snapshot);
    quirks.heed(&mut hardware.absent);
    let observed = observe(snapshot, &inventory, &hardware);
    Recognised {
        deviations: deviations(&selection.profile.expect, &observed),
        selection,
        facts,
        quirks,
        inventory,
        hardware,
        observed,
    }
}
