// SPDX-License-Identifier: Apache-2.0
//! How much memory there is (contract §6.7).

use serde::{Deserialize, Serialize};

use crate::smbios::{Structure, installed_mib};
use crate::snapshot::Tree;

/// Main memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Bytes the kernel has, a little less than installed.
    pub total: Option<u64>,
    /// Installed memory in MiB by the firmware's list of modules. Without one:
    /// what the firmware's memory map gives as RAM. Null if both are missing.
    pub physical_mb: Option<u64>,
}

pub(super) fn read(files: &Tree, structures: &[Structure<'_>]) -> Memory {
    Memory {
        total: mem_total(files.text("/proc/meminfo").unwrap_or_default()),
        physical_mb: installed_mib(structures)
            .or_else(|| system_ram_mib(files.text("/proc/iomem").unwrap_or_default())),
    }
}

pub(crate) fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The sum of the ranges that are RAM. Without privileges the kernel shows
/// zeroes, which are no answer.
fn system_ram_mib(iomem: &str) -> Option<u64> {
    let bytes: u64 = iomem
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_once(" : "))
        .filter(|(_, what)| *what == "System RAM")
        .filter_map(|(range, _)| {
            let (first, last) = range.split_once('-')?;
            let first = u64::from_str_radix(first, 16).ok()?;
            let last = u64::from_str_radix(last, 16).ok()?;
            (last > first).then(|| last - first + 1)
        })
        .sum();
    (bytes > 0).then_some(bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        let meminfo = "MemTotal:       16309212 kB\nMemFree:  1 kB\n";
        assert_eq!(mem_total(meminfo), Some(16_309_212 * 1024));
        assert_eq!(mem_total("MemTotal: many kB\n"), None);
        let iomem = "00000000-00000fff : Reserved\n00001000-0009fbff : System RAM\n\
            00100000-7fffffff : System RAM\n  01000000-01ffffff : Kernel code\n";
        assert_eq!(system_ram_mib(iomem), Some(2047));
        let hidden = "00000000-00000000 : System RAM\n00000000-00000000 : System RAM\n";
        assert_eq!(system_ram_mib(hidden), None);
    }
}
