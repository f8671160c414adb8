// SPDX-License-Identifier: Apache-2.0
//! The firmware of an EFI machine: its boot variables, and the partition of a
//! disk that it boots from.
//!
//! What the variables shall be is decided by `ironseed_core::boot`.

mod entries;
mod esp;
#[cfg(test)]
pub(crate) mod fake;
mod immutable;
mod slice;
#[cfg(test)]
mod test_disk;
mod variables;

use ironseed_core::block::BlockDevice;
use ironseed_core::boot::{Architecture, BootFacts, EfiFacts};
use ironseed_core::fault::Fault;

use crate::root::Root;

pub use entries::{EfiVariables, apply};
pub use esp::read_esp;
pub use variables::Efivarfs;

/// Whether this system was started by EFI firmware.
fn is_efi(root: &Root) -> bool {
    root.exists("/sys/firmware/efi")
}

/// Everything that `ironseed_core::boot::plan` decides on.
///
/// `esp_uuid` is the GUID of the partition to take if none has the type of an
/// EFI system partition.
///
/// # Errors
/// About the disk as [`read_esp`]. Variables that cannot be read are among the
/// facts: the disk may boot without them.
pub fn read_boot_facts(
    root: &Root,
    disk: &BlockDevice,
    esp_uuid: Option<&str>,
) -> Result<BootFacts, Fault> {
    let efi = if is_efi(root) {
        Some(EfiFacts {
            esp: read_esp(disk, esp_uuid)?,
            architecture: architecture(root),
            variables: Efivarfs::new(root.clone())
                .boot_variables()
                .map_err(|fault| fault.to_string()),
        })
    } else {
        None
    };
    Ok(BootFacts {
        disk: disk.name.clone(),
        efi,
    })
}

/// What the firmware starts; it need not be of the kernel's architecture.
fn architecture(root: &Root) -> Architecture {
    let bits = root.read_text("/sys/firmware/efi/fw_platform_size");
    let bits = bits.ok().and_then(|text| text.trim().parse().ok());
    Architecture::of(std::env::consts::ARCH, bits)
}
