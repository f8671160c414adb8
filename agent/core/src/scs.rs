// SPDX-License-Identifier: Apache-2.0
//! The parts of a flavor's name that follow from the hardware: Sovereign Cloud
//! Stack standard scs-0100 version 3, "Extensions".
//!
//! Part by part: `_bms`, `_hwv`, `_` with processor maker, generation and
//! frequency class, `_G` with accelerator, `_ib`. What cannot be known is left
//! out; the standard allows a name to say less than the machine has.

mod cpu;
mod gpu;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::Snapshot;

/// `ARPHRD_INFINIBAND`.
const INFINIBAND: u16 = 32;

/// What the hardware says about names of flavors on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ScsFacts {
    /// Maker or architecture of the processors: `i` Intel, `z` AMD Zen, `a` ARM,
    /// `r` RISC-V.
    pub cpu_vendor: Option<String>,
    /// Generation by the standard's table; none if it is not in the table.
    pub cpu_generation: Option<u8>,
    /// `h`, `hh` or `hhh` if the base frequency alone is above 2.75, 3.25 or
    /// 3.75 GHz. The frequency of all cores under load may be higher and is not
    /// told by the processor.
    pub cpu_frequency: Option<String>,
    /// Whether the processor has hardware virtualisation switched on (VMX, SVM).
    pub hardware_virtualization: bool,
    /// Maker of the accelerators: `N` NVIDIA, `A` AMD, `I` Intel; none without one,
    /// or if they differ.
    pub gpu_vendor: Option<String>,
    /// Generation of the accelerators in the standard's letters.
    pub gpu_generation: Option<String>,
    /// Streaming multiprocessors (NVIDIA) or compute units (AMD) of one accelerator.
    pub gpu_compute_units: Option<u32>,
    /// Whether there is an InfiniBand port.
    pub infiniband: bool,
    /// The parts as they stand in a name, `_bms_hwv_i2_GNa-108_ib`.
    pub suffix: String,
}

/// Derives the parts.
#[must_use]
pub fn read(snapshot: &Snapshot) -> ScsFacts {
    let cpu = cpu::read(&snapshot.files, &snapshot.uname.machine);
    let gpu = gpu::read(&snapshot.files);
    let infiniband = snapshot
        .links
        .iter()
        .any(|link| link.hardware_type == INFINIBAND)
        || snapshot.files.names("/sys/class/net").iter().any(|name| {
            snapshot
                .files
                .number(&format!("/sys/class/net/{name}/type"))
                == Some(INFINIBAND)
        });
    let mut facts = ScsFacts {
        cpu_vendor: cpu.vendor.map(String::from),
        cpu_generation: cpu.generation,
        cpu_frequency: cpu.frequency.map(str::to_owned),
        hardware_virtualization: cpu.virtualization,
        gpu_vendor: gpu.map(|gpu| gpu.vendor.to_string()),
        gpu_generation: gpu.and_then(|gpu| gpu.generation).map(str::to_owned),
        gpu_compute_units: gpu.and_then(|gpu| gpu.units),
        infiniband,
        suffix: String::new(),
    };
    facts.suffix = suffix(&facts);
    facts
}

