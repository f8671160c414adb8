// SPDX-License-Identifier: Apache-2.0
//! Virtual functions of a port's PCI function.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::Tree;

/// Virtual functions (SR-IOV).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sriov {
    /// How many there can be.
    pub total: u32,
    /// How many there are now.
    pub enabled: u32,
}

/// `None` if the function cannot have virtual functions.
pub(super) fn read(files: &Tree, port: &str) -> Option<Sriov> {
    let number = |name: &str| files.number(&format!("{port}/device/{name}"));
    let total = number("sriov_totalvfs").filter(|total| *total > 0)?;
    Some(Sriov {
        total,
        enabled: number("sriov_numvfs").unwrap_or(0),
    })
}
