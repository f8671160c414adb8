// SPDX-License-Identifier: Apache-2.0
//! The small FAT image with boot loaders that Ironic puts into the ISO it builds for a machine:
//! Debian's signed shim, and as its second stage Debian's signed GRUB for optical media.

use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::{files, process};

pub(crate) const SHIM: &str = "/usr/lib/shim/shimx64.efi.signed";
pub(crate) const GRUB: &str = "/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed";
const MOK_MANAGER: &str = "/usr/lib/shim/mmx64.efi.signed";
const BYTES: u64 = 8 << 20;

/// Makes the image at `path`.
///
/// # Errors
/// What `mkfs.vfat` or mtools say.
pub fn make(path: &Path) -> Result<(), Error> {
    files::make_sparse(path, BYTES)?;
    process::run(Command::new("mkfs.vfat").args(["-n", "ESP"]).arg(path))?;
    process::run(
        Command::new("mmd")
            .arg("-i")
            .arg(path)
            .args(["::EFI", "::EFI/BOOT"]),
    )?;
    let contents = [
        (SHIM, "BOOTX64.EFI"),
        (GRUB, "grubx64.efi"),
        (MOK_MANAGER, "mmx64.efi"),
    ];
    for (from, to) in contents {
        let target = format!("::EFI/BOOT/{to}");
        process::run(
            Command::new("mcopy")
                .arg("-i")
                .arg(path)
                .args([from, &target]),
        )?;
    }
    Ok(())
}
