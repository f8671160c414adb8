// SPDX-License-Identifier: Apache-2.0
//! Superblock and group descriptors of an empty file system.

use super::inode::{EXTRA, MAP_LENGTH};
use super::{
    BLOCK, BLOCKS_PER_GROUP, DESCRIPTOR, Ext4, FIRST_INODE, INODE, JOURNAL_INODE, checksum, to_u32,
    to_usize,
};

/// Bytes of a superblock.
pub(super) const LENGTH: usize = 1024;

/// `has_journal`, `ext_attr`, `dir_index`.
const COMPATIBLE: u32 = 0x4 | 0x8 | 0x20;
/// `filetype`, `extent`.
const INCOMPATIBLE: u32 = 0x2 | 0x40;
/// `sparse_super`, `large_file`, `huge_file`, `dir_nlink`, `extra_isize`,
/// `metadata_csum`.
const READ_ONLY_COMPATIBLE: u32 = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x400;
/// Extended attributes and access control lists for users.
const MOUNT_OPTIONS: u32 = 0x4 | 0x8;
/// Per cent of the blocks that only root may fill.
const RESERVED: u64 = 5;

/// The inode table and its bits were never written.
const INODES_UNUSED: u16 = 1;
/// The bits of the blocks were never written.
const BLOCKS_UNUSED: u16 = 2;
/// The inode table is zeroed.
const TABLE_ZEROED: u16 = 4;

/// Bytes with fields at given places, little-endian.
struct Fields(Vec<u8>);

impl Fields {
    fn put16(&mut self, at: usize, value: u16) {
        self.0[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }

    fn put32(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

impl Ext4 {
    /// The superblock as it stands in a group.
    pub(super) fn superblock(&self, group: u64) -> Vec<u8> {
        let parameters = &self.parameters;
        let inodes = self.groups * self.inodes_per_group;
        let group_blocks = to_u32(BLOCKS_PER_GROUP);
        let mut fields = Fields(vec![0; LENGTH]);
        for (at, value) in [
            (0x00, to_u32(inodes)),
            (0x04, to_u32(self.blocks)),
            (0x08, to_u32(self.blocks * RESERVED / 100)),
            (0x0c, to_u32(self.free_blocks())),
            (0x10, to_u32(inodes) - FIRST_INODE),
            // log2 of the block's and the cluster's size, in KiB.
            (0x18, 2),
            (0x1c, 2),
            (0x20, group_blocks),
            (0x24, group_blocks),
            (0x28, to_u32(self.inodes_per_group)),
            (0x30, parameters.now),
            (0x40, parameters.now),
            // Revision with a variable size of inodes.
            (0x4c, 1),
            (0x54, FIRST_INODE),
            (0x5c, COMPATIBLE),
            (0x60, INCOMPATIBLE),
            (0x64, READ_ONLY_COMPATIBLE),
            (0xe0, JOURNAL_INODE),
            (0x100, MOUNT_OPTIONS),
            (0x108, parameters.now),
            // Names are hashed as signed characters.
            (0x160, 1),
        ] {
            fields.put32(at, value);
        }
        for (at, value) in [
            // Never a check because of the number of mounts.
            (0x36, u16::MAX),
            (0x38, 0xef53),
            // Clean; go on after errors.
            (0x3a, 1),
            (0x3c, 1),
            (0x58, u16::try_from(INODE).unwrap_or(0)),
            // Group numbers that need more bits are cut off, as everywhere.
            (0x5a, u16::try_from(group & 0xffff).unwrap_or(0)),
            (0x15c, EXTRA),
            (0x15e, EXTRA),
        ] {
            fields.put16(at, value);
        }
        fields.put(0x68, &parameters.uuid);
        let label = parameters.label.as_bytes();
        fields.put(0x78, &label[..label.len().min(16)]);
        fields.put(0xec, &parameters.hash_seed);
        // Names are hashed by half MD4; the journal's map is backed up; the
        // checksums are CRC-32C.
        fields.put(0xfc, &[1, 1]);
        fields.put(0x175, &[1]);
        let journal = self.journal_inode();
        fields.put(0x10c, &journal.map());
        fields.put32(0x10c + MAP_LENGTH + 4, to_u32(journal.blocks * BLOCK));
        let sum = checksum(&[&fields.0[..LENGTH - 4]]);
        fields.put32(LENGTH - 4, sum);
        fields.0
    }

    /// All group descriptors, in whole blocks.
    pub(super) fn descriptors(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for group in 0..self.groups {
            all.extend(self.descriptor(group));
        }
        all.resize(to_usize(self.descriptor_blocks() * BLOCK), 0);
        all
    }

    fn descriptor(&self, group: u64) -> Vec<u8> {
        let uuid = &self.parameters.uuid;
        let narrow = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
        let sum16 = |parts: &[&[u8]]| narrow(u64::from(checksum(parts) & 0xffff));
        let is_first = group == 0;
        let is_last = group == self.groups - 1;
        let used = if is_first { u64::from(FIRST_INODE) } else { 0 };
        let free = narrow(self.inodes_per_group - used);
        let mut flags = if is_first {
            TABLE_ZEROED
        } else {
            INODES_UNUSED
        };
        if !is_first && !is_last {
            flags |= BLOCKS_UNUSED;
        }
        let mut fields = Fields(vec![0; to_usize(DESCRIPTOR)]);
        fields.put32(0x00, to_u32(self.block_bitmap(group)));
        fields.put32(0x04, to_u32(self.inode_bitmap(group)));
        fields.put32(0x08, to_u32(self.inode_table(group)));
        fields.put16(0x0c, narrow(self.blocks_in(group) - self.used_in(group)));
        fields.put16(0x0e, free);
        fields.put16(0x10, if is_first { 2 } else { 0 });
        fields.put16(0x12, flags);
        if flags & BLOCKS_UNUSED == 0 {
            fields.put16(0x18, sum16(&[uuid, &self.block_bits(group)]));
        }
        if is_first {
            let bits = to_usize(self.inodes_per_group / 8);
            fields.put16(0x1a, sum16(&[uuid, &self.inode_bits()[..bits]]));
        }
        fields.put16(0x1c, free);
        let sum = sum16(&[uuid, &to_u32(group).to_le_bytes(), &fields.0]);
        fields.put16(0x1e, sum);
        fields.0
    }
}
