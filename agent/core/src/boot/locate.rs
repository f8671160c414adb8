// SPDX-License-Identifier: Apache-2.0
//! Where on a disk its EFI system partition lies (contract §17.1).

use uuid::Uuid;

use super::ESP_TYPE;
use super::esp::EspPartition;
use crate::inventory::{TableEntry, table_entries};
use crate::partition::{Partition, Table, TableError};
use crate::snapshot::DeviceContent;

/// Finds the EFI system partition by its type, else the partition with the
/// given unique GUID, in the first [`crate::partition::HEAD`] bytes of a disk
/// of `size` bytes.
///
/// `None` on a disk without a partition table or with an MBR: firmware finds
/// partitions by their GUID.
///
/// # Errors
/// What is wrong with the partition table.
pub fn find_esp(
    head: &[u8],
    sector: u32,
    size: u64,
    given: Option<&str>,
) -> Result<Option<EspPartition>, TableError> {
    let table = match Table::read(head, sector, size) {
        Ok(table @ Table::Gpt(_)) => table,
        Ok(Table::Mbr(_)) | Err(TableError::Missing) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = DeviceContent::new(size);
    content.insert(0, head);
    let entries = table_entries(&content, sector);
    let wanted = entries
        .iter()
        .find(|entry| entry.kind == ESP_TYPE)
        .or_else(|| entries.iter().find(|entry| is(entry, given)));
    Ok(wanted.and_then(|entry| place(entry, &table.partitions(), sector)))
}

fn is(entry: &TableEntry, given: Option<&str>) -> bool {
    match (&entry.uuid, given) {
        (Some(uuid), Some(given)) => uuid.eq_ignore_ascii_case(given),
        _ => false,
    }
}

fn place(entry: &TableEntry, partitions: &[Partition], sector: u32) -> Option<EspPartition> {
    let partition = partitions
        .iter()
        .find(|partition| partition.number == entry.number)?;
    let sector = u64::from(sector);
    Some(EspPartition {
        number: entry.number,
        start_lba: partition.offset / sector,
        size_lba: partition.length / sector,
        guid: entry.uuid.as_deref()?.parse::<Uuid>().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA_TYPE: &str = "0fc63daf-8483-4772-8e79-3d69d8477de4";
    const FIRST: &str = "11111111-2222-3333-4444-555555555555";
    const SECOND: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

    /// A disk of 1 GiB with partitions of 1 MiB each, by type and GUID.
    fn disk(sector: u32, partitions: &[(&str, &str)]) -> Vec<u8> {
        let at = sector as usize;
        let mut head = vec![0_u8; crate::partition::HEAD];
        head[446 + 4] = 0xee;
        head[446 + 8] = 1;
        head[446 + 12..446 + 16].fill(0xff);
        head[510..512].copy_from_slice(&[0x55, 0xaa]);
        let mut entries = vec![0_u8; 128 * 128];
        let mebibyte = (1 << 20) / u64::from(sector);
        for (index, (entry, (kind, guid))) in (1_u64..).zip(entries.chunks_mut(128).zip(partitions))
        {
            let bytes = |text: &str| text.parse::<Uuid>().expect("a GUID").to_bytes_le();
            entry[..16].copy_from_slice(&bytes(kind));
            entry[16..32].copy_from_slice(&bytes(guid));
            entry[32..40].copy_from_slice(&(index * mebibyte).to_le_bytes());
            entry[40..48].copy_from_slice(&((index + 1) * mebibyte - 1).to_le_bytes());
        }
        let last = (1_u64 << 30) / u64::from(sector) - 40;
        let mut header = [0_u8; 92];
        header[..8].copy_from_slice(b"EFI PART");
        header[12] = 92;
        header[24] = 1;
        header[40] = 40;
        header[48..56].copy_from_slice(&last.to_le_bytes());
        header[72] = 2;
        header[80] = 128;
        header[84] = 128;
        header[88..].copy_from_slice(&crc32fast::hash(&entries).to_le_bytes());
        let checksum = crc32fast::hash(&header);
        header[16..20].copy_from_slice(&checksum.to_le_bytes());
        head[at..at + 92].copy_from_slice(&header);
        head[2 * at..2 * at + entries.len()].copy_from_slice(&entries);
        head
    }

    fn found(head: &[u8], sector: u32, given: Option<&str>) -> Option<(u32, u64, u64, String)> {
        find_esp(head, sector, 1 << 30, given)
            .expect("a table that can be read")
            .map(|esp| {
                (
                    esp.number,
                    esp.start_lba,
                    esp.size_lba,
                    esp.guid.to_string(),
                )
            })
    }

    #[test]
    fn the_type_decides_and_then_the_given_guid() {
        let second = Some((2, 4096, 2048, SECOND.to_owned()));
        let with_esp = disk(512, &[(DATA_TYPE, FIRST), (ESP_TYPE, SECOND)]);
        assert_eq!(found(&with_esp, 512, None), second);
        assert_eq!(found(&with_esp, 512, Some(FIRST)), second);
        let without = disk(512, &[(DATA_TYPE, FIRST), (DATA_TYPE, SECOND)]);
        assert_eq!(found(&without, 512, None), None);
        assert_eq!(found(&without, 512, Some(&SECOND.to_uppercase())), second);
        assert_eq!(found(&without, 512, Some("1234-ABCD")), None);
        let large = disk(4096, &[(DATA_TYPE, FIRST), (ESP_TYPE, SECOND)]);
        let second = Some((2, 512, 256, SECOND.to_owned()));
        assert_eq!(found(&large, 4096, None), second);
    }

    #[test]
    fn other_tables_have_none_and_damage_is_named() {
        assert_eq!(found(&[0; 4096], 512, None), None);
        let mut mbr = vec![0_u8; 4096];
        mbr[446 + 4] = 0xef;
        mbr[446 + 8] = 1;
        mbr[446 + 12] = 9;
        mbr[510..512].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(found(&mbr, 512, None), None);
        let mut damaged = disk(512, &[(ESP_TYPE, FIRST)]);
        damaged[1024 + 32] ^= 1;
        let error = find_esp(&damaged, 512, 1 << 30, None).expect_err("the checksum is wrong");
        assert!(matches!(error, TableError::Damaged(_)), "{error}");
    }
}
