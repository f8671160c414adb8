// SPDX-License-Identifier: Apache-2.0
//! What a partition table says about the partitions the kernel shows: type and
//! unique identity. Where a partition lies is the kernel's word, not this one's.
//!
//! Writing tables, and judging those inside images, is done elsewhere.

use crate::snapshot::DeviceContent;

/// An entry of a partition table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEntry {
    /// Number of the partition, from 1.
    pub number: u32,
    /// GPT: type GUID in lower case; MBR: `0x83`.
    pub kind: String,
    /// GPT: unique GUID in lower case.
    pub uuid: Option<String>,
}

/// Bytes of a GPT entry; larger ones are allowed, smaller ones are not (UEFI §5.3.3).
const GPT_ENTRY: usize = 128;
/// No table in the field has more entries.
const MOST_ENTRIES: u32 = 1024;

/// The entries in use. A valid GPT wins over the MBR in front of it; the backup
/// is taken if the primary is damaged, as the kernel does.
#[must_use]
pub fn table_entries(content: &DeviceContent, logical_sector: u32) -> Vec<TableEntry> {
    let sector = u64::from(logical_sector.max(512));
    let backup = content.size().checked_sub(sector);
    [Some(sector), backup]
        .into_iter()
        .flatten()
        .find_map(|header| gpt(content, header, sector))
        .or_else(|| mbr(content))
        .unwrap_or_default()
}

/// UEFI specification §5.3.2.
fn gpt(content: &DeviceContent, position: u64, sector: u64) -> Option<Vec<TableEntry>> {
    let header = content.read(position, 92)?;
    if !header.starts_with(b"EFI PART") || !checksum_is_right(&header) {
        return None;
    }
    let first = number64(&header, 72)?.checked_mul(sector)?;
    let count = number32(&header, 80)?.min(MOST_ENTRIES);
    let length = usize::try_from(number32(&header, 84)?).ok()?;
    if length < GPT_ENTRY {
        return None;
    }
    let entry_at = |index: u32| {
        let position = first.checked_add(u64::from(index) * length as u64)?;
        gpt_entry(&content.read(position, GPT_ENTRY)?, index + 1)
    };
    Some((0..count).filter_map(entry_at).collect())
}

fn checksum_is_right(header: &[u8]) -> bool {
    // Only the usual length can be checked here; it is the only one in use.
    if number32(header, 12) != Some(92) {
        return false;
    }
    let mut unsigned = header.to_vec();
    unsigned[16..20].fill(0);
    number32(header, 16) == Some(crc32fast::hash(&unsigned))
}

fn gpt_entry(entry: &[u8], number: u32) -> Option<TableEntry> {
    let kind: [u8; 16] = entry.get(..16)?.try_into().ok()?;
    let uuid: [u8; 16] = entry.get(16..32)?.try_into().ok()?;
    (kind != [0; 16]).then(|| TableEntry {
        number,
        kind: guid(kind),
        uuid: Some(guid(uuid)),
    })
}

/// GUIDs are stored with their first three parts in little-endian order.
fn guid(bytes: [u8; 16]) -> String {
    uuid::Uuid::from_bytes_le(bytes).to_string()
}

/// The four primary entries. Logical partitions have their types in records
/// spread over the disk, which are not read.
fn mbr(content: &DeviceContent) -> Option<Vec<TableEntry>> {
    let record = content.read(0, 512)?;
    if record[510..] != [0x55, 0xaa] {
        return None;
    }
    let entries = (1..=4).zip(record[446..510].chunks(16));
    Some(
        entries
            .filter(|(_, entry)| entry[4] != 0)
            .map(|(number, entry)| TableEntry {
                number,
                kind: format!("{:#04x}", entry[4]),
                uuid: None,
            })
            .collect(),
    )
}

fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn number64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::random::Random;
    use super::*;

    const ESP: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

    /// A GPT header at `own` whose entries start at `entries`, in sectors.
    fn header(own: u64, entries: u64) -> Vec<u8> {
        let mut header = vec![0_u8; 92];
        header[..8].copy_from_slice(b"EFI PART");
        header[12] = 92;
        header[24..32].copy_from_slice(&own.to_le_bytes());
        header[72..80].copy_from_slice(&entries.to_le_bytes());
        header[80] = 128;
        header[84] = 128;
        let checksum = crc32fast::hash(&header);
        header[16..20].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    /// The first 34 sectors of a GPT disk with an ESP as partition 2.
    pub(crate) fn gpt_start(sector: usize) -> Vec<u8> {
        let mut bytes = vec![0_u8; 34 * sector];
        bytes[450] = 0xee;
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        bytes[sector..sector + 92].copy_from_slice(&header(1, 2));
        let entry = 2 * sector + 128;
        let kind: uuid::Uuid = ESP.parse().expect("a GUID");
        bytes[entry..entry + 16].copy_from_slice(&kind.to_bytes_le());
        bytes[entry + 16..entry + 32].fill(0x11);
        bytes
    }

    fn expected() -> Vec<TableEntry> {
        vec![TableEntry {
            number: 2,
            kind: ESP.into(),
            uuid: Some("11111111-1111-1111-1111-111111111111".into()),
        }]
    }

    #[test]
    fn gpt_is_read_for_both_sector_sizes_and_from_its_backup() {
        for sector in [512_usize, 4096] {
            let mut content = DeviceContent::new(1 << 30);
            content.insert(0, &gpt_start(sector)[..17 << 10]);
            let found = table_entries(&content, u32::try_from(sector).expect("small"));
            assert_eq!(found, expected(), "sector {sector}");
        }
        let size = 1_u64 << 30;
        let entries = size - 33 * 512;
        let mut tail = gpt_start(512)[1024..].to_vec();
        tail.extend(header((size / 512) - 1, entries / 512));
        tail.resize(33 * 512, 0);
        let mut content = DeviceContent::new(size);
        content.insert(0, &[0; 4096]);
        content.insert(entries, &tail);
        assert_eq!(table_entries(&content, 512), expected());
    }

    #[test]
    fn a_damaged_header_is_not_believed() {
        let mut start = gpt_start(512);
        start[512 + 84] = 64;
        let mut content = DeviceContent::new(1 << 30);
        content.insert(0, &start);
        let found = table_entries(&content, 512);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].kind, "0xee", "only the protective record is left");
    }

    #[test]
    fn mbr_types_are_read() {
        let mut record = vec![0_u8; 512];
        record[446 + 4] = 0x83;
        record[446 + 16 + 4] = 0xef;
        record[510..].copy_from_slice(&[0x55, 0xaa]);
        let mut content = DeviceContent::new(1 << 20);
        content.insert(0, &record);
        let kinds: Vec<(u32, String)> = table_entries(&content, 512)
            .into_iter()
            .map(|entry| (entry.number, entry.kind))
            .collect();
        assert_eq!(kinds, [(1, "0x83".to_owned()), (2, "0xef".to_owned())]);
    }

    #[test]
    fn noise_never_breaks_the_reader() {
        let start = gpt_start(512);
        let mut random = Random::new(9);
        for _ in 0..5000 {
            let mut noise = start[..random.below(start.len())].to_vec();
            for _ in 0..random.below(8) {
                if !noise.is_empty() {
                    let at = random.below(noise.len());
                    noise[at] = random.byte();
                }
            }
            let mut content = DeviceContent::new(random.below(2 << 20) as u64);
            content.insert(0, &noise);
            let _ = table_entries(&content, 512 << random.below(4));
        }
    }
}
