// SPDX-License-Identifier: Apache-2.0
//! Memory errors the kernel counted (kernel documentation, admin-guide/RAS).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::Tree;

const CONTROLLERS: &str = "/sys/devices/system/edac/mc";

/// What a memory controller's driver counted since it was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MemoryController {
    /// Name in the kernel: `mc0`.
    pub name: String,
    /// What the driver calls it: `Skylake Socket#0 IMC#0`.
    pub description: Option<String>,
    /// Errors that were corrected.
    pub corrected: Option<u64>,
    /// Errors that could not be corrected.
    pub uncorrected: Option<u64>,
    /// Seconds since the counters were reset.
    pub counted_for_s: Option<u64>,
    /// The modules behind it.
    pub modules: Vec<MemoryModuleErrors>,
}

/// What was counted of one module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MemoryModuleErrors {
    /// The driver's label: `CPU_SrcID#0_MC#0_Chan#0_DIMM#0`, or the slot where it knows it.
    pub label: Option<String>,
    /// Where it sits: `channel 0 slot 0`.
    pub location: Option<String>,
    /// Errors that were corrected.
    pub corrected: Option<u64>,
    /// Errors that could not be corrected.
    pub uncorrected: Option<u64>,
}

/// Every controller whose driver counts errors, in the kernel's order.
pub(super) fn read(files: &Tree) -> Vec<MemoryController> {
    let mut controllers: Vec<(u32, &str)> = files
        .names(CONTROLLERS)
        .into_iter()
        .filter_map(|name| Some((name.strip_prefix("mc")?.parse().ok()?, name)))
        .collect();
    controllers.sort_unstable();
    controllers
        .into_iter()
        .map(|(_, name)| controller(files, name))
        .collect()
}

fn controller(files: &Tree, name: &str) -> MemoryController {
    let directory = format!("{CONTROLLERS}/{name}");
    let number = |attribute: &str| files.number(&format!("{directory}/{attribute}"));
    MemoryController {
        name: name.to_owned(),
        description: files
            .text(&format!("{directory}/mc_name"))
            .map(str::to_owned),
        corrected: number("ce_count"),
        uncorrected: number("ue_count"),
        counted_for_s: number("seconds_since_reset"),
        modules: files
            .names(&directory)
            .into_iter()
            // Some drivers know only ranks.
            .filter(|name| name.starts_with("dimm") || name.starts_with("rank"))
            .map(|module| errors(files, &format!("{directory}/{module}")))
            .collect(),
    }
}

fn errors(files: &Tree, directory: &str) -> MemoryModuleErrors {
    let text = |name: &str| files.text(&format!("{directory}/{name}"));
    MemoryModuleErrors {
        label: text("dimm_label").map(str::to_owned),
        location: text("dimm_location").map(str::to_owned),
        corrected: text("dimm_ce_count").and_then(|text| text.parse().ok()),
        uncorrected: text("dimm_ue_count").and_then(|text| text.parse().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Bytes, Entry};

    #[test]
    fn counters_are_told_by_controller_and_module() {
        let mut files = Tree::default();
        for (path, text) in [
            ("mc0/mc_name", "Skylake Socket#0 IMC#0\n"),
            ("mc0/ce_count", "17\n"),
            ("mc0/ue_count", "0\n"),
            ("mc0/seconds_since_reset", "86400\n"),
            ("mc0/dimm3/dimm_label", "CPU_SrcID#0_MC#0_Chan#1_DIMM#1\n"),
            ("mc0/dimm3/dimm_location", "channel 1 slot 1 \n"),
            ("mc0/dimm3/dimm_ce_count", "17\n"),
            ("mc0/dimm3/dimm_ue_count", "x\n"),
            ("mc10/ce_count", "1\n"),
            ("mc2/rank0/dimm_ce_count", "2\n"),
            ("power/control", "auto\n"),
        ] {
            let path = format!("{CONTROLLERS}/{path}");
            files.insert(path, Entry::File(Bytes::from(text)));
        }
        let found = read(&files);
        let names: Vec<&str> = found.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["mc0", "mc2", "mc10"]);
        assert_eq!(
            (found[0].corrected, found[0].uncorrected),
            (Some(17), Some(0))
        );
        assert_eq!(
            found[0].modules[0].location.as_deref(),
            Some("channel 1 slot 1")
        );
        assert_eq!(found[0].modules[0].uncorrected, None);
        assert_eq!(found[1].modules[0].corrected, Some(2));
        assert_eq!(found[2].uncorrected, None);
    }
}
