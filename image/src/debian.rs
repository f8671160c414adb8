// SPDX-License-Identifier: Apache-2.0
//! Debian's packages: found through a private apt configuration, downloaded and kept.
//!
//! apt verifies the signatures, as for any installation, but nothing is installed, the
//! machine's own lists are not touched, and no root is needed. The package index is
//! fetched once and then kept, so that two builds see the same packages; it is fetched
//! again on request, or when a package cannot be downloaded any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;
use thiserror::Error;

use crate::manifest::sha256;
use crate::platform::Platform;
use crate::sources;
use crate::tool::{self, ToolError};

/// A package that could not be had.
#[derive(Debug, Error)]
pub enum DebianError {
    /// A file or directory of the cache, or of the machine's configuration.
    #[error("cannot {action} {path}")]
    File {
        /// `read`, `write`, `create`, `rename`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// This machine's sources do not lead to Debian.
    #[error(
        "{directory} names no Debian archive of release {release:?}: the build needs a Debian machine"
    )]
    NoArchive {
        /// apt's directory.
        directory: &'static str,
        /// The release as os-release names it.
        release: String,
    },
    /// apt failed.
    #[error("cannot {action}")]
    Apt {
        /// What was being done, with the package's name.
        action: String,
        /// What apt says.
        #[source]
        source: ToolError,
    },
    /// The archive's index has no such package.
    #[error("the archive has no package {name}")]
    NoPackage {
        /// Name of the package.
        name: String,
    },
    /// The kernel's meta package does not depend on a kernel.
    #[error("package {name} depends on no kernel image: {depends:?}")]
    NoKernel {
        /// Name of the meta package.
        name: String,
        /// Its dependencies.
        depends: String,
    },
    /// The downloaded file is not the one in the index.
    #[error("package {name} has SHA-256 {found}, the index says {expected}")]
    WrongSum {
        /// Name of the package.
        name: String,
        /// What was downloaded.
        found: String,
        /// What the archive's signed index says.
        expected: String,
    },
}

/// A package of the archive, as its index describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Package {
    /// Name of the binary package.
    pub name: String,
    /// Full version.
    pub version: String,
    /// Debian's architecture, or `all`.
    pub architecture: String,
    /// Sum of the package file, lower-case hexadecimal.
    pub sha256: String,
    /// The `Depends` field.
    #[serde(skip)]
    pub depends: String,
}

/// The packages of one architecture, with the files kept from earlier builds.
#[derive(Debug)]
pub struct Archive {
    platform: &'static Platform,
    apt: PathBuf,
    packages: PathBuf,
}

const ETC_APT: &str = "/etc/apt";

impl Archive {
    /// Opens the archive; fetches the index if it is not there, or if `refresh`.
    ///
    /// # Errors
    /// If the machine's sources do not lead to Debian, or the index cannot be fetched.
    pub fn open(
        cache: &Path,
        platform: &'static Platform,
        refresh: bool,
    ) -> Result<Self, DebianError> {
        let (apt, packages) = (
            cache.join("apt").join(platform.debian),
            cache.join("packages"),
        );
        let archive = Self {
            platform,
            apt,
            packages,
        };
        create(&archive.apt.join("lists/partial"))?;
        create(&archive.packages)?;
        let list = machine_sources(platform.debian)?;
        let path = archive.source_list();
        let stamp = archive.apt.join("complete");
        let known = fs::read_to_string(&stamp).is_ok_and(|text| text == list);
        if refresh || !known {
            write(&path, list.as_bytes())?;
            archive.refresh()?;
            // Written last: an index that was cut short is fetched again.
            write(&stamp, list.as_bytes())?;
        }
        Ok(archive)
    }

    /// The newest package of that name.
    ///
    /// # Errors
    /// If the index has none.
    pub fn find(&self, name: &str) -> Result<Package, DebianError> {
        let mut command = self.apt("apt-cache");
        command.args(["show", "--no-all-versions", name]);
        let no_package = || DebianError::NoPackage {
            name: name.to_owned(),
        };
        let text = tool::output(&mut command).map_err(|_| no_package())?;
        package(&String::from_utf8_lossy(&text)).ok_or_else(no_package)
    }

