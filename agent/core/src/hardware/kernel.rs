// SPDX-License-Identifier: Apache-2.0
//! The running kernel: which one, what it was told, what taints it and what it
//! logged as errors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command_line::without_secrets;
use super::kernel_errors::{self, KernelErrors};
use super::memory_errors::{self, MemoryController};
use super::{Absences, Source};

/// Taint flags by bit (kernel documentation, admin-guide/tainted-kernels).
const TAINTS: &[&str] = &[
    "proprietary module",
    "module force-loaded",
    "kernel running on an out-of-specification system",
    "module force-unloaded",
    "machine check",
    "bad page",
    "taint requested by user space",
    "oops",
    "ACPI table overridden",
    "warning",
    "staging driver",
    "firmware bug workaround",
    "out-of-tree module",
    "unsigned module",
    "soft lockup",
    "live patch",
    "auxiliary taint",
    "built with randomized structure layout",
    "in-kernel test",
    "fwctl mutated device",
];

/// The running kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Kernel {
    /// Release, `6.12.48+deb13-amd64`.
    pub release: Option<String>,
    /// Version text with the build's date.
    pub version: Option<String>,
    /// What taints it, in words; empty if nothing does.
    pub taints: Vec<String>,
    /// Command line, secrets in it as `******`.
    pub command_line: Option<String>,
    /// Errors logged since boot, machine checks among them.
    pub errors: KernelErrors,
    /// Memory errors by controller and module; empty without an EDAC driver.
    pub memory_errors: Vec<MemoryController>,
}

pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> Kernel {
    let uname = &source.snapshot.uname;
    let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let tainted = source.files.number::<u64>("/proc/sys/kernel/tainted");
    let tainted = absent.expect(tainted, "kernel", "taints", "not told by the kernel");
    Kernel {
        release: told(&uname.release),
        version: told(&uname.version),
        taints: taints(tainted.unwrap_or_default()),
        command_line: source.files.text("/proc/cmdline").map(without_secrets),
        errors: kernel_errors::read(source, absent),
        memory_errors: memory_errors::read(source.files),
    }
}

fn taints(bits: u64) -> Vec<String> {
    (0..u64::BITS)
        .filter(|bit| bits & (1 << bit) != 0)
        .map(|bit| match TAINTS.get(bit as usize) {
            Some(name) => (*name).to_owned(),
            None => format!("flag {bit}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_are_named() {
        for (bits, expected) in [
            (0, &[][..]),
            (1, &["proprietary module"][..]),
            (0b1_0001_0000, &["machine check", "ACPI table overridden"]),
            (1 << 40, &["flag 40"]),
        ] {
            assert_eq!(taints(bits), expected, "{bits:#x}");
        }
    }
}
