// SPDX-License-Identifier: Apache-2.0
//! Which boot loaders an EFI system partition offers (contract §17).

use super::architecture::Architecture;
use super::boot_csv::BootCsv;
use super::device_path::HardDrive;

/// Files in which an operating system describes its boot entry, lower case.
const CSV_NAMES: &[&str] = &["bootx64.csv", "bootaa64.csv", "boot.csv"];

/// Boot loaders known by name, lower case. Architectures other than the
/// machine's are taken as well: that is what Ironic's users are used to, and
/// firmware skips what it cannot start.
const LOADER_NAMES: &[&str] = &[
    "bootia32.efi",
    "bootx64.efi",
    "bootia64.efi",
    "bootarm.efi",
    "bootaa64.efi",
    "bootriscv32.efi",
    "bootriscv64.efi",
    "bootriscv128.efi",
    "grubaa64.efi",
    "winload.efi",
];

/// What is on an EFI system partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EspContents {
    /// Where it lies.
    pub partition: EspPartition,
    /// Its files, in any order.
    pub files: Vec<EspFile>,
}

/// Where an EFI system partition lies on its disk.
pub type EspPartition = HardDrive;

/// A file of an EFI system partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EspFile {
    /// Path with slashes, as stored: `EFI/debian/shimx64.efi`.
    pub path: String,
    /// Size in bytes. FAT has no permissions: what is not empty counts as
    /// executable.
    pub size: u64,
    /// The content, for files that [`is_boot_csv`] names.
    pub csv: Option<Vec<u8>>,
}

/// A boot entry that shall exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loader {
    /// Label of the entry.
    pub label: String,
    /// Path with backslashes from the partition's root: `\EFI\debian\shimx64.efi`.
    pub path: String,
    /// What made it be chosen, for people.
    pub found: String,
}

/// The boot loaders to use, and why others are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaders {
    /// The entries to make, the first to be booted first.
    pub chosen: Vec<Loader>,
    /// Path and reason of what looked like a boot loader and was not taken.
    pub refused: Vec<(String, String)>,
}

/// Whether the content of a file of this path is needed.
#[must_use]
pub fn is_boot_csv(path: &str) -> bool {
    CSV_NAMES.contains(&file_name(path).as_str())
}

/// Whether a file of this path counts as a boot loader where there is no CSV.
#[must_use]
pub fn is_loader(path: &str) -> bool {
    LOADER_NAMES.contains(&file_name(path).as_str())
}

fn file_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.to_ascii_lowercase()
}

impl EspContents {
    /// The boot loaders in the order in which they shall be tried.
    ///
    /// The first usable CSV is used alone; without one, every file with the
    /// name of a boot loader. Files come before subdirectories, and names in
    /// alphabetical order without regard to case, so that the same image gives
    /// the same entries on every machine.
    #[must_use]
    pub fn loaders(&self) -> Loaders {
        let files = self.walk();
        let mut refused = Vec::new();
        for file in files.iter().filter(|file| is_boot_csv(&file.path)) {
            match self.described_by(file) {
                Ok(loader) => {
                    let chosen = vec![loader];
                    return Loaders { chosen, refused };
                }
                Err(reason) => refused.push((file.path.clone(), reason)),
            }
        }
        let mut chosen = Vec::new();
        for file in files.iter().filter(|file| is_loader(&file.path)) {
            if file.size == 0 {
                refused.push((file.path.clone(), "the file is empty".to_owned()));
                continue;
            }
            let (path, found) = match self.shim_beside(&file.path) {
                Some(shim) => (&shim.path, format!("{} is started by it", file.path)),
                None => (&file.path, "it has the name of a boot loader".to_owned()),
            };
            let path = backslashed(path);
            if chosen.iter().any(|loader: &Loader| loader.path == path) {
                continue;
            }
            chosen.push(Loader {
                label: default_label(chosen.len() + 1),
                path,
                found,
            });
        }
        Loaders { chosen, refused }
    }

    /// The program that this firmware starts without a boot entry, as a path
    /// with backslashes, if the partition has it.
    #[must_use]
    pub fn fallback(&self, architecture: Architecture) -> Option<String> {
        let path = architecture.fallback_path()?;
        self.file(path).map(|file| backslashed(&file.path))
    }

