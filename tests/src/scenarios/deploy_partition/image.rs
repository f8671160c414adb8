// SPDX-License-Identifier: Apache-2.0
//! The partition image: the root file system of the test system, with its boot loaders where a
//! distribution's partition image has them, in `/boot/efi`.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::os_image::OsImages;
use crate::{files, process};

/// The UUID of the file system, as [`crate::os_image`] makes it.
pub(super) const ROOT_UUID: [u8; 16] = [
    0x1c, 0x0f, 0xfe, 0xe0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 2,
];
/// Where Debian mounts the EFI system partition.
const EFI: &str = "boot/efi";
const DIRECTORIES: [&str; 3] = ["EFI", "EFI/BOOT", "EFI/debian"];

/// Makes the image.
pub(super) fn make(images: &OsImages, image: &Path) -> Result<(), Error> {
    copy_root(images, image)?;
    let loaders = image.with_extension("efi");
    files::make_dir(&loaders)?;
    let esp = format!(
        "{}@@{}",
        images.raw.path.display(),
        images.layout.esp.offset
    );
    process::run(
        Command::new("mcopy")
            .env("MTOOLS_SKIP_CHECK", "1")
            .args(["-n", "-s", "-i", &esp, "::EFI"])
            .arg(&loaders),
    )?;
    let script = image.with_extension("debugfs");
    files::write(&script, script_of(&loaders))?;
    process::run(
        Command::new("debugfs")
            .args(["-w", "-f"])
            .arg(&script)
            .arg(image),
    )?;
    // debugfs succeeds whatever its commands do.
    let listed = process::run(
        Command::new("debugfs")
            .args(["-R", &format!("ls -p /{EFI}/EFI/debian")])
            .arg(image),
    )?;
    if listed.contains("shimx64.efi") {
        return Ok(());
    }
    Err(Error::Disk {
        path: image.to_owned(),
        problem: format!("its /{EFI} could not be filled: {listed}"),
    })
}

fn copy_root(images: &OsImages, image: &Path) -> Result<(), Error> {
    let root = &images.layout.root;
    let copy = || {
        let mut disk = File::open(&images.raw.path)?;
        disk.seek(SeekFrom::Start(root.offset))?;
        std::io::copy(&mut disk.take(root.size), &mut File::create(image)?)
    };
    copy().map(drop).map_err(|source| Error::File {
        doing: "copy the root of",
        path: images.raw.path.clone(),
        source,
    })
}

/// The commands that copy the boot loaders into the file system.
fn script_of(loaders: &Path) -> String {
    let mut script = format!("mkdir /boot\nmkdir /{EFI}\n");
    for directory in DIRECTORIES {
        script.push_str(&format!(
            "mkdir /{EFI}/{directory}\ncd /{EFI}/{directory}\n"
        ));
        let local = loaders.join(directory);
        for name in files::names_in(&local) {
            let file = local.join(&name);
            if fs::metadata(&file).is_ok_and(|data| data.is_file()) {
                script.push_str(&format!("write {} {name}\n", file.display()));
            }
        }
    }
    script
}
