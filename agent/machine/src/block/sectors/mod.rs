// SPDX-License-Identifier: Apache-2.0
//! Makes what an image brought fit the sectors of its disk, before the disk
//! can be booted from: partition table and FAT file systems are converted,
//! what cannot be converted is named.
//!
//! It works while the disk's first MiB is still held back. Whatever happens
//! in between, a half-converted disk does not boot.

mod convert;
mod directories;
mod front;
mod store;
mod volume;

pub mod config_drive;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::made;

use std::io;

use ironseed_core::event::Event;
use ironseed_core::fault::Fault;
use ironseed_core::partition::file_system::{self, Found, Kind};
use ironseed_core::partition::{Partition, Relaid, Role, Table, TableError, made_for, relay};

use super::{Block, io_fault};
use crate::progress::Observer;
use front::Front;

/// Looks at the beginning of an image, whatever part of it is known, for a
/// reason why its table cannot be used on this disk. Without one nothing is
/// said: that is [`adapt`]'s work, when all is there.
///
/// # Errors
///
/// [`Fault::SectorSize`] names the partition that makes it impossible.
pub fn check(block: &dyn Block, device: &str, head: &[u8]) -> Result<(), Fault> {
    let (sector, size) = (block.sector_size(), block.size());
    let from = made_for(head, sector, size, &mut |_| false);
    let is_gpt = head.get(512..520) == Some(b"EFI PART");
    if from == sector || !is_gpt {
        return Ok(());
    }
    match relay(head, from, sector, size) {
        Err(error @ (TableError::Unaligned { .. } | TableError::InTheWay { .. })) => {
            Err(unfit(block, device, error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Makes table and file systems fit the disk. `first` is the beginning of the
/// disk, which is not on it yet; everything else is. What must be known but
/// forbids nothing is told as a warning.
///
/// # Errors
///
/// [`Fault::SectorSize`] if the image cannot work on this disk,
/// [`Fault::DeviceIo`] if the disk fails.
pub fn adapt(
    block: &dyn Block,
    device: &str,
    first: &mut [u8],
    observer: &Observer<'_>,
) -> Result<(), Fault> {
    let mut work = Adapter {
        front: Front { block, first },
        device,
        observer,
    };
    work.table()?;
    if block.sector_size() > 512 {
        work.file_systems()?;
    }
    Ok(())
}

fn unfit(block: &dyn Block, device: &str, problem: String) -> Fault {
    Fault::SectorSize {
        device: device.to_owned(),
        sector: block.sector_size(),
        problem,
    }
}

struct Adapter<'a, 'b> {
    front: Front<'a>,
    device: &'a str,
    observer: &'b Observer<'b>,
}

impl Adapter<'_, '_> {
    fn sector(&self) -> u32 {
        self.front.block.sector_size()
    }

    fn warn(&self, text: String) {
        (self.observer)(Event::Warning(text));
    }

    fn unfit(&self, problem: String) -> Fault {
        unfit(self.front.block, self.device, problem)
    }

    fn writing(&self, error: &io::Error) -> Fault {
        io_fault("adapting the image on", self.device, error)
    }

    /// Lays the partition table again if it was made for other sectors.
    fn table(&mut self) -> Result<(), Fault> {
        let (sector, size) = (self.sector(), self.front.block.size());
        let front = &self.front;
        let from = made_for(front.first, sector, size, &mut |at| {
            identify(front, at, size - at).is_some()
        });
        if from == sector {
            return Ok(());
        }
        let relaid = match relay(self.front.first, from, sector, size) {
            Ok(relaid) => relaid,
            // No table, or a damaged one: it is not this module that needs it.
            Err(TableError::Missing) => return Ok(()),
            Err(error) => return Err(self.unfit(format!("its partition table: {error}"))),
        };
        let Relaid { head, behind, .. } = relaid;
        for patch in behind {
            let written = self.front.write(patch.offset, &patch.bytes);
            written.map_err(|error| self.writing(&error))?;
        }
        self.front.first.copy_from_slice(&head);
        (self.observer)(Event::Note(format!(
            "the partition table of {} is converted from sectors of {from} bytes to {sector}",
            self.device
        )));
        Ok(())
    }

    fn file_systems(&mut self) -> Result<(), Fault> {
        let (sector, size) = (self.sector(), self.front.block.size());
        let Ok(table) = Table::read(self.front.first, sector, size) else {
            return Ok(());
        };
        let partitions = table.partitions();
        let largest = partitions.iter().map(|partition| partition.length).max();
        let end = partitions
            .iter()
            .map(|partition| partition.offset + partition.length);
        let behind = end.max().unwrap_or(size);
        for partition in &partitions {
            let role = table.role(partition.number);
            // Behind the table's end nothing can be read.
            let length = partition.length.min(size.saturating_sub(partition.offset));
            let Some(found) = identify(&self.front, partition.offset, length) else {
                continue;
            };
            if found.sector.is_none_or(|made_for| made_for >= sector) {
                continue;
            }
            let is_root = role == Role::Root || Some(partition.length) == largest;
            if found.kind == Kind::Fat {
                let result = self.convert_fat(partition, behind);
                self.judge(result, partition, found, role == Role::Esp)?;
            } else {
                let refused = Err(Fail::Refused("Linux cannot mount it there".into()));
                self.judge(refused, partition, found, is_root)?;
            }
        }
        Ok(())
    }

    /// What cannot be converted is an error where nothing works without it,
    /// else a warning.
    fn judge(
        &self,
        result: Result<(), Fail>,
        partition: &Partition,
        found: Found,
        is_needed: bool,
    ) -> Result<(), Fault> {
        let number = partition.number;
        let made_for = found.sector.unwrap_or_default();
        let what = format!(
            "partition {number} has {} made for sectors of {made_for} bytes",
            found.kind
        );
        match result {
            Ok(()) => {
                (self.observer)(Event::Note(format!(
                    "{what}, which is converted to {}",
                    self.sector()
                )));
                Ok(())
            }
            Err(Fail::Disk(error)) => Err(self.writing(&error)),
            Err(Fail::Refused(why)) if is_needed => Err(self.unfit(format!("{what}: {why}"))),
            Err(Fail::Refused(why)) => {
                self.warn(format!(
                    "{what}, but {} has {}: {why}",
                    self.device,
                    self.sector()
                ));
                Ok(())
            }
        }
    }
}

/// Why a file system is not converted.
enum Fail {
    /// The disk failed.
    Disk(io::Error),
    /// It is not possible with this file system.
    Refused(String),
}

impl From<io::Error> for Fail {
    fn from(error: io::Error) -> Self {
        Fail::Disk(error)
    }
}

/// What begins at a place of the disk; nothing where it cannot be read.
fn identify(front: &Front<'_>, at: u64, available: u64) -> Option<Found> {
    let length = usize::try_from(available).unwrap_or(usize::MAX);
    let mut head = vec![0; length.min(file_system::HEAD)];
    front.read(at, &mut head).ok()?;
    file_system::identify(&head)
}
