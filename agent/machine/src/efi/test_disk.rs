// SPDX-License-Identifier: Apache-2.0
//! A sparse file with a GPT and an EFI system partition, for tests.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};
use ironseed_core::block::{BlockDevice, BlockKind};
use ironseed_core::boot::{ESP_TYPE, EspPartition};
use tempfile::NamedTempFile;

/// Bytes of the disk.
const SIZE: u64 = 64 << 20;
/// First byte of the EFI system partition.
pub(super) const ESP_AT: u64 = 2 << 20;
/// Bytes of the EFI system partition.
const ESP_SIZE: u64 = 40 << 20;
const ESP_GUID: &str = "b3a7d6a0-3cf7-4f9a-9e8a-6a7d9c0e4f21";

/// A disk in a file that goes away with it.
pub(super) struct TestDisk {
    file: NamedTempFile,
    sector: u32,
}

impl TestDisk {
    /// A disk of zeroes.
    pub(super) fn empty() -> Self {
        let file = NamedTempFile::new().expect("a file");
        file.as_file().set_len(SIZE).expect("resize");
        Self { file, sector: 512 }
    }

    /// A disk with an EFI system partition as number 2: FAT32 if the sectors
    /// have 4096 bytes, else FAT16.
    pub(super) fn with_esp(sector: u32, files: &[(&str, &[u8])]) -> Self {
        let disk = Self {
            sector,
            ..Self::empty()
        };
        disk.write_table();
        let mut options = FormatVolumeOptions::new();
        if sector == 4096 {
            options = options.fat_type(FatType::Fat32).bytes_per_cluster(512);
        }
        fatfs::format_volume(disk.window(), options).expect("format");
        let file_system = FileSystem::new(disk.window(), FsOptions::new()).expect("open");
        for (path, content) in files {
            let root = file_system.root_dir();
            for (at, _) in path.match_indices('/') {
                root.create_dir(&path[..at]).expect("make a directory");
            }
            let mut file = root.create_file(path).expect("make a file");
            file.write_all(content).expect("write");
        }
        drop(file_system);
        disk
    }

    fn write_table(&self) {
        let sector = u64::from(self.sector);
        let partition = self.partition();
        let guid = |text: &str| text.parse::<uuid::Uuid>().expect("a GUID").to_bytes_le();
        let mut entries = vec![0_u8; 128 * 128];
        entries[128..144].copy_from_slice(&guid(ESP_TYPE));
        entries[144..160].copy_from_slice(&guid(ESP_GUID));
        entries[160..168].copy_from_slice(&partition.start_lba.to_le_bytes());
        let last = partition.start_lba + partition.size_lba - 1;
        entries[168..176].copy_from_slice(&last.to_le_bytes());
        let mut header = [0_u8; 92];
        header[..8].copy_from_slice(b"EFI PART");
        header[12] = 92;
        header[24] = 1;
        header[40] = 40;
        header[48..56].copy_from_slice(&(SIZE / sector - 40).to_le_bytes());
        header[72] = 2;
        header[80] = 128;
        header[84] = 128;
        header[88..].copy_from_slice(&crc32fast::hash(&entries).to_le_bytes());
        let checksum = crc32fast::hash(&header);
        header[16..20].copy_from_slice(&checksum.to_le_bytes());
        let mut record = [0_u8; 512];
        record[446 + 4] = 0xee;
        record[446 + 8] = 1;
        record[446 + 12..446 + 16].fill(0xff);
        record[510..].copy_from_slice(&[0x55, 0xaa]);
        self.write(0, &record);
        self.write(sector, &header);
        self.write(2 * sector, &entries);
    }

    /// Where its EFI system partition is.
    pub(super) fn partition(&self) -> EspPartition {
        let sector = u64::from(self.sector);
        EspPartition {
            number: 2,
            start_lba: ESP_AT / sector,
            size_lba: ESP_SIZE / sector,
            guid: ESP_GUID.parse().expect("a GUID"),
        }
    }

    /// File allocation tables, root directory and the first clusters.
    pub(super) fn metadata(&self) -> Range<usize> {
        let mut boot = [0_u8; 512];
        self.file
            .as_file()
            .read_exact_at(&mut boot, ESP_AT)
            .expect("read");
        let number = |at: usize| usize::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
        let (sector, reserved, root_entries, fat) =
            (number(11), number(14), number(17), number(22));
        let cluster = usize::from(boot[13]) * sector;
        let start = (2 << 20) + reserved * sector;
        let data = start + usize::from(boot[16]) * fat * sector + root_entries * 32;
        start..data + 8 * cluster
    }

    /// The disk as discovery would describe it.
    pub(super) fn device(&self) -> BlockDevice {
        BlockDevice {
            name: self.file.path().to_str().expect("a path").to_owned(),
            kind: BlockKind::Disk,
            number: "8:0".into(),
            size: SIZE,
            logical_sectors: self.sector,
            physical_sectors: 4096,
            ..BlockDevice::default()
        }
    }

    /// Writes at a place of the disk.
    pub(super) fn write(&self, at: u64, bytes: &[u8]) {
        self.file.as_file().write_all_at(bytes, at).expect("write");
    }

    /// The whole disk.
    pub(super) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.file.path()).expect("read")
    }

    fn window(&self) -> Window {
        Window {
            file: self.file.reopen().expect("open"),
            position: 0,
        }
    }
}

/// The EFI system partition, writable.
struct Window {
    file: File,
    position: u64,
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, ESP_AT + self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Write for Window {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(
            self.position + bytes.len() as u64 <= ESP_SIZE,
            "beyond the partition"
        );
        let count = self.file.write_at(bytes, ESP_AT + self.position)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(step) => self.position.checked_add_signed(step),
            SeekFrom::End(step) => ESP_SIZE.checked_add_signed(step),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