/// In the order the standard prescribes. Generation 0 is not written.
fn suffix(facts: &ScsFacts) -> String {
    let mut suffix = String::from("_bms");
    if facts.hardware_virtualization {
        suffix.push_str("_hwv");
    }
    if let Some(vendor) = &facts.cpu_vendor {
        suffix.push('_');
        suffix.push_str(vendor);
        if let Some(generation @ 1..) = facts.cpu_generation {
            suffix.push_str(&generation.to_string());
        }
        suffix.push_str(facts.cpu_frequency.as_deref().unwrap_or_default());
    }
    if let Some(vendor) = &facts.gpu_vendor {
        suffix.push_str("_G");
        suffix.push_str(vendor);
        suffix.push_str(facts.gpu_generation.as_deref().unwrap_or_default());
        if let Some(units) = facts.gpu_compute_units {
            suffix.push_str(&format!("-{units}"));
        }
    }
    if facts.infiniband {
        suffix.push_str("_ib");
    }
    suffix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Bytes, Entry};

    fn machine(architecture: &str, cpuinfo: &str, gpus: &[(&str, &str)]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.uname.machine = architecture.into();
        let mut file = |path: String, text: &str| {
            snapshot.files.insert(path, Entry::File(Bytes::from(text)));
        };
        file("/proc/cpuinfo".into(), cpuinfo);
        for (index, (id, class)) in gpus.iter().enumerate() {
            let (vendor, device) = id.split_once(':').expect("an id");
            let path = format!("/sys/bus/pci/devices/0000:{:02x}:00.0", 0x10 + index);
            file(format!("{path}/vendor"), &format!("0x{vendor}"));
            file(format!("{path}/device"), &format!("0x{device}"));
            file(format!("{path}/class"), class);
        }
        snapshot
    }

    fn x86(vendor: &str, family: u32, model: u32, name: &str, flags: &str) -> String {
        format!(
            "processor : 0\nvendor_id : {vendor}\ncpu family : {family}\nmodel : {model}\n\
             model name : {name}\nstepping : 7\nflags : fpu {flags}\n"
        )
    }

    #[test]
    fn real_processors_get_the_standards_letters() {
        let intel = "GenuineIntel";
        let amd = "AuthenticAMD";
        let arm = |implementer: &str, part: &str| {
            format!("processor : 0\nCPU implementer : {implementer}\nCPU part : {part}\n")
        };
        for (architecture, cpuinfo, expected) in [
            (
                "x86_64",
                x86(
                    intel,
                    6,
                    79,
                    "Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz",
                    "vmx",
                ),
                "_bms_hwv_i",
            ),
            (
                "x86_64",
                x86(
                    intel,
                    6,
                    85,
                    "Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz",
                    "vmx avx512f",
                ),
                "_bms_hwv_i1",
            ),
            (
                "x86_64",
                x86(
                    intel,
                    6,
                    85,
                    "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz",
                    "vmx avx512_vnni",
                ),
                "_bms_hwv_i2",
            ),
            (
                "x86_64",
                x86(
                    intel,
                    6,
                    85,
                    "Intel(R) Xeon(R) Gold 6246R CPU @ 3.40GHz",
                    "avx512_vnni",
                ),
                "_bms_i2hh",
            ),
            (
                "x86_64",
                x86(
                    intel,
                    6,
                    106,
                    "Intel(R) Xeon(R) Gold 6342 CPU @ 2.80GHz",
                    "vmx",
                ),
                "_bms_hwv_i3h",
            ),
            (
                "x86_64",
                x86(intel, 6, 143, "Intel(R) Xeon(R) Platinum 8480+", "vmx"),
                "_bms_hwv_i4",
            ),
            ("x86_64", x86(intel, 6, 250, "Something new", ""), "_bms_i"),
            (
                "x86_64",
                x86(amd, 23, 1, "AMD EPYC 7601 32-Core Processor", "svm"),
                "_bms_hwv_z1",
            ),
            (
                "x86_64",
                x86(amd, 23, 49, "AMD EPYC 7742 64-Core Processor", "svm"),
                "_bms_hwv_z2",
            ),
            (
                "x86_64",
                x86(amd, 25, 1, "AMD EPYC 7763 64-Core Processor", "svm"),
                "_bms_hwv_z3",
            ),
            (
                "x86_64",
                x86(amd, 25, 17, "AMD EPYC 9654 96-Core Processor", "svm"),
                "_bms_hwv_z4",
            ),
            (
                "x86_64",
                x86(amd, 25, 160, "AMD EPYC 9754 128-Core Processor", "svm"),
                "_bms_hwv_z4",
            ),
            (
                "x86_64",
                x86(amd, 26, 2, "AMD EPYC 9755 128-Core Processor", "svm"),
                "_bms_hwv_z",
            ),
            (
                "x86_64",
                x86(amd, 21, 2, "AMD Opteron(tm) Processor 6386 SE", "svm"),
                "_bms_hwv",
            ),
            ("aarch64", arm("0x41", "0xd0c"), "_bms_a1"),
            ("aarch64", arm("0x41", "0xd40"), "_bms_a2"),
            ("aarch64", arm("0x41", "0xd49"), "_bms_a3"),
            ("aarch64", arm("0x41", "0xd08"), "_bms_a"),
            ("aarch64", arm("0x43", "0x0af"), "_bms_a"),
            (
                "riscv64",
                "processor : 0\nisa : rv64imafdc\n".into(),
                "_bms_r",
            ),
            ("ppc64le", String::new(), "_bms"),
        ] {
            let found = read(&machine(architecture, &cpuinfo, &[]));
            assert_eq!(found.suffix, expected, "{cpuinfo}");
        }
    }

    #[test]
    fn accelerators_and_infiniband_are_named() {
        let a100 = ("10de:20b0", "0x030200");
        let h100 = ("10de:2330", "0x030200");
        let mi210 = ("1002:740f", "0x038000");
        let matrox = ("102b:0536", "0x030000");
        for (gpus, expected) in [
            (vec![matrox], "_bms"),
            (vec![a100, matrox], "_bms_GNa-108"),
            (vec![a100, a100], "_bms_GNa-108"),
            (vec![h100], "_bms_GN-132"),
            (vec![a100, h100], "_bms_GN"),
            (vec![a100, mi210], "_bms"),
            (vec![mi210], "_bms_GA-104"),
            (vec![("10de:ffff", "0x030200")], "_bms_GN"),
        ] {
            let found = read(&machine("", "", &gpus));
            assert_eq!(found.suffix, expected, "{gpus:?}");
        }
        let mut snapshot = machine("", "", &[]);
        snapshot
            .files
            .insert("/sys/class/net/ib0/type", Entry::File(Bytes::from("32\n")));
        assert_eq!(read(&snapshot).suffix, "_bms_ib");
    }
}
