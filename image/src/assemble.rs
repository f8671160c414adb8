// SPDX-License-Identifier: Apache-2.0
//! The whole build, top to bottom: packages and programs in, three files out.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use hardware_profiles::ProfileSet;
use thiserror::Error;

use crate::binaries::{self, Binaries, BinaryError, Places};
use crate::budget::{self, Budget};
use crate::closure::{self, Closure, ClosureError};
use crate::deb::{self, DebError, Tree};
use crate::debian::{Archive, DebianError, Package};
use crate::firmware::{self, Collected, FirmwareError};
use crate::kernel::{Kernel, KernelError};
use crate::layout::{self, Programs};
use crate::manifest::{Manifest, Sources};
use crate::platform::Platform;
use crate::sbom::{self, LockError};
use crate::segments::{self, SegmentError};
use crate::verify::{self, Fault};

/// What to build, and where things are.
#[derive(Debug, Clone)]
pub struct Options {
    /// What to build for.
    pub platform: &'static Platform,
    /// Directory for the three files.
    pub out: PathBuf,
    /// Directory that keeps packages between builds.
    pub cache: PathBuf,
    /// The checkout.
    pub checkout: PathBuf,
    /// Whether to look for newer packages.
    pub update: bool,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Version of the kernel.
    pub kernel_version: String,
    /// What the programs were compiled for.
    pub rust_target: &'static str,
    /// Number of modules.
    pub modules: usize,
    /// Number of firmware files.
    pub firmware: usize,
    /// Where the bytes went.
    pub budget: Budget,
    /// The files, without the manifest: path and SHA-256.
    pub files: Vec<(PathBuf, String)>,
}

