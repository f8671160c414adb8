// SPDX-License-Identifier: Apache-2.0
//! What must be on the host before a lab can start: Debian's programs, which
//! `scripts/install-packages` brings, and a virtual environment with Ironic and the Redfish
//! emulator, which is made here and reused as long as it is the right one.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::narrate::Narrator;
use crate::{esp, files, machine, process};

/// Every Python package of the environment with its version.
const REQUIREMENTS: &str = include_str!("../python-packages.txt");
/// Debian's own Python, whatever else comes first in the search path.
const PYTHON: &str = "/usr/bin/python3";

/// Programs and files of the Debian packages, one or more for each package.
const PROGRAMS: [&str; 13] = [
    "dnsmasq",
    "genisoimage",
    "ip",
    "libvirtd",
    "lldpd",
    "mcopy",
    "mkfs.vfat",
    "qemu-img",
    "qemu-system-x86_64",
    "swtpm",
    "swtpm_setup",
    "unshare",
    "virsh",
];
const FILES: [&str; 5] = [
    esp::SHIM,
    esp::GRUB,
    machine::FIRMWARE_CODE,
    "/usr/lib/ipxe/snponly.efi",
    "/usr/lib/ISOLINUX/isolinux.bin",
];

/// Fails if a Debian package of the lab is missing.
///
/// # Errors
/// [`Error::Missing`] with the program that is not there.
pub fn check_programs() -> Result<(), Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = env::split_paths(&path).collect();
    let program = PROGRAMS.iter().find(|program| {
        !directories
            .iter()
            .any(|directory| directory.join(program).exists())
    });
    let missing = program.or_else(|| FILES.iter().find(|file| !Path::new(file).exists()));
    match missing {
        None => Ok(()),
        Some(what) => Err(Error::Missing {
            what: (*what).to_owned(),
            remedy: "scripts/install-packages lab".to_owned(),
        }),
    }
}

/// Makes the virtual environment at `venv` unless it is there with exactly these packages.
///
/// # Errors
/// What `pip` says.
pub fn ensure_venv(venv: &Path, narrator: &Narrator) -> Result<(), Error> {
    let stamp = venv.join("ironseed-packages.txt");
    if files::read_text(&stamp).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(());
    }
    narrator.say(format!(
        "Installing Ironic and the Redfish emulator from PyPI into {} (about a minute)",
        venv.display()
    ));
    files::remove_dir(venv)?;
    process::run(Command::new(PYTHON).args(["-m", "venv"]).arg(venv))?;
    let requirements = venv.join("requirements.txt");
    files::write(&requirements, REQUIREMENTS)?;
    let pip = venv.join("bin/pip");
    let mut install = Command::new(pip);
    install.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ]);
    process::run(install.arg(&requirements))?;
    files::write(&stamp, REQUIREMENTS)
}
