// SPDX-License-Identifier: Apache-2.0
//! Debian's kernel package as values: the kernel file, its modules, and what is
//! built in. Modules stay compressed as Debian ships them: the running kernel
//! unpacks them itself, and unpacked ones would cost five times the memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use thiserror::Error;

use crate::deb::Tree;
use crate::elf::{Elf, ElfError};
use crate::modinfo::{Modinfo, builtin_aliases, canonical};
use crate::platform::Platform;

/// A kernel package that is not as expected.
#[derive(Debug, Error)]
pub enum KernelError {
    /// A file that every kernel package has is missing.
    #[error("the kernel package has no {path}")]
    Missing {
        /// Path in the package.
        path: String,
    },
    /// The kernel file does not carry its architecture's magic.
    #[error("{path} is not a kernel for {architecture}")]
    NotAKernel {
        /// Path in the package.
        path: String,
        /// What was asked for.
        architecture: String,
    },
    /// A module could not be unpacked.
    #[error("cannot unpack module {path}")]
    Unpack {
        /// Path in the package.
        path: String,
        /// What the xz reader says.
        #[source]
        source: std::io::Error,
    },
    /// A module's description could not be read.
    #[error("cannot read the description of module {path}")]
    Describe {
        /// Path in the package.
        path: String,
        /// What is wrong with the file.
        #[source]
        source: ElfError,
    },
}

/// One module of the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Name as the running kernel writes it, with underscores.
    pub name: String,
    /// Path below the module directory, for example `kernel/fs/ext4/ext4.ko.xz`.
    pub path: String,
    /// What it says about itself.
    pub info: Modinfo,
}

/// Where modules are looked up: Debian's package, or a table in tests.
pub trait Catalogue {
    /// The loadable module of that canonical name, if there is one.
    ///
    /// # Errors
    /// If it exists but cannot be read.
    fn module(&self, name: &str) -> Result<Option<Module>, KernelError>;

    /// Whether the module of that canonical name is built into the kernel.
    fn is_builtin(&self, name: &str) -> bool;

    /// Whether something built in answers to the alias.
    fn has_builtin_alias(&self, alias: &str) -> bool;
}

/// The content of a kernel package.
#[derive(Debug)]
pub struct Kernel {
    /// The version that `uname -r` will show.
    pub version: String,
    /// The kernel file, unchanged: its signature must stay valid.
    pub image: Vec<u8>,
    /// Compressed module files: canonical name to path and content.
    files: BTreeMap<String, (String, Vec<u8>)>,
    builtin: BTreeSet<String>,
    builtin_aliases: BTreeSet<String>,
}

impl Kernel {
    /// Takes what is needed out of the unpacked package of that kernel version.
    ///
    /// # Errors
    /// If a file is missing or is not for this platform.
    pub fn new(version: &str, platform: &Platform, mut tree: Tree) -> Result<Self, KernelError> {
        let image_path = format!("boot/vmlinuz-{version}");
        let image = tree.take(&image_path).ok_or_else(|| missing(&image_path))?;
        let (at, magic) = platform.kernel_magic;
        if !image.get(at..).is_some_and(|rest| rest.starts_with(magic)) {
            let architecture = platform.architecture.to_string();
            return Err(KernelError::NotAKernel {
                path: image_path,
                architecture,
            });
        }
        let directory = format!("lib/modules/{version}/");
        let list = format!("{directory}modules.builtin");
        let builtin = tree.take(&list).ok_or_else(|| missing(&list))?;
        let described = format!("{directory}modules.builtin.modinfo");
        let aliases = tree.take(&described).ok_or_else(|| missing(&described))?;
        Ok(Self {
            version: version.to_owned(),
            image,
            files: module_files(&directory, tree),
            builtin: String::from_utf8_lossy(&builtin)
                .lines()
                .filter_map(module_name)
                .collect(),
            builtin_aliases: builtin_aliases(&aliases).into_iter().collect(),
        })
    }

    /// The compressed file of a module.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(|(_, content)| content.as_slice())
    }
}

impl Catalogue for Kernel {
    fn module(&self, name: &str) -> Result<Option<Module>, KernelError> {
        let Some((path, content)) = self.files.get(name) else {
            return Ok(None);
        };
        let mut plain = Vec::new();
        liblzma::read::XzDecoder::new(content.as_slice())
            .read_to_end(&mut plain)
            .map_err(|source| KernelError::Unpack {
                path: path.clone(),
                source,
            })?;
        let section = Elf::new(&plain).and_then(|elf| elf.section(".modinfo"));
        let section = section.map_err(|source| KernelError::Describe {
            path: path.clone(),
            source,
        })?;
        Ok(Some(Module {
            name: name.to_owned(),
            path: path.clone(),
            info: Modinfo::parse(section),
        }))
    }

