// SPDX-License-Identifier: Apache-2.0
//! A new GUID partition table (UEFI specification, chapter 5).

use super::{ENTRY_LENGTH, Gpt, HEADER_LENGTH, LINUX_DATA, NAME, SIGNATURE};
use crate::boot::ESP_TYPE;
use crate::partition::Patch;
use crate::partition::config_drive::random_guid;
use crate::partition::layout::{GPT_ENTRIES, Place, Role};

/// Linux swap.
const SWAP: uuid::Uuid = uuid::uuid!("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f");
/// Where GRUB keeps what does not fit into the first sector.
const BIOS_BOOT: uuid::Uuid = uuid::uuid!("21686148-6449-6e6f-744e-656564454649");

fn kind(role: Role) -> [u8; 16] {
    match role {
        Role::EfiSystem => ESP_TYPE
            .parse::<uuid::Uuid>()
            .unwrap_or_default()
            .to_bytes_le(),
        Role::BiosBoot => BIOS_BOOT.to_bytes_le(),
        Role::Swap => SWAP.to_bytes_le(),
        Role::Ephemeral | Role::ConfigDrive | Role::Root => LINUX_DATA,
    }
}

/// The table as bytes to write: the backup first, the protective MBR last.
/// `unique` gives random bytes: for the disk, then for each partition.
pub(in crate::partition) fn table(
    places: &[Place],
    sector: u32,
    size: u64,
    unique: &mut dyn FnMut() -> [u8; 16],
) -> Vec<Patch> {
    let sectors = size / u64::from(sector);
    let entries = entry_bytes(places, u64::from(sector), unique);
    let entry_sectors = (entries.len() as u64).div_ceil(u64::from(sector));
    let mut header = [0; HEADER_LENGTH];
    header[..8].copy_from_slice(SIGNATURE);
    // Revision 1.0.
    header[8..12].copy_from_slice(&0x0001_0000_u32.to_le_bytes());
    header[56..72].copy_from_slice(&random_guid(unique()));
    header[80..84].copy_from_slice(&narrow(GPT_ENTRIES).to_le_bytes());
    header[84..88].copy_from_slice(&narrow(ENTRY_LENGTH as u64).to_le_bytes());
    let gpt = Gpt {
        sector,
        sectors,
        mbr: protective(sector, sectors),
        header,
        entries_at: 2,
        entry_length: ENTRY_LENGTH,
        entries,
        first_usable: 2 + entry_sectors,
        last_usable: sectors.saturating_sub(entry_sectors + 2),
    };
    gpt.patches()
}

fn entry_bytes(places: &[Place], sector: u64, unique: &mut dyn FnMut() -> [u8; 16]) -> Vec<u8> {
    let mut entries = Vec::new();
    for place in places {
        let mut entry = [0; ENTRY_LENGTH];
        entry[..16].copy_from_slice(&kind(place.role));
        entry[16..32].copy_from_slice(&random_guid(unique()));
        let last = (place.offset + place.length) / sector - 1;
        entry[32..40].copy_from_slice(&(place.offset / sector).to_le_bytes());
        entry[40..48].copy_from_slice(&last.to_le_bytes());
        let name = place.role.partition_name().encode_utf16();
        for (field, unit) in entry[NAME].chunks_exact_mut(2).zip(name) {
            field.copy_from_slice(&unit.to_le_bytes());
        }
        entries.extend(entry);
    }
    entries.resize(ENTRY_LENGTH * narrow(GPT_ENTRIES) as usize, 0);
    entries
}

/// The MBR that keeps old tools away: one partition over the whole disk.
fn protective(sector: u32, sectors: u64) -> Vec<u8> {
    let mut mbr = vec![0; sector as usize];
    let size = u32::try_from(sectors.saturating_sub(1)).unwrap_or(u32::MAX);
    mbr[446..454].copy_from_slice(&[0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff]);
    mbr[454..458].copy_from_slice(&1_u32.to_le_bytes());
    mbr[458..462].copy_from_slice(&size.to_le_bytes());
    mbr[510..512].copy_from_slice(&[0x55, 0xaa]);
    mbr
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
