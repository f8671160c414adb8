// SPDX-License-Identifier: Apache-2.0
//! Snapshots on disk: a compressed archive, or the directory it was unpacked
//! into. What is in it is decided by [`ironseed_core::snapshot::archive`].

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ironseed_core::snapshot::Snapshot;
use ironseed_core::snapshot::anonymise::Key;
use ironseed_core::snapshot::archive::{self, ArchiveError, SNAPSHOT_FILE};
use tempfile::Builder;
use thiserror::Error;

use super::{Reach, take};
use crate::root::Root;

/// Compression level: the archive is small and written once.
const LEVEL: i32 = 19;
/// The longest [`SNAPSHOT_FILE`] that is read from a directory.
const LONGEST_JSON: u64 = 256 << 20;

/// Why a snapshot was not written. Nothing is left behind then.
#[derive(Debug, Error)]
pub enum SaveError {
    /// There is something at the path, which is not touched.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The file cannot be made, written or put in its place.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The kernel's answer: no room, no such directory, no permission.
        source: io::Error,
    },
}

/// Why a stored snapshot cannot be read.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file or directory cannot be opened.
    #[error("{} cannot be read", path.display())]
    Open {
        /// The file or directory.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// It is not the archive of a snapshot.
    #[error("{} is no snapshot", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ArchiveError,
    },
}

/// A key for one anonymous capture. It is stored nowhere.
///
/// # Errors
/// The kernel gives no random bytes.
pub fn random_key() -> io::Result<Key> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Key(bytes))
}

/// Whether this process may read everything.
#[must_use]
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether a snapshot can be written there, as far as one can tell before.
///
/// # Errors
/// Something is there already.
pub fn check_place(path: &Path) -> Result<(), SaveError> {
    match path.symlink_metadata() {
        Ok(_) => Err(SaveError::Exists(path.to_owned())),
        Err(_) => Ok(()),
    }
}

/// Writes a snapshot as tar.zst and returns its bytes. The file appears under its name
/// when it is complete, and only its owner may read it.
///
/// # Errors
/// Something is at the path, or it cannot be written.
pub fn save(snapshot: &Snapshot, path: &Path) -> Result<u64, SaveError> {
    check_place(path)?;
    let failed = |source| SaveError::Write {
        path: path.to_owned(),
        source,
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().as_bytes().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut part = Builder::new()
        .prefix(".ironseed-capture-")
        .tempfile_in(directory)
        .map_err(failed)?;
    pack(snapshot, part.as_file_mut()).map_err(failed)?;
    let length = part.as_file().metadata().map_err(failed)?.len();
    match part.persist_noclobber(path) {
        Ok(_) => Ok(length),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(SaveError::Exists(path.to_owned()))
        }
        Err(error) => Err(failed(error.error)),
    }
}

fn pack(snapshot: &Snapshot, file: &mut File) -> io::Result<()> {
    let mut compressed = zstd::Encoder::new(BufWriter::new(file), LEVEL)?;
    // A damaged copy shall be told from a whole one.
    compressed.include_checksum(true)?;
    let compressed = archive::write(snapshot, compressed)?;
    let mut buffered = compressed.finish()?;
    buffered.flush()?;
    buffered.get_ref().sync_all()
}

/// Reads a stored snapshot: an archive, a directory that one was unpacked into,
/// or any directory with `proc` and `sys` of another machine.
///
/// # Errors
/// It cannot be opened, or is no snapshot.
pub fn load(path: &Path) -> Result<Snapshot, LoadError> {
    let open = |source| LoadError::Open {
        path: path.to_owned(),
        source,
    };
    if path.is_dir() {
        return Ok(take(&Root::open(path).map_err(open)?, Reach::Files));
    }
    let file = BufReader::new(File::open(path).map_err(open)?);
    let damaged = |source: ArchiveError| LoadError::Archive {
        path: path.to_owned(),
        source,
    };
    let plain = zstd::Decoder::with_buffer(file).map_err(|error| damaged(error.into()))?;
    archive::read(plain).map_err(damaged)
}

/// Adds to the files of an unpacked archive what stands beside them; `false`
/// if nothing does.
pub(super) fn add_beside(root: &Root, snapshot: &mut Snapshot) -> bool {
    if !root.exists(SNAPSHOT_FILE) {
        return false;
    }
    let beside = root
        .read_at_most(SNAPSHOT_FILE, LONGEST_JSON)
        .and_then(|json| Ok(archive::parse(&json)?));
    match beside {
        Ok(mut beside) => {
            for (path, entry) in snapshot.files.iter() {
                beside.files.insert(path, entry.clone());
            }
            *snapshot = beside;
            true
        }
        Err(error) => {
            snapshot
                .problems
                .insert(SNAPSHOT_FILE.into(), error.to_string());
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_loaded_and_nothing_is_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("machine.tar.zst");
        let snapshot = Snapshot {
            since_boot_ms: 3,
            ..Snapshot::default()
        };
        let length = save(&snapshot, &path).expect("save");
        assert_eq!(path.metadata().expect("a file").len(), length);
        assert_eq!(load(&path).expect("load"), snapshot);
        assert!(matches!(save(&snapshot, &path), Err(SaveError::Exists(_))));
        let nowhere = directory.path().join("none/machine.tar.zst");
        assert!(matches!(
            save(&snapshot, &nowhere),
            Err(SaveError::Write { .. })
        ));
        std::fs::write(&path, b"not compressed").expect("write");
        assert!(matches!(load(&path), Err(LoadError::Archive { .. })));
        let names: Vec<_> = directory.path().read_dir().expect("read").collect();
        assert_eq!(names.len(), 1, "no part of a file is left");
    }

    #[test]
    fn a_full_disk_is_told_and_leaves_nothing() {
        // Every write to this device fails with ENOSPC.
        let mut full = File::options().write(true).open("/dev/full").expect("open");
        let error = pack(&Snapshot::default(), &mut full).expect_err("no room");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
