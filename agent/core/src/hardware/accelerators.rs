// SPDX-License-Identifier: Apache-2.0
//! Graphics processors and other accelerators. What only drives a screen — the
//! management controller's graphics, displays of virtual machines — is none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use super::pci::{DEVICES, PciDevice, PciLink};

/// Kind of an accelerator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AcceleratorKind {
    /// Graphics processor, with or without a screen.
    Gpu,
    /// Field-programmable gate array.
    Fpga,
    /// Made for neural networks.
    Ai,
    /// Encryption and compression, such as Intel QuickAssist.
    Crypto,
    /// Any other device of the class processing accelerators.
    #[default]
    Processing,
}

/// An accelerator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Accelerator {
    /// Address on PCI.
    pub address: String,
    /// What it is made for.
    pub kind: AcceleratorKind,
    /// Name of the vendor.
    pub vendor: Option<String>,
    /// Vendor id, four hexadecimal digits.
    pub vendor_id: String,
    /// Device id.
    pub device_id: String,
    /// Id of the vendor of the card.
    pub subsystem_vendor_id: Option<String>,
    /// Id the vendor of the card gave it.
    pub subsystem_device_id: Option<String>,
    /// The largest window into its memory, in MiB. A card may show all its
    /// memory that way or a part of it; how much it has only its driver knows.
    pub largest_bar_mib: Option<u64>,
    /// Its link.
    pub link: Option<PciLink>,
    /// Slot it sits in.
    pub slot: Option<String>,
    /// NUMA node it is nearest to.
    pub numa_node: Option<u32>,
    /// Driver it is bound to.
    pub driver: Option<String>,
}

/// Vendor and device ids of graphics that only drive a screen; no device id
/// means all of the vendor's.
const SCREENS: &[(&str, Option<&str>)] = &[
    ("1002", Some("515e")), // ATI ES1000 of older management controllers
    ("1013", None),         // Cirrus Logic, QEMU's old display
    ("102b", None),         // Matrox: iDRAC, iLO, iRMC
    ("1234", None),         // QEMU's standard display
    ("126f", None),         // Silicon Motion
    ("1414", None),         // Hyper-V
    ("15ad", None),         // VMware
    ("18ca", None),         // XGI
    ("19e5", Some("1711")), // Huawei iBMC
    ("1a03", None),         // ASPEED
    ("1af4", None),         // virtio
    ("1b36", None),         // QXL
    ("5853", None),         // Xen
    ("80ee", None),         // VirtualBox
];

/// Accelerators by their ids, whatever class they say they are.
const KNOWN: &[(&str, Option<&str>, AcceleratorKind)] = &[
    ("10ee", None, AcceleratorKind::Fpga),           // Xilinx
    ("1172", None, AcceleratorKind::Fpga),           // Altera
    ("17cb", Some("a100"), AcceleratorKind::Ai),     // Qualcomm Cloud AI 100
    ("19e5", Some("d100"), AcceleratorKind::Ai),     // Huawei Ascend 310
    ("19e5", Some("d801"), AcceleratorKind::Ai),     // Huawei Ascend 910
    ("19e5", Some("d802"), AcceleratorKind::Ai),     // Huawei Ascend 910B
    ("1ac1", Some("089a"), AcceleratorKind::Ai),     // Google Coral
    ("1da3", None, AcceleratorKind::Ai),             // Habana
    ("1e52", None, AcceleratorKind::Ai),             // Tenstorrent
    ("1e60", None, AcceleratorKind::Ai),             // Hailo
    ("8086", Some("0435"), AcceleratorKind::Crypto), // QuickAssist DH895xCC
    ("8086", Some("09c4"), AcceleratorKind::Fpga),   // PAC Arria 10
    ("8086", Some("0b2b"), AcceleratorKind::Fpga),   // PAC D5005
    ("8086", Some("0b30"), AcceleratorKind::Fpga),   // PAC N3000
    ("8086", Some("18a0"), AcceleratorKind::Crypto), // QuickAssist C4xxx
    ("8086", Some("19e2"), AcceleratorKind::Crypto), // QuickAssist C3xxx
    ("8086", Some("37c8"), AcceleratorKind::Crypto), // QuickAssist C62x
    ("8086", Some("4940"), AcceleratorKind::Crypto), // QuickAssist 4xxx
    ("8086", Some("4942"), AcceleratorKind::Crypto), // QuickAssist 401xx
    ("8086", Some("4944"), AcceleratorKind::Crypto), // QuickAssist 402xx
    ("8086", Some("4946"), AcceleratorKind::Crypto), // QuickAssist 420xx
    ("8086", Some("6f54"), AcceleratorKind::Crypto), // QuickAssist D15xx
    ("cabc", None, AcceleratorKind::Ai),             // Cambricon
];

pub(super) fn read(source: &Source<'_>, devices: &[PciDevice]) -> Vec<Accelerator> {
    devices
        .iter()
        // Virtual functions are parts of their physical one.
        .filter(|device| device.physical_function.is_none())
        .filter_map(|device| Some((device, kind(device)?)))
        .map(|(device, kind)| Accelerator {
            address: device.address.clone(),
            kind,
            vendor: device.vendor.clone(),
            vendor_id: device.vendor_id.clone(),
            device_id: device.device_id.clone(),
            subsystem_vendor_id: device.subsystem_vendor_id.clone(),
            subsystem_device_id: device.subsystem_device_id.clone(),
            largest_bar_mib: source
                .files
                .text(&format!("{DEVICES}/{}/resource", device.address))
                .and_then(largest_bar_mib),
            link: device.link.clone(),
            slot: device.slot.clone(),
            numa_node: device.numa_node,
            driver: device.driver.clone(),
        })
        .collect()
}

