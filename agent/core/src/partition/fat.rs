// SPDX-License-Identifier: Apache-2.0
//! The boot sector of a FAT file system, and how it is made to fit larger
//! sectors (Microsoft FAT specification, 2000; the same in ECMA-107).
//!
//! A FAT file system counts in logical sectors of its own. Linux refuses one
//! whose sectors are smaller than the disk's. Where everything in it lies at
//! multiples of the larger sector, only the counts must change.

/// Bytes of the boot sector and of `FSInfo` that mean something.
const PART: usize = 512;

/// `FSInfo` begins with this and holds another mark at 484.
const FS_INFO: &[u8] = b"RRaA";

/// A file system's layout, checked: every area lies inside its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fat {
    /// Bytes of a logical sector.
    pub sector: u32,
    /// Sectors of a cluster.
    pub cluster: u32,
    /// Sectors before the first file allocation table.
    pub reserved: u32,
    /// Number of file allocation tables.
    pub tables: u32,
    /// Sectors of one of them.
    pub table: u32,
    /// Bytes of the root directory where it has a place of its own.
    pub root: u32,
    /// Sectors of the file system.
    pub sectors: u32,
    /// Number of clusters.
    pub clusters: u32,
    /// Whether it is FAT32.
    pub wide: bool,
    /// First cluster of the root directory of a FAT32.
    pub root_cluster: u32,
    fs_info: u32,
}

impl Fat {
    /// Reads the boot sector of a file system in a partition of `length` bytes;
    /// `None` if it is none, or contradicts itself.
    #[must_use]
    pub fn read(boot: &[u8], length: u64) -> Option<Self> {
        let boot = boot.get(..PART)?;
        let le16 = |at: usize| u32::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
        let le32 = |at: usize| le16(at) | le16(at + 2) << 16;
        let either = |narrow: u32, wide: u32| if narrow == 0 { wide } else { narrow };
        let wide = le16(22) == 0;
        let mut fat = Self {
            sector: le16(11),
            cluster: u32::from(boot[13]),
            reserved: le16(14),
            tables: u32::from(boot[16]),
            table: if wide { le32(36) } else { le16(22) },
            root: le16(17) * 32,
            sectors: either(le16(19), le32(32)),
            clusters: 0,
            wide,
            root_cluster: le32(44),
            fs_info: if wide { le16(48) } else { 0 },
        };
        fat.clusters = fat.count_clusters()?;
        // Linux and firmware go by the fields, so a FAT32 with few clusters,
        // as mkfs.fat makes it when told to, is one all the same.
        let kind_fits = wide || fat.clusters < 65525;
        let table_holds = u64::from(fat.table) * u64::from(fat.sector) * 8 / u64::from(fat.bits());
        let sound = boot[510..] == [0x55, 0xaa]
            && kind_fits
            && wide == (fat.root == 0)
            && fat.clusters <= 0x0fff_fff5
            && table_holds >= u64::from(fat.clusters) + 2
            && u64::from(fat.sectors) * u64::from(fat.sector) <= length
            && (!wide || (2..fat.clusters + 2).contains(&fat.root_cluster))
            && (!wide || (fat.fs_info < fat.reserved && le16(50) < fat.reserved));
        sound.then_some(fat)
    }

    fn count_clusters(&self) -> Option<u32> {
        let possible = [512, 1024, 2048, 4096].contains(&self.sector)
            && self.cluster.is_power_of_two()
            && self.reserved > 0
            && (1..=2).contains(&self.tables)
            && self.table > 0;
        if !possible {
            return None;
        }
        let before = u64::from(self.reserved)
            + u64::from(self.tables) * u64::from(self.table)
            + u64::from(self.root.div_ceil(self.sector));
        let data = u64::from(self.sectors).checked_sub(before)?;
        let clusters = u32::try_from(data / u64::from(self.cluster)).ok()?;
        (clusters > 0).then_some(clusters)
    }

    /// Bits of an entry of a table.
    #[must_use]
    pub fn bits(&self) -> u32 {
        match self.clusters {
            _ if self.wide => 32,
            ..4085 => 12,
            _ => 16,
        }
    }

    /// Bytes of a cluster.
    #[must_use]
    pub fn cluster_bytes(&self) -> u64 {
        u64::from(self.cluster) * u64::from(self.sector)
    }

    /// Where the root directory begins that has a place of its own, in bytes.
    #[must_use]
    pub fn root_at(&self) -> u64 {
        let tables = u64::from(self.tables) * u64::from(self.table);
        self.reserved_bytes() + tables * u64::from(self.sector)
    }

