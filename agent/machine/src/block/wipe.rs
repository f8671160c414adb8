// SPDX-License-Identifier: Apache-2.0
//! Removing every signature and partition table (contract §21.2).

use std::io;

use super::Block;

const MIB: u64 = 1 << 20;

/// Signatures that lie in neither the first nor the last MiB of a device, with
/// the length to zero: VMFS has its volume header at 1 MiB and its file system
/// header behind it; btrfs keeps copies of its superblock at 64 MiB and
/// 256 GiB. Everything else that libblkid knows lies at one of the ends.
const INNER: &[(u64, u64)] = &[
    (MIB, MIB + (64 << 10)),
    (64 * MIB, 64 << 10),
    (256 << 30, 64 << 10),
];

/// Zeroes both ends of a device and all places in between where something is
/// recognised.
///
/// # Errors
///
/// What the kernel says.
pub fn wipe_metadata(block: &dyn Block) -> io::Result<()> {
    wipe_ends(block)?;
    for (offset, length) in INNER {
        if offset + length <= block.size() {
            block.zero(*offset, *length)?;
        }
    }
    block.flush()
}

/// Zeroes the first and the last MiB: boot code, primary and backup tables.
///
/// # Errors
///
/// What the kernel says.
pub fn wipe_ends(block: &dyn Block) -> io::Result<()> {
    let size = block.size();
    block.zero(0, MIB.min(size))?;
    let sector = u64::from(block.sector_size());
    let tail = size.saturating_sub(MIB) / sector * sector;
    block.zero(tail, size - tail)?;
    block.flush()
}
