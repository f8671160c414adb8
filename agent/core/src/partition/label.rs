// SPDX-License-Identifier: Apache-2.0
//! The label of a file system, from its first bytes: ISO 9660, FAT, ext.
//! These are what config drives are made of.

/// So many bytes of a partition's beginning are looked at.
pub const HEAD: usize = 36 << 10;

/// The label, trimmed, if one of the known file systems has one.
#[must_use]
pub fn read(head: &[u8]) -> Option<String> {
    iso9660(head)
        .or_else(|| ext(head))
        .or_else(|| fat(head))
        .map(|label| {
            let end = label.iter().position(|byte| *byte == 0);
            let text = String::from_utf8_lossy(&label[..end.unwrap_or(label.len())]);
            text.trim().to_owned()
        })
        .filter(|label| !label.is_empty())
}

/// ECMA-119: primary volume descriptor in sector 16, volume identifier at 40.
fn iso9660(head: &[u8]) -> Option<&[u8]> {
    let descriptor = head.get(0x8000..0x8800)?;
    (descriptor[1..6] == *b"CD001").then(|| &descriptor[40..72])
}

/// Superblock at 1024, magic at 56, volume name at 120.
fn ext(head: &[u8]) -> Option<&[u8]> {
    let superblock = head.get(1024..2048)?;
    (superblock[56..58] == [0x53, 0xef]).then(|| &superblock[120..136])
}

/// Boot sector: FAT32 has its label at 71, FAT12 and FAT16 at 43.
fn fat(head: &[u8]) -> Option<&[u8]> {
    let boot = head.get(..512)?;
    if boot[510..] != [0x55, 0xaa] {
        return None;
    }
    if boot[82..87] == *b"FAT32" {
        return Some(&boot[71..82]);
    }
    (boot[54..57] == *b"FAT").then(|| &boot[43..54])
}
