// SPDX-License-Identifier: Apache-2.0
//! An empty ext4 file system (kernel `Documentation/filesystems/ext4`), with
//! the features that `mke2fs -t ext4` gives one, as far as they serve a disk
//! that starts empty: journal, extents, checksums of all metadata, hashed
//! directories.
//!
//! Inode tables are left as they are and marked as unused, which the kernel
//! mends in the background after the first mount. So a file system of 2 TiB
//! costs some 80 MiB of zeroing and 15 MiB of writing.

mod inode;
mod superblock;

use super::Piece;
use inode::Inode;

/// Bytes of a block; the only size this makes.
const BLOCK: u64 = 4096;
/// A block of bits describes so many blocks.
const BLOCKS_PER_GROUP: u64 = 8 * BLOCK;
/// Bytes of an inode.
const INODE: u64 = 256;
/// One inode for so many bytes, as `mke2fs` has it for ordinary use.
const BYTES_PER_INODE: u64 = 16 << 10;
/// Bytes of a group descriptor.
const DESCRIPTOR: u64 = 32;

const ROOT_INODE: u32 = 2;
const JOURNAL_INODE: u32 = 8;
/// The first that is not reserved; `lost+found` gets it.
const FIRST_INODE: u32 = 11;
const LOST_AND_FOUND: u32 = FIRST_INODE;
/// Blocks of `lost+found`, so that a check of a full file system has room.
const LOST_AND_FOUND_BLOCKS: u64 = 4;

/// Smaller ones have no room for a journal that is worth having.
pub const SMALLEST: u64 = 8 << 20;
/// Block numbers have 32 bits here.
pub const LARGEST: u64 = (BLOCK << 32) - BLOCK;

/// What distinguishes one file system from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// Bytes of the partition.
    pub size: u64,
    /// Its UUID, from the machine's random numbers.
    pub uuid: [u8; 16],
    /// What names in directories are hashed with, likewise random.
    pub hash_seed: [u8; 16],
    /// Label, at most 16 bytes; what is longer is cut off.
    pub label: String,
    /// Now, in seconds since 1970.
    pub now: u32,
}

/// The plan of an empty file system.
#[derive(Debug, Clone)]
pub struct Ext4 {
    parameters: Parameters,
    blocks: u64,
    groups: u64,
    inodes_per_group: u64,
    journal_blocks: u64,
}

impl Ext4 {
    /// Lays it out; `None` if the size is below [`SMALLEST`] or above [`LARGEST`].
    #[must_use]
    pub fn new(parameters: Parameters) -> Option<Self> {
        if !(SMALLEST..=LARGEST).contains(&parameters.size) {
            return None;
        }
        let blocks = parameters.size / BLOCK;
        let inodes_per_block = BLOCK / INODE;
        let wanted = blocks.min(BLOCKS_PER_GROUP) * BLOCK / BYTES_PER_INODE;
        let mut plan = Self {
            inodes_per_group: wanted.next_multiple_of(inodes_per_block),
            groups: blocks.div_ceil(BLOCKS_PER_GROUP),
            journal_blocks: journal_blocks(blocks),
            blocks,
            parameters,
        };
        // A last group without room for its own tables is left out.
        let last = plan.groups - 1;
        if last > 0 && plan.blocks_in(last) < plan.overhead(last) + 50 {
            plan.groups -= 1;
            plan.blocks = plan.groups * BLOCKS_PER_GROUP;
        }
        Some(plan)
    }