    /// Where a cluster begins, in bytes; `None` if there is no such cluster.
    #[must_use]
    pub fn cluster_at(&self, cluster: u32) -> Option<u64> {
        let root = u64::from(self.root.next_multiple_of(self.sector));
        let index = cluster
            .checked_sub(2)
            .filter(|index| *index < self.clusters)?;
        Some(self.root_at() + root + u64::from(index) * self.cluster_bytes())
    }

    /// Where the first table has a cluster's entry, in bytes.
    #[must_use]
    pub fn entry_at(&self, cluster: u32) -> u64 {
        self.reserved_bytes() + u64::from(cluster) * u64::from(self.bits()) / 8
    }

    /// What an entry tells, given the four bytes at its place: the next
    /// cluster. What is no cluster ends a chain.
    #[must_use]
    pub fn next(&self, cluster: u32, entry: [u8; 4]) -> u32 {
        let value = u32::from_le_bytes(entry);
        match self.bits() {
            12 => value >> (4 * (cluster % 2)) & 0xfff,
            16 => value & 0xffff,
            _ => value & 0x0fff_ffff,
        }
    }

    /// How many bytes the area before the first table has.
    #[must_use]
    pub fn reserved_bytes(&self) -> u64 {
        u64::from(self.reserved) * u64::from(self.sector)
    }

    /// The reserved area of the same file system with logical sectors of
    /// `sector` bytes; `None` if it does not lie at multiples of them.
    ///
    /// `area` is the area as it is, [`Fat::reserved_bytes`] long; `offset` is
    /// the partition's, in bytes.
    #[must_use]
    pub fn widened(&self, area: &[u8], sector: u32, offset: u64) -> Option<Vec<u8>> {
        let factor = sector / self.sector;
        let fits = |sectors: u32| sectors.is_multiple_of(factor);
        let even = factor > 1
            && fits(self.cluster)
            && fits(self.reserved)
            && fits(self.table)
            && self.root.is_multiple_of(sector)
            && area.len() as u64 == self.reserved_bytes();
        if !even {
            return None;
        }
        let mut boot = area.get(..PART)?.to_vec();
        let reserved = self.reserved / factor;
        let half = |number: u32| u16::try_from(number).ok().map(u16::to_le_bytes);
        let sectors = self.sectors / factor;
        let hidden = u32::try_from(offset / u64::from(sector)).unwrap_or(0);
        boot[11..13].copy_from_slice(&half(sector)?);
        boot[13] = u8::try_from(self.cluster / factor).ok()?;
        boot[14..16].copy_from_slice(&half(reserved)?);
        let short = if self.wide {
            0
        } else {
            u16::try_from(sectors).unwrap_or(0)
        };
        boot[19..21].copy_from_slice(&short.to_le_bytes());
        let long = if short == 0 { sectors } else { 0 };
        boot[28..32].copy_from_slice(&hidden.to_le_bytes());
        boot[32..36].copy_from_slice(&long.to_le_bytes());
        let mut new = vec![0; area.len()];
        if self.wide {
            boot[36..40].copy_from_slice(&(self.table / factor).to_le_bytes());
            self.place_info(&mut new, area, &mut boot, sector as usize, reserved)?;
        } else {
            boot[22..24].copy_from_slice(&half(self.table / factor)?);
        }
        new[..PART].copy_from_slice(&boot);
        Some(new)
    }

