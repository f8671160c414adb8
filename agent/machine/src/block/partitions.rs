// SPDX-License-Identifier: Apache-2.0
//! Partition tables on devices: repair, re-reading, and the config drive's
//! partition. The bytes are decided by `ironseed_core::partition`.

use std::io;

use ironseed_core::config_drive::{Treatment, check, must_be_rebuilt, treatment};
use ironseed_core::fault::Fault;
use ironseed_core::partition::{HEAD, Partition, Patch, Table, TableError, config_drive, label};

use super::sectors::{self, config_drive::Problem};
use super::{Block, io_fault, read_head, read_range};

/// The kernel refuses to re-read a table while somebody has a partition open,
/// which something that looks at new disks may do for a moment.
const REREAD_ATTEMPTS: u32 = 20;
const REREAD_PAUSE: std::time::Duration = std::time::Duration::from_millis(250);

const REREADING: &str = "re-reading the partitions of";

fn table_fault(device: &str) -> impl Fn(TableError) -> Fault {
    move |error| Fault::PartitionTable {
        device: device.to_owned(),
        problem: error.to_string(),
    }
}

/// Reads the table of a disk.
///
/// # Errors
///
/// [`Fault::PartitionTable`] if there is none or it is damaged,
/// [`Fault::DeviceIo`] if the disk cannot be read.
pub fn read_table(block: &dyn Block, device: &str) -> Result<Table, Fault> {
    let head = read_head(block, HEAD).map_err(|e| io_fault("reading", device, &e))?;
    Table::read(&head, block.sector_size(), block.size()).map_err(table_fault(device))
}

/// Moves the backup of a GPT to the end of the disk. Without a GPT there is
/// nothing to do; a table that cannot be repaired is for the next operation to
/// judge, so it is only told, as `Some(problem)`.
///
/// # Errors
///
/// [`Fault::DeviceIo`] if the disk cannot be read or written.
pub fn repair_gpt_backup(block: &dyn Block, device: &str) -> Result<Option<String>, Fault> {
    let table = match read_table(block, device) {
        Ok(table) => table,
        Err(Fault::PartitionTable { problem, .. }) => return Ok(Some(problem)),
        Err(other) => return Err(other),
    };
    match table {
        Table::Mbr(_) => Ok(None),
        Table::Gpt(mut gpt) => match gpt.fit_to_disk() {
            Ok(patches) => apply(block, device, &patches).map(|()| None),
            Err(error) => Ok(Some(error.to_string())),
        },
    }
}

/// Makes the kernel see the partitions that the table tells.
///
/// # Errors
///
/// [`Fault::PartitionTable`] if there is no partition in it,
/// [`Fault::DeviceIo`] if the kernel does not read it.
pub fn reread(block: &dyn Block, device: &str) -> Result<(), Fault> {
    if read_table(block, device)?.partitions().is_empty() {
        return Err(Fault::PartitionTable {
            device: device.to_owned(),
            problem: "it has no partition".into(),
        });
    }
    tell_kernel(block).map_err(|error| io_fault(REREADING, device, &error))
}

/// Makes the kernel read the table again, whatever is in it.
///
/// # Errors
///
/// What the kernel says; `EBUSY` if a partition is in use for longer.
pub fn tell_kernel(block: &dyn Block) -> io::Result<()> {
    let mut attempt = 1;
    loop {
        match block.reread_partitions() {
            Err(error)
                if error.kind() == io::ErrorKind::ResourceBusy && attempt < REREAD_ATTEMPTS =>
            {
                attempt += 1;
                std::thread::sleep(REREAD_PAUSE);
            }
            other => return other,
        }
    }
}

