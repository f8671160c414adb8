// SPDX-License-Identifier: Apache-2.0
//! Which file system begins at a place, and what sectors it was made for.
//!
//! A file system that reads or writes pieces smaller than a sector of its disk
//! cannot be mounted there. Each says in its superblock how small its pieces
//! are.

use std::fmt;

/// So many bytes of a partition's beginning are looked at.
pub const HEAD: usize = 68 << 10;

/// What stands at the beginning of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Which kind it is.
    pub kind: Kind,
    /// The largest sector, in bytes, of a disk that it can be used on; `None`
    /// where that does not depend on the content.
    pub sector: Option<u32>,
}

/// Kinds of content that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// FAT12, FAT16 or FAT32.
    Fat,
    /// ext2, ext3 or ext4.
    Ext,
    /// XFS.
    Xfs,
    /// Btrfs.
    Btrfs,
    /// NTFS.
    Ntfs,
    /// ISO 9660.
    Iso9660,
    /// A LUKS header of either version.
    Luks,
    /// A physical volume of LVM.
    Lvm,
    /// Swap space.
    Swap,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Fat => "a FAT file system",
            Kind::Ext => "an ext file system",
            Kind::Xfs => "an XFS",
            Kind::Btrfs => "a Btrfs",
            Kind::Ntfs => "an NTFS",
            Kind::Iso9660 => "an ISO 9660 file system",
            Kind::Luks => "a LUKS volume",
            Kind::Lvm => "a physical volume of LVM",
            Kind::Swap => "swap space",
        })
    }
}

/// Recognises what begins with these bytes, up to [`HEAD`] of them.
#[must_use]
pub fn identify(head: &[u8]) -> Option<Found> {
    let found = |kind, sector| Some(Found { kind, sector });
    let is = |at: usize, mark: &[u8]| head.get(at..at + mark.len()) == Some(mark);
    if is(0, b"LUKS\xba\xbe") {
        return found(Kind::Luks, None);
    }
    // The label stands in one of the first four sectors of 512 bytes.
    if (0..4).any(|sector| is(sector * 512, b"LABELONE")) {
        return found(Kind::Lvm, None);
    }
    if is(4086, b"SWAPSPACE2") {
        return found(Kind::Swap, None);
    }
    if is(0, b"XFSB") {
        return found(Kind::Xfs, be16(head, 102));
    }
    if is(0x1_0040, b"_BHRfS_M") {
        return found(Kind::Btrfs, le32(head, 0x1_0090));
    }
    if is(1024 + 56, &[0x53, 0xef]) {
        let shift = le32(head, 1024 + 24)?;
        return found(Kind::Ext, 1024_u32.checked_shl(shift).filter(|s| *s > 0));
    }
    if is(0x8001, b"CD001") {
        return found(Kind::Iso9660, Some(2048));
    }
    if is(3, b"NTFS    ") {
        return found(Kind::Ntfs, le16(head, 11));
    }
    let boot = is(510, &[0x55, 0xaa]) && (is(54, b"FAT") || is(82, b"FAT"));
    if boot {
        return found(Kind::Fat, le16(head, 11));
    }
    None
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    let raw = bytes.get(at..at + 2)?;
    Some(u32::from(u16::from_be_bytes(raw.try_into().ok()?)))
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    let raw = bytes.get(at..at + 2)?;
    Some(u32::from(u16::from_le_bytes(raw.try_into().ok()?)))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(marks: &[(usize, &[u8])]) -> Option<Found> {
        let mut head = vec![0; HEAD];
        for (at, mark) in marks {
            head[*at..*at + mark.len()].copy_from_slice(mark);
        }
        identify(&head)
    }

    #[test]
    fn superblocks_tell_kind_and_sector() {
        type Case<'a> = (&'a [(usize, &'a [u8])], Kind, Option<u32>);
        let cases: [Case<'_>; 10] = [
            (&[(0, b"XFSB"), (102, &[2, 0])], Kind::Xfs, Some(512)),
            (&[(0, b"XFSB"), (102, &[16, 0])], Kind::Xfs, Some(4096)),
            (&[(1080, &[0x53, 0xef])], Kind::Ext, Some(1024)),
            (
                &[(1080, &[0x53, 0xef]), (1048, &[2])],
                Kind::Ext,
                Some(4096),
            ),
            (
                &[(1080, &[0x53, 0xef]), (1048, &[0xff; 4])],
                Kind::Ext,
                None,
            ),
            (
                &[(0x1_0040, b"_BHRfS_M"), (0x1_0091, &[16])],
                Kind::Btrfs,
                Some(4096),
            ),
            (
                &[(510, &[0x55, 0xaa]), (82, b"FAT32"), (12, &[2])],
                Kind::Fat,
                Some(512),
            ),
            (&[(3, b"NTFS    "), (12, &[2])], Kind::Ntfs, Some(512)),
            (&[(0x8001, b"CD001")], Kind::Iso9660, Some(2048)),
            (&[(512, b"LABELONE")], Kind::Lvm, None),
        ];
        for (marks, kind, sector) in cases {
            assert_eq!(with(marks), Some(Found { kind, sector }));
        }
        assert_eq!(with(&[]), None);
    }

    #[test]
    fn short_beginnings_are_survived() {
        for mark in [(0, &b"XFSB"[..]), (1080, &[0x53, 0xef]), (3, b"NTFS    ")] {
            let mut head = vec![0; mark.0 + mark.1.len()];
            head[mark.0..].copy_from_slice(mark.1);
            for length in 0..=head.len() {
                let _ = identify(&head[..length]);
            }
        }
    }
}