    /// Whether a path with backslashes leads to a file.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.file(path.replace('\\', "/").trim_start_matches('/'))
            .is_some()
    }

    /// The file of this path that is not empty. FAT knows no case.
    fn file(&self, path: &str) -> Option<&EspFile> {
        self.files
            .iter()
            .find(|file| file.size > 0 && file.path.eq_ignore_ascii_case(path))
    }

    /// The shim in the directory of a GRUB. With Secure Boot firmware starts
    /// shim only, and GRUB without its shim has nobody to ask which keys are
    /// good; without Secure Boot shim does no harm.
    fn shim_beside(&self, path: &str) -> Option<&EspFile> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let name = name.to_ascii_lowercase();
        let rest = name.strip_prefix("grub").filter(|r| r.ends_with(".efi"))?;
        [format!("shim{rest}"), "shim.efi".to_owned()]
            .iter()
            .find_map(|shim| self.file(&joined(directory, shim)))
    }

    fn walk(&self) -> Vec<&EspFile> {
        let mut files: Vec<&EspFile> = self.files.iter().collect();
        // The original spelling breaks ties, so that the order is total.
        files.sort_by_cached_key(|file| (walk_key(&file.path), file.path.clone()));
        files
    }

    /// The entry that a CSV describes.
    fn described_by(&self, csv: &EspFile) -> Result<Loader, String> {
        let content = csv.csv.as_deref().unwrap_or_default();
        let entry =
            BootCsv::decode(content).ok_or_else(|| "the file names no boot loader".to_owned())?;
        let directory = csv
            .path
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory);
        let path = joined(directory, &entry.file);
        let file = self
            .files
            .iter()
            .find(|file| file.path.eq_ignore_ascii_case(&path))
            .ok_or_else(|| format!("there is no file {path}, which it names"))?;
        if file.size == 0 {
            return Err(format!("the file {path}, which it names, is empty"));
        }
        let label = Some(entry.label).filter(|label| !label.is_empty());
        let (path, found) = match self.shim_beside(&path) {
            Some(shim) => (
                shim.path.clone(),
                format!("{} names {path}, which is started by it", csv.path),
            ),
            None => (path, format!("{} names it", csv.path)),
        };
        Ok(Loader {
            label: label.unwrap_or_else(|| default_label(1)),
            path: backslashed(&path),
            found,
        })
    }
}

/// `ironic1`, `ironic2`, …: the labels that Ironic's own agent gives.
fn default_label(number: usize) -> String {
    format!("ironic{number}")
}

/// Sorts the files of a directory before its subdirectories.
fn walk_key(path: &str) -> Vec<(bool, String)> {
    let mut parts: Vec<(bool, String)> = path
        .split('/')
        .map(|part| (true, part.to_ascii_lowercase()))
        .collect();
    if let Some(last) = parts.last_mut() {
        last.0 = false;
    }
    parts
}

/// A file name of a CSV in its directory; either kind of slash is accepted.
fn joined(directory: &str, file: &str) -> String {
    let file = file.replace('\\', "/");
    let file = file.trim_start_matches('/');
    if directory.is_empty() {
        file.to_owned()
    } else {
        format!("{directory}/{file}")
    }
}

