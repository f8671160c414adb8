// SPDX-License-Identifier: Apache-2.0
//! Accelerators by their PCI ids.

use hardware_profiles::PciId;

use crate::profile::pci_devices;
use crate::snapshot::Tree;

/// What is known of the accelerators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gpu {
    pub(super) vendor: char,
    pub(super) generation: Option<&'static str>,
    pub(super) units: Option<u32>,
}

/// Vendor and device, generation in the standard's letters, streaming
/// multiprocessors or compute units that the maker's data sheet gives. The
/// standard has no letter for Hopper and none for CDNA.
const MODELS: &[(u16, u16, Option<&str>, u32)] = &[
    (0x10de, 0x15f8, Some("p"), 56),  // P100 PCIe 16 GB
    (0x10de, 0x1b38, Some("p"), 30),  // P40
    (0x10de, 0x1bb3, Some("p"), 20),  // P4
    (0x10de, 0x1db4, Some("v"), 80),  // V100 PCIe 16 GB
    (0x10de, 0x1db6, Some("v"), 80),  // V100 PCIe 32 GB
    (0x10de, 0x1eb8, Some("t"), 40),  // T4
    (0x10de, 0x20b0, Some("a"), 108), // A100 SXM4 40 GB
    (0x10de, 0x20b2, Some("a"), 108), // A100 SXM4 80 GB
    (0x10de, 0x20b5, Some("a"), 108), // A100 PCIe 80 GB
    (0x10de, 0x20b7, Some("a"), 56),  // A30
    (0x10de, 0x20f1, Some("a"), 108), // A100 PCIe 40 GB
    (0x10de, 0x2235, Some("a"), 84),  // A40
    (0x10de, 0x2236, Some("a"), 72),  // A10
    (0x10de, 0x26b5, Some("l"), 142), // L40
    (0x10de, 0x26b9, Some("l"), 142), // L40S
    (0x10de, 0x27b8, Some("l"), 58),  // L4
    (0x10de, 0x2330, None, 132),      // H100 SXM5 80 GB
    (0x10de, 0x2331, None, 114),      // H100 PCIe
    (0x1002, 0x738c, None, 120),      // MI100
    (0x1002, 0x740f, None, 104),      // MI210
];

/// What all accelerators have in common; `None` without one, or if they are of
/// several makers.
pub(super) fn read(files: &Tree) -> Option<Gpu> {
    let found: Vec<Gpu> = pci_devices(files)
        .iter()
        .filter(|device| device.is_accelerator())
        .filter_map(|device| gpu(device.id))
        .collect();
    let first = *found.first()?;
    if found.iter().any(|gpu| gpu.vendor != first.vendor) {
        return None;
    }
    let one_model = found.iter().all(|gpu| *gpu == first);
    let one_generation = found.iter().all(|gpu| gpu.generation == first.generation);
    Some(Gpu {
        vendor: first.vendor,
        generation: first.generation.filter(|_| one_generation),
        units: first.units.filter(|_| one_model),
    })
}

fn gpu(id: PciId) -> Option<Gpu> {
    let vendor = match id.vendor {
        0x10de => 'N',
        0x1002 => 'A',
        0x8086 => 'I',
        _ => return None,
    };
    let model = MODELS
        .iter()
        .find(|(maker, device, ..)| (*maker, *device) == (id.vendor, id.device));
    Some(Gpu {
        vendor,
        generation: model.and_then(|(_, _, generation, _)| *generation),
        units: model.map(|(_, _, _, units)| *units),
    })
}