    /// Hands out everything that must be written, the superblock last.
    ///
    /// # Errors
    ///
    /// The first error of `write`.
    pub fn write<E>(&self, write: &mut dyn FnMut(Piece) -> Result<(), E>) -> Result<(), E> {
        let mut zero = |block: u64, count: u64| {
            write(Piece::Zero {
                offset: block * BLOCK,
                length: count * BLOCK,
            })
        };
        // A block of an earlier journal could be taken for one of this.
        zero(self.journal(), self.journal_blocks)?;
        zero(self.inode_table(0), self.inode_table_blocks())?;
        let mut put = |block: u64, bytes: Vec<u8>| {
            write(Piece::Bytes {
                offset: block * BLOCK,
                bytes,
            })
        };
        put(self.journal(), self.journal_superblock())?;
        put(self.inode_table(0), self.first_inodes())?;
        put(self.root_directory(), self.root_block())?;
        for index in 0..LOST_AND_FOUND_BLOCKS {
            put(self.lost_and_found() + index, self.lost_block(index))?;
        }
        put(self.inode_bitmap(0), self.inode_bits())?;
        put(self.block_bitmap(0), self.block_bits(0))?;
        let last = self.groups - 1;
        if last > 0 {
            put(self.block_bitmap(last), self.block_bits(last))?;
        }
        let descriptors = self.descriptors();
        for group in (0..self.groups)
            .filter(|group| has_superblock(*group))
            .rev()
        {
            let start = group * BLOCKS_PER_GROUP;
            put(start + 1, descriptors.clone())?;
            let at = if group == 0 { 1024 } else { 0 };
            let mut block = vec![0; to_usize(BLOCK)];
            block[at..at + superblock::LENGTH].copy_from_slice(&self.superblock(group));
            put(start, block)?;
        }
        Ok(())
    }

    fn descriptor_blocks(&self) -> u64 {
        (self.groups * DESCRIPTOR).div_ceil(BLOCK)
    }

    fn inode_table_blocks(&self) -> u64 {
        self.inodes_per_group * INODE / BLOCK
    }

    fn blocks_in(&self, group: u64) -> u64 {
        (self.blocks - group * BLOCKS_PER_GROUP).min(BLOCKS_PER_GROUP)
    }

    /// Superblock and descriptors of a group, where it has copies of them.
    fn front(&self, group: u64) -> u64 {
        if has_superblock(group) {
            1 + self.descriptor_blocks()
        } else {
            0
        }
    }

    /// Blocks of a group that describe it.
    fn overhead(&self, group: u64) -> u64 {
        self.front(group) + 2 + self.inode_table_blocks()
    }

    fn used_in(&self, group: u64) -> u64 {
        let content = if group == 0 {
            1 + LOST_AND_FOUND_BLOCKS + self.journal_blocks
        } else {
            0
        };
        self.overhead(group) + content
    }

    fn block_bitmap(&self, group: u64) -> u64 {
        group * BLOCKS_PER_GROUP + self.front(group)
    }

    fn inode_bitmap(&self, group: u64) -> u64 {
        self.block_bitmap(group) + 1
    }

    fn inode_table(&self, group: u64) -> u64 {
        self.block_bitmap(group) + 2
    }

    fn root_directory(&self) -> u64 {
        self.inode_table(0) + self.inode_table_blocks()
    }

    fn lost_and_found(&self) -> u64 {
        self.root_directory() + 1
    }

    fn journal(&self) -> u64 {
        self.lost_and_found() + LOST_AND_FOUND_BLOCKS
    }

    fn free_blocks(&self) -> u64 {
        let used: u64 = (0..self.groups).map(|group| self.used_in(group)).sum();
        self.blocks - used
    }

    /// Bits of the blocks in use; blocks behind the end count as used.
    fn block_bits(&self, group: u64) -> Vec<u8> {
        let mut bits = vec![0; to_usize(BLOCK)];
        set(&mut bits, 0..self.used_in(group));
        set(&mut bits, self.blocks_in(group)..BLOCKS_PER_GROUP);
        bits
    }

    /// Bits of the first group's inodes; those behind the last count as used.
    fn inode_bits(&self) -> Vec<u8> {
        let mut bits = vec![0; to_usize(BLOCK)];
        set(&mut bits, 0..u64::from(FIRST_INODE));
        set(&mut bits, self.inodes_per_group..8 * BLOCK);
        bits
    }