    /// The kernel that the platform's meta package stands for, and its version as
    /// `uname -r` shows it.
    ///
    /// # Errors
    /// If the index has no such package.
    pub fn find_kernel(&self) -> Result<(String, Package), DebianError> {
        let meta = self.find(self.platform.kernel_package)?;
        let Some(name) = kernel_dependency(&meta.depends) else {
            return Err(DebianError::NoKernel {
                name: meta.name,
                depends: meta.depends,
            });
        };
        let package = self.find(name)?;
        Ok((name.trim_start_matches("linux-image-").to_owned(), package))
    }

    /// The package's file, downloaded unless an intact copy is kept.
    ///
    /// # Errors
    /// If it cannot be downloaded, or is not the one of the index.
    pub fn fetch(&self, package: &Package) -> Result<PathBuf, DebianError> {
        let path = self.packages.join(file_name(package));
        if path.exists() && file_sum(&path)? == package.sha256 {
            return Ok(path);
        }
        let directory = self
            .packages
            .join(format!(".fetch-{}", self.platform.debian));
        let _ = fs::remove_dir_all(&directory);
        create(&directory)?;
        self.download(package, &directory)?;
        let downloaded = only_file(&directory)?;
        let found = file_sum(&downloaded)?;
        if found != package.sha256 {
            let (name, expected) = (package.name.clone(), package.sha256.clone());
            return Err(DebianError::WrongSum {
                name,
                found,
                expected,
            });
        }
        fs::rename(&downloaded, &path).map_err(file_error("rename", &downloaded))?;
        let _ = fs::remove_dir_all(&directory);
        Ok(path)
    }

    fn refresh(&self) -> Result<(), DebianError> {
        let result = tool::output(self.apt("apt-get").args(["-q", "update"]));
        result
            .map(drop)
            .map_err(apt_error("fetch the package index"))
    }

    fn download(&self, package: &Package, directory: &Path) -> Result<(), DebianError> {
        let version = format!("{}={}", package.name, package.version);
        let mut command = self.apt("apt-get");
        command
            .current_dir(directory)
            .args(["-q", "download", &version]);
        let result = tool::output(&mut command);
        result
            .map(drop)
            .map_err(apt_error(&format!("download {version}")))
    }

    fn source_list(&self) -> PathBuf {
        self.apt.join("debian.sources")
    }

    /// An apt program with the private configuration. The machine's proxy settings
    /// stay in force; its sources, state and installed packages do not count.
    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let mut option = |key: &str, value: &str| {
            command.arg("-o").arg(format!("{key}={value}"));
        };
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        option("APT::Architecture", self.platform.debian);
        option("APT::Architectures::", self.platform.debian);
        option("Dir::Etc::sourcelist", &path(self.source_list()));
        option("Dir::Etc::sourceparts", "/dev/null");
        option("Dir::State::lists", &path(self.apt.join("lists")));
        option("Dir::State::status", "/dev/null");
        option("Dir::Cache::pkgcache", "");
        option("Dir::Cache::srcpkgcache", "");
        // As root, apt would drop to a user who cannot write here.
        option("APT::Sandbox::User", "");
        option("Acquire::Languages", "none");
        for index in [
            "DEP-11",
            "DEP-11-icons-small",
            "DEP-11-icons",
            "DEP-11-icons-hidpi",
            "Contents-deb",
        ] {
            option(
                &format!("Acquire::IndexTargets::deb::{index}::DefaultEnabled"),
                "false",
            );
        }
        command
    }
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> DebianError {
    let path = path.to_owned();
    move |source| DebianError::File {
        action,
        path,
        source,
    }
}

fn apt_error(action: &str) -> impl FnOnce(ToolError) -> DebianError {
    let action = action.to_owned();
    move |source| DebianError::Apt { action, source }
}

fn create(path: &Path) -> Result<(), DebianError> {
    fs::create_dir_all(path).map_err(file_error("create", path))
}

fn write(path: &Path, content: &[u8]) -> Result<(), DebianError> {
    fs::write(path, content).map_err(file_error("write", path))
}

fn file_sum(path: &Path) -> Result<String, DebianError> {
    Ok(sha256(&fs::read(path).map_err(file_error("read", path))?))
}

fn only_file(directory: &Path) -> Result<PathBuf, DebianError> {
    let read_error = || file_error("read", directory);
    let mut entries = fs::read_dir(directory).map_err(read_error())?;
    let entry = entries
        .next()
        .unwrap_or_else(|| Err(std::io::ErrorKind::NotFound.into()));
    Ok(entry.map_err(read_error())?.path())
}

