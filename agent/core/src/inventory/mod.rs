// SPDX-License-Identifier: Apache-2.0
//! What the machine is, read from a snapshot: the `default` collector's
//! inventory as Ironic knows it (contract §6.6, §6.7), and the block devices
//! that hints, guards and plans are decided on.
//!
//! What cannot be known is absent, never made up.

mod ancestry;
mod bmc;
mod by_path;
mod cpu;
mod cpu_models;
mod devices;
mod disks;
mod identity;
mod interfaces;
mod link_modes;
mod memory;
mod mounts;
mod partitions;
#[cfg(test)]
pub(crate) mod random;
mod signatures;
mod system;
#[cfg(test)]
mod tests;
mod transport;
mod vpd;

use serde::{Deserialize, Serialize};

use crate::network::InternalRule;
use crate::network::internal::host_interfaces;
use crate::smbios;
use crate::snapshot::Snapshot;

pub use cpu::Cpu;
pub(crate) use cpu::{Cpuinfo, hexadecimal};
pub(crate) use cpu_models::arm_model;
pub use devices::block_devices;
pub(crate) use devices::nvme_controller;
pub use disks::{Disk, disks};
pub use interfaces::Interface;
pub(crate) use interfaces::pci_address;
pub use link_modes::highest_speed;
pub(crate) use link_modes::{fec_modes, link_mode_names, port_kinds};
pub use memory::Memory;
pub(crate) use memory::mem_total;
pub use partitions::{TableEntry, table_entries};
pub use signatures::{Signature, signature};
pub use system::{Boot, Firmware, SystemVendor, booted_by_uefi, is_virtual_machine};
pub(crate) use system::{TABLE, text_or_none};

/// What is known about this boot besides the machine itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `BOOTIF` as it was given, `01-52-54-00-aa-bb-cc`.
    pub boot_interface: Option<String>,
    /// What happens to interfaces whose address begins with `fa:`.
    pub fa_addresses: FaAddresses,
    /// Whether Ironic said that the BMC need not be detected
    /// (`agent_skip_bmc_detect`).
    pub skip_bmc: bool,
    /// Interfaces that are left out because they lead to the BMC only, beside
    /// those that the firmware names.
    pub internal: Vec<InternalRule>,
}

/// What happens to interfaces whose address begins with `fa:`.
///
/// Ironic's own agent drops them since 2026-06, because such addresses appear
/// on links that are not really there. Neutron gives `fa:16:3e` addresses to
/// virtual machines, which would lose all their interfaces that way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FaAddresses {
    /// Dropped, but not on virtual machines.
    #[default]
    DropOnHardware,
    /// Always dropped.
    Drop,
    /// Always kept.
    Keep,
}

/// The inventory, with the keys and types of contract §6.6.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// Network interfaces that have an address.
    pub interfaces: Vec<Interface>,
    /// Processors.
    pub cpu: Cpu,
    /// Disks that could hold an operating system or data.
    pub disks: Vec<Disk>,
    /// Main memory.
    pub memory: Memory,
    /// IPv4 address of the BMC; `0.0.0.0` if no channel has one; null without a BMC.
    pub bmc_address: Option<String>,
    /// IPv6 address of the BMC; `::/0` if it has none; null without a BMC.
    pub bmc_v6address: Option<String>,
    /// MAC of the channel that has an address. The key is left out if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bmc_mac: Option<String>,
    /// Who made the machine, and its firmware.
    pub system_vendor: SystemVendor,
    /// How it booted.
    pub boot: Boot,
    /// Host name.
    pub hostname: String,
}

/// Reads the inventory from a snapshot.
#[must_use]
pub fn read(snapshot: &Snapshot, facts: &Facts) -> Inventory {
    let table = snapshot.files.bytes(system::TABLE).unwrap_or_default();
    let structures = smbios::structures(table);
    let drop_fa = match facts.fa_addresses {
        FaAddresses::Drop => true,
        FaAddresses::Keep => false,
        FaAddresses::DropOnHardware => !is_virtual_machine(snapshot, &structures),
    };
    let mut internal = facts.internal.clone();
    internal.extend(host_interfaces(table));
    let bmc = if facts.skip_bmc {
        bmc::Bmc::default()
    } else {
        bmc::read(snapshot.bmc.as_ref())
    };
    Inventory {
        interfaces: interfaces::read(snapshot, drop_fa, &internal),
        cpu: cpu::read(snapshot, &structures),
        disks: disks(&block_devices(snapshot)),
        memory: memory::read(&snapshot.files, &structures),
        bmc_address: bmc.ipv4,
        bmc_v6address: bmc.ipv6,
        bmc_mac: bmc.mac,
        system_vendor: system::vendor(&snapshot.files, &structures),
        boot: system::boot(&snapshot.files, facts.boot_interface.clone()),
        hostname: snapshot.uname.node_name.clone(),
    }
}
