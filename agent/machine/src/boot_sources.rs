// SPDX-License-Identifier: Apache-2.0
//! Reads what the machine was told: kernel command line, config files, virtual
//! media (contract §2). What the bytes mean is `bootconfig`'s business.

use std::path::{Path, PathBuf};

use bootconfig::virtual_media::{BOOT_ISO_DIRECTORIES, PARAMETERS_FILE};
use bootconfig::{RawFile, RawSources};
use ironseed_core::network::description::ibft;
use ironseed_core::network::description::network_data::PATH as NETWORK_DATA;
use ironseed_core::snapshot::{Bytes, Entry, Tree};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use thiserror::Error;

use crate::root::Root;

/// Where the agent's config files are.
const CONFIG_DIRECTORY: &str = "/etc/ironic-python-agent.d";

/// Where the profiles of a site are; those of the boot ISO are put there.
const PROFILE_DIRECTORY: &str = "/etc/ironseed/profiles";

/// No config file is larger.
const FILE_LIMIT: u64 = 4 << 20;

/// File systems virtual media can hold, in the order they are tried.
const FILE_SYSTEMS: [&str; 3] = ["iso9660", "vfat", "udf"];

/// Why virtual media was not read.
#[derive(Debug, Error)]
pub enum MediaError {
    /// No file system of the known ones is on the device.
    #[error("mounting {device} failed, tried as iso9660, vfat and udf")]
    Mount {
        /// The device node.
        device: String,
        /// What the kernel said last.
        source: std::io::Error,
    },
    /// A file on it cannot be read, or cannot be put where it belongs.
    #[error("copying {path} from virtual media failed")]
    Copy {
        /// The file.
        path: String,
        /// What the kernel said.
        source: std::io::Error,
    },
}

/// What is there without any device: command line and config files.
#[must_use]
pub fn read(root: &Root) -> RawSources {
    RawSources {
        cmdline: root
            .read_at_most("/proc/cmdline", FILE_LIMIT)
            .unwrap_or_default(),
        config_files: files_in(root, CONFIG_DIRECTORY),
        ..RawSources::default()
    }
}

/// A file somebody names, as a source that is only asked about.
///
/// # Errors
/// The kernel's words.
pub fn file(path: &str) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, FILE_LIMIT), &mut bytes)?;
    Ok(bytes)
}

/// The profiles of a site: path and text. Bytes that are no text are replaced, so
/// that reading the profile names the line they are in.
#[must_use]
pub fn profiles(root: &Root) -> Vec<(String, String)> {
    files_in(root, PROFILE_DIRECTORY)
        .into_iter()
        .filter(|(path, _)| path.ends_with(".toml"))
        .map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned()))
        .collect()
}

/// The iSCSI boot firmware table as the kernel shows it; empty where there is
/// none.
#[must_use]
pub fn ibft(root: &Root) -> Tree {
    let mut tree = Tree::default();
    let names = root.names(ibft::DIRECTORY).unwrap_or_default();
    for card in names.iter().filter(|name| name.starts_with(ibft::CARD)) {
        for attribute in ibft::ATTRIBUTES {
            let path = format!("{}/{card}/{attribute}", ibft::DIRECTORY);
            if let Ok(bytes) = root.read_at_most(&path, FILE_LIMIT) {
                tree.insert(path, Entry::File(Bytes(bytes)));
            }
        }
    }
    tree
}

/// Adds what the parameters disk says.
///
/// # Errors
/// [`MediaError`]; the sources are then unchanged.
pub fn add_parameters_disk(device: &str, sources: &mut RawSources) -> Result<(), MediaError> {
    let medium = Medium::mount(device)?;
    let path = medium.path(PARAMETERS_FILE);
    let bytes = std::fs::read(&path).map_err(|source| MediaError::Copy {
        path: PARAMETERS_FILE.to_owned(),
        source,
    })?;
    sources.parameters_disk = Some(bytes);
    Ok(())
}

/// Adds the config files of the boot ISO, and puts the files they refer to
/// (an authority's certificate) where they expect them.
///
/// # Errors
/// [`MediaError`]; what was read before it is kept.
pub fn add_boot_iso(root: &Root, device: &str, sources: &mut RawSources) -> Result<(), MediaError> {
    let medium = Medium::mount(device)?;
    let inside = Root::open(&medium.directory).map_err(|source| MediaError::Copy {
        path: device.to_owned(),
        source,
    })?;
    for (from, to) in BOOT_ISO_DIRECTORIES {
        let files = files_in(&inside, from);
        for (name, bytes) in &files {
            put(root, to, name, bytes).map_err(|source| MediaError::Copy {
                path: name.clone(),
                source,
            })?;
        }
        if to == CONFIG_DIRECTORY {
            sources.image_config = files;
        }
    }
    Ok(())
}

