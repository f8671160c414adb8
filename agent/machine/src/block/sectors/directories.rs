// SPDX-License-Identifier: Apache-2.0
//! Puts the first entries of directories right that `fatfs` made.
//!
//! `fatfs` 0.3 gives `.` and `..` long names too, so that they do not stand in
//! the first two places, where the specification wants them and checkers look
//! for them.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use ironseed_core::partition::fat::Fat;

use super::store::{Cursor, Pages};

/// Bytes of a directory entry.
const ENTRY: usize = 32;
const LONG_NAME: u8 = 0x0f;
const DIRECTORY: u8 = 0x10;
const DELETED: u8 = 0xe5;

/// Goes through all directories of a file system that this program has just
/// made in `length` bytes.
pub(super) fn tidy<P: Pages>(volume: &mut Cursor<P>, length: u64) -> io::Result<()> {
    let mut boot = [0; 512];
    read(volume, 0, &mut boot)?;
    let fat = Fat::read(&boot, length).ok_or(io::ErrorKind::InvalidData)?;
    let mut waiting = Vec::new();
    if fat.wide {
        waiting.extend(chain(volume, &fat, fat.root_cluster)?);
    } else {
        let mut root = vec![0; fat.root as usize];
        read(volume, fat.root_at(), &mut root)?;
        for cluster in directories(&root) {
            waiting.extend(directory(volume, &fat, cluster)?);
        }
    }
    let mut steps = 0;
    while let Some(cluster) = waiting.pop() {
        steps += 1;
        if steps > fat.clusters {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let content = cluster_content(volume, &fat, cluster)?;
        for below in directories(&content) {
            waiting.extend(directory(volume, &fat, below)?);
        }
    }
    volume.flush()
}

/// The clusters of a directory, its first entries put right.
fn directory<P: Pages>(volume: &mut Cursor<P>, fat: &Fat, first: u32) -> io::Result<Vec<u32>> {
    let at = fat.cluster_at(first).ok_or(io::ErrorKind::InvalidData)?;
    let mut entries = [0; 4 * ENTRY];
    read(volume, at, &mut entries)?;
    if let Some(entries) = in_order(entries) {
        volume.seek(SeekFrom::Start(at))?;
        volume.write_all(&entries)?;
    }
    chain(volume, fat, first)
}

/// Long name of `.`, `.`, long name of `..`, `..` become `.`, `..` and two
/// entries that are deleted.
fn in_order(entries: [u8; 4 * ENTRY]) -> Option<[u8; 4 * ENTRY]> {
    let entry = |index: usize| &entries[index * ENTRY..(index + 1) * ENTRY];
    let is_long = |index: usize| entry(index)[11] == LONG_NAME;
    let is = |index: usize, name: &[u8; 11]| entry(index).starts_with(name);
    let made_by_fatfs = is_long(0) && is(1, b".          ") && is_long(2) && is(3, b"..         ");
    if !made_by_fatfs {
        return None;
    }
    let mut new = [0; 4 * ENTRY];
    new[..ENTRY].copy_from_slice(entry(1));
    new[ENTRY..2 * ENTRY].copy_from_slice(entry(3));
    new[2 * ENTRY] = DELETED;
    new[3 * ENTRY] = DELETED;
    Some(new)
}

/// First clusters of the directories below one.
fn directories(content: &[u8]) -> Vec<u32> {
    let entries = content.chunks_exact(ENTRY);
    let used = entries.take_while(|entry| entry[0] != 0);
    used.filter(|entry| entry[11] & (DIRECTORY | 0x08) == DIRECTORY)
        .filter(|entry| entry[0] != DELETED && entry[0] != b'.')
        .map(|entry| {
            let low = u16::from_le_bytes([entry[26], entry[27]]);
            let high = u16::from_le_bytes([entry[20], entry[21]]);
            u32::from(high) << 16 | u32::from(low)
        })
        .collect()
}

fn chain<P: Pages>(volume: &mut Cursor<P>, fat: &Fat, first: u32) -> io::Result<Vec<u32>> {
    let mut clusters = Vec::new();
    let mut cluster = first;
    while fat.cluster_at(cluster).is_some() {
        if clusters.len() >= fat.clusters as usize {
            return Err(io::ErrorKind::InvalidData.into());
        }
        clusters.push(cluster);
        let mut entry = [0; 4];
        read(volume, fat.entry_at(cluster), &mut entry)?;
        cluster = fat.next(cluster, entry);
    }
    Ok(clusters)
}

fn cluster_content<P: Pages>(
    volume: &mut Cursor<P>,
    fat: &Fat,
    cluster: u32,
) -> io::Result<Vec<u8>> {
    let at = fat.cluster_at(cluster).ok_or(io::ErrorKind::InvalidData)?;
    let length = usize::try_from(fat.cluster_bytes()).map_err(io::Error::other)?;
    let mut content = vec![0; length];
    read(volume, at, &mut content)?;
    Ok(content)
}

fn read<P: Pages>(volume: &mut Cursor<P>, at: u64, buffer: &mut [u8]) -> io::Result<()> {
    volume.seek(SeekFrom::Start(at))?;
    volume.read_exact(buffer)
}
