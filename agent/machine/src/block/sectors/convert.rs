// SPDX-License-Identifier: Apache-2.0
//! A FAT file system gets the disk's sectors: by other counts in its boot
//! sector, or made anew in memory or in the free space of the disk.

use std::io;

use ironseed_core::partition::Partition;
use ironseed_core::partition::fat::Fat;

use super::front::Front;
use super::store::{Cursor, Memory, OnDisk, PAGE, Pages};
use super::volume::{self, Name};
use super::{Adapter, Fail, directories};
use crate::block::read_range;

/// Memory that a file system may take while it is made anew.
const MEMORY: usize = 16 << 20;

/// Bytes moved at once.
const MOVE: u64 = 1 << 20;

impl Adapter<'_, '_> {
    /// Converts a FAT file system: its counts where that is enough, else all of
    /// it. `behind` is where the disk is free.
    pub(super) fn convert_fat(&mut self, partition: &Partition, behind: u64) -> Result<(), Fail> {
        let sector = self.sector();
        let mut boot = vec![0; 512];
        self.front.read(partition.offset, &mut boot)?;
        let fat = Fat::read(&boot, partition.length)
            .ok_or_else(|| Fail::Refused("its boot sector contradicts itself".into()))?;
        if fat.reserved_bytes() <= MOVE {
            let length = usize::try_from(fat.reserved_bytes()).map_err(io::Error::other)?;
            let mut area = vec![0; length];
            self.front.read(partition.offset, &mut area)?;
            if let Some(new) = fat.widened(&area, sector, partition.offset) {
                return Ok(self.front.write(partition.offset, &new)?);
            }
        }
        if self.rebuild_in_memory(partition)? {
            return Ok(());
        }
        self.rebuild_on_disk(partition, behind)
    }

    /// `false`: there is too much in it.
    fn rebuild_in_memory(&mut self, partition: &Partition) -> Result<bool, Fail> {
        let memory = Memory::new(MEMORY);
        let mut target = Cursor::new(memory, partition.length);
        match self.rebuild(partition, &mut target) {
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => return Ok(false),
            other => other.map_err(refused)?,
        }
        self.front.zero(partition.offset, partition.length)?;
        for (at, page) in target.into_pages().written() {
            let left = usize::try_from(partition.length - at).unwrap_or(PAGE);
            let page = &page[..left.min(PAGE)];
            self.front.write(partition.offset + at, page)?;
        }
        Ok(true)
    }

    /// By way of the free space behind the last partition.
    fn rebuild_on_disk(&mut self, partition: &Partition, behind: u64) -> Result<(), Fail> {
        let block = self.front.block;
        let at = behind.next_multiple_of(MOVE);
        // The backup of the table lies at the very end.
        let end = at.saturating_add(partition.length).saturating_add(MOVE);
        if end > block.size() {
            return Err(Fail::Refused(format!(
                "making it anew takes more than {} MiB of memory, or as much free space as it is large behind the last partition",
                MEMORY >> 20
            )));
        }
        block.zero(at, partition.length)?;
        let mut staging = Front {
            block,
            first: &mut [],
        };
        let pages = OnDisk::new(&mut staging, at, partition.length);
        let mut target = Cursor::new(pages, partition.length);
        let rebuilt = self.rebuild(partition, &mut target);
        let moved = rebuilt
            .map_err(refused)
            .and_then(|()| self.take_over(at, partition));
        // What was staged must not lie around as a second copy.
        block.zero(at, partition.length)?;
        moved
    }

    fn take_over(&mut self, from: u64, partition: &Partition) -> Result<(), Fail> {
        self.front.zero(partition.offset, partition.length)?;
        let mut done = 0;
        while done < partition.length {
            let count = (partition.length - done).min(MOVE);
            let length = usize::try_from(count).map_err(io::Error::other)?;
            let bytes = read_range(self.front.block, from + done, length)?;
            if bytes.iter().any(|byte| *byte != 0) {
                self.front.write(partition.offset + done, &bytes)?;
            }
            done += count;
        }
        Ok(())
    }

    /// Makes the partition's file system once more, elsewhere.
    fn rebuild<P: Pages>(
        &mut self,
        partition: &Partition,
        target: &mut Cursor<P>,
    ) -> io::Result<()> {
        let sector = self.sector();
        let length = partition.length;
        let pages = OnDisk::new(&mut self.front, partition.offset, length);
        let source = volume::open(Cursor::new(pages, length))?;
        volume::format(&mut *target, length, sector, name_of(&source)?)?;
        let new = volume::open(&mut *target)?;
        volume::copy_all(&source, &new, length)?;
        new.unmount()?;
        directories::tidy(target, length)
    }
}

fn name_of<D: fatfs::ReadWriteSeek>(source: &fatfs::FileSystem<D>) -> io::Result<Name> {
    let in_root = source.read_volume_label_from_root_dir_as_bytes()?;
    let label = in_root.or_else(|| source.volume_label_as_bytes().try_into().ok());
    Ok(Name {
        id: source.volume_id(),
        label: label.filter(|label| label != b"NO NAME    "),
    })
}

/// `fatfs` tells what it thinks of a file system by errors without a number;
/// those of the kernel have one.
fn refused(error: io::Error) -> Fail {
    match error.raw_os_error() {
        Some(_) => Fail::Disk(error),
        None => Fail::Refused(error.to_string()),
    }
}
