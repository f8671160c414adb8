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

use hardware_profiles::{Layout, Selection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use draft::draft;
pub use expectation::{Deviation, Severity, deviations};
pub use facts::facts;
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
