// SPDX-License-Identifier: Apache-2.0
//! A config drive made anew as FAT, with the disk's sectors (contract §15).

use std::io::{self, ErrorKind, Write as _};

use fatfs::{FileSystem, ReadWriteSeek};
use ironseed_core::config_drive::Form;
use ironseed_core::iso9660::{self, Entry};
use ironseed_core::partition::Partition;

use super::directories;
use super::front::Front;
use super::store::{Cursor, OnDisk, PAGE, Pages};
use super::volume::{self, Name};
use crate::block::Block;

/// The label, as FAT has them: in capitals.
const LABEL: [u8; 11] = *b"CONFIG-2   ";

/// Why a config drive is not made anew.
#[derive(Debug)]
pub(in crate::block) enum Problem {
    /// The disk failed.
    Disk(io::Error),
    /// It cannot be read, or a FAT file system cannot hold it.
    Drive(String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(_) => Problem::Disk(error),
            None => Problem::Drive(error.to_string()),
        }
    }
}

/// Formats the partition and copies the files of `drive` into it. `id` becomes
/// the volume's serial number where the drive has none.
///
/// The drive is read as a whole before the partition is touched.
pub(in crate::block) fn rebuild(
    block: &dyn Block,
    partition: &Partition,
    drive: &[u8],
    form: Form,
    id: u32,
) -> Result<(), Problem> {
    let files = match form {
        Form::Fat => None,
        _ => Some(iso9660::read(drive).map_err(|error| Problem::Drive(error.to_string()))?),
    };
    let mut front = Front {
        block,
        first: &mut [],
    };
    let length = partition.length;
    front.zero(partition.offset, length)?;
    let pages = OnDisk::new(&mut front, partition.offset, length);
    let mut target = Cursor::new(pages, length);
    let source = match form {
        Form::Fat => Some(volume::open(Cursor::new(
            Borrowed(drive),
            drive.len() as u64,
        ))?),
        _ => None,
    };
    let name = Name {
        id: source.as_ref().map_or(id, FileSystem::volume_id),
        label: Some(LABEL),
    };
    volume::format(&mut target, length, block.sector_size(), name)?;
    let new = volume::open(&mut target)?;
    if let Some(source) = source {
        volume::copy_all(&source, &new, drive.len() as u64)?;
    }
    for file in files.iter().flatten() {
        put(&new, file)?;
    }
    new.unmount()?;
    directories::tidy(&mut target, length)?;
    drop(target);
    Ok(front.block.flush()?)
}

fn put<D: ReadWriteSeek>(volume: &FileSystem<D>, entry: &Entry<'_>) -> io::Result<()> {
    let root = volume.root_dir();
    if volume::is_taken(&root, &entry.path) {
        let text = format!(
            "{} is there twice, as FAT does not tell cases apart",
            entry.path
        );
        return Err(io::Error::other(text));
    }
    let named = |error: io::Error| match error.raw_os_error() {
        Some(_) => error,
        None => io::Error::other(format!("{}: {error}", entry.path)),
    };
    let Some(pieces) = &entry.content else {
        return root.create_dir(&entry.path).map(|_| ()).map_err(named);
    };
    let mut file = root.create_file(&entry.path).map_err(named)?;
    for piece in pieces {
        file.write_all(piece).map_err(named)?;
    }
    file.flush()
}

/// Bytes that are only read.
#[derive(Debug)]
struct Borrowed<'a>(&'a [u8]);

impl Pages for Borrowed<'_> {
    fn page(&mut self, index: u64) -> io::Result<&[u8]> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let page = self.0.chunks(PAGE).nth(index);
        page.ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }

    fn page_mut(&mut self, _: u64) -> io::Result<&mut [u8]> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