fn backslashed(path: &str) -> String {
    format!("\\{}", path.replace('/', "\\"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A file of some size without content.
    pub(crate) fn file(path: &str) -> EspFile {
        EspFile {
            path: path.into(),
            size: 4096,
            csv: None,
        }
    }

    /// A CSV as distributions ship it.
    pub(crate) fn csv(path: &str, text: &str) -> EspFile {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        EspFile {
            path: path.into(),
            size: bytes.len() as u64,
            csv: Some(bytes),
        }
    }

    /// An EFI system partition with these files.
    pub(crate) fn esp(files: Vec<EspFile>) -> EspContents {
        EspContents {
            partition: HardDrive {
                number: 1,
                start_lba: 0x800,
                size_lba: 0x10_0000,
                guid: uuid::uuid!("b3a7d6a0-3cf7-4f9a-9e8a-6a7d9c0e4f21"),
            },
            files,
        }
    }

    fn found(files: Vec<EspFile>) -> (Vec<(String, String)>, Vec<String>) {
        let loaders = esp(files).loaders();
        let chosen = loaders
            .chosen
            .into_iter()
            .map(|loader| (loader.label, loader.path));
        let refused = loaders.refused.into_iter().map(|(path, _)| path);
        (chosen.collect(), refused.collect())
    }

    fn entry(label: &str, path: &str) -> (String, String) {
        (label.into(), path.into())
    }

    #[test]
    fn the_csv_of_a_distribution_is_used_alone() {
        let (chosen, refused) = found(vec![
            file("EFI/debian/shimx64.efi"),
            file("EFI/debian/grubx64.efi"),
            csv("EFI/debian/BOOTX64.CSV", "shimx64.efi,debian,,Boot debian"),
            file("EFI/BOOT/BOOTX64.EFI"),
            file("EFI/BOOT/fbx64.efi"),
        ]);
        assert_eq!(chosen, [entry("debian", r"\EFI\debian\shimx64.efi")]);
        assert!(refused.is_empty());
    }

    #[test]
    fn the_first_csv_in_walk_order_wins() {
        let (chosen, _) = found(vec![
            csv("EFI/redhat/BOOTX64.CSV", "shimx64.efi,Red Hat,"),
            file("EFI/redhat/shimx64.efi"),
            csv("EFI/Debian/boot.csv", "shimx64.efi,debian,"),
            file("EFI/Debian/shimx64.efi"),
        ]);
        assert_eq!(chosen, [entry("debian", r"\EFI\Debian\shimx64.efi")]);
        let (chosen, _) = found(vec![
            csv("EFI/a/BOOT.CSV", "a.efi,deep,"),
            file("EFI/a/a.efi"),
            csv("boot.csv", r"\EFI\a\a.efi,root,"),
        ]);
        assert_eq!(chosen, [entry("root", r"\EFI\a\a.efi")]);
    }

    #[test]
    fn a_csv_that_leads_nowhere_is_passed_over() {
        let empty = EspFile {
            size: 0,
            ..file("EFI/b/shimx64.efi")
        };
        let (chosen, refused) = found(vec![
            csv("EFI/a/BOOTX64.CSV", "shimx64.efi,a,"),
            csv("EFI/b/BOOTX64.CSV", "shimx64.efi,b,"),
            empty,
            csv("EFI/c/BOOTX64.CSV", ""),
            csv("EFI/d/BOOTAA64.CSV", "SHIMAA64.EFI,,"),
            file("EFI/d/shimaa64.efi"),
        ]);
        assert_eq!(chosen, [entry("ironic1", r"\EFI\d\SHIMAA64.EFI")]);
        let paths = [
            "EFI/a/BOOTX64.CSV",
            "EFI/b/BOOTX64.CSV",
            "EFI/c/BOOTX64.CSV",
        ];
        assert_eq!(refused, paths);
    }

    #[test]
    fn shim_stands_before_the_grub_it_starts() {
        let empty = EspFile {
            size: 0,
            ..file("EFI/c/shimx64.efi")
        };
        for (files, expected) in [
            (
                vec![
                    csv("EFI/a/BOOTX64.CSV", "grubx64.efi,a,"),
                    file("EFI/a/grubx64.efi"),
                    file("EFI/a/ShimX64.efi"),
                ],
                vec![entry("a", r"\EFI\a\ShimX64.efi")],
            ),
            (
                vec![
                    csv("EFI/b/boot.csv", "grub.efi,b,"),
                    file("EFI/b/grub.efi"),
                    file("EFI/b/shim.efi"),
                ],
                vec![entry("b", r"\EFI\b\shim.efi")],
            ),
            (
                // A shim of another architecture or without content is none.
                vec![
                    csv("EFI/c/BOOTX64.CSV", "grubx64.efi,c,"),
                    file("EFI/c/grubx64.efi"),
                    file("EFI/c/shimaa64.efi"),
                    empty,
                ],
                vec![entry("c", r"\EFI\c\grubx64.efi")],
            ),
            (
                // Without a CSV, and both of them known by their names.
                vec![
                    file("EFI/BOOT/BOOTAA64.EFI"),
                    file("EFI/d/grubaa64.efi"),
                    file("EFI/d/shimaa64.efi"),
                    file("EFI/e/grubaa64.efi"),
                ],
                vec![
                    entry("ironic1", r"\EFI\BOOT\BOOTAA64.EFI"),
                    entry("ironic2", r"\EFI\d\shimaa64.efi"),
                    entry("ironic3", r"\EFI\e\grubaa64.efi"),
                ],
            ),
        ] {
            assert_eq!(found(files), (expected, vec![]));
        }
    }

    #[test]
    fn the_path_without_an_entry_is_the_one_of_the_firmware() {
        let esp = esp(vec![
            file("efi/boot/bootx64.efi"),
            EspFile {
                size: 0,
                ..file("EFI/BOOT/BOOTIA32.EFI")
            },
        ]);
        assert_eq!(
            esp.fallback(Architecture::X64).as_deref(),
            Some(r"\efi\boot\bootx64.efi")
        );
        for other in [Architecture::Ia32, Architecture::Aa64, Architecture::Other] {
            assert_eq!(esp.fallback(other), None, "{other:?}");
        }
        assert!(esp.has(r"\EFI\BOOT\BOOTX64.EFI"));
        assert!(!esp.has(r"\EFI\BOOT\BOOTIA32.EFI") && !esp.has(""));
    }

    #[test]
    fn without_a_csv_every_known_boot_loader_is_used() {
        let empty = EspFile {
            size: 0,
            ..file("EFI/BOOT/BOOTIA32.EFI")
        };
        let (chosen, refused) = found(vec![
            file("EFI/ubuntu/shimx64.efi"),
            file("EFI/Microsoft/Boot/winload.efi"),
            file("EFI/BOOT/BootX64.efi"),
            file("EFI/BOOT/BOOTAA64.EFI"),
            file("EFI/BOOT/sub/bootx64.efi"),
            empty,
            file("readme.txt"),
        ]);
        let expected = [
            entry("ironic1", r"\EFI\BOOT\BOOTAA64.EFI"),
            entry("ironic2", r"\EFI\BOOT\BootX64.efi"),
            entry("ironic3", r"\EFI\BOOT\sub\bootx64.efi"),
            entry("ironic4", r"\EFI\Microsoft\Boot\winload.efi"),
        ];
        assert_eq!(chosen, expected);
        assert_eq!(refused, ["EFI/BOOT/BOOTIA32.EFI"]);
        assert_eq!(found(vec![file("readme.txt")]), (vec![], vec![]));
    }
}