/// The network configuration on a boot ISO or config drive; nothing where there
/// is none. Whether the device may configure the network is decided before
/// ([`bootconfig::virtual_media::published_medium`]).
///
/// # Errors
/// [`MediaError`].
pub fn network_data(device: &str) -> Result<Option<Vec<u8>>, MediaError> {
    let medium = Medium::mount(device)?;
    network_data_below(&medium.directory).map_err(|source| MediaError::Copy {
        path: NETWORK_DATA.to_owned(),
        source,
    })
}

fn network_data_below(directory: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match Root::open(directory)?.read_at_most(NETWORK_DATA, FILE_LIMIT) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn put(root: &Root, directory: &str, from: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(root.path().join(directory.trim_start_matches('/')))?;
    let name = from.rsplit('/').next().unwrap_or(from);
    root.write(&format!("{directory}/{name}"), bytes)
}

fn files_in(root: &Root, directory: &str) -> Vec<RawFile> {
    let names = root.names(directory).unwrap_or_default();
    names
        .into_iter()
        .filter_map(|name| {
            let path = format!("{directory}/{name}");
            let bytes = root.read_at_most(&path, FILE_LIMIT).ok()?;
            Some((path, bytes))
        })
        .collect()
}

/// A mounted medium; unmounted when it goes.
struct Medium {
    directory: PathBuf,
}

impl Medium {
    fn mount(device: &str) -> Result<Self, MediaError> {
        let failed = |source| MediaError::Mount {
            device: device.to_owned(),
            source,
        };
        let directory = PathBuf::from("/run/ironseed/medium");
        std::fs::create_dir_all(&directory).map_err(failed)?;
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for file_system in FILE_SYSTEMS {
            let flags =
                MsFlags::MS_RDONLY | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOSUID;
            match mount(
                Some(device),
                &directory,
                Some(file_system),
                flags,
                None::<&str>,
            ) {
                Ok(()) => return Ok(Self { directory }),
                Err(errno) => last = errno.into(),
            }
        }
        Err(failed(last))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        if let Err(error) = umount2(&self.directory, MntFlags::MNT_DETACH) {
            log::warn!("unmounting {} failed: {error}", self.directory.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_data_is_read_where_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let read = || network_data_below(directory.path());
        assert_eq!(read().expect("nothing there"), None);
        let latest = directory.path().join("openstack/latest");
        std::fs::create_dir_all(&latest).expect("make");
        std::fs::write(latest.join("network_data.json"), b"{}").expect("write");
        assert_eq!(read().expect("a file"), Some(b"{}".to_vec()));
        std::fs::remove_file(latest.join("network_data.json")).expect("remove");
        std::fs::create_dir(latest.join("network_data.json")).expect("make");
        assert!(read().is_err(), "a directory is no file");
    }

    #[test]
    fn the_firmware_table_is_read_as_it_stands() {
        let directory = tempfile::tempdir().expect("a directory");
        let card = directory.path().join("sys/firmware/ibft/ethernet0");
        std::fs::create_dir_all(&card).expect("make");
        for (name, value) in [
            ("flags", "3\n"),
            ("mac", "52:54:00:12:34:56\n"),
            ("origin", "3\n"),
        ] {
            std::fs::write(card.join(name), value).expect("write");
        }
        let root = Root::open(directory.path()).expect("open");
        let found = ibft::read(&ibft(&root))
            .expect("sound")
            .expect("a description");
        assert_eq!(found.preferred.as_deref(), Some("ethernet0"));
        let empty = tempfile::tempdir().expect("a directory");
        let root = Root::open(empty.path()).expect("open");
        assert_eq!(ibft::read(&ibft(&root)), Ok(None));
    }

    #[test]
    fn profiles_of_the_boot_medium_are_put_beside_those_of_the_machine() {
        assert!(
            BOOT_ISO_DIRECTORIES
                .iter()
                .any(|(_, to)| *to == PROFILE_DIRECTORY)
        );
        let directory = tempfile::tempdir().expect("a directory");
        let root = Root::open(directory.path()).expect("open");
        assert!(profiles(&root).is_empty());
        put(
            &root,
            PROFILE_DIRECTORY,
            "ironseed/profiles/a.toml",
            b"a = \xff",
        )
        .expect("put");
        put(
            &root,
            PROFILE_DIRECTORY,
            "ironseed/profiles/README.md",
            b"no",
        )
        .expect("put");
        assert_eq!(
            profiles(&root),
            [(
                "/etc/ironseed/profiles/a.toml".into(),
                "a = \u{fffd}".into()
            )]
        );
    }
}
