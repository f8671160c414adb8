// SPDX-License-Identifier: Apache-2.0
//! What the machine is made of, in depth: everything beyond the inventory that
//! Ironic itself reads ([`crate::inventory`]). It is posted under the key
//! `ironseed` of the inspection data; `docs/ironseed.schema.json` is its schema.
//!
//! One file per section. What cannot be known is absent, and [`Absence`] says
//! why; a value is never made up.

mod absence;
mod accelerators;
mod bmc;
mod command_line;
mod controllers;
mod disks;
mod firmware;
mod kernel;
mod kernel_errors;
pub(crate) mod kernel_list;
mod memory;
mod memory_errors;
mod neighbours;
mod network;
pub(crate) mod numa;
mod pci;
mod processors;
mod system;
pub(crate) mod topology;
mod tpm;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inventory::TABLE;
use crate::smbios::{Structure, structures};
use crate::snapshot::{Snapshot, Tree};

pub use absence::{Absence, Absences};
pub use accelerators::{Accelerator, AcceleratorKind};
pub(crate) use bmc::lan;
pub use bmc::{
    Bmc, BmcDevice, EventLog, LanChannel, LanIpv6, LogEntry, Sensor, SensorStatus, Severity,
};
pub use controllers::{
    ControllerKind, Controllers, Enclosure, EnclosureSlot, RaidVolume, SasExpander,
    StorageController,
};
pub use disks::{
    AttributeBelowThreshold, Discard, Disk, Drive, FirmwareSlot, Format, Health, LbaFormat,
    Namespace, Nvme, Password, Sanitize, SanitizeState, Security, Sizes, Verdict, Warning,
    WriteCache, drives_to_ask,
};
pub use firmware::{BootEntry, Firmware};
pub use kernel::Kernel;
pub use kernel_errors::{KernelErrors, KernelMessage};
pub use memory::{EmptySlot, Memory, MemoryModule, NodeMemory};
pub use memory_errors::{MemoryController, MemoryModuleErrors};
pub use neighbours::PortNeighbour;
pub use network::{
    Diagnostics, Duplex, Fec, Lane, LinkModes, Medium, NetworkPort, RdmaDevice, RdmaPort, Reach,
    Sriov, Transceiver,
};
pub use numa::NumaNode;
pub use pci::{PciDevice, PciErrors, PciLink, PciSlot};
pub use processors::{Processors, Socket};
pub use system::{Board, Chassis, System};
pub use topology::ProcessorCache;
pub use tpm::Tpm;

/// The machine in depth. Every section is there; one without content says why
/// in `absent`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Hardware {
    /// Who the machine, its board and its enclosure are.
    pub system: System,
    /// Firmware and boot entries.
    pub firmware: Firmware,
    /// Processors.
    pub processors: Processors,
    /// Memory.
    pub memory: Memory,
    /// The running kernel.
    pub kernel: Kernel,
    /// What is at the other end of each cable, as LLDP tells it.
    pub neighbours: Vec<PortNeighbour>,
    /// The management controller.
    pub bmc: Option<Bmc>,
    /// Trusted platform modules.
    pub tpms: Vec<Tpm>,
    /// Every function on PCI, by address.
    pub pci_devices: Vec<PciDevice>,
    /// The slots of the board, also empty ones, in the firmware's order.
    pub pci_slots: Vec<PciSlot>,
    /// Graphics processors and other accelerators.
    pub accelerators: Vec<Accelerator>,
    /// Controllers of disks and what hangs on them.
    pub controllers: Controllers,
    /// Network ports, in name order.
    pub network: Vec<NetworkPort>,
    /// Disks: what each is, what it can do, and how it is.
    pub disks: Vec<Disk>,
    /// What could not be known, and why.
    pub absent: Vec<Absence>,
}

/// What every section is read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// Everything that was read from the machine.
    pub(crate) snapshot: &'a Snapshot,
    /// The files among it.
    pub(crate) files: &'a Tree,
    /// The structures of the SMBIOS table.
    pub(crate) smbios: &'a [Structure<'a>],
}

/// Reads every section.
#[must_use]
pub fn read(snapshot: &Snapshot) -> Hardware {
    let structures = structures(snapshot.files.bytes(TABLE).unwrap_or_default());
    let source = Source {
        snapshot,
        files: &snapshot.files,
        smbios: &structures,
    };
    let mut absent = Absences::default();
    absent.problems_of(snapshot);
    let pci_slots = pci::read_slots(source.smbios);
    let pci_devices = pci::read(&source, &pci_slots, &mut absent);
    Hardware {
        system: system::read(&source, &mut absent),
        firmware: firmware::read(&source, &mut absent),
        processors: processors::read(&source, &mut absent),
        memory: memory::read(&source, &mut absent),
        kernel: kernel::read(&source, &mut absent),
        neighbours: neighbours::read(&source, &mut absent),
        bmc: bmc::read(&source, &mut absent),
        tpms: tpm::read(&source, &mut absent),
        accelerators: accelerators::read(&source, &pci_devices),
        controllers: controllers::read(&source, &pci_devices, &mut absent),
        pci_devices,
        pci_slots,
        network: network::read(&source, &mut absent),
        disks: disks::read(&source, &mut absent),
        absent: absent.into_list(),
    }
}