    fn is_builtin(&self, name: &str) -> bool {
        self.builtin.contains(name)
    }

    fn has_builtin_alias(&self, alias: &str) -> bool {
        self.builtin_aliases.contains(alias)
    }
}

fn missing(path: &str) -> KernelError {
    KernelError::Missing {
        path: path.to_owned(),
    }
}

fn module_files(directory: &str, tree: Tree) -> BTreeMap<String, (String, Vec<u8>)> {
    let mut files = BTreeMap::new();
    for (path, content) in tree.into_files() {
        if let Some(path) = path.strip_prefix(directory)
            && path.ends_with(".ko.xz")
            && let Some(name) = module_name(path)
        {
            files.insert(name, (path.to_owned(), content));
        }
    }
    files
}

/// `kernel/drivers/nvme/host/nvme-core.ko.xz` is the module `nvme_core`.
fn module_name(path: &str) -> Option<String> {
    let (name, _) = path.rsplit('/').next()?.split_once(".ko")?;
    Some(canonical(name))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::deb::Node;
    use crate::elf::fixture::with_section;
    use crate::platform::Architecture;

    fn xz(plain: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn package() -> Vec<(&'static str, Vec<u8>)> {
        let mut image = vec![0; 0x202];
        image.extend_from_slice(b"HdrS and the rest");
        let nvme = with_section(".modinfo", b"depends=nvme-core\0alias=pci:v*d*\0");
        vec![
            ("boot/vmlinuz-6.12", image),
            (
                "lib/modules/6.12/modules.builtin",
                b"kernel/fs/fuse/fuse.ko\nkernel/crypto/sha256-x.ko\n".to_vec(),
            ),
            (
                "lib/modules/6.12/modules.builtin.modinfo",
                b"sha256_x.alias=crypto-sha256\0".to_vec(),
            ),
            (
                "lib/modules/6.12/kernel/drivers/nvme/host/nvme.ko.xz",
                xz(&nvme),
            ),
            (
                "lib/modules/6.12/kernel/drivers/bad-one.ko.xz",
                b"not xz".to_vec(),
            ),
            ("lib/modules/6.12/kernel/drivers/empty.ko.xz", xz(b"")),
        ]
    }

    fn kernel(files: Vec<(&str, Vec<u8>)>) -> Result<Kernel, KernelError> {
        let nodes = files
            .into_iter()
            .map(|(path, content)| (path.to_owned(), Node::File(content)));
        Kernel::new("6.12", Platform::of(Architecture::X86_64), nodes.collect())
    }

    #[test]
    fn reads_modules_and_built_ins() {
        let kernel = kernel(package()).unwrap();
        let nvme = kernel.module("nvme").unwrap().unwrap();
        assert_eq!(nvme.path, "kernel/drivers/nvme/host/nvme.ko.xz");
        assert_eq!(nvme.info.depends, ["nvme_core"]);
        assert!(kernel.file("nvme").is_some() && kernel.module("absent").unwrap().is_none());
        assert!(kernel.is_builtin("sha256_x") && kernel.has_builtin_alias("crypto-sha256"));
        assert!(!kernel.is_builtin("nvme"));
    }

    #[test]
    fn says_which_module_is_damaged() {
        let kernel = kernel(package()).unwrap();
        let unpack = kernel.module("bad_one").unwrap_err().to_string();
        assert_eq!(unpack, "cannot unpack module kernel/drivers/bad-one.ko.xz");
        let describe = kernel.module("empty").unwrap_err().to_string();
        assert_eq!(
            describe,
            "cannot read the description of module kernel/drivers/empty.ko.xz"
        );
    }

    #[test]
    fn refuses_other_packages() {
        for (path, expected) in [
            (
                "boot/vmlinuz-6.12",
                "the kernel package has no boot/vmlinuz-6.12",
            ),
            (
                "lib/modules/6.12/modules.builtin",
                "the kernel package has no lib/modules/6.12/modules.builtin",
            ),
        ] {
            let files = package()
                .into_iter()
                .filter(|(name, _)| *name != path)
                .collect();
            assert_eq!(kernel(files).unwrap_err().to_string(), expected);
        }
        let mut files = package();
        files[0].1[0x202] = b'h';
        assert_eq!(
            kernel(files).unwrap_err().to_string(),
            "boot/vmlinuz-6.12 is not a kernel for x86_64"
        );
    }
}
