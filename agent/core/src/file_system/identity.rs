// SPDX-License-Identifier: Apache-2.0
//! The UUID of a file system, from its first bytes, as `lsblk` writes it
//! (contract §14.7).

use uuid::Uuid;

/// So many bytes of a partition's beginning are looked at.
pub const HEAD: usize = 68 << 10;

/// The UUID of an ext2, ext3, ext4, XFS, btrfs or FAT file system.
#[must_use]
pub fn uuid(head: &[u8]) -> Option<String> {
    xfs(head)
        .or_else(|| ext(head))
        .or_else(|| btrfs(head))
        .or_else(|| fat(head))
}

/// Text of the 16 bytes at a place, unless all are zero.
fn uuid_at(head: &[u8], at: usize) -> Option<String> {
    let bytes: [u8; 16] = head.get(at..at + 16)?.try_into().ok()?;
    (bytes != [0; 16]).then(|| Uuid::from_bytes(bytes).to_string())
}

fn has(head: &[u8], at: usize, magic: &[u8]) -> bool {
    head.get(at..at + magic.len()) == Some(magic)
}

/// Superblock at 0 (kernel `fs/xfs/libxfs/xfs_format.h`).
fn xfs(head: &[u8]) -> Option<String> {
    has(head, 0, b"XFSB").then(|| uuid_at(head, 32))?
}

/// Superblock at 1024, magic at 56, UUID at 104.
fn ext(head: &[u8]) -> Option<String> {
    has(head, 1024 + 56, &[0x53, 0xef]).then(|| uuid_at(head, 1024 + 104))?
}

/// Superblock at 64 KiB, magic at 64, UUID at 32.
fn btrfs(head: &[u8]) -> Option<String> {
    has(head, 0x1_0000 + 64, b"_BHRfS_M").then(|| uuid_at(head, 0x1_0000 + 32))?
}

/// Volume serial number: FAT32 has it at 67, FAT12 and FAT16 at 39.
fn fat(head: &[u8]) -> Option<String> {
    if !has(head, 510, &[0x55, 0xaa]) {
        return None;
    }
    let at = if has(head, 82, b"FAT32") {
        67
    } else if has(head, 54, b"FAT") {
        39
    } else {
        return None;
    };
    let bytes = head.get(at..at + 4)?.try_into().ok()?;
    let serial = u32::from_le_bytes(bytes);
    (serial != 0).then(|| format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes, and where they stand.
    type Part<'a> = (usize, &'a [u8]);

    fn with(parts: &[Part<'_>]) -> Vec<u8> {
        let mut head = vec![0; HEAD];
        for (at, bytes) in parts {
            head[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        head
    }

    #[test]
    fn each_file_system_is_read_where_it_keeps_its_uuid() {
        let uuid = b"\x12\x34\x56\x78\x9a\xbc\x4d\xef\x81\x23\x45\x67\x89\xab\xcd\xef";
        let text = Some("12345678-9abc-4def-8123-456789abcdef");
        let serial: &[u8] = &[0x0d, 0xf0, 0x34, 0x02];
        let mark: Part<'_> = (510, &[0x55, 0xaa]);
        let cases: [(&[Part<'_>], Option<&str>); 8] = [
            (&[(0, b"XFSB"), (32, uuid)], text),
            (&[(1080, &[0x53, 0xef]), (1128, uuid)], text),
            (&[(0x1_0040, b"_BHRfS_M"), (0x1_0020, uuid)], text),
            (&[mark, (82, b"FAT32   "), (67, serial)], Some("0234-F00D")),
            (&[mark, (54, b"FAT16   "), (39, serial)], Some("0234-F00D")),
            (&[mark], None),
            (&[(1080, &[0x53, 0xef])], None),
            (&[], None),
        ];
        for (parts, expected) in cases {
            assert_eq!(super::uuid(&with(parts)).as_deref(), expected, "{parts:?}");
        }
    }

    #[test]
    fn short_heads_have_none() {
        let head = with(&[(0x1_0040, b"_BHRfS_M"), (0x1_0020, &[1; 16])]);
        for length in (0..head.len()).step_by(97) {
            let found = uuid(&head[..length]);
            assert_eq!(found.is_some(), length >= 0x1_0048, "{length}");
        }
    }
}
