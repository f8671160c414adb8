// SPDX-License-Identifier: Apache-2.0
//! Memory: modules, empty slots and how much there is where. Modules are what
//! the firmware lists (DSP0134 §7.17, §7.18); the kernel knows only amounts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Absences, Source, numa};
use crate::smbios::{MemoryArray, MemoryDevice, installed_mib, memory_arrays, memory_devices};

/// Main memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Memory {
    /// Installed memory in MiB, the sum of the modules.
    pub installed_mib: Option<u64>,
    /// Memory the kernel has, in KiB; less than installed by what firmware and kernel keep.
    pub usable_kib: Option<u64>,
    /// Most memory the board can have, in MiB, as the firmware says.
    pub max_capacity_mib: Option<u64>,
    /// How errors are corrected: `None`, `Single-bit ECC`, `Multi-bit ECC`; null if the
    /// firmware does not say or its memory arrays differ.
    pub error_correction: Option<String>,
    /// Modules, in the firmware's order.
    pub modules: Vec<MemoryModule>,
    /// Slots without a module, in the firmware's order.
    pub empty_slots: Vec<EmptySlot>,
    /// Memory of each NUMA node.
    pub numa_nodes: Vec<NodeMemory>,
}

/// A memory module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MemoryModule {
    /// Slot, as printed on the board.
    pub slot: Option<String>,
    /// Bank, as the firmware names it; often the processor or the channel.
    pub bank: Option<String>,
    /// Size in MiB.
    pub size_mib: Option<u64>,
    /// Type: `DDR4`, `DDR5`.
    pub memory_type: Option<String>,
    /// Details of the type: `Synchronous`, `Registered (Buffered)`.
    pub details: Vec<String>,
    /// Form factor: `DIMM`, `SODIMM`.
    pub form_factor: Option<String>,
    /// Technology: `DRAM`, `NVDIMM-N`.
    pub technology: Option<String>,
    /// Modes it can work in: `Volatile memory`, `Byte-accessible persistent memory`.
    pub modes: Vec<String>,
    /// Part of its size that survives a power cut, in MiB.
    pub persistent_mib: Option<u64>,
    /// The highest speed the module can do, in MT/s.
    pub rated_mts: Option<u32>,
    /// The speed it is set to, in MT/s.
    pub configured_mts: Option<u32>,
    /// The voltage it is set to, in mV.
    pub configured_mv: Option<u16>,
    /// Ranks.
    pub ranks: Option<u8>,
    /// Width of the data in bits.
    pub data_width_bits: Option<u16>,
    /// Width with the bits for error correction.
    pub total_width_bits: Option<u16>,
    /// Whether it has bits for error correction: the total width is more than the data width.
    pub ecc: Option<bool>,
    /// Who made it, a name or a JEDEC number, as the firmware writes it.
    pub manufacturer: Option<String>,
    /// Part number.
    pub part_number: Option<String>,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Asset tag.
    pub asset_tag: Option<String>,
    /// Version of the module's own firmware.
    pub firmware: Option<String>,
}

/// A slot without a module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EmptySlot {
    /// Slot, as printed on the board.
    pub slot: Option<String>,
    /// Bank, as the firmware names it.
    pub bank: Option<String>,
}

/// Memory of a NUMA node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NodeMemory {
    /// Number of the node.
    pub node: u32,
    /// Memory the kernel has in it, in KiB.
    pub usable_kib: Option<u64>,
}

pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> Memory {
    let (empty, present): (Vec<_>, Vec<_>) = memory_devices(source.smbios)
        .into_iter()
        .partition(|device| device.size_kib == Some(0));
    if present.is_empty() {
        let reason = if source.smbios.is_empty() {
            "no SMBIOS table could be read"
        } else {
            "the firmware lists no module"
        };
        absent.note("memory", "modules", reason);
    }
    let arrays: Vec<MemoryArray> = memory_arrays(source.smbios)
        .into_iter()
        .filter(|array| matches!(array.purpose, None | Some("System Memory")))
        .collect();
    Memory {
        installed_mib: installed_mib(source.smbios),
        usable_kib: crate::inventory::mem_total(
            source.files.text("/proc/meminfo").unwrap_or_default(),
        )
        .map(|bytes| bytes / 1024),
        max_capacity_mib: max_capacity_mib(&arrays),
        error_correction: error_correction(&arrays),
        modules: present
            .into_iter()
            .enumerate()
            .map(|(index, device)| module(index, device, absent))
            .collect(),
        empty_slots: empty
            .into_iter()
            .map(|device| EmptySlot {
                slot: device.locator,
                bank: device.bank,
            })
            .collect(),
        numa_nodes: numa::nodes(source.files)
            .iter()
            .map(|node| NodeMemory {
                node: node.node,
                usable_kib: node.memory_kib,
            })
            .collect(),
    }
}

