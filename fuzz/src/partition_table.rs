// SPDX-License-Identifier: Apache-2.0
//! The beginning of a disk: its GPT or MBR is read, fitted to the disk, gets a config drive, and is
//! read again.

use ironseed_core::partition::{Partition, Patch, Table, config_drive};

/// Where the GPT header has these things (UEFI specification §5.3.2).
const HEADER_CHECKSUM: usize = 16;
const ENTRIES_AT: usize = 72;
const ENTRY_COUNT: usize = 80;
const ENTRIES_CHECKSUM: usize = 88;
const HEADER_LENGTH: usize = 92;

/// A disk of which only the beginning is looked at.
struct Disk {
    sector: u32,
    size: u64,
    head: Vec<u8>,
}

/// The first byte of the input tells the sector size (bit 0) and whether checksums are made right
/// (bit 1), without which no change would ever get behind them; eight bytes are the size of the
/// disk, the rest is its beginning.
///
/// # Panics
/// If a table lies outside the disk, partitions get lost, or what was written cannot be read.
pub fn run(data: &[u8]) {
    let Some((&[flags, ref size @ ..], head)) = data.split_first_chunk::<9>() else {
        return;
    };
    let mut disk = Disk {
        sector: if flags & 1 == 0 { 512 } else { 4096 },
        size: u64::from_le_bytes(*size) % (1 << 56),
        head: head.to_vec(),
    };
    if flags & 2 != 0 {
        disk.correct_checksums();
    }
    let Ok(mut table) = disk.table() else {
        return;
    };
    let before = table.partitions();
    if let Table::Gpt(gpt) = &mut table {
        disk.expect_inside(&before);
        let Ok(patches) = gpt.fit_to_disk() else {
            return;
        };
        disk.apply(&patches);
        assert_eq!(
            disk.table().map(|table| table.partitions()),
            Ok(before.clone())
        );
    }
    let Ok(place) = config_drive::add(&mut table, [7; 16], disk.size) else {
        return;
    };
    disk.expect_inside(std::slice::from_ref(&place.partition));
    disk.apply(&place.patches);
    let after = disk
        .table()
        .expect("what was written can be read")
        .partitions();
    assert!(after.contains(&place.partition));
    assert!(before.iter().all(|partition| after.contains(partition)));
    assert!(before.iter().all(|one| apart(one, &place.partition)));
}

fn apart(one: &Partition, other: &Partition) -> bool {
    one.offset + one.length <= other.offset || other.offset + other.length <= one.offset
}

impl Disk {
    fn table(&self) -> Result<Table, ironseed_core::partition::TableError> {
        Table::read(&self.head, self.sector, self.size)
    }

    fn expect_inside(&self, partitions: &[Partition]) {
        for partition in partitions {
            let end = partition.offset + partition.length;
            assert!(end <= self.size, "{partition:?} ends within the disk");
        }
    }

    /// Makes a disk that changed at random pass the two checksums of a GPT header.
    fn correct_checksums(&mut self) {
        let at = self.sector as usize;
        let number = |head: &[u8], from: usize| {
            let bytes = head.get(at + from..at + from + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
        };
        let entries = || {
            let from = number(&self.head, ENTRIES_AT)?.checked_mul(at)?;
            let count = number(&self.head, ENTRY_COUNT)?;
            let length = count.checked_mul(number(&self.head, ENTRY_COUNT + 4)?)?;
            self.head.get(from..from.checked_add(length)?)
        };
        let entries = entries().map(crc32fast::hash);
        let Some(header) = self.head.get_mut(at..at + HEADER_LENGTH) else {
            return;
        };
        if let Some(checksum) = entries {
            header[ENTRIES_CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
        }
        header[12..16].copy_from_slice(&92_u32.to_le_bytes());
        header[HEADER_CHECKSUM..HEADER_CHECKSUM + 4].fill(0);
        let checksum = crc32fast::hash(header);
        header[HEADER_CHECKSUM..HEADER_CHECKSUM + 4].copy_from_slice(&checksum.to_le_bytes());
    }

    /// Writes what lies in the beginning; the rest of the disk is nobody's here.
    fn apply(&mut self, patches: &[Patch]) {
        for patch in patches {
            let length = patch.bytes.len() as u64;
            assert!(patch.offset.is_multiple_of(u64::from(self.sector)));
            assert!(length.is_multiple_of(u64::from(self.sector)));
            assert!(patch.offset + length <= self.size, "patches fit the disk");
            let Ok(from) = usize::try_from(patch.offset) else {
                continue;
            };
            let left = self.head.len().saturating_sub(from);
            let length = patch.bytes.len().min(left);
            if length > 0 {
                self.head[from..from + length].copy_from_slice(&patch.bytes[..length]);
            }
        }
    }
}
