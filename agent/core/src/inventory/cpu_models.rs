// SPDX-License-Identifier: Apache-2.0
//! Names of arm64 processors: the kernel shows only numbers there.
//!
//! Implementer and part numbers are those of `MIDR_EL1`, the names lscpu's.

/// Implementer, part, name. Cores found in servers.
const MODELS: &[(u32, u32, &str)] = &[
    (0x41, 0xd03, "Cortex-A53"),
    (0x41, 0xd07, "Cortex-A57"),
    (0x41, 0xd08, "Cortex-A72"),
    (0x41, 0xd09, "Cortex-A73"),
    (0x41, 0xd0a, "Cortex-A75"),
    (0x41, 0xd0b, "Cortex-A76"),
    (0x41, 0xd0c, "Neoverse-N1"),
    (0x41, 0xd40, "Neoverse-V1"),
    (0x41, 0xd49, "Neoverse-N2"),
    (0x41, 0xd4f, "Neoverse-V2"),
    (0x41, 0xd83, "Neoverse-V3AE"),
    (0x41, 0xd84, "Neoverse-V3"),
    (0x41, 0xd8e, "Neoverse-N3"),
    (0x43, 0x0a1, "ThunderX-88XX"),
    (0x43, 0x0af, "ThunderX2-99xx"),
    (0x48, 0xd01, "TaiShan-v110"),
    (0x48, 0xd02, "TaiShan-v120"),
    (0x50, 0x000, "X-Gene"),
    (0xc0, 0xac3, "Ampere-1"),
    (0xc0, 0xac4, "Ampere-1a"),
    (0xc0, 0xac5, "Ampere-1b"),
];

/// The name of a core; `None` if it is not known here.
pub(crate) fn arm_model(implementer: u32, part: u32) -> Option<&'static str> {
    MODELS
        .iter()
        .find(|(by, number, _)| (*by, *number) == (implementer, part))
        .map(|(_, _, name)| *name)
}