    /// `FSInfo` goes into sector 1. The copy of both goes where it usually is,
    /// sector 6, or behind them if the area is that small.
    fn place_info(
        &self,
        new: &mut [u8],
        area: &[u8],
        boot: &mut [u8],
        sector: usize,
        reserved: u32,
    ) -> Option<()> {
        if reserved < 2 {
            return None;
        }
        let at = (self.fs_info * self.sector) as usize;
        let info = area.get(at..at + PART)?;
        if !info.starts_with(FS_INFO) {
            return None;
        }
        let copy: u16 = match reserved {
            ..4 => 0,
            4..8 => 2,
            _ => 6,
        };
        boot[48..50].copy_from_slice(&1_u16.to_le_bytes());
        boot[50..52].copy_from_slice(&copy.to_le_bytes());
        new.get_mut(sector..sector + PART)?.copy_from_slice(info);
        if copy > 0 {
            let at = usize::from(copy) * sector;
            new.get_mut(at..at + PART)?.copy_from_slice(boot);
            let at = at + sector;
            new.get_mut(at..at + PART)?.copy_from_slice(info);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As mkfs.fat makes 64 MiB: clusters of 4096 bytes where `cluster` is 8.
    fn area(wide: bool, cluster: u8, reserved: u16, table: u16, sectors: u32) -> Vec<u8> {
        let mut area = vec![0; usize::from(reserved) * 512];
        area[11..13].copy_from_slice(&512_u16.to_le_bytes());
        area[13] = cluster;
        area[14..16].copy_from_slice(&reserved.to_le_bytes());
        area[16] = 2;
        area[32..36].copy_from_slice(&sectors.to_le_bytes());
        if wide {
            area[36..38].copy_from_slice(&table.to_le_bytes());
            area[44] = 2;
            area[48] = 1;
            area[50] = 6;
            area[512..516].copy_from_slice(FS_INFO);
        } else {
            area[17..19].copy_from_slice(&512_u16.to_le_bytes());
            area[22..24].copy_from_slice(&table.to_le_bytes());
        }
        area[510..512].copy_from_slice(&[0x55, 0xaa]);
        area
    }

    #[test]
    fn counts_change_and_clusters_stay() {
        let length = 512 << 20;
        for (wide, reserved, table, sectors) in
            [(true, 32, 1024, 1 << 20), (false, 8, 256, 500 << 10)]
        {
            let old = area(wide, 8, reserved, table, sectors);
            let fat = Fat::read(&old, length).expect("sound");
            assert_eq!(fat.wide, wide);
            let new = fat.widened(&old, 4096, 1 << 20).expect("even");
            assert_eq!(new.len(), old.len());
            let read = Fat::read(&new, length).expect("still sound");
            assert_eq!(read.sector, 4096);
            assert_eq!(read.clusters, fat.clusters);
            assert_eq!(read.reserved_bytes(), fat.reserved_bytes());
            assert_eq!(read.table * 4096, fat.table * 512);
            assert_eq!(
                u32::from_le_bytes(new[28..32].try_into().expect("four")),
                256
            );
            if wide {
                assert_eq!(new[4096..4100], *FS_INFO);
                assert_eq!(new[8192..8192 + 512], new[..512]);
            }
        }
    }

    #[test]
    fn places_follow_from_the_counts() {
        let wide = area(true, 8, 32, 1024, 1 << 20);
        let fat = Fat::read(&wide, 512 << 20).expect("sound");
        assert_eq!(fat.cluster_at(2), Some((32 + 2 * 1024) * 512));
        assert_eq!(fat.cluster_at(3), Some((32 + 2 * 1024 + 8) * 512));
        assert_eq!(fat.cluster_at(1), None);
        assert_eq!(fat.cluster_at(fat.clusters + 2), None);
        assert_eq!(fat.entry_at(5), 32 * 512 + 20);
        assert_eq!(fat.next(5, [7, 0, 0, 0xf0]), 7);
        let small = area(false, 8, 8, 256, 20_000);
        let fat = Fat::read(&small, 512 << 20).expect("sound");
        assert_eq!(fat.bits(), 12);
        assert_eq!(fat.entry_at(3), 8 * 512 + 4);
        let entry = [0x21, 0x43, 0x65, 0];
        assert_eq!((fat.next(2, entry), fat.next(3, entry)), (0x321, 0x432));
        assert_eq!(fat.cluster_at(2), Some((8 + 512 + 32) * 512));
    }

    #[test]
    fn what_does_not_lie_at_multiples_is_left_alone() {
        let cases = [
            area(true, 1, 32, 1024, 120_000),
            area(true, 8, 30, 1024, 1 << 20),
            area(true, 8, 32, 1023, 1 << 20),
            area(false, 8, 1, 256, 500 << 10),
        ];
        for old in cases {
            let fat = Fat::read(&old, 1 << 30).expect("sound");
            assert_eq!(fat.widened(&old, 4096, 0), None);
        }
    }

    #[test]
    fn contradictions_are_no_file_system() {
        let sound = area(true, 8, 32, 1024, 1 << 20);
        let changes: [(usize, u8); 9] = [
            (11, 1),  // sectors of 513 bytes
            (13, 3),  // clusters of three sectors
            (14, 0),  // nothing reserved
            (16, 0),  // no table
            (37, 0),  // no sectors in the table
            (44, 1),  // root directory before the first cluster
            (49, 1),  // FSInfo behind the reserved area
            (35, 1),  // larger than its partition
            (510, 0), // no mark
        ];
        for (at, value) in changes {
            let mut boot = sound.clone();
            boot[at] = value;
            assert_eq!(Fat::read(&boot, 512 << 20), None, "byte {at}");
        }
        for length in 0..512 {
            assert_eq!(Fat::read(&sound[..length], 512 << 20), None);
        }
    }

    #[test]
    fn any_flipped_bits_are_survived() {
        let sound = area(true, 8, 32, 1024, 1 << 20);
        for bit in 0..512 * 8 {
            for other in [88, 104, 112, 128, 180, 300] {
                let mut boot = sound.clone();
                boot[bit / 8] ^= 1 << (bit % 8);
                boot[other / 8] ^= 1 << (other % 8);
                if let Some(fat) = Fat::read(&boot, 1 << 40) {
                    let _ = fat.widened(&boot, 4096, u64::MAX);
                }
            }
        }
    }
}
