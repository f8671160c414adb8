// SPDX-License-Identifier: Apache-2.0
//! The EFI system partition of a disk, read without mounting it: the image on
//! the disk may be damaged or hostile, and the kernel keeps out of it.

use std::fs::File;
use std::io::{self, Read as _};

use fatfs::{DirEntry, FileSystem, FsOptions};
use ironseed_core::block::BlockDevice;
use ironseed_core::boot::{EspContents, EspFile, EspPartition, find_esp, is_boot_csv};
use ironseed_core::fault::Fault;
use ironseed_core::partition::HEAD;

use super::slice::Slice;

/// Directories below directories. Boot loaders lie two or three deep.
const DEEPEST: usize = 12;
/// Files and directories in all.
const MOST: usize = 20_000;
/// Real CSV files have some hundred bytes.
const LARGEST_CSV: u64 = 64 << 10;

/// Reads what is on the EFI system partition of a disk; `None` if the disk has
/// no such partition. `esp_uuid` is the GUID of the partition to take if none
/// has the right type.
///
/// # Errors
/// [`Fault::DeviceIo`] if the disk cannot be read, [`Fault::PartitionTable`]
/// if its table is damaged, [`Fault::NoBootLoader`] if there is no FAT file
/// system in the partition.
pub fn read_esp(disk: &BlockDevice, esp_uuid: Option<&str>) -> Result<Option<EspContents>, Fault> {
    let unreadable = |error: io::Error| Fault::DeviceIo {
        operation: "reading".to_owned(),
        device: disk.name.clone(),
        problem: error.to_string(),
    };
    let file = File::open(&disk.name).map_err(unreadable)?;
    let head = read_head(&file).map_err(unreadable)?;
    let sector = disk.logical_sectors.max(512);
    let found = find_esp(&head, sector, disk.size, esp_uuid);
    let found = found.map_err(|error| Fault::PartitionTable {
        device: disk.name.clone(),
        problem: error.to_string(),
    })?;
    let Some(partition) = found else {
        return Ok(None);
    };
    let files = read_files(file, &partition, sector).map_err(|error| Fault::NoBootLoader {
        device: disk.name.clone(),
        problem: format!(
            "its EFI system partition (number {}) has no FAT file system that can be read: {error}",
            partition.number
        ),
    })?;
    Ok(Some(EspContents { partition, files }))
}

fn read_head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn read_files(file: File, partition: &EspPartition, sector: u32) -> io::Result<Vec<EspFile>> {
    let sector = u64::from(sector);
    let range = (
        partition.start_lba.checked_mul(sector),
        partition.size_lba.checked_mul(sector),
    );
    let (Some(offset), Some(length)) = range else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let file_system = FileSystem::new(Slice::new(file, offset, length), FsOptions::new())?;
    walk(&file_system)
}

fn walk(file_system: &FileSystem<Slice>) -> io::Result<Vec<EspFile>> {
    let mut files = Vec::new();
    let mut seen = 0;
    let mut waiting = vec![(file_system.root_dir(), String::new(), 0)];
    while let Some((directory, prefix, depth)) = waiting.pop() {
        for entry in directory.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if !is_plain(&name) {
                continue;
            }
            seen += 1;
            if seen > MOST {
                return Err(io::Error::other(format!("it has more than {MOST} files")));
            }
            let path = format!("{prefix}{name}");
            if !entry.is_dir() {
                files.push(esp_file(&entry, path)?);
            } else if depth < DEEPEST {
                waiting.push((entry.to_dir(), format!("{path}/"), depth + 1));
            }
        }
    }
    Ok(files)
}

/// Whether a name is a real one. Slashes and control characters cannot be in
/// one, and would make it something else in a boot entry.
fn is_plain(name: &str) -> bool {
    let odd = |character: char| character.is_control() || matches!(character, '/' | '\\');
    !(name.is_empty() || name == "." || name == ".." || name.contains(odd))
}

