// SPDX-License-Identifier: Apache-2.0
//! Inodes and directory blocks of an empty file system.

use super::{BLOCK, INODE, checksum, to_u32, to_usize};

/// A file of consecutive blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inode {
    /// Type and permissions.
    pub(super) mode: u16,
    /// Names that refer to it.
    pub(super) links: u16,
    /// First block.
    pub(super) at: u64,
    /// Number of blocks, at most 32768.
    pub(super) blocks: u64,
    /// Time of every kind.
    pub(super) now: u32,
}

/// The content is described by extents.
const EXTENTS_FLAG: u32 = 0x0008_0000;
const EXTENT_MAGIC: u16 = 0xf30a;
/// Where the map of the content lies, and its length.
const MAP: usize = 40;
pub(super) const MAP_LENGTH: usize = 60;
/// Fields beyond the 128 bytes of the first inodes that are in use.
pub(super) const EXTRA: u16 = 32;
/// The marks of a directory block's checksum.
const TAIL: usize = 12;
const TAIL_KIND: u8 = 0xde;
const DIRECTORY_KIND: u8 = 2;

impl Inode {
    /// One extent.
    pub(super) fn map(&self) -> [u8; MAP_LENGTH] {
        let mut map = [0; MAP_LENGTH];
        let length = u16::try_from(self.blocks).unwrap_or(u16::MAX);
        map[..2].copy_from_slice(&EXTENT_MAGIC.to_le_bytes());
        map[2..4].copy_from_slice(&1_u16.to_le_bytes());
        map[4..6].copy_from_slice(&4_u16.to_le_bytes());
        map[16..18].copy_from_slice(&length.to_le_bytes());
        map[20..24].copy_from_slice(&to_u32(self.at).to_le_bytes());
        map
    }

    pub(super) fn encode(&self, number: u32, uuid: &[u8; 16]) -> Vec<u8> {
        let mut bytes = vec![0; to_usize(INODE)];
        let size = to_u32(self.blocks * BLOCK);
        let sectors = to_u32(self.blocks * BLOCK / 512);
        bytes[..2].copy_from_slice(&self.mode.to_le_bytes());
        bytes[4..8].copy_from_slice(&size.to_le_bytes());
        for at in [8, 12, 16, 0x90] {
            bytes[at..at + 4].copy_from_slice(&self.now.to_le_bytes());
        }
        bytes[26..28].copy_from_slice(&self.links.to_le_bytes());
        bytes[28..32].copy_from_slice(&sectors.to_le_bytes());
        bytes[32..36].copy_from_slice(&EXTENTS_FLAG.to_le_bytes());
        bytes[MAP..MAP + MAP_LENGTH].copy_from_slice(&self.map());
        bytes[0x80..0x82].copy_from_slice(&EXTRA.to_le_bytes());
        // Both halves of the checksum are zero while it is computed; between
        // UUID and inode stand its number and its generation, which is 0.
        let sum = checksum(&[uuid, &number.to_le_bytes(), &[0; 4], &bytes]).to_le_bytes();
        bytes[0x7c..0x7e].copy_from_slice(&sum[..2]);
        bytes[0x82..0x84].copy_from_slice(&sum[2..]);
        bytes
    }
}

/// A block of the directory `number`, filled by its entries; the last one
/// takes all the room that is left.
pub(super) fn directory_block(entries: &[(u32, &str)], number: u32, uuid: &[u8; 16]) -> Vec<u8> {
    let mut block = vec![0; to_usize(BLOCK)];
    let end = block.len() - TAIL;
    let mut at = 0;
    let unused = [(0, "")];
    let entries = if entries.is_empty() { &unused } else { entries };
    for (index, (inode, name)) in entries.iter().enumerate() {
        let length = (8 + name.len()).next_multiple_of(4);
        let is_last = index + 1 == entries.len();
        let room = if is_last { end - at } else { length };
        block[at..at + 4].copy_from_slice(&inode.to_le_bytes());
        let room_field = u16::try_from(room).unwrap_or(u16::MAX);
        block[at + 4..at + 6].copy_from_slice(&room_field.to_le_bytes());
        block[at + 6] = u8::try_from(name.len()).unwrap_or(u8::MAX);
        block[at + 7] = if *inode == 0 { 0 } else { DIRECTORY_KIND };
        block[at + 8..at + 8 + name.len()].copy_from_slice(name.as_bytes());
        at += room;
    }
    block[end + 4] = 12;
    block[end + 7] = TAIL_KIND;
    let sum = checksum(&[uuid, &number.to_le_bytes(), &[0; 4], &block[..end]]);
    block[end + 8..].copy_from_slice(&sum.to_le_bytes());
    block
}
