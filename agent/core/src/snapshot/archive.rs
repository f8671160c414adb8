// SPDX-License-Identifier: Apache-2.0
//! A snapshot as a tar archive: the tree of files as a real tree (`proc/…`,
//! `sys/…`), so that a person and other programs can look at it, and beside it
//! [`SNAPSHOT_FILE`] with everything that is no file.
//!
//! The JSON file is the snapshot itself, its `files` cut down to what a tree on
//! disk cannot hold (entries that could not be read). New fields of [`Snapshot`]
//! come along without code here.

use std::io::{self, Read, Write};

use tar::{Builder, EntryType, Header};
use thiserror::Error;

use super::{Bytes, Entry, Snapshot, Tree};

/// Name of the JSON file in the archive.
pub const SNAPSHOT_FILE: &str = "ironseed-snapshot.json";

/// No snapshot has a larger archive; a larger one is not read into memory.
const LARGEST: u64 = 512 << 20;

/// Why an archive cannot be read.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// Reading or unpacking fails.
    #[error("the archive is damaged or no tar archive")]
    Damaged(#[from] io::Error),
    /// The archive has no [`SNAPSHOT_FILE`].
    #[error("the archive has no {SNAPSHOT_FILE}: ironseed-agent capture did not write it")]
    NoSnapshot,
    /// The JSON file is not a snapshot.
    #[error("{SNAPSHOT_FILE} is not a snapshot")]
    Json(#[from] serde_json::Error),
    /// A member would lie outside of the tree.
    #[error("the archive holds {0:?}, which leads out of the tree")]
    Outside(String),
}

/// The snapshot without its files, as JSON text.
///
/// # Errors
/// A value cannot be written as JSON.
pub fn without_files(snapshot: &Snapshot) -> serde_json::Result<Vec<u8>> {
    let mut unreadable = Tree::default();
    for (path, entry) in snapshot.files.iter() {
        if matches!(entry, Entry::Unreadable(_)) {
            unreadable.insert(path, entry.clone());
        }
    }
    let mut value = serde_json::to_value(snapshot)?;
    if let Some(files) = value.get_mut("files") {
        *files = serde_json::to_value(unreadable)?;
    }
    let mut text = serde_json::to_vec_pretty(&value)?;
    text.push(b'\n');
    Ok(text)
}

/// Writes the archive: the same bytes for the same snapshot, members in order
/// of their paths, all times zero, all owned by root.
///
/// # Errors
/// Writing fails.
pub fn write<W: Write>(snapshot: &Snapshot, output: W) -> io::Result<W> {
    let mut archive = Builder::new(output);
    let json = without_files(snapshot)?;
    archive.append_data(
        &mut header(EntryType::Regular, json.len()),
        SNAPSHOT_FILE,
        &*json,
    )?;
    for (path, entry) in snapshot.files.iter() {
        let path = path.trim_start_matches('/');
        match entry {
            Entry::File(Bytes(bytes)) => {
                let mut header = header(EntryType::Regular, bytes.len());
                archive.append_data(&mut header, path, &**bytes)?;
            }
            Entry::Link(target) => {
                archive.append_link(&mut header(EntryType::Symlink, 0), path, target)?;
            }
            Entry::Directory => {
                let mut header = header(EntryType::Directory, 0);
                archive.append_data(&mut header, format!("{path}/"), io::empty())?;
            }
            Entry::Unreadable(_) => {}
        }
    }
    archive.into_inner()
}

fn header(kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(if kind == EntryType::Directory {
        0o755
    } else {
        0o644
    });
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Reads an archive back. Nothing is unpacked anywhere but into memory.
///
/// # Errors
/// The archive is damaged, has no snapshot, or names a place outside of the tree.
pub fn read<R: Read>(input: R) -> Result<Snapshot, ArchiveError> {
    let mut archive = tar::Archive::new(input.take(LARGEST));
    let mut files = Tree::default();
    let mut json = None;
    for member in archive.entries()? {
        let mut member = member?;
        let path = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        let place = absolute(&path)?;
        match member.header().entry_type() {
            EntryType::Regular => {
                let mut bytes = Vec::new();
                member.read_to_end(&mut bytes)?;
                if place.strip_prefix('/') == Some(SNAPSHOT_FILE) {
                    json = Some(bytes);
                } else {
                    files.insert(place, Entry::File(Bytes(bytes)));
                }
            }
            EntryType::Symlink => {
                let target = member.link_name_bytes().unwrap_or_default();
                files.insert(
                    place,
                    Entry::Link(String::from_utf8_lossy(&target).into_owned()),
                );
            }
            EntryType::Directory if place != "/" => files.insert(place, Entry::Directory),
            _ => {}
        }
    }
    let mut snapshot = parse(&json.ok_or(ArchiveError::NoSnapshot)?)?;
    for (path, entry) in files.iter() {
        snapshot.files.insert(path, entry.clone());
    }
    Ok(snapshot)
}

/// The snapshot in a [`SNAPSHOT_FILE`], without files that could be read.
///
/// # Errors
/// The text is not a snapshot.
pub fn parse(json: &[u8]) -> serde_json::Result<Snapshot> {
    serde_json::from_slice(json)
}

/// The path of a member in the tree.
fn absolute(path: &str) -> Result<String, ArchiveError> {
    let mut place = String::new();
    for part in path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        if part == ".." {
            return Err(ArchiveError::Outside(path.to_owned()));
        }
        place.push('/');
        place.push_str(part);
    }
    if place.is_empty() {
        place.push('/');
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::random::Random;

    fn example() -> Snapshot {
        let mut snapshot = Snapshot::default();
        let deep = format!(
            "/sys/devices/{}/name",
            "0000:00:1f.0/".repeat(20).trim_end_matches('/')
        );
        for (path, entry) in [
            ("/proc/cmdline", Entry::File(Bytes::from("quiet\n"))),
            (
                "/sys/firmware/dmi/tables/DMI",
                Entry::File(Bytes(vec![0, 1, 255])),
            ),
            (
                "/sys/class/net/eth0",
                Entry::Link("../../devices/virtual/net/eth0".into()),
            ),
            ("/sys/class/net/long", Entry::Link("../".repeat(60))),
            ("/sys/devices/virtual/net/eth0", Entry::Directory),
            (
                "/sys/devices/virtual/net/eth0/speed",
                Entry::Unreadable("Invalid argument".into()),
            ),
            (deep.as_str(), Entry::File(Bytes::default())),
        ] {
            snapshot.files.insert(path, entry);
        }
        snapshot
            .problems
            .insert("ethtool".into(), "Operation not permitted".into());
        snapshot
            .nvme_controllers
            .insert("nvme0".into(), Bytes(vec![0; 4096]));
        snapshot.since_boot_ms = 17;
        snapshot
    }

    #[test]
    fn a_snapshot_comes_back_and_is_packed_the_same_each_time() {
        let packed = write(&example(), Vec::new()).expect("pack");
        assert_eq!(read(&*packed).expect("read"), example());
        assert_eq!(write(&example(), Vec::new()).expect("pack"), packed);
    }

    #[test]
    fn foreign_archives_are_refused() {
        let mut other = Builder::new(Vec::new());
        let mut header = header(EntryType::Regular, 1);
        other
            .append_data(&mut header, "proc/version", &b"x"[..])
            .expect("pack");
        let other = other.into_inner().expect("pack");
        assert!(matches!(read(&*other), Err(ArchiveError::NoSnapshot)));
        for (path, place) in [
            ("a//b/.", Some("/a/b")),
            ("./", Some("/")),
            ("a/../../b", None),
        ] {
            assert_eq!(absolute(path).ok().as_deref(), place, "{path}");
        }
    }

    #[test]
    fn damaged_archives_never_break_the_reader() {
        let packed = write(&example(), Vec::new()).expect("pack");
        let mut random = Random::new(5);
        for _ in 0..2000 {
            let mut damaged = packed.clone();
            damaged.truncate(random.below(packed.len() + 1));
            for _ in 0..random.below(8) {
                if !damaged.is_empty() {
                    let at = random.below(damaged.len());
                    damaged[at] = random.byte();
                }
            }
            let _ = read(&*damaged);
        }
    }
}
