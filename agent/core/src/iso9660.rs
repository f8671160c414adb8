// SPDX-License-Identifier: Apache-2.0
//! The files of an ISO 9660 image in memory, with their long names.
//!
//! Config drives are such images, a few kilobytes of them. The reader knows
//! ECMA-119, Joliet, and from the Rock Ridge Interchange Protocol (IEEE P1282)
//! names, symbolic links and relocated directories. Nothing in an image is
//! believed: every place is checked, and no directory is read twice.

mod record;

use std::collections::BTreeSet;

use thiserror::Error;

use record::{Names, Record};

/// Bytes of a sector.
const SECTOR: usize = 2048;
/// Sector of the first volume descriptor.
const DESCRIPTORS: usize = 16;
/// Volume descriptors that are looked at.
const MOST_DESCRIPTORS: usize = 32;
/// Directories below directories.
const DEEPEST: usize = 16;
/// Files and directories in all.
const MOST: usize = 10_000;

/// What is wrong with an image.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IsoError {
    /// There is no primary volume descriptor.
    #[error("it is not an ISO 9660 image")]
    Missing,
    /// It contradicts itself or its size.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// It has more than a config drive could need.
    #[error("it has too many or too deep directories")]
    TooMuch,
    /// It holds what a FAT file system cannot hold, or what this reader
    /// cannot read.
    #[error("{path} is {what}")]
    Unsupported {
        /// The file.
        path: String,
        /// What it is.
        what: &'static str,
    },
}

/// One file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Path from the root, with slashes between names.
    pub path: String,
    /// Content in pieces; `None` for a directory.
    pub content: Option<Vec<&'a [u8]>>,
}

/// Reads all directories of an image. Each stands before what is in it.
///
/// # Errors
///
/// [`IsoError`] says what is wrong with the image.
pub fn read(image: &[u8]) -> Result<Vec<Entry<'_>>, IsoError> {
    let (root, joliet) = volumes(image)?;
    let primary = Record::read(&root).ok_or(IsoError::Damaged("there is no root directory"))?;
    let names = match record::rock_ridge(image, &primary) {
        Some(skip) => Names::RockRidge { skip },
        None if joliet.is_some() => Names::Joliet,
        None => Names::Plain,
    };
    let root = match (&names, &joliet) {
        (Names::Joliet, Some(joliet)) => Record::read(joliet),
        _ => Some(primary),
    };
    let root = root.ok_or(IsoError::Damaged("there is no root directory"))?;
    let mut walk = Walk {
        image,
        names,
        seen: BTreeSet::new(),
        entries: Vec::new(),
        bytes: 0,
    };
    walk.directory(root.extent, root.size, "", 0)?;
    Ok(walk.entries)
}

/// The root directory's record in the primary descriptor, and in Joliet's.
fn volumes(image: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), IsoError> {
    let (mut primary, mut joliet) = (None, None);
    for index in DESCRIPTORS..DESCRIPTORS + MOST_DESCRIPTORS {
        let Some(descriptor) = image.get(index * SECTOR..(index + 1) * SECTOR) else {
            break;
        };
        if descriptor[1..6] != *b"CD001" || descriptor[0] == 255 {
            break;
        }
        let block = u16::from_le_bytes([descriptor[128], descriptor[129]]);
        let root = descriptor[156..190].to_vec();
        let is_joliet = descriptor[88..90] == *b"%/" && b"@CE".contains(&descriptor[90]);
        match descriptor[0] {
            1 | 2 if usize::from(block) != SECTOR => {
                return Err(IsoError::Damaged("its blocks are not 2048 bytes"));
            }
            1 if primary.is_none() => primary = Some(root),
            2 if is_joliet && joliet.is_none() => joliet = Some(root),
            _ => (),
        }
    }
    Ok((primary.ok_or(IsoError::Missing)?, joliet))
}

/// An extent: so many bytes from a block on.
fn extent(image: &[u8], block: u32, size: u32) -> Result<&[u8], IsoError> {
    let outside = IsoError::Damaged("something lies behind its end");
    let from = (block as usize)
        .checked_mul(SECTOR)
        .ok_or(outside.clone())?;
    let to = from.checked_add(size as usize).ok_or(outside.clone())?;
    image.get(from..to).ok_or(outside)
}

struct Walk<'a> {
    image: &'a [u8],
    names: Names,
    /// First blocks of the directories read so far.
    seen: BTreeSet<u32>,
    entries: Vec<Entry<'a>>,
    /// Bytes of all files.
    bytes: u64,
}

impl<'a> Walk<'a> {
    fn directory(
        &mut self,
        block: u32,
        size: u32,
        prefix: &str,
        depth: usize,
    ) -> Result<(), IsoError> {
        if depth > DEEPEST {
            return Err(IsoError::TooMuch);
        }
        if !self.seen.insert(block) {
            return Err(IsoError::Damaged("a directory is in two places"));
        }
        let whole = extent(self.image, block, size)?;
        let mut unfinished = false;
        for sector in whole.chunks(SECTOR) {
            let mut rest = sector;
            // A record never crosses a sector; zero fills its end.
            while rest.first().is_some_and(|length| *length > 0) {
                let record =
                    Record::read(rest).ok_or(IsoError::Damaged("a directory record is cut off"))?;
                rest = &rest[record.length..];
                if !record.is_self_or_parent() && record.flags & record::ASSOCIATED == 0 {
                    unfinished = self.entry(&record, prefix, depth, unfinished)?;
                }
            }
        }
        Ok(())
    }

    /// Returns whether the file goes on in the next record.
    fn entry(
        &mut self,
        record: &Record<'_>,
        prefix: &str,
        depth: usize,
        goes_on: bool,
    ) -> Result<bool, IsoError> {
        let found = record::describe(self.image, record, &self.names)?;
        if found.is_relocated {
            return Ok(false);
        }
        let path = format!("{prefix}{}", found.name);
        let refuse = |what| {
            let path = path.clone();
            Err(IsoError::Unsupported { path, what })
        };
        if found.is_link {
            return refuse("a symbolic link");
        }
        if found.name.is_empty() || found.name.contains(['/', '\\', '\0']) {
            return refuse("no possible name");
        }
        if record.unit > 0 || record.gap > 0 {
            return refuse("an interleaved file");
        }
        if self.entries.len() >= MOST {
            return Err(IsoError::TooMuch);
        }
        if let Some(block) = found.child {
            let own = extent(self.image, block, 2048)?;
            let own = Record::read(own).ok_or(IsoError::Damaged("a directory is cut off"))?;
            return self.enter(path, block, own.size, depth);
        }
        if record.flags & record::DIRECTORY != 0 {
            return self.enter(path, record.extent, record.size, depth);
        }
        let content = match record.size {
            0 => &[][..],
            size => extent(self.image, record.extent, size)?,
        };
        self.bytes += content.len() as u64;
        if self.bytes > self.image.len() as u64 {
            return Err(IsoError::Damaged("its files are larger than itself"));
        }
        match self.entries.last_mut() {
            Some(Entry {
                path: last,
                content: Some(pieces),
            }) if goes_on && *last == path => pieces.push(content),
            _ => self.entries.push(Entry {
                path,
                content: Some(vec![content]),
            }),
        }
        Ok(record.flags & record::MULTI_EXTENT != 0)
    }

    fn enter(
        &mut self,
        path: String,
        block: u32,
        size: u32,
        depth: usize,
    ) -> Result<bool, IsoError> {
        let prefix = format!("{path}/");
        self.entries.push(Entry {
            path,
            content: None,
        });
        self.directory(block, size, &prefix, depth + 1)?;
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
