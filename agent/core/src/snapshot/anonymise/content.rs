// SPDX-License-Identifier: Apache-2.0
//! The content of block devices: only what tells its kind is kept, and the
//! identities in it are replaced.

use super::identifiers::Identifiers;
use crate::inventory::signature;
use crate::snapshot::DeviceContent;

/// Labels by which machines find things; they say nothing about one.
const WELL_KNOWN: &[&str] = &[
    "boot",
    "cidata",
    "config-2",
    "efi",
    "ir-vfd-dev",
    "root",
    "rootfs",
    "vmedia_boot_iso",
];

const GPT: &[u8] = b"EFI PART";

/// Where identities stand, by the magic of their superblock: position of the magic, the magic,
/// positions of 16-byte UUIDs, positions and lengths of UUIDs or names as text.
type Superblock = (u64, &'static [u8], &'static [u64], &'static [(u64, usize)]);

const SUPERBLOCKS: &[Superblock] = &[
    (
        1080,
        &[0x53, 0xef],
        &[1024 + 104, 1024 + 208, 1024 + 236],
        &[],
    ),
    (0, b"XFSB", &[32], &[]),
    (0x1_0040, b"_BHRfS_M", &[0x1_0020, 0x1_010b, 0x1_011b], &[]),
    (0, b"LUKS\xba\xbe", &[], &[(168, 40)]),
    (512 + 24, b"LVM2 001", &[], &[(512 + 32, 32)]),
    (0, &[0xfc, 0x4e, 0x2b, 0xa9], &[16, 168], &[]),
    (
        4096,
        &[0xfc, 0x4e, 0x2b, 0xa9],
        &[4096 + 16, 4096 + 168],
        &[],
    ),
    (4086, b"SWAPSPACE2", &[1036], &[]),
];

pub(super) fn collect(device: &DeviceContent, found: &mut Identifiers) {
    if let Some(label) = signature(device).and_then(|found| found.label)
        && !WELL_KNOWN
            .iter()
            .any(|known| label.eq_ignore_ascii_case(known))
    {
        found.add_text(&label);
    }
    for (at, magic, ids, texts) in SUPERBLOCKS {
        if device.read(*at, magic.len()).as_deref() != Some(*magic) {
            continue;
        }
        for id in ids.iter().filter_map(|at| device.read(*at, 16)) {
            if let Ok(id) = id.try_into() {
                found.add_uuid(id);
            }
        }
        for text in texts
            .iter()
            .filter_map(|(at, length)| device.read(*at, *length))
        {
            let text = String::from_utf8_lossy(&text);
            match uuid::Uuid::try_parse(text.trim_matches('\0')) {
                Ok(id) => found.add_uuid(*id.as_bytes()),
                Err(_) => found.add_text(&text),
            }
        }
    }
    for at in [16, 168].map(|offset| md_1_0(device.size()) + offset) {
        let magic = device.read(md_1_0(device.size()), 4);
        if magic.as_deref() == Some(&[0xfc, 0x4e, 0x2b, 0xa9])
            && let Some(Ok(id)) = device.read(at, 16).map(<[u8; 16]>::try_from)
        {
            found.add_uuid(id);
        }
    }
    for table in tables(device) {
        let entries = (0..table.count).filter_map(|n| device.read(table.entry(n)? + 16, 16));
        let disk = device.read(table.header + 56, 16);
        for id in entries.chain(disk) {
            if let Ok(id) = id.try_into() {
                found.add_uuid(*uuid::Uuid::from_bytes_le(id).as_bytes());
            }
        }
    }
}

/// The device with only the bytes that its signature and its partition table are read from.
pub(super) fn anonymous(device: &DeviceContent, found: &Identifiers) -> DeviceContent {
    let tables = tables(device);
    let mut parts = Parts::kept(device, &tables);
    parts.cleared(device);
    for (_, bytes) in &mut parts.0 {
        *bytes = found.in_bytes(bytes);
    }
    for table in &tables {
        table.sign(&mut parts);
    }
    let mut reduced = DeviceContent::new(device.size());
    for (first, bytes) in &parts.0 {
        reduced.insert(*first, bytes);
    }
    reduced
}

/// Position of an md superblock 1.0 (kernel `include/uapi/linux/raid/md_p.h`).
fn md_1_0(size: u64) -> u64 {
    ((size / 512).saturating_sub(16) & !7) * 512
}

/// Bytes that signatures are read from: position and length.
fn ranges_of_signatures(size: u64) -> Vec<(u64, u64)> {
    let md_0_90 = (size & !0xffff).saturating_sub(64 << 10);
    let mut ranges = vec![
        (0, 2048),
        (4096, 256),
        (32 << 10, 700),
        (64 << 10, 0x22b),
        (1 << 20, 256),
        (2 << 20, 256),
        // Of the oldest md superblock only the magic is read.
        (md_0_90, 4),
        (md_1_0(size), 256),
    ];
    // Swap space has its magic at the end of the first page, whatever its size.
    ranges.extend([4_u64, 8, 16, 32, 64].map(|kib| ((kib << 10) - 10, 10)));
    ranges
}

/// What was read, range by range: first byte, bytes.
struct Parts(Vec<(u64, Vec<u8>)>);

impl Parts {
    fn kept(device: &DeviceContent, tables: &[Table]) -> Self {
        let mut kept = ranges_of_signatures(device.size());
        for table in tables {
            kept.push((table.header, HEADER as u64));
            // Names of partitions follow; they are not needed.
            kept.extend((0..table.count).filter_map(|n| Some((table.entry(n)?, 56))));
        }
        let ranges = device.ranges().iter();
        let parts = ranges.filter_map(|(first, length)| {
            let bytes = device.read(*first, usize::try_from(*length).ok()?)?;
            let mut part = vec![0; bytes.len()];
            for (from, count) in &kept {
                let start = (*from).max(*first) - first;
                let end = from
                    .saturating_add(*count)
                    .min(first + length)
                    .saturating_sub(*first);
                let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
                if let (Some(source), Some(target)) =
                    (bytes.get(start..end), part.get_mut(start..end))
                {
                    target.copy_from_slice(source);
                }
            }
            Some((*first, part))
        });
        Self(parts.collect())
    }

    fn at(&mut self, position: u64, length: usize) -> Option<&mut [u8]> {
        self.0.iter_mut().find_map(|(first, bytes)| {
            let start = usize::try_from(position.checked_sub(*first)?).ok()?;
            bytes.get_mut(start..start.checked_add(length)?)
        })
    }

    fn clear(&mut self, position: u64, length: usize) {
        if let Some(bytes) = self.at(position, length) {
            bytes.fill(0);
        }
    }

    /// Takes out what identifies and is read by nobody: serial numbers of volumes,
    /// mount points, key material; and moves a FAT label to where it is kept.
    fn cleared(&mut self, device: &DeviceContent) {
        let has = |at: u64, magic: &[u8]| device.read(at, magic.len()).as_deref() == Some(magic);
        let signature = signature(device);
        let kind = signature.as_ref().map(|found| found.kind);
        if has(0, b"LUKS\xba\xbe") {
            self.clear(104, 64);
            self.clear(208, 2048 - 208);
        } else if has(510, &[0x55, 0xaa]) && !matches!(kind, Some("vfat" | "ntfs")) {
            // Signature of the disk in an MBR.
            self.clear(440, 4);
        }
        match kind {
            Some("ext2" | "ext3" | "ext4") => self.clear(1024 + 136, 64),
            Some("ntfs") => self.clear(72, 8),
            Some("vfat") => {
                let fat32 = has(82, b"FAT32   ");
                self.clear(if fat32 { 67 } else { 39 }, 4);
                let label = signature
                    .and_then(|found| found.label)
                    .unwrap_or("NO NAME".into());
                if let Some(place) = self.at(if fat32 { 71 } else { 43 }, 11) {
                    place.fill(b' ');
                    for (target, byte) in place.iter_mut().zip(label.bytes()) {
                        *target = byte;
                    }
                }
            }
            _ => {}
        }
    }
}

/// Bytes of a GPT header that are in use (UEFI §5.3.2).
const HEADER: usize = 92;

/// A GPT: where its header and its entries lie, and which check sums were right.
struct Table {
    header: u64,
    first_entry: u64,
    count: u64,
    entry_size: u64,
    is_signed: bool,
    entries_are_signed: bool,
}

impl Table {
    fn entry(&self, number: u64) -> Option<u64> {
        self.first_entry
            .checked_add(number.checked_mul(self.entry_size)?)
    }

    fn entries_length(&self) -> Option<usize> {
        usize::try_from(self.count.checked_mul(self.entry_size)?).ok()
    }

    /// Makes the check sums right that were right.
    fn sign(&self, parts: &mut Parts) {
        let entries = self
            .entries_length()
            .and_then(|n| parts.at(self.first_entry, n));
        let sum = entries.map(|entries| crc32fast::hash(entries));
        let Some(header) = parts.at(self.header, HEADER) else {
            return;
        };
        if let (true, Some(sum), Some(place)) =
            (self.entries_are_signed, sum, header.get_mut(88..92))
        {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        if self.is_signed {
            let sum = header_sum(header);
            if let Some(place) = header.get_mut(16..20) {
                place.copy_from_slice(&sum.to_le_bytes());
            }
        }
    }
}

fn header_sum(header: &[u8]) -> u32 {
    let mut unsigned = header.to_vec();
    if let Some(place) = unsigned.get_mut(16..20) {
        place.fill(0);
    }
    crc32fast::hash(&unsigned)
}

fn tables(device: &DeviceContent) -> Vec<Table> {
    let mut found = Vec::new();
    for sector in [512, 4096] {
        for at in [Some(sector), device.size().checked_sub(sector)]
            .into_iter()
            .flatten()
        {
            found.extend(table(device, at, sector));
        }
    }
    found
}

fn table(device: &DeviceContent, at: u64, sector: u64) -> Option<Table> {
    /// No table in the field has more entries.
    const MOST_ENTRIES: u32 = 1024;
    let header = device
        .read(at, HEADER)
        .filter(|header| header.starts_with(GPT))?;
    let word = |at: usize| Some(u32::from_le_bytes(*header.get(at..)?.first_chunk()?));
    let first = u64::from_le_bytes(*header.get(72..)?.first_chunk()?);
    let mut table = Table {
        header: at,
        first_entry: first.checked_mul(sector)?,
        count: word(80)?.min(MOST_ENTRIES).into(),
        entry_size: word(84)?.into(),
        is_signed: word(16)? == header_sum(&header),
        entries_are_signed: false,
    };
    if let Some(entries) = table
        .entries_length()
        .and_then(|n| device.read(table.first_entry, n))
    {
        table.entries_are_signed = word(88)? == crc32fast::hash(&entries);
    }
    Some(table)
}
