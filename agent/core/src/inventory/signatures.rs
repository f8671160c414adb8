// SPDX-License-Identifier: Apache-2.0
//! Tells what lies on a device by the signatures file systems, volume managers
//! and RAID leave on it. There is no udev and no libblkid in the image.
//!
//! The names are libblkid's, because hints, guards and operators know those.

use crate::snapshot::DeviceContent;

/// What a device holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Type by libblkid's name: `ext4`, `linux_raid_member`.
    pub kind: &'static str,
    /// Label of the file system or name of the set.
    pub label: Option<String>,
    /// Publisher of an ISO 9660 volume: where virtual media say who made them.
    pub publisher: Option<String>,
}

type Probe = fn(&DeviceContent) -> Option<Signature>;

/// Members of larger wholes first: their content may hold the signature of what
/// lies inside.
const PROBES: &[Probe] = &[
    md, lvm, luks, vmfs, xfs, ext, btrfs, gfs2, iso9660, ntfs, vfat, squashfs, swap,
];

/// The signature of a device; `None` if it has none that is known.
#[must_use]
pub fn signature(content: &DeviceContent) -> Option<Signature> {
    PROBES.iter().find_map(|probe| probe(content))
}

fn found(kind: &'static str, label: Option<String>) -> Signature {
    Signature {
        kind,
        label,
        publisher: None,
    }
}

/// Whether these bytes stand at this position.
fn has(content: &DeviceContent, position: u64, magic: &[u8]) -> bool {
    content
        .read(position, magic.len())
        .is_some_and(|bytes| bytes == magic)
}

/// A text field: ends at the first NUL, surrounding blanks do not count.
fn text(content: &DeviceContent, position: u64, length: usize) -> Option<String> {
    let bytes = content.read(position, length)?;
    clean(&bytes)
}

