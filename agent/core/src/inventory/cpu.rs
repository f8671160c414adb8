// SPDX-License-Identifier: Apache-2.0
//! Processors, in lscpu's words (contract §6.7).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cpu_models::arm_model;
use crate::smbios::Structure;
use crate::snapshot::{Snapshot, Tree};

const CPUS: &str = "/sys/devices/system/cpu";
/// SMBIOS structure type of processors.
const PROCESSOR: u8 = 4;

/// The machine's processors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// Marketing name.
    pub model_name: Option<String>,
    /// Highest frequency in MHz, as text with four digits after the point; the
    /// current one if the highest is unknown; empty if both are.
    pub frequency: String,
    /// Logical processors.
    pub count: usize,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
    /// Feature flags.
    pub flags: Vec<String>,
    /// Packages.
    pub socket_count: Option<usize>,
}

pub(super) fn read(snapshot: &Snapshot, structures: &[Structure<'_>]) -> Cpu {
    let files = &snapshot.files;
    let cpuinfo = Cpuinfo::parse(files.text("/proc/cpuinfo").unwrap_or_default());
    Cpu {
        model_name: model_name(&cpuinfo, structures),
        frequency: frequency(files, &cpuinfo),
        count: count(files, &cpuinfo),
        architecture: snapshot.uname.machine.clone(),
        flags: ["flags", "Features"]
            .iter()
            .find_map(|key| cpuinfo.first(key))
            .map(|flags| flags.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default(),
        socket_count: socket_count(files, &cpuinfo, structures),
    }
}

/// `/proc/cpuinfo`: a block of `key : value` lines for each logical processor.
#[derive(Debug)]
pub(crate) struct Cpuinfo<'a>(Vec<BTreeMap<&'a str, &'a str>>);

impl<'a> Cpuinfo<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let blocks = text
            .split("\n\n")
            .map(|block| {
                block
                    .lines()
                    .filter_map(|line| line.split_once(':'))
                    .map(|(key, value)| (key.trim(), value.trim()))
                    .filter(|(_, value)| !value.is_empty())
                    .collect::<BTreeMap<_, _>>()
            })
            .filter(|block| !block.is_empty())
            .collect();
        Self(blocks)
    }

    /// The block of a logical processor.
    pub(crate) fn processor(&self, number: u32) -> Option<&BTreeMap<&'a str, &'a str>> {
        self.0.iter().find(|block| {
            block
                .get("processor")
                .is_some_and(|text| text.parse() == Ok(number))
        })
    }

    /// The numbers of the logical processors that have a block.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.0
            .iter()
            .filter_map(|block| block.get("processor")?.parse().ok())
    }

    /// The first value of a key.
    fn first(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find_map(|block| block.get(key).copied())
    }

    /// How many different values a key has.
    fn distinct(&self, key: &str) -> usize {
        let values: BTreeSet<_> = self.0.iter().filter_map(|block| block.get(key)).collect();
        values.len()
    }

    fn processors(&self) -> usize {
        self.0
            .iter()
            .filter(|block| block.contains_key("processor"))
            .count()
    }
}

fn model_name(cpuinfo: &Cpuinfo<'_>, structures: &[Structure<'_>]) -> Option<String> {
    // POWER, MIPS and old arm kernels call it otherwise.
    let named = ["model name", "cpu", "cpu model", "Processor"]
        .iter()
        .find_map(|key| cpuinfo.first(key))
        .map(str::to_owned);
    named
        .or_else(|| {
            arm_model(
                hexadecimal(cpuinfo.first("CPU implementer")?)?,
                hexadecimal(cpuinfo.first("CPU part")?)?,
            )
            .map(str::to_owned)
        })
        .or_else(|| {
            // Processor version (DSP0134 §7.5).
            structures
                .iter()
                .filter(|structure| structure.kind == PROCESSOR)
                .find_map(|processor| processor.string(0x10))
        })
}

/// The number in a text such as `0x41`.
pub(crate) fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn frequency(files: &Tree, cpuinfo: &Cpuinfo<'_>) -> String {
    let highest_khz: Option<u64> = numbered_cpus(files)
        .filter_map(|cpu| files.number(&format!("{CPUS}/{cpu}/cpufreq/cpuinfo_max_freq")))
        .max();
    match highest_khz {
        Some(khz) => format!("{}.{:03}0", khz / 1000, khz % 1000),
        // POWER calls it `clock` and writes the unit.
        None => ["cpu MHz", "clock"]
            .iter()
            .find_map(|key| cpuinfo.first(key))
            .map(|mhz| mhz.trim_end_matches("MHz").to_owned())
            .unwrap_or_default(),
    }
}

fn numbered_cpus(files: &Tree) -> impl Iterator<Item = &str> {
    files.names(CPUS).into_iter().filter(|name| {
        name.strip_prefix("cpu")
            .is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

/// Old kernels have no list of present processors, and some architectures
/// describe them otherwise in `/proc/cpuinfo`.
fn count(files: &Tree, cpuinfo: &Cpuinfo<'_>) -> usize {
    files
        .text(&format!("{CPUS}/present"))
        .and_then(list_length)
        .or(Some(cpuinfo.processors()).filter(|count| *count > 0))
        .unwrap_or_else(|| numbered_cpus(files).count())
}

/// How many numbers a kernel list such as `0-3,8` has.
fn list_length(list: &str) -> Option<usize> {
    list.split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let first: usize = first.trim().parse().ok()?;
            let last: usize = last.trim().parse().ok()?;
            last.checked_sub(first)?.checked_add(1)
        })
        .sum()
}

fn socket_count(
    files: &Tree,
    cpuinfo: &Cpuinfo<'_>,
    structures: &[Structure<'_>],
) -> Option<usize> {
    let packages: BTreeSet<i64> = numbered_cpus(files)
        .filter_map(|cpu| files.number(&format!("{CPUS}/{cpu}/topology/physical_package_id")))
        // Firmware that does not describe packages gives -1.
        .filter(|id: &i64| *id >= 0)
        .collect();
    // Status byte, bit 6: the socket is populated (DSP0134 §7.5).
    let populated = structures
        .iter()
        .filter(|structure| structure.kind == PROCESSOR)
        .filter(|processor| {
            processor
                .byte(0x18)
                .is_some_and(|status| status & 0x40 != 0)
        })
        .count();
    // Where firmware does not number the packages, the kernel may still tell which
    // processors share one; lscpu counts these.
    let groups: BTreeSet<&str> = numbered_cpus(files)
        .filter_map(|cpu| files.text(&format!("{CPUS}/{cpu}/topology/core_siblings_list")))
        .collect();
    [
        packages.len(),
        populated,
        cpuinfo.distinct("physical id"),
        groups.len(),
    ]
    .into_iter()
    .find(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_lists_are_counted() {
        for (list, expected) in [
            ("0-39", Some(40)),
            ("0", Some(1)),
            ("0-3,8,10-11", Some(7)),
            ("3-0", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(list_length(list), expected, "{list}");
        }
    }
}