/// A build that failed.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A file or directory of the build.
    #[error("cannot {action} {path}")]
    File {
        /// `read`, `write`, `create`, `lock`, `rename`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A package could not be had.
    #[error(transparent)]
    Debian(#[from] DebianError),
    /// A package could not be unpacked.
    #[error(transparent)]
    Deb(#[from] DebError),
    /// The kernel package is not as expected.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The profiles and the kernel do not fit.
    #[error(transparent)]
    Closure(#[from] ClosureError),
    /// Firmware could not be collected.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// The programs could not be compiled.
    #[error(transparent)]
    Binary(#[from] BinaryError),
    /// The bill of materials could not be made.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The initramfs could not be written.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The manifest could not be written.
    #[error("cannot write the manifest as JSON")]
    Json(#[from] serde_json::Error),
    /// The files break promises; they are not handed out.
    #[error("the image breaks its promises:\n{}\n{budget}", lines(.faults))]
    Faults {
        /// All of them.
        faults: Vec<Fault>,
        /// Where the bytes went.
        budget: Budget,
    },
}

const KERNEL: &str = "ironseed.kernel";
const INITRAMFS: &str = "ironseed.initramfs";
const MANIFEST: &str = "manifest.json";

/// Builds the image; `say` is told each step before it begins.
///
/// # Errors
/// The first step that failed. Files of an earlier build are then still there, unless
/// the disk is full.
pub fn build(options: &Options, say: &mut dyn FnMut(&str)) -> Result<Report, BuildError> {
    let platform = options.platform;
    let cache = create_directory(&options.cache)?;
    let out = create_directory(&options.out)?;
    let checkout = absolute(&options.checkout)?;
    let places = Places::from_environment(checkout)?;

    say("compiling PID 1 and the agent");
    let rust_target = binaries::usable_target(platform, &places)?;
    if rust_target != platform.rust_target {
        let missing = platform.rust_target;
        say(&format!(
            "no standard library for {missing}: linking statically for {rust_target} instead"
        ));
    }
    let binaries = binaries::compile(platform.architecture, rust_target, &places)?;
    let crates = binaries::linked_crates(rust_target, &places)?;

    say("fetching Debian's packages");
    let debian = fetch(&cache, platform, options.update)?;

    say("choosing modules and firmware");
    let profiles = ProfileSet::builtin();
    let never = profiles.never();
    let kernel = Kernel::new(&debian.kernel_version, platform, debian.kernel)?;
    let closure = closure::close(
        &kernel,
        &profiles.driver_groups(platform.architecture),
        &never,
    )?;
    let firmware = firmware::collect(&closure, &profiles.firmware(), &debian.firmware)?;

    say("writing the initramfs");
    let system = layout::system(&kernel.version, &closure, &never, programs(&binaries)?);
    let initramfs = segments::join(&layout::drivers(&kernel, &closure, &firmware), &system)?;
    let lengths = (initramfs.plain_len, initramfs.bytes.len());
    let budget = budget::weigh(platform, &kernel, (&closure, &firmware), &system, lengths);

    say("checking what was written");
    let faults = verify::check(platform, &kernel.version, &kernel.image, &initramfs.bytes);
    if !faults.is_empty() {
        return Err(BuildError::Faults { faults, budget });
    }
    let lock = places.checkout.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(file_error("read", &lock))?;
    let files = [
        (KERNEL, kernel.image.as_slice()),
        (INITRAMFS, initramfs.bytes.as_slice()),
    ];
    let manifest = Manifest::new(Sources {
        platform,
        rust_target: binaries.rust_target,
        kernel: &kernel,
        files: &files,
        budget: budget.clone(),
        packages: debian.packages.clone(),
        closure: &closure,
        never: &never,
        firmware: &firmware,
        sbom: sbom::bill(&debian.packages, &crates, &lock)?,
    });
    publish(&out, &files, &manifest.to_json()?)?;
    Ok(report(
        &kernel,
        &binaries,
        (&closure, &firmware),
        budget,
        &out,
        &files,
    ))
}

/// Packages, unpacked.
struct Debian {
    kernel_version: String,
    kernel: Tree,
    firmware: BTreeMap<String, Tree>,
    packages: Vec<Package>,
}

/// Gets everything from Debian. Builds for two architectures may run at the same time;
/// the cache is theirs in turn. A package of a kept index may have left the archive, so
/// a failed download is tried once more with a new index.
fn fetch(cache: &Path, platform: &'static Platform, update: bool) -> Result<Debian, BuildError> {
    let path = cache.join("lock");
    let lock = File::create(&path).map_err(file_error("create", &path))?;
    lock.lock().map_err(file_error("lock", &path))?;
    match read_packages(&Archive::open(cache, platform, update)?) {
        Err(BuildError::Debian(DebianError::Apt { .. })) if !update => {
            read_packages(&Archive::open(cache, platform, true)?)
        }
        result => result,
    }
}

fn read_packages(archive: &Archive) -> Result<Debian, BuildError> {
    let (kernel_version, package) = archive.find_kernel()?;
    let kernel = deb::unpack(&archive.fetch(&package)?)?;
    let mut packages = vec![package];
    let mut firmware = BTreeMap::new();
    for rule in ProfileSet::builtin().firmware() {
        if !firmware.contains_key(&rule.package) {
            let package = archive.find(&rule.package)?;
            firmware.insert(
                rule.package.clone(),
                deb::unpack(&archive.fetch(&package)?)?,
            );
            packages.push(package);
        }
    }
    Ok(Debian {
        kernel_version,
        kernel,
        firmware,
        packages,
    })
}

fn programs(binaries: &Binaries) -> Result<Programs, BuildError> {
    let read = |path: &Path| fs::read(path).map_err(file_error("read", path));
    Ok(Programs {
        init: read(&binaries.init)?,
        agent: read(&binaries.agent)?,
    })
}

/// Puts the files in place, each by one rename, the manifest last: whoever finds a
/// manifest finds the files it describes.
fn publish(out: &Path, files: &[(&str, &[u8])], manifest: &[u8]) -> Result<(), BuildError> {
    let _ = fs::remove_file(out.join(MANIFEST));
    for (name, content) in files.iter().copied().chain([(MANIFEST, manifest)]) {
        let (part, path) = (out.join(format!(".{name}.part")), out.join(name));
        fs::write(&part, content).map_err(file_error("write", &part))?;
        fs::rename(&part, &path).map_err(file_error("rename", &part))?;
    }
    Ok(())
}

fn report(
    kernel: &Kernel,
    binaries: &Binaries,
    (closure, firmware): (&Closure, &Collected),
    budget: Budget,
    out: &Path,
    files: &[(&str, &[u8])],
) -> Report {
    let sums = files
        .iter()
        .map(|(name, content)| (out.join(name), crate::manifest::sha256(content)));
    Report {
        kernel_version: kernel.version.clone(),
        rust_target: binaries.rust_target,
        modules: closure.modules.len(),
        firmware: firmware.blobs.len(),
        budget,
        files: sums.collect(),
    }
}

/// The directory as an absolute path, made if it was not there.
fn create_directory(path: &Path) -> Result<PathBuf, BuildError> {
    fs::create_dir_all(path).map_err(file_error("create", path))?;
    absolute(path)
}

fn absolute(path: &Path) -> Result<PathBuf, BuildError> {
    path.canonicalize().map_err(file_error("read", path))
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::File {
        action,
        path,
        source,
    }
}

fn lines(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(|fault| format!("  {fault}"))
        .collect::<Vec<_>>()
        .join("\n")
}
