// SPDX-License-Identifier: Apache-2.0
//! The files of the test system: Debian packages unpacked and configured by
//! mmdebstrap, and the signed boot loaders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::disk::ROOT_UUID;
use super::error::{OsImageError, io};
use super::step::Steps;

/// The code name of the Debian release.
pub(super) const SUITE: &str = "bookworm";

/// What is installed beside the essential packages and apt. The cloud kernel of
/// 6.12 has NVMe and ext4 built in and AHCI as a module (that of 6.1 has not).
pub(super) const PACKAGES: &[&str] = &[
    "busybox-static",
    "kmod",
    "linux-image-6.12-cloud-amd64",
    "systemd-sysv",
    "udev",
];

/// Only their files are wanted: installed, they would bring GRUB's tools, which
/// look for disks.
pub(super) const BOOT_LOADER_PACKAGES: &[&str] = &["grub-efi-amd64-signed", "shim-signed"];

/// Nothing reads these in a test.
const LEFT_OUT: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
];

/// No file of the tree is younger, so that two builds have the same times:
/// seconds since 1970, 2026-01-01.
pub(super) const EPOCH: &str = "1767225600";

/// The unpacked system.
#[derive(Debug)]
pub(super) struct Tree {
    /// Its root folder.
    pub(super) root: PathBuf,
    /// Where the boot loaders' packages are unpacked.
    boot_loaders: PathBuf,
    /// The kernel's release, as `uname -r` prints it.
    pub(super) kernel_version: String,
}

impl Tree {
    /// Debian's shim, signed by Microsoft.
    pub(super) fn shim(&self) -> PathBuf {
        self.boot_loaders.join("usr/lib/shim/shimx64.efi.signed")
    }

    /// Debian's GRUB that reads `EFI/debian/grub.cfg`, signed by Debian.
    pub(super) fn grub(&self) -> PathBuf {
        self.boot_loaders
            .join("usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")
    }

    /// Writes `NAME VERSION` of what was really installed.
    pub(super) fn list_packages(
        &self,
        steps: &Steps,
        path: &Path,
    ) -> Result<PathBuf, OsImageError> {
        let list = steps.output(
            "list the packages",
            Command::new("dpkg-query")
                .arg("--admindir")
                .arg(self.root.join("var/lib/dpkg"))
                .args(["--show", "--showformat", "${Package} ${Version}\\n"]),
        )?;
        fs::write(path, list).map_err(io("write", path))?;
        Ok(path.to_owned())
    }
}

/// Builds the tree in `work`, where the files of `tests/os` are.
pub(super) fn build(steps: &Steps, work: &Path, sources: &str) -> Result<Tree, OsImageError> {
    let list = work.join("sources.list");
    fs::write(&list, sources).map_err(io("write", &list))?;
    let root = work.join("tree");
    steps.run("install the packages", &mut mmdebstrap(work, &root, &list))?;
    // After mmdebstrap: its mounts of /proc and /sys hide folders of the tree.
    steps.run("set the times", &mut clamp_times(&root))?;
    let boot_loaders = boot_loaders(steps, work)?;
    let kernel_version = kernel_version(&root.join("boot"))?;
    Ok(Tree {
        root,
        boot_loaders,
        kernel_version,
    })
}

/// mmdebstrap in a mount namespace of its own: killed, it leaves no mounts.
fn mmdebstrap(work: &Path, root: &Path, sources: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "mmdebstrap",
            "--variant=minbase",
            "--format=directory",
        ])
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .args(
            LEFT_OUT
                .iter()
                .map(|path| format!("--dpkgopt=path-exclude={path}")),
        )
        .arg(format!("--include={}", PACKAGES.join(",")))
        .arg("--customize-hook=\"$IRONSEED_OS/after-packages\" \"$1\"")
        .arg(SUITE)
        .arg(root)
        .arg(sources)
        .env("IRONSEED_OS", work)
        .env("IRONSEED_ROOT_UUID", ROOT_UUID)
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // The kernel's installation makes no initramfs; after-packages does.
        .env("INITRD", "No");
    command
}

/// No file stays younger than [`EPOCH`].
fn clamp_times(root: &Path) -> Command {
    let mut command = Command::new("find");
    command
        .arg(root)
        .args(["-xdev", "-newermt", &format!("@{EPOCH}")])
        .args([
            "-exec",
            "touch",
            "-h",
            "-d",
            &format!("@{EPOCH}"),
            "{}",
            "+",
        ]);
    command
}

fn boot_loaders(steps: &Steps, work: &Path) -> Result<PathBuf, OsImageError> {
    let step = "fetch the boot loaders";
    let (packages, tree) = (work.join("debs"), work.join("boot-loaders"));
    fs::create_dir(&packages).map_err(io("create", &packages))?;
    steps.run(
        step,
        Command::new("apt-get")
            .arg("download")
            .args(BOOT_LOADER_PACKAGES)
            .current_dir(&packages),
    )?;
    for entry in fs::read_dir(&packages).map_err(io("list", &packages))? {
        let package = entry.map_err(io("list", &packages))?.path();
        steps.run(
            step,
            Command::new("dpkg-deb").arg("-x").arg(package).arg(&tree),
        )?;
    }
    Ok(tree)
}

fn kernel_version(boot: &Path) -> Result<String, OsImageError> {
    let mut versions = Vec::new();
    for entry in fs::read_dir(boot).map_err(io("list", boot))? {
        let name = entry.map_err(io("list", boot))?.file_name();
        if let Some(version) = name.to_str().and_then(|name| name.strip_prefix("vmlinuz-")) {
            versions.push(version.to_owned());
        }
    }
    match (versions.pop(), versions.len()) {
        (Some(version), 0) => Ok(version),
        (last, others) => Err(OsImageError::KernelCount {
            boot: boot.to_owned(),
            count: others + usize::from(last.is_some()),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

    use super::*;

    #[test]
    fn exactly_one_kernel_is_wanted() {
        let boot = tempfile::tempdir().unwrap();
        let count = |error| match error {
            OsImageError::KernelCount { count, .. } => count,
            other => panic!("{other}"),
        };
        fs::write(boot.path().join("config-6.12.1"), "").unwrap();
        assert_eq!(count(kernel_version(boot.path()).unwrap_err()), 0);
        fs::write(boot.path().join("vmlinuz-6.12.1"), "").unwrap();
        assert_eq!(kernel_version(boot.path()).unwrap(), "6.12.1");
        fs::write(boot.path().join("vmlinuz-6.12.2"), "").unwrap();
        assert_eq!(count(kernel_version(boot.path()).unwrap_err()), 2);
    }
}
