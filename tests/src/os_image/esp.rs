// SPDX-License-Identifier: Apache-2.0
//! The EFI system partition: shim, GRUB and its configuration, the list of boot
//! entries that an installer reads, and the fallback path for a firmware that
//! has no boot entry.
//!
//! shim's own `fbx64.efi` is left out on purpose. It would make the boot entry
//! from the list at the first boot, and a scenario could not tell whether the
//! agent had made it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::disk::{Partition, ROOT_UUID};
use super::error::{OsImageError, io};
use super::step::Steps;
use super::tree::{EPOCH, Tree};

const GRUB_CFG: &str = include_str!("../../os/grub.cfg");

/// Loader, title, options, description: what shim's fallback program and the
/// agent make a boot entry from.
const CSV: &str = "shimx64.efi,debian,,This is the boot entry for debian\n";

/// Makes the file system in place and copies the files.
pub(super) fn fill(
    steps: &Steps,
    work: &Path,
    disk: &Path,
    esp: &Partition,
    tree: &Tree,
) -> Result<(), OsImageError> {
    let step = "fill the EFI system partition";
    let (config, csv) = (work.join("esp-grub.cfg"), work.join("BOOTX64.CSV"));
    fs::write(&config, grub_cfg(&tree.kernel_version)).map_err(io("write", &config))?;
    fs::write(&csv, utf16_with_bom(CSV)).map_err(io("write", &csv))?;
    steps.run(step, &mut mkfs(disk, esp))?;

    let image = format!("{}@@{}", disk.display(), esp.offset);
    steps.run(
        step,
        mtool("mmd", &image).args(["::EFI", "::EFI/BOOT", "::EFI/debian"]),
    )?;
    for (file, name) in [
        (tree.shim(), "EFI/debian/shimx64.efi"),
        (tree.grub(), "EFI/debian/grubx64.efi"),
        (config, "EFI/debian/grub.cfg"),
        (csv, "EFI/debian/BOOTX64.CSV"),
        (tree.shim(), "EFI/BOOT/BOOTX64.EFI"),
        (tree.grub(), "EFI/BOOT/grubx64.efi"),
    ] {
        steps.run(
            step,
            mtool("mcopy", &image).arg(file).arg(format!("::{name}")),
        )?;
    }
    Ok(())
}

fn mkfs(disk: &Path, esp: &Partition) -> Command {
    let mut command = Command::new("mkfs.vfat");
    command
        .args([
            "-F",
            "32",
            "-s",
            "1",
            "-n",
            "ESP",
            "-i",
            "1C0FFEE1",
            "--invariant",
        ])
        .arg("--offset")
        .arg((esp.offset / 512).to_string())
        .arg(disk)
        .arg((esp.size / 1024).to_string());
    command
}

/// mtools keep the time of writing, and refuse a FAT that fits no floppy drive
/// unless told.
fn mtool(name: &str, image: &str) -> Command {
    let mut command = Command::new(name);
    command
        .args(["-i", image])
        .env("MTOOLS_SKIP_CHECK", "1")
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .env("TZ", "UTC");
    command
}

fn grub_cfg(kernel_version: &str) -> String {
    GRUB_CFG
        .replace("@KERNEL@", kernel_version)
        .replace("@ROOT_UUID@", ROOT_UUID)
}

fn utf16_with_bom(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_entry_list_is_utf16_with_a_byte_order_mark() {
        let bytes = utf16_with_bom(CSV);
        assert_eq!(&bytes[..8], b"\xff\xfes\0h\0i\0");
        assert_eq!(&bytes[bytes.len() - 4..], b"n\0\n\0");
        assert_eq!(bytes.len(), 2 + 2 * CSV.len());
    }

    #[test]
    fn grub_boots_the_kernel_from_the_root_by_uuid() {
        let config = grub_cfg("6.12.1");
        assert!(!config.contains('@'), "{config}");
        assert!(config.contains(&format!(
            "search --no-floppy --fs-uuid --set=root {ROOT_UUID}\n"
        )));
        assert!(config.contains(&format!(
            "linux /boot/vmlinuz-6.12.1 root=UUID={ROOT_UUID} ro "
        )));
        assert!(config.contains("initrd /boot/initrd.img-6.12.1\n"));
    }
}
