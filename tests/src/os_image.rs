// SPDX-License-Identifier: Apache-2.0
//! The operating system that the scenarios deploy: a small Debian 12 on a GPT
//! disk, built from Debian's packages with Debian's own tools.
//!
//! It boots through shim and GRUB under UEFI, with Secure Boot or without, from
//! NVMe, virtio and SATA disks, and prints lines that begin with
//! `IRONSEED-LAB-OS` on its serial console (`tests/os/ironseed-lab-marker` is
//! the program that does): what started it, what its config drive says, `ready`.
//! Its root stays read-only, so its disk equals the image also after it booted.
//!
//! It is not the Ironseed image and shares nothing with it.

mod disk;
mod error;
mod esp;
pub(crate) mod formats;
mod inputs;
mod manifest;
mod step;
mod tree;

#[cfg(test)]
mod boot_test;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

pub use disk::{DiskLayout, Partition};
pub use error::OsImageError;
pub use formats::ImageFile;
pub use manifest::OsImages;

/// The Debian packages whose tools [`build`] runs. Where a newer `qemu-utils` than
/// the release's is installed, apt refuses to put `qemu-system-x86` beside it: then
/// name `qemu-utils/bookworm` in the same command, with `--allow-downgrades`.
pub const HOST_PACKAGES: &[&str] = &[
    "cpio",
    "debian-archive-keyring",
    "dosfstools",
    "e2fsprogs",
    "fdisk",
    "mmdebstrap",
    "mtools",
    "qemu-utils",
    "util-linux",
    "xz-utils",
];

/// Part of the cache key: raise it when this code changes what it builds.
const CODE_VERSION: u32 = 1;

/// What may differ between two images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsImageOptions {
    /// Size of the disk in bytes, a multiple of 1 MiB.
    pub virtual_size: u64,
}

impl Default for OsImageOptions {
    /// 604 MB, of which about 240 MB are data.
    fn default() -> Self {
        Self {
            virtual_size: 576 << 20,
        }
    }
}

/// Builds the images below `cache_dir`, or finds those that an earlier call
/// built from the same inputs: the packages that Debian offers now, the files of
/// `tests/os`, this code and the options.
///
/// Needs root, [`HOST_PACKAGES`], package lists (`apt-get update`) and the
/// Debian archive; takes about a minute. Two processes may call it at the same
/// time: the second waits. It blocks; call it from a blocking task.
///
/// # Errors
///
/// A tool that failed is named with the end of the log; the whole log is kept
/// beside the images.
pub fn build(cache_dir: &Path, options: &OsImageOptions) -> Result<OsImages, OsImageError> {
    if !options.virtual_size.is_multiple_of(1 << 20) {
        return Err(OsImageError::UnalignedSize {
            bytes: options.virtual_size,
        });
    }
    fs::create_dir_all(cache_dir).map_err(error::io("create", cache_dir))?;
    let cache_dir = &fs::canonicalize(cache_dir).map_err(error::io("resolve", cache_dir))?;
    let _lock = lock(cache_dir)?;
    let work = Work::begin(cache_dir)?;
    let inputs = inputs::read(
        &step::Steps::new(work.log()),
        &cache_dir.join("os-inputs.json"),
    )?;
    let finished = cache_dir.join(format!("os-{}", inputs.key(options)));
    if let Some(images) = manifest::load(&finished) {
        return Ok(images);
    }
    fs::create_dir_all(&finished).map_err(error::io("create", &finished))?;
    build_in(&work, &finished, &inputs, options)
}

fn build_in(
    work: &Work,
    finished: &Path,
    inputs: &inputs::Inputs,
    options: &OsImageOptions,
) -> Result<OsImages, OsImageError> {
    let log = finished.join("build.log");
    let steps = step::Steps::new(log.clone());
    inputs::write_files(&work.dir)?;
    let tree = tree::build(&steps, &work.dir, &inputs.sources)?;
    let packages = tree.list_packages(&steps, &finished.join("packages.txt"))?;
    let raw = work.dir.join("disk.raw");
    let layout = disk::partition(&steps, &raw, options.virtual_size)?;
    esp::fill(&steps, &work.dir, &raw, &layout.esp, &tree)?;
    disk::fill_root(&steps, &raw, &layout.root, &tree)?;
    let files = formats::write_all(&steps, &raw, finished)?;
    let images = OsImages {
        raw: files.raw,
        qcow2: files.qcow2,
        qcow2_compressed: files.qcow2_compressed,
        layout,
        virtual_size: options.virtual_size,
        kernel_version: tree.kernel_version,
        packages,
        log,
    };
    manifest::store(finished, &images)?;
    Ok(images)
}

/// One builder at a time for each cache; the lock ends with the file.
fn lock(cache_dir: &Path) -> Result<File, OsImageError> {
    let path = cache_dir.join("os.lock");
    let file = File::create(&path).map_err(error::io("create", &path))?;
    file.lock().map_err(error::io("lock", &path))?;
    Ok(file)
}

/// A folder for what is thrown away afterwards, successful or not.
#[derive(Debug)]
struct Work {
    dir: PathBuf,
}

impl Work {
    /// A build that was killed leaves its folder; whoever holds the lock owns it.
    fn begin(cache_dir: &Path) -> Result<Self, OsImageError> {
        let dir = cache_dir.join("os-work");
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(error::io("remove", &dir))?;
        }
        fs::create_dir(&dir).map_err(error::io("create", &dir))?;
        Ok(Self { dir })
    }

    fn log(&self) -> PathBuf {
        self.dir.join("inputs.log")
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // The next build removes what is left here.
        let _ = fs::remove_dir_all(&self.dir);
    }
}
