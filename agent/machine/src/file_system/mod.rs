// SPDX-License-Identifier: Apache-2.0
//! Makes empty file systems and swap areas. What they consist of is decided by
//! `ironseed_core::file_system`, and for FAT by `fatfs`.

#[cfg(test)]
mod tests;

use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use fatfs::{FatType, FormatVolumeOptions};
use ironseed_core::file_system::ext4::{Ext4, Parameters};
use ironseed_core::file_system::{Piece, swap};
use ironseed_core::plan::FileSystem;

use crate::block::{Block, BlockStream, wipe};

/// FAT32 needs at least 65525 clusters, and a cluster at least a sector.
const FAT32_SECTORS: u64 = 66_600;

/// Makes an empty file system over a whole device. Nothing of what was there
/// is recognised any more.
///
/// # Errors
///
/// What the kernel says, or that the device is too small or too large.
pub fn make(block: &dyn Block, kind: FileSystem, label: &str, now: SystemTime) -> io::Result<()> {
    wipe::wipe_metadata(block)?;
    match kind {
        FileSystem::Vfat => vfat(block, label)?,
        FileSystem::Ext4 => ext4(block, label, now)?,
        FileSystem::Swap => put(block, swap::header(block.size(), uuid_v4()?, label))?,
    }
    block.flush()
}

fn put(block: &dyn Block, piece: Piece) -> io::Result<()> {
    match piece {
        Piece::Bytes { offset, bytes } => block.write_at(offset, &bytes),
        Piece::Zero { offset, length } => block.zero(offset, length),
    }
}

fn ext4(block: &dyn Block, label: &str, now: SystemTime) -> io::Result<()> {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let plan = Ext4::new(Parameters {
        size: block.size(),
        uuid: uuid_v4()?,
        hash_seed: random()?,
        label: label.to_owned(),
        now: u32::try_from(since.as_secs()).unwrap_or(u32::MAX),
    });
    let plan = plan.ok_or_else(|| io::Error::other("no ext4 can have this size"))?;
    plan.write(&mut |piece| put(block, piece))
}

fn vfat(block: &dyn Block, label: &str) -> io::Result<()> {
    let sector = block.sector_size();
    let narrow = u16::try_from(sector).map_err(io::Error::other)?;
    let [a, b, c, d, ..] = random()?;
    let mut options = FormatVolumeOptions::new()
        .bytes_per_sector(narrow)
        // No volume has the serial number 0.
        .volume_id(u32::from_le_bytes([a, b, c, d | 1]))
        .volume_label(fat_label(label));
    if block.size() / u64::from(sector) >= FAT32_SECTORS {
        options = options.fat_type(FatType::Fat32);
    }
    let mut stream = BlockStream::new(block);
    fatfs::format_volume(&mut stream, options)?;
    stream.flush()
}

/// Eleven bytes, filled up with blanks.
fn fat_label(label: &str) -> [u8; 11] {
    let mut field = [b' '; 11];
    field
        .iter_mut()
        .zip(label.bytes())
        .for_each(|(to, from)| *to = from);
    field
}

/// Sixteen bytes from the kernel's random numbers.
///
/// # Errors
///
/// What the kernel says.
pub(crate) fn random() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// A random UUID in the byte order of its text (RFC 9562).
fn uuid_v4() -> io::Result<[u8; 16]> {
    let mut bytes = random()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(bytes)
}
