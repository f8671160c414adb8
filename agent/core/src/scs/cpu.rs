// SPDX-License-Identifier: Apache-2.0
//! Processor maker, generation and frequency class.

use crate::snapshot::Tree;

/// What is known of the processors.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cpu {
    pub(super) vendor: Option<char>,
    pub(super) generation: Option<u8>,
    pub(super) frequency: Option<&'static str>,
    pub(super) virtualization: bool,
}

pub(super) fn read(files: &Tree, architecture: &str) -> Cpu {
    let value = |key: &str| first(files, key);
    let number = |key: &str| value(key)?.parse::<u32>().ok();
    let hexadecimal = |key: &str| u32::from_str_radix(value(key)?.strip_prefix("0x")?, 16).ok();
    let flags: Vec<&str> = value("flags").unwrap_or_default().split(' ').collect();
    let (vendor, generation) = match architecture {
        "x86_64" => match (value("vendor_id"), number("cpu family"), number("model")) {
            (Some("GenuineIntel"), family, model) => (Some('i'), intel(family, model, &flags)),
            (Some("AuthenticAMD"), Some(family @ 23..), model) => (Some('z'), amd(family, model)),
            _ => (None, None),
        },
        "aarch64" => (
            Some('a'),
            arm(hexadecimal("CPU implementer"), hexadecimal("CPU part")),
        ),
        "riscv64" => (Some('r'), None),
        _ => (None, None),
    };
    Cpu {
        vendor,
        generation,
        frequency: class(files, value("model name")),
        virtualization: flags.iter().any(|flag| matches!(*flag, "vmx" | "svm")),
    }
}

fn first<'a>(files: &'a Tree, key: &str) -> Option<&'a str> {
    files
        .text("/proc/cpuinfo")?
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
}

/// Model numbers of server processors, from the kernel's intel-family.h. Cascade
/// Lake and Cooper Lake share Skylake's number and differ by VNNI.
fn intel(family: Option<u32>, model: Option<u32>, flags: &[&str]) -> Option<u8> {
    match (family?, model?) {
        (6, 0x55) if flags.contains(&"avx512_vnni") => Some(2),
        (6, 0x55) => Some(1),
        (6, 0x6a | 0x6c) => Some(3),
        (6, 0x8f) => Some(4),
        // Nehalem, Westmere, Sandy Bridge, Ivy Bridge, Haswell, Broadwell.
        (6, 0x1a | 0x1e | 0x2c | 0x2d | 0x2e | 0x2f | 0x3e | 0x3f | 0x4f | 0x56) => Some(0),
        _ => None,
    }
}

/// Zen 1 to 4 by family and model, as the kernel's amd.c tells them apart.
fn amd(family: u32, model: Option<u32>) -> Option<u8> {
    match (family, model?) {
        (0x17, 0x00..=0x2f) => Some(1),
        (0x17, 0x30..=0xaf) => Some(2),
        (0x19, 0x00..=0x0f | 0x20..=0x5f) => Some(3),
        (0x19, 0x10..=0x1f | 0x60..=0xaf) => Some(4),
        _ => None,
    }
}

/// Cores of Arm's own design; other makers' cores are in no class of the standard.
fn arm(implementer: Option<u32>, part: Option<u32>) -> Option<u8> {
    match (implementer?, part?) {
        // Cortex-A53, A57, A72, A73, A75.
        (0x41, 0xd03 | 0xd07 | 0xd08 | 0xd09 | 0xd0a) => Some(0),
        // Cortex-A76, Neoverse N1.
        (0x41, 0xd0b | 0xd0c) => Some(1),
        // Cortex-A78, X1, Neoverse V1.
        (0x41, 0xd41 | 0xd44 | 0xd40) => Some(2),
        // Cortex-A710, A715, Neoverse N2.
        (0x41, 0xd47 | 0xd4d | 0xd49) => Some(3),
        _ => None,
    }
}

/// By the base frequency: the least that all cores run at. Told by the driver
/// intel_pstate, else by the name of the processor.
fn class(files: &Tree, name: Option<&str>) -> Option<&'static str> {
    let told = files
        .number::<u64>("/sys/devices/system/cpu/cpu0/cpufreq/base_frequency")
        .map(|khz| khz / 1000);
    match told.or_else(|| megahertz(name?))? {
        3751.. => Some("hhh"),
        3251.. => Some("hh"),
        2751.. => Some("h"),
        _ => None,
    }
}

/// `… CPU @ 2.10GHz`.
fn megahertz(name: &str) -> Option<u64> {
    let number = name.rsplit_once('@')?.1.trim().strip_suffix("GHz")?.trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = fraction.get(..fraction.len().min(3))?;
    let whole: u64 = whole.parse().ok().filter(|whole| *whole < 100)?;
    let fraction: u64 = format!("{digits:0<3}").parse().ok()?;
    Some(whole * 1000 + fraction)
}