    fn first_inodes(&self) -> Vec<u8> {
        let now = self.parameters.now;
        let directory = |mode, links, at, blocks| Inode {
            mode,
            links,
            at,
            blocks,
            now,
        };
        let mut table = vec![0; to_usize(BLOCK)];
        let mut put = |number: u32, inode: &Inode| {
            let at = (number as usize - 1) * to_usize(INODE);
            let bytes = inode.encode(number, &self.parameters.uuid);
            table[at..at + bytes.len()].copy_from_slice(&bytes);
        };
        let lost = self.lost_and_found();
        put(
            ROOT_INODE,
            &directory(0o040_755, 3, self.root_directory(), 1),
        );
        put(
            LOST_AND_FOUND,
            &directory(0o040_700, 2, lost, LOST_AND_FOUND_BLOCKS),
        );
        put(JOURNAL_INODE, &self.journal_inode());
        table
    }

    fn journal_inode(&self) -> Inode {
        Inode {
            mode: 0o100_600,
            links: 1,
            at: self.journal(),
            blocks: self.journal_blocks,
            now: self.parameters.now,
        }
    }

    fn root_block(&self) -> Vec<u8> {
        let entries = [
            (ROOT_INODE, "."),
            (ROOT_INODE, ".."),
            (LOST_AND_FOUND, "lost+found"),
        ];
        inode::directory_block(&entries, ROOT_INODE, &self.parameters.uuid)
    }

    fn lost_block(&self, index: u64) -> Vec<u8> {
        let entries = [(LOST_AND_FOUND, "."), (ROOT_INODE, "..")];
        let entries = if index == 0 { &entries[..] } else { &[] };
        inode::directory_block(entries, LOST_AND_FOUND, &self.parameters.uuid)
    }

    /// A journal that is empty (kernel `include/linux/jbd2.h`; big-endian).
    fn journal_superblock(&self) -> Vec<u8> {
        const MAGIC: u32 = 0xc03b_3998;
        const VERSION_2: u32 = 4;
        let mut block = vec![0; to_usize(BLOCK)];
        let fields = [
            (0, MAGIC),
            (4, VERSION_2),
            (12, to_u32(BLOCK)),
            (16, to_u32(self.journal_blocks)),
            // First block of the log, and the first transaction's number.
            (20, 1),
            (24, 1),
            // Number of file systems that use the journal.
            (64, 1),
        ];
        for (at, value) in fields {
            block[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        block
    }
}

/// Blocks of the journal: the steps of `mke2fs`, but never more than 64 MiB,
/// so that the journal fits into one group.
fn journal_blocks(blocks: u64) -> u64 {
    match blocks {
        0..32_768 => 1024,
        32_768..262_144 => 4096,
        262_144..524_288 => 8192,
        _ => 16_384,
    }
}

/// Copies of superblock and descriptors lie in the groups 0, 1 and the powers
/// of 3, 5 and 7 (feature `sparse_super`).
fn has_superblock(group: u64) -> bool {
    let is_power = |base: u64| {
        let mut power = base;
        while power < group {
            power *= base;
        }
        power == group
    };
    group <= 1 || [3, 5, 7].into_iter().any(is_power)
}

fn set(bits: &mut [u8], range: std::ops::Range<u64>) {
    for bit in range {
        bits[to_usize(bit / 8)] |= 1 << (bit % 8);
    }
}

/// CRC-32C as ext4 uses it: begins with all ones and is not inverted at the end.
fn checksum(parts: &[&[u8]]) -> u32 {
    const ALGORITHM: crc::Algorithm<u32> = crc::Algorithm {
        xorout: 0,
        ..crc::CRC_32_ISCSI
    };
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&ALGORITHM);
    let mut digest = CRC.digest();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()
}

/// A number that the layout keeps far below the limit of the type.
fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Likewise: [`LARGEST`] keeps every block number below 2³².
fn to_u32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