/// The private source list for this machine.
fn machine_sources(architecture: &str) -> Result<String, DebianError> {
    let path = Path::new("/etc/os-release");
    let os_release = fs::read_to_string(path).map_err(file_error("read", path))?;
    let release = sources::release(&os_release).unwrap_or_default();
    let mut files = Vec::new();
    read_source_file(&Path::new(ETC_APT).join("sources.list"), &mut files);
    let parts = Path::new(ETC_APT).join("sources.list.d");
    let mut paths: Vec<_> = fs::read_dir(parts)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
        .iter()
        .for_each(|path| read_source_file(path, &mut files));
    sources::private_list(&files, release, architecture).ok_or_else(|| DebianError::NoArchive {
        directory: ETC_APT,
        release: release.to_owned(),
    })
}

/// Adds a file if it is a source list that we may read: one for others does not matter.
fn read_source_file(path: &Path, files: &mut Vec<(String, String)>) {
    let name = path.to_string_lossy().into_owned();
    if (name.ends_with(".list") || name.ends_with(".sources"))
        && let Ok(text) = fs::read_to_string(path)
    {
        files.push((name, text));
    }
}

/// The first stanza that `apt-cache show` printed.
fn package(text: &str) -> Option<Package> {
    let field = |name: &str| {
        let value = text
            .lines()
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix(name));
        value.map(|value| value.trim().to_owned())
    };
    Some(Package {
        name: field("Package:")?,
        version: field("Version:")?,
        architecture: field("Architecture:")?,
        sha256: field("SHA256:")?,
        depends: field("Depends:").unwrap_or_default(),
    })
}

fn kernel_dependency(depends: &str) -> Option<&str> {
    let names = depends
        .split(',')
        .filter_map(|dependency| dependency.split_whitespace().next());
    names
        .into_iter()
        .find(|name| name.starts_with("linux-image-"))
}

/// The file's name in the cache; an epoch's colon is replaced as apt does it.
fn file_name(package: &Package) -> String {
    format!(
        "{}_{}_{}.deb",
        package.name,
        package.version.replace(':', "%3a"),
        package.architecture
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As apt-cache of Debian 12 prints it, shortened.
    const META: &str = "\
Package: linux-image-6.12-amd64
Source: linux-signed-6.12-amd64 (6.12.117+1~deb12u1)
Version: 6.12.117-1~deb12u1
Architecture: amd64
Provides: linux-latest-modules-6.12.117+deb12-amd64, wireguard-modules (= 1.0.0)
Depends: linux-image-6.12.117+deb12-amd64 (= 6.12.117-1~deb12u1)
Size: 1476
SHA256: 5b85fbec08061f0a771f516aa6c0a32b8d2a979c777e39e0a9a1f477500062be

Package: another
";

    #[test]
    fn reads_a_description() {
        let meta = package(META).unwrap();
        assert_eq!(
            (meta.name.as_str(), meta.architecture.as_str()),
            ("linux-image-6.12-amd64", "amd64")
        );
        assert_eq!(
            meta.sha256,
            "5b85fbec08061f0a771f516aa6c0a32b8d2a979c777e39e0a9a1f477500062be"
        );
        assert_eq!(
            kernel_dependency(&meta.depends),
            Some("linux-image-6.12.117+deb12-amd64")
        );
        assert_eq!(kernel_dependency("kmod, linux-base (>= 4)"), None);
        assert_eq!(
            package("Package: x\nVersion: 1\n\nArchitecture: all\nSHA256: 0\n"),
            None
        );
    }

    #[test]
    fn file_names_have_no_colon() {
        let package = Package {
            version: "1:2-3".to_owned(),
            ..package(META).unwrap()
        };
        assert_eq!(
            file_name(&package),
            "linux-image-6.12-amd64_1%3a2-3_amd64.deb"
        );
    }

    #[test]
    fn apt_sees_only_the_private_configuration() {
        let archive = Archive {
            platform: Platform::by_name("aarch64").unwrap(),
            apt: PathBuf::from("/cache/apt/arm64"),
            packages: PathBuf::from("/cache/packages"),
        };
        let command = archive.apt("apt-get");
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        for expected in [
            "APT::Architecture=arm64",
            "Dir::Etc::sourcelist=/cache/apt/arm64/debian.sources",
            "Dir::Etc::sourceparts=/dev/null",
            "Dir::State::lists=/cache/apt/arm64/lists",
        ] {
            assert!(
                words.iter().any(|word| word == expected),
                "{expected} in {words:?}"
            );
        }
    }
}