fn clean(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.split(|byte| *byte == 0).next()?;
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn le16(content: &DeviceContent, position: u64) -> Option<u16> {
    let bytes = content.read(position, 2)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn le32(content: &DeviceContent, position: u64) -> Option<u32> {
    let bytes = content.read(position, 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Linux md: superblock 1.1 at the start, 1.2 at 4 KiB, 1.0 and 0.90 near the end
/// (kernel `include/uapi/linux/raid/md_p.h`).
fn md(content: &DeviceContent) -> Option<Signature> {
    const MAGIC: [u8; 4] = 0xa92b_4efc_u32.to_le_bytes();
    let size = content.size();
    let v1_0 = (size / 512)
        .checked_sub(16)
        .map(|sector| (sector & !7) * 512);
    for position in [Some(0), Some(4096), v1_0].into_iter().flatten() {
        if has(content, position, &MAGIC) && le32(content, position + 4) == Some(1) {
            return Some(found("linux_raid_member", text(content, position + 32, 32)));
        }
    }
    let v0_90 = (size & !0xffff).checked_sub(0x1_0000)?;
    has(content, v0_90, &MAGIC).then(|| found("linux_raid_member", None))
}

/// LVM2 physical volume: a label in one of the first four sectors.
fn lvm(content: &DeviceContent) -> Option<Signature> {
    (0..4)
        .map(|sector| sector * 512)
        .any(|at| has(content, at, b"LABELONE") && has(content, at + 24, b"LVM2 001"))
        .then(|| found("LVM2_member", None))
}

/// LUKS header; only version 2 has a label.
fn luks(content: &DeviceContent) -> Option<Signature> {
    if !has(content, 0, b"LUKS\xba\xbe") {
        return None;
    }
    let version_2 = has(content, 6, &[0, 2]);
    let label = version_2.then(|| text(content, 24, 48)).flatten();
    Some(found("crypto_LUKS", label))
}

/// VMware VMFS: the volume's header at 1 MiB, the file system's at 2 MiB.
fn vmfs(content: &DeviceContent) -> Option<Signature> {
    if has(content, 1 << 20, &[0x0d, 0xd0, 0x01, 0xc0]) {
        return Some(found("VMFS_volume_member", None));
    }
    has(content, 2 << 20, &[0x5e, 0xf1, 0xab, 0x2f])
        .then(|| found("VMFS", text(content, (2 << 20) + 29, 128)))
}

fn xfs(content: &DeviceContent) -> Option<Signature> {
    has(content, 0, b"XFSB").then(|| found("xfs", text(content, 108, 12)))
}

/// ext2, ext3 and ext4 share a superblock; features tell them apart
/// (kernel `fs/ext4/ext4.h`).
fn ext(content: &DeviceContent) -> Option<Signature> {
    const SUPERBLOCK: u64 = 1024;
    const HAS_JOURNAL: u32 = 0x4;
    /// Incompatible features ext3 has: filetype, recover, meta_bg.
    const EXT3_INCOMPAT: u32 = 0x2 | 0x4 | 0x10;
    /// Read-only compatible features ext3 has: sparse_super, large_file, btree_dir.
    const EXT3_RO_COMPAT: u32 = 0x1 | 0x2 | 0x4;
    if le16(content, SUPERBLOCK + 56)? != 0xef53 {
        return None;
    }
    let compat = le32(content, SUPERBLOCK + 92)?;
    let incompat = le32(content, SUPERBLOCK + 96)?;
    let ro_compat = le32(content, SUPERBLOCK + 100)?;
    let kind = if incompat & !EXT3_INCOMPAT != 0 || ro_compat & !EXT3_RO_COMPAT != 0 {
        "ext4"
    } else if compat & HAS_JOURNAL != 0 {
        "ext3"
    } else {
        "ext2"
    };
    Some(found(kind, text(content, SUPERBLOCK + 120, 16)))
}

fn btrfs(content: &DeviceContent) -> Option<Signature> {
    const SUPERBLOCK: u64 = 64 << 10;
    has(content, SUPERBLOCK + 0x40, b"_BHRfS_M")
        .then(|| found("btrfs", text(content, SUPERBLOCK + 0x12b, 256)))
}

/// GFS2 and its ancestor share magic and place; the format number differs
/// (kernel `include/uapi/linux/gfs2_ondisk.h`).
fn gfs2(content: &DeviceContent) -> Option<Signature> {
    const SUPERBLOCK: u64 = 64 << 10;
    if !has(content, SUPERBLOCK, &0x0116_1970_u32.to_be_bytes()) {
        return None;
    }
    let old = has(content, SUPERBLOCK + 24, &1309_u32.to_be_bytes());
    let kind = if old { "gfs" } else { "gfs2" };
    Some(found(kind, text(content, SUPERBLOCK + 144, 64)))
}

/// ISO 9660 primary volume descriptor (ECMA-119 §8.4).
fn iso9660(content: &DeviceContent) -> Option<Signature> {
    const DESCRIPTOR: u64 = 32 << 10;
    if !has(content, DESCRIPTOR, b"\x01CD001") {
        return None;
    }
    Some(Signature {
        publisher: text(content, DESCRIPTOR + 318, 128),
        ..found("iso9660", text(content, DESCRIPTOR + 40, 32))
    })
}

fn ntfs(content: &DeviceContent) -> Option<Signature> {
    (has(content, 3, b"NTFS    ") && has(content, 510, &[0x55, 0xaa])).then(|| found("ntfs", None))
}

/// FAT12, FAT16 and FAT32, told by the type text of the boot sector and a
/// plausible geometry, so that a boot record is not taken for one.
fn vfat(content: &DeviceContent) -> Option<Signature> {
    let fat32 = has(content, 82, b"FAT32   ");
    let small = [&b"FAT12   "[..], b"FAT16   ", b"FAT     "]
        .iter()
        .any(|magic| has(content, 54, magic));
    let sector = le16(content, 11)?;
    let clusters = content.read(13, 1)?[0];
    let fats = content.read(16, 1)?[0];
    let plausible = has(content, 510, &[0x55, 0xaa])
        && sector.is_power_of_two()
        && (512..=4096).contains(&sector)
        && clusters.is_power_of_two()
        && (1..=2).contains(&fats)
        && le16(content, 14)? > 0;
    if !plausible || !(fat32 || small) {
        return None;
    }
    let in_boot_sector =
        text(content, if fat32 { 71 } else { 43 }, 11).filter(|label| label != "NO NAME");
    let label = vfat_root_label(content, fat32).or(in_boot_sector);
    Some(found("vfat", label))
}

/// The label entry of the root directory, where that was read. Tools that
/// rename a volume change only this one.
fn vfat_root_label(content: &DeviceContent, fat32: bool) -> Option<String> {
    const ENTRY: usize = 32;
    const VOLUME: u8 = 0x08;
    const LONG_NAME: u8 = 0x0f;
    let sector = u64::from(le16(content, 11)?);
    let fat_sectors = match le16(content, 22)? {
        0 => u64::from(le32(content, 36)?),
        sectors => u64::from(sectors),
    };
    let fats = u64::from(content.read(16, 1)?[0]);
    let data = u64::from(le16(content, 14)?) + fats * fat_sectors;
    let first = if fat32 {
        let cluster = u64::from(le32(content, 44)?).checked_sub(2)?;
        data + cluster * u64::from(content.read(13, 1)?[0])
    } else {
        data
    };
    let mut position = first.checked_mul(sector)?;
    for _ in 0..512 {
        let entry = content.read(position, ENTRY)?;
        match (entry[0], entry[11]) {
            (0, _) => return None,
            (0xe5, _) => {}
            (_, attributes) if attributes & LONG_NAME != LONG_NAME && attributes & VOLUME != 0 => {
                return clean(&entry[..11]);
            }
            _ => {}
        }
        position += ENTRY as u64;
    }
    None
}

fn squashfs(content: &DeviceContent) -> Option<Signature> {
    has(content, 0, b"hsqs").then(|| found("squashfs", None))
}

/// Swap space of any page size (kernel `include/linux/swap.h`).
fn swap(content: &DeviceContent) -> Option<Signature> {
    [4096_u64, 8192, 16_384, 65_536]
        .into_iter()
        .map(|page| page - 10)
        .any(|at| has(content, at, b"SWAPSPACE2") || has(content, at, b"SWAP-SPACE"))
        .then(|| found("swap", text(content, 1024 + 28, 16)))
}

#[cfg(test)]
#[path = "signatures_tests.rs"]
mod tests;
