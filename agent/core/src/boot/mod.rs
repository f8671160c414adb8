// SPDX-License-Identifier: Apache-2.0
//! How the deployed disk becomes what the machine boots: UEFI boot entries
//! (contract §17, `install_bootloader`).
//!
//! The boot loaders found on the EFI system partition and the firmware's
//! variables come in as [`BootFacts`]; what shall be changed goes out as a plan.
//! Boot loaders are never installed here, only named to the firmware: a
//! whole-disk image brings its own.

mod architecture;
mod boot_csv;
mod device_path;
mod entries;
mod esp;
mod load_option;
mod locate;
mod order;
mod plan;
mod replace;
mod stored;
pub mod variables;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod plan_tests;

pub use architecture::Architecture;
pub use boot_csv::BootCsv;
pub use device_path::{DeviceNode, DevicePath, HardDrive};
pub use entries::{BootEntries, BootOrder, Deletion, NewEntry, Place};
pub use esp::{EspContents, EspFile, EspPartition, Loader, Loaders, is_boot_csv, is_loader};
pub use load_option::{EncodeError, LoadOption};
pub use locate::find_esp;
pub use plan::plan;
pub use stored::{Refusal, Results, Stored};
pub use variables::EfiVariable;

/// GPT type of an EFI system partition (UEFI specification §5.3.3).
pub const ESP_TYPE: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

/// What the boot entries are decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFacts {
    /// The deployed disk, `/dev/sda`.
    pub disk: String,
    /// The firmware and the EFI system partition; `None` if this system was
    /// not started by UEFI.
    pub efi: Option<EfiFacts>,
}

/// What UEFI firmware would boot, and what it could boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EfiFacts {
    /// The EFI system partition of the deployed disk, if it has one.
    pub esp: Option<EspContents>,
    /// What the firmware starts.
    pub architecture: Architecture,
    /// Every `Boot####`, `BootOrder`, `BootCurrent` and `BootNext`, or why
    /// they cannot be read.
    pub variables: Result<Vec<EfiVariable>, String>,
}