/// Writes the config drive into its partition: the one that is labelled so, or
/// a new one at the end of the disk (contract §15). `rebuild`: it becomes a FAT
/// file system wherever it can; it does anyway where the disk's sectors demand
/// it. What went another way than wanted comes back as a sentence.
///
/// # Errors
///
/// [`Fault::ConfigDrive`] if two partitions are labelled, it does not fit, or it
/// cannot be rebuilt and must be; [`Fault::PartitionTable`] and
/// [`Fault::DeviceIo`] as above.
pub fn write_config_drive(
    block: &dyn Block,
    device: &str,
    drive: &[u8],
    unique: [u8; 16],
    rebuild: bool,
) -> Result<Option<String>, Fault> {
    let sector = block.sector_size();
    check(drive, sector)?;
    let mut table = read_table(block, device)?;
    let partition = match labelled(block, device, &table)? {
        Some(partition) => partition,
        None => create(block, device, &mut table, unique)?,
    };
    let told = match treatment(drive, sector, rebuild) {
        Treatment::Copy => copy(block, device, drive, &partition).map(|()| None),
        Treatment::Rebuild(form) | Treatment::MustRebuild(form) => {
            // The GUID's first bytes hold no version, so they are random.
            let id = u32::from_le_bytes([unique[0], unique[1], unique[2], unique[3]]);
            match sectors::config_drive::rebuild(block, &partition, drive, form, id) {
                Ok(()) => Ok(None),
                Err(Problem::Disk(error)) => Err(config_drive_io(device, &error)),
                Err(Problem::Drive(problem)) => match treatment(drive, sector, false) {
                    Treatment::MustRebuild(_) => Err(must_be_rebuilt(sector, &problem)),
                    _ => copy(block, device, drive, &partition).map(|()| {
                        Some(format!("the config drive is not rebuilt as FAT: {problem}"))
                    }),
                },
            }
        }
    }?;
    tell_kernel(block).map_err(|error| io_fault(REREADING, device, &error))?;
    Ok(told)
}

fn config_drive_io(device: &str, error: &io::Error) -> Fault {
    io_fault("writing the config drive to", device, error)
}

/// Copies the config drive byte for byte.
fn copy(block: &dyn Block, device: &str, drive: &[u8], to: &Partition) -> Result<(), Fault> {
    let available = to.length;
    if drive.len() as u64 > available {
        return Err(Fault::ConfigDrive {
            problem: format!(
                "it has {} bytes, partition {} of {device} has {available}",
                drive.len(),
                to.number
            ),
        });
    }
    let sector = block.sector_size() as usize;
    let mut padded = drive.to_vec();
    padded.resize(drive.len().next_multiple_of(sector), 0);
    // An old file system larger than the new one must not shine through.
    let rest = available - padded.len() as u64;
    let end = to.offset + padded.len() as u64;
    block
        .write_at(to.offset, &padded)
        .and_then(|()| block.zero(end, rest))
        .and_then(|()| block.flush())
        .map_err(|error| config_drive_io(device, &error))
}

fn create(
    block: &dyn Block,
    device: &str,
    table: &mut Table,
    unique: [u8; 16],
) -> Result<Partition, Fault> {
    if let Table::Gpt(gpt) = table {
        let patches = gpt.fit_to_disk().map_err(table_fault(device))?;
        apply(block, device, &patches)?;
    }
    let place =
        config_drive::add(table, unique, block.size()).map_err(|error| Fault::ConfigDrive {
            problem: format!("{device}: {error}"),
        })?;
    apply(block, device, &place.patches)?;
    Ok(place.partition)
}

/// The one partition labelled as config drive.
fn labelled(block: &dyn Block, device: &str, table: &Table) -> Result<Option<Partition>, Fault> {
    let mut found = None;
    for partition in table.partitions() {
        let length = usize::try_from(partition.length).unwrap_or(usize::MAX);
        let head = read_range(block, partition.offset, length.min(label::HEAD)).unwrap_or_default();
        if !config_drive::is_labelled(&partition, label::read(&head).as_deref()) {
            continue;
        }
        if let Some(first) = found.replace(partition) {
            return Err(Fault::ConfigDrive {
                problem: format!(
                    "{device} has several partitions labelled config-2, the first is number {}",
                    first.number
                ),
            });
        }
    }
    Ok(found)
}

fn apply(block: &dyn Block, device: &str, patches: &[Patch]) -> Result<(), Fault> {
    patches
        .iter()
        .try_for_each(|patch| block.write_at(patch.offset, &patch.bytes))
        .and_then(|()| block.flush())
        .map_err(|error| io_fault("writing the partition table of", device, &error))
}
