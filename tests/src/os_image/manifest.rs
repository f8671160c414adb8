// SPDX-License-Identifier: Apache-2.0
//! What a finished build is, kept beside its files: its presence says that the
//! build was finished.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk::DiskLayout;
use super::error::{OsImageError, io};
use super::formats::ImageFile;

const NAME: &str = "manifest.json";

/// The test system's disk in three formats. The raw file is also what Ironic
/// calls a `gpt` image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsImages {
    /// The disk byte by byte.
    pub raw: ImageFile,
    /// qcow2 version 3, clusters not compressed.
    pub qcow2: ImageFile,
    /// qcow2 version 3, clusters compressed with zlib.
    pub qcow2_compressed: ImageFile,
    /// Where the partitions are.
    pub layout: DiskLayout,
    /// Size of the disk in bytes.
    pub virtual_size: u64,
    /// What the system prints as its kernel after it was deployed.
    pub kernel_version: String,
    /// A file with `NAME VERSION` of each installed package.
    pub packages: PathBuf,
    /// What the tools said.
    pub log: PathBuf,
}

pub(super) fn store(dir: &Path, images: &OsImages) -> Result<(), OsImageError> {
    let (path, new) = (dir.join(NAME), dir.join("manifest.new"));
    let json = serde_json::to_vec_pretty(images)
        .map_err(std::io::Error::from)
        .map_err(io("describe", &path))?;
    fs::write(&new, json).map_err(io("write", &new))?;
    fs::rename(&new, &path).map_err(io("create", &path))
}

/// Nothing, if the build was not finished, its files were changed in size or
/// removed, or the cache was moved: then it is built again.
pub(super) fn load(dir: &Path) -> Option<OsImages> {
    let images: OsImages = serde_json::from_slice(&fs::read(dir.join(NAME)).ok()?).ok()?;
    let complete = [&images.raw, &images.qcow2, &images.qcow2_compressed]
        .iter()
        .all(|file| {
            file.path.parent() == Some(dir)
                && fs::metadata(&file.path).is_ok_and(|metadata| metadata.len() == file.size)
        });
    complete.then_some(images)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

    use super::super::disk::Partition;
    use super::*;

    fn images(dir: &Path) -> OsImages {
        let file = |name: &str| {
            let path = dir.join(name);
            fs::write(&path, name).unwrap();
            ImageFile {
                size: name.len() as u64,
                sha256: "00".repeat(32),
                path,
            }
        };
        let partition = |offset| Partition {
            offset,
            size: 1 << 20,
            guid: "1C0FFEE0-0000-4000-8000-000000000001".to_owned(),
        };
        OsImages {
            raw: file("disk.raw"),
            qcow2: file("disk.qcow2"),
            qcow2_compressed: file("disk-compressed.qcow2"),
            layout: super::super::DiskLayout {
                esp: partition(1 << 20),
                root: partition(2 << 20),
            },
            virtual_size: 4 << 20,
            kernel_version: "6.12.1".to_owned(),
            packages: dir.join("packages.txt"),
            log: dir.join("build.log"),
        }
    }

    #[test]
    fn what_was_stored_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let images = images(dir.path());
        assert_eq!(load(dir.path()), None);
        store(dir.path(), &images).unwrap();
        assert_eq!(load(dir.path()), Some(images));
    }

    #[test]
    fn a_damaged_cache_is_built_again() {
        type Damage = fn(&Path);
        let cases: &[(&str, Damage)] = &[
            ("manifest cut", |dir| {
                let path = dir.join(NAME);
                let text = fs::read(&path).unwrap();
                fs::write(&path, &text[..text.len() / 2]).unwrap();
            }),
            ("file removed", |dir| {
                fs::remove_file(dir.join("disk.qcow2")).unwrap()
            }),
            ("file cut", |dir| {
                fs::write(dir.join("disk.raw"), "d").unwrap()
            }),
        ];
        for (name, damage) in cases {
            let dir = tempfile::tempdir().unwrap();
            store(dir.path(), &images(dir.path())).unwrap();
            damage(dir.path());
            assert_eq!(load(dir.path()), None, "{name}");
        }
    }

    #[test]
    fn a_cache_that_was_moved_is_built_again() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        fs::create_dir(&old).unwrap();
        store(&old, &images(&old)).unwrap();
        fs::rename(&old, &new).unwrap();
        assert_eq!(load(&new), None);
    }
}
