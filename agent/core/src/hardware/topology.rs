// SPDX-License-Identifier: Apache-2.0
//! The packages of processors the kernel sees, whatever the firmware lists.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kernel_list;
use crate::inventory::{Cpuinfo, arm_model, hexadecimal};
use crate::snapshot::Tree;

/// Where the kernel shows its logical processors.
pub(crate) const CPUS: &str = "/sys/devices/system/cpu";

/// A cache and how many of its kind a package has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ProcessorCache {
    /// Level, from 1.
    pub level: u8,
    /// `data`, `instruction` or `unified`.
    pub kind: Option<String>,
    /// Size of one in KiB; of all together where the number is null.
    pub size_kib: u64,
    /// How many there are in the package; null where only the firmware tells of the cache.
    pub count: Option<u32>,
}

/// One package, or all processors where the firmware does not describe packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) id: Option<u32>,
    pub(super) cpus: Vec<u32>,
    /// Online cores; `None` if the kernel does not show siblings.
    pub(super) cores: Option<u32>,
    pub(super) vendor: Option<String>,
    pub(super) model_name: Option<String>,
    /// Name of the design of its cores (arm64).
    pub(super) core_name: Option<String>,
    pub(super) family: Option<u32>,
    pub(super) model: Option<u32>,
    pub(super) stepping: Option<u32>,
    pub(super) microcode: Option<String>,
    pub(super) midr: Option<String>,
    pub(super) max_mhz: Option<u32>,
    pub(super) current_mhz: Option<u32>,
    pub(super) caches: Vec<ProcessorCache>,
}

/// Every package with processors that are online, by number.
pub(super) fn packages(files: &Tree) -> Vec<Package> {
    let cpuinfo = Cpuinfo::parse(files.text("/proc/cpuinfo").unwrap_or_default());
    let mut groups: BTreeMap<Option<u32>, Vec<u32>> = BTreeMap::new();
    for cpu in online(files, &cpuinfo) {
        // Firmware that does not describe packages gives -1.
        let package = files
            .number(&format!("{CPUS}/cpu{cpu}/topology/physical_package_id"))
            .or_else(|| cpuinfo.processor(cpu)?.get("physical id")?.parse().ok());
        groups.entry(package).or_default().push(cpu);
    }
    groups
        .into_iter()
        .map(|(id, cpus)| read(files, &cpuinfo, id, cpus))
        .collect()
}

/// Processors that are online; from `/proc/cpuinfo` where sysfs does not say.
fn online(files: &Tree, cpuinfo: &Cpuinfo<'_>) -> Vec<u32> {
    let listed = files
        .text(&format!("{CPUS}/online"))
        .and_then(kernel_list::numbers);
    let mut found = listed.unwrap_or_else(|| cpuinfo.numbers().collect());
    found.sort_unstable();
    found.dedup();
    found
}

fn read(files: &Tree, cpuinfo: &Cpuinfo<'_>, id: Option<u32>, cpus: Vec<u32>) -> Package {
    let block = cpus.first().and_then(|first| cpuinfo.processor(*first));
    let text = |key: &str| block.and_then(|block| block.get(key)).copied();
    let number = |key: &str| text(key).and_then(|text| text.parse().ok());
    let highest_khz = cpus
        .iter()
        .filter_map(|cpu| files.number(&format!("{CPUS}/cpu{cpu}/cpufreq/cpuinfo_max_freq")))
        .max();
    Package {
        id,
        cores: cores(files, &cpus),
        vendor: text("vendor_id").map(str::to_owned),
        model_name: text("model name").map(str::to_owned),
        core_name: text("CPU implementer")
            .and_then(hexadecimal)
            .zip(text("CPU part").and_then(hexadecimal))
            .and_then(|(implementer, part)| arm_model(implementer, part))
            .map(str::to_owned),
        family: number("cpu family"),
        model: number("model"),
        stepping: number("stepping"),
        microcode: text("microcode").map(str::to_owned),
        midr: cpus.first().and_then(|cpu| {
            files
                .text(&format!("{CPUS}/cpu{cpu}/regs/identification/midr_el1"))
                .map(str::to_owned)
        }),
        max_mhz: highest_khz.map(|khz: u32| khz / 1000),
        current_mhz: text("cpu MHz")
            .and_then(|text| text.split('.').next())
            .and_then(|whole| whole.parse().ok()),
        caches: caches(files, &cpus),
        cpus,
    }
}

/// Each core has one set of siblings. Core numbers alone repeat on some machines.
fn cores(files: &Tree, cpus: &[u32]) -> Option<u32> {
    let siblings: Option<BTreeSet<&str>> = cpus
        .iter()
        .map(|cpu| files.text(&format!("{CPUS}/cpu{cpu}/topology/thread_siblings_list")))
        .collect();
    u32::try_from(siblings?.len())
        .ok()
        .filter(|cores| *cores > 0)
}

/// Caches of one level, kind and size counted by the processors that share them.
fn caches(files: &Tree, cpus: &[u32]) -> Vec<ProcessorCache> {
    let mut found: BTreeMap<(u8, String, u64), BTreeSet<&str>> = BTreeMap::new();
    for cpu in cpus {
        let directory = format!("{CPUS}/cpu{cpu}/cache");
        for index in files.names(&directory) {
            let text = |name: &str| files.text(&format!("{directory}/{index}/{name}"));
            let level = text("level").and_then(|level| level.parse().ok());
            let (Some(level), Some(kind), Some(size), Some(shared)) = (
                level,
                text("type"),
                text("size").and_then(kib),
                text("shared_cpu_list"),
            ) else {
                continue;
            };
            found
                .entry((level, kind.to_ascii_lowercase(), size))
                .or_default()
                .insert(shared);
        }
    }
    found
        .into_iter()
        .map(|((level, kind, size_kib), shared)| ProcessorCache {
            level,
            kind: Some(kind),
            size_kib,
            count: u32::try_from(shared.len()).ok(),
        })
        .collect()
}

/// `32K`, as the kernel writes every size of a cache.
fn kib(size: &str) -> Option<u64> {
    size.strip_suffix('K')?.parse().ok()
}