fn esp_file(entry: &DirEntry<'_, Slice>, path: String) -> io::Result<EspFile> {
    let csv = if is_boot_csv(&path) {
        let mut content = Vec::new();
        entry
            .to_file()
            .take(LARGEST_CSV)
            .read_to_end(&mut content)?;
        Some(content)
    } else {
        None
    };
    Ok(EspFile {
        path,
        size: entry.len(),
        csv,
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_disk::{ESP_AT, TestDisk};
    use super::*;

    const CSV: &[u8] = b"s\0h\0i\0m\0.\0e\0f\0i\0,\0d\0e\0b\0,\0";

    fn debian(sector: u32) -> TestDisk {
        TestDisk::with_esp(
            sector,
            &[
                ("EFI/debian/BOOTX64.CSV", CSV),
                ("EFI/debian/shim.efi", b"MZ"),
                ("EFI/A Long Directory Name/grubx64.efi", b"MZ grub"),
                ("größe.txt", b""),
            ],
        )
    }

    #[test]
    fn files_are_found_with_their_sizes_and_csv_content() {
        for sector in [512, 4096] {
            let disk = debian(sector);
            let contents = read_esp(&disk.device(), None)
                .expect("read")
                .expect("an ESP");
            assert_eq!(contents.partition, disk.partition());
            let mut found: Vec<(String, u64, bool)> = contents
                .files
                .iter()
                .map(|file| (file.path.clone(), file.size, file.csv.is_some()))
                .collect();
            found.sort();
            let file = |path: &str, size, csv| (String::from(path), size, csv);
            let expected = [
                file("EFI/A Long Directory Name/grubx64.efi", 7, false),
                file("EFI/debian/BOOTX64.CSV", CSV.len() as u64, true),
                file("EFI/debian/shim.efi", 2, false),
                file("größe.txt", 0, false),
            ];
            assert_eq!(found, expected, "sector {sector}");
            let loaders = contents.loaders().chosen;
            assert_eq!(loaders[0].label, "deb");
            assert_eq!(loaders[0].path, r"\EFI\debian\shim.efi");
        }
    }

    #[test]
    fn nothing_on_the_disk_is_changed() {
        let disk = debian(512);
        let before = disk.bytes();
        read_esp(&disk.device(), None).expect("read");
        assert!(disk.bytes() == before);
    }

    #[test]
    fn a_disk_without_a_table_has_no_esp() {
        let disk = TestDisk::empty();
        assert_eq!(read_esp(&disk.device(), None), Ok(None));
    }

    #[test]
    fn faults_name_the_disk() {
        let mut gone = TestDisk::empty().device();
        gone.name.push_str("-gone");
        let fault = read_esp(&gone, None).expect_err("it is not there");
        assert!(matches!(fault, Fault::DeviceIo { .. }), "{fault}");
        let disk = debian(512);
        disk.write(ESP_AT, &[0; 512]);
        let fault = read_esp(&disk.device(), None).expect_err("no FAT");
        assert!(
            matches!(&fault, Fault::NoBootLoader { device, .. } if *device == disk.device().name)
        );
        let disk = debian(512);
        disk.write(600, &[1]);
        let fault = read_esp(&disk.device(), None).expect_err("no checksum");
        assert!(matches!(fault, Fault::PartitionTable { .. }), "{fault}");
    }

    #[test]
    fn directories_that_go_round_in_circles_come_to_an_end() {
        let disk = debian(512);
        let bytes = disk.bytes();
        // Every directory entry of a directory now leads to the first cluster,
        // where `EFI` itself begins.
        let entry = b"EFI        ";
        let at = bytes
            .windows(11)
            .position(|window| window == entry)
            .expect("EFI");
        let first = [bytes[at + 26], bytes[at + 27]];
        for name in [&b"DEBIAN     "[..], &b"ALONGD~1   "[..]] {
            let at = bytes
                .windows(11)
                .position(|window| window == name)
                .expect("a directory");
            disk.write(at as u64 + 26, &first);
        }
        // Two ways to descend at each of twelve levels: more than is allowed,
        // or at least an end.
        match read_esp(&disk.device(), None) {
            Ok(found) => assert!(found.is_some_and(|esp| esp.files.len() <= MOST)),
            Err(fault) => assert!(matches!(fault, Fault::NoBootLoader { .. }), "{fault}"),
        }
    }

    #[test]
    fn damaged_file_systems_never_break_the_reader() {
        let disk = debian(512);
        let sound = disk.bytes();
        let mut seed = 23_u64;
        let mut random = |limit: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed % limit as u64).expect("it is below a usize")
        };
        // Where the tables, the root directory and the first directories lie;
        // the boot sector is spared, so that the damage is looked at.
        let area = disk.metadata();
        for _ in 0..120 {
            for _ in 0..=random(20) {
                let at = area.start + random(area.len());
                let byte = u8::try_from(random(256)).expect("a byte");
                disk.write(at as u64, &[byte]);
            }
            if let Ok(Some(contents)) = read_esp(&disk.device(), None) {
                assert!(contents.files.len() <= MOST);
                assert!(contents.files.iter().all(|file| !file.path.contains('\\')));
            }
            disk.write(area.start as u64, &sound[area.clone()]);
        }
    }
}