fn kind(device: &PciDevice) -> Option<AcceleratorKind> {
    let is = |vendor: &str, id: Option<&str>| {
        device.vendor_id == vendor && id.is_none_or(|id| device.device_id == id)
    };
    // Bridges and network functions on a card are not the accelerator.
    let class = device.kind();
    if class.starts_with("06") || class.starts_with("02") {
        return None;
    }
    let known = KNOWN.iter().find(|(vendor, id, _)| is(vendor, *id));
    if let Some((_, _, kind)) = known {
        return Some(*kind);
    }
    if class.starts_with("03") {
        let only_a_screen = SCREENS.iter().any(|(vendor, id)| is(vendor, *id));
        return (!only_a_screen).then_some(AcceleratorKind::Gpu);
    }
    match (class, device.vendor_id.as_str()) {
        // AMD's Instinct cards are graphics processors without graphics.
        ("1200", "1002") => Some(AcceleratorKind::Gpu),
        ("1200", _) => Some(AcceleratorKind::Processing),
        _ => None,
    }
}

/// The largest of the six base address registers that lead to memory. Each line
/// of `resource` has first and last address and flags (`IORESOURCE_MEM` is 0x200).
fn largest_bar_mib(resource: &str) -> Option<u64> {
    resource
        .lines()
        .take(6)
        .filter_map(|line| {
            let mut numbers = line
                .split_whitespace()
                .map(|number| u64::from_str_radix(number.strip_prefix("0x")?, 16).ok());
            let (first, last, flags) = (numbers.next()??, numbers.next()??, numbers.next()??);
            let bytes = last.checked_sub(first)?.checked_add(1)?;
            (flags & 0x200 != 0).then_some(bytes >> 20)
        })
        .max()
        .filter(|mib| *mib > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(class: &str, vendor_id: &str, device_id: &str) -> PciDevice {
        PciDevice {
            address: "0000:17:00.0".into(),
            class: class.into(),
            vendor_id: vendor_id.into(),
            device_id: device_id.into(),
            ..PciDevice::default()
        }
    }

    #[test]
    fn accelerators_are_told_from_screens_and_other_functions() {
        use AcceleratorKind::{Ai, Crypto, Fpga, Gpu, Processing};
        for (class, vendor, id, expected) in [
            ("030200", "10de", "20b5", Some(Gpu)), // A100
            ("030000", "10de", "1eb8", Some(Gpu)),
            ("038000", "8086", "56c0", Some(Gpu)), // Data Center GPU Flex
            ("120000", "1002", "74a1", Some(Gpu)), // MI300X
            ("120000", "1da3", "1020", Some(Ai)),  // Gaudi 2
            ("120000", "10ee", "500c", Some(Fpga)),
            ("0b4000", "8086", "37c8", Some(Crypto)),
            ("0b4000", "8086", "4940", Some(Crypto)),
            ("120000", "1eff", "0001", Some(Processing)),
            ("030000", "102b", "0536", None), // iDRAC
            ("030000", "1a03", "2000", None),
            ("030000", "1234", "1111", None),
            ("038000", "1af4", "1050", None),
            ("040300", "10de", "10f8", None), // a GPU's sound
            ("068000", "10de", "1af1", None), // NVSwitch
            ("020000", "10ee", "9034", None),
            ("060400", "1002", "14a0", None),
            ("0b4000", "8086", "9999", None),
            ("", "8086", "0000", None),
        ] {
            assert_eq!(
                kind(&device(class, vendor, id)),
                expected,
                "{class} {vendor}:{id}"
            );
        }
    }

    #[test]
    fn the_largest_window_is_found() {
        // An A100 with 40 GB: 16 MiB, 64 GiB, 32 MiB, and SR-IOV windows after the ROM.
        let a100 = "\
0x00000000e5000000 0x00000000e5ffffff 0x0000000000040200
0x0000202000000000 0x0000202fffffffff 0x000000000014220c
0x0000000000000000 0x0000000000000000 0x0000000000000000
0x0000203000000000 0x0000203001ffffff 0x000000000014220c
0x0000000000000000 0x0000000000000000 0x0000000000000000
0x0000000000000000 0x0000000000000000 0x0000000000000000
0x0000000000000000 0x0000000000000000 0x0000000000000000
0x0000203002000000 0x0000303002ffffff 0x000000000014220c
";
        assert_eq!(largest_bar_mib(a100), Some(65_536));
        for (text, expected) in [
            (
                "0x000000000000e000 0x000000000000e07f 0x0000000000040101",
                None,
            ),
            ("0x2000 0x1000 0x200", None),
            ("0x0 0xffffffffffffffff 0x200", None),
            ("0x0 0xfffff 0x200", Some(1)),
            ("0x0 0xffff 0x200", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(largest_bar_mib(text), expected, "{text}");
        }
    }
}