fn max_capacity_mib(arrays: &[MemoryArray]) -> Option<u64> {
    let capacities: Option<Vec<u64>> = arrays.iter().map(|array| array.max_capacity_kib).collect();
    let total = capacities?.into_iter().try_fold(0, u64::checked_add)?;
    (total > 0).then_some(total / 1024)
}

fn error_correction(arrays: &[MemoryArray]) -> Option<String> {
    let first = arrays.first()?.error_correction?;
    arrays
        .iter()
        .all(|array| array.error_correction == Some(first))
        .then(|| first.to_owned())
}

fn module(index: usize, device: MemoryDevice, absent: &mut Absences) -> MemoryModule {
    if device.size_kib.is_none() {
        let subject = device
            .locator
            .clone()
            .unwrap_or_else(|| format!("memory module {}", index + 1));
        absent.note(subject, "size", "the firmware says that it is unknown");
    }
    let owned = |name: Option<&'static str>| name.map(str::to_owned);
    let all = |names: &[&'static str]| names.iter().map(|name| (*name).to_owned()).collect();
    let (total_width_bits, data_width_bits) = device.widths;
    MemoryModule {
        slot: device.locator,
        bank: device.bank,
        size_mib: device.size_kib.map(|kib| kib / 1024),
        memory_type: owned(device.memory_type),
        details: all(&device.details),
        form_factor: owned(device.form_factor),
        technology: owned(device.technology),
        modes: all(&device.modes),
        persistent_mib: device.non_volatile_bytes.map(|bytes| bytes >> 20),
        rated_mts: device.speed_mts,
        configured_mts: device.configured_mts,
        configured_mv: device.configured_mv,
        ranks: device.ranks,
        data_width_bits,
        total_width_bits,
        ecc: total_width_bits
            .zip(data_width_bits)
            .map(|(total, data)| total > data),
        manufacturer: device.manufacturer,
        part_number: device.part_number,
        serial_number: device.serial_number,
        asset_tag: device.asset_tag,
        firmware: device.firmware,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::TABLE;
    use crate::inventory::random::Random;
    use crate::smbios::structures;
    use crate::snapshot::{Bytes, Entry, Snapshot};

    /// Made for `dmidecode`: every encoding of sizes and many mistakes.
    const ODD: &[u8] = include_bytes!("../../../../tests/fixtures/dmidecode/odd.bin");

    #[test]
    fn odd_firmware_gives_modules_and_reasons() {
        let snapshot = Snapshot::default();
        let structures = structures(ODD);
        let source = Source {
            snapshot: &snapshot,
            files: &snapshot.files,
            smbios: &structures,
        };
        let mut absent = Absences::default();
        let found = read(&source, &mut absent);
        assert_eq!(found.empty_slots.len(), 1);
        let sizes: Vec<Option<u64>> = found.modules.iter().map(|module| module.size_mib).collect();
        assert_eq!(
            sizes[..8],
            [
                Some(16_384),
                Some(131_072),
                Some(100_001),
                Some(2 << 20),
                Some(0),
                None,
                Some(1),
                Some(16_384)
            ],
            "of 512 KiB no whole MiB is left"
        );
        assert_eq!(found.modules[7].rated_mts, Some(12_800));
        assert_eq!(found.modules[0].ecc, Some(true));
        let tagged = &found.modules[0];
        assert_eq!(tagged.manufacturer.as_deref(), Some("00AD063200AD"));
        assert_eq!(tagged.firmware, None, "Not Specified is none");
        // The size of 0xFFFF, and the structure that is cut before its size ends.
        let subjects: Vec<String> = absent
            .into_list()
            .into_iter()
            .map(|absence| absence.subject)
            .collect();
        assert_eq!(subjects, ["A1"]);
    }

    #[test]
    fn a_broken_table_breaks_nothing() {
        let mut random = Random::new(23);
        for _ in 0..500 {
            let mut table = ODD.to_vec();
            table.truncate(random.below(table.len() + 1));
            for _ in 0..random.below(40) {
                let length = table.len();
                if length > 0 {
                    table[random.below(length)] = random.byte();
                }
            }
            let mut snapshot = Snapshot::default();
            snapshot.files.insert(TABLE, Entry::File(Bytes(table)));
            let found = crate::hardware::read(&snapshot);
            let modules = &found.memory.modules;
            assert!(
                modules
                    .iter()
                    .all(|module| module.slot.as_deref() != Some(""))
            );
        }
    }
}
