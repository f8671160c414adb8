// SPDX-License-Identifier: Apache-2.0
//! Copies the boot loader of a partition image from its root file system into
//! the new EFI system partition (contract §17).
//!
//! The root file system is a tenant's. It is read by a library in this process
//! that has no unsafe code, never mounted: the kernel keeps out of it.

use std::error::Error;
use std::io::{self, Read, Write as _};

use super::fat_tree::{self, Directory, Maker};
use crate::block::{Window, read_range};
use ext4_view::{Ext4, Ext4Error, Ext4Read};

/// Where an image keeps what belongs onto an EFI system partition.
const ASSETS: &str = "/boot/efi/EFI";
/// What it is called there.
const TARGET: &str = "EFI";
/// Directories below directories. Boot loaders lie one or two deep.
const DEEPEST: usize = 12;
/// Files and directories in all.
const MOST: usize = 5_000;

/// Why there is no boot loader on the EFI system partition.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// Not ext2, ext3 or ext4, or damaged.
    #[error("the root file system of the image cannot be read, which needs a sound ext4: {0}")]
    Unreadable(Ext4Error),
    /// An ext4 without boot loader.
    #[error("the root file system of the image has no directory {ASSETS}")]
    Missing,
    /// Reading or writing stopped in between.
    #[error("copying {path} from the root file system of the image: {problem}")]
    Stopped {
        /// The file.
        path: String,
        /// What went wrong.
        problem: String,
    },
    /// The EFI system partition takes no files.
    #[error("filling the EFI system partition: {0}")]
    Target(#[from] io::Error),
    /// More than any boot loader has.
    #[error("{ASSETS} of the image has more than {MOST} files or is too deep")]
    TooMuch,
}

/// The root partition, read only.
struct Root(Window);

impl Ext4Read for Root {
    fn read(
        &mut self,
        start_byte: u64,
        dst: &mut [u8],
    ) -> Result<(), Box<dyn Error + Send + Sync + 'static>> {
        dst.copy_from_slice(&read_range(&self.0, start_byte, dst.len())?);
        Ok(())
    }
}

/// Copies everything and returns how many files there were.
pub(super) fn copy(root: Window, esp: &Window) -> Result<usize, CopyError> {
    let image = Ext4::load(Box::new(Root(root))).map_err(CopyError::Unreadable)?;
    match image.metadata(ASSETS) {
        Ok(found) if found.is_dir() => {}
        Ok(_) | Err(Ext4Error::NotFound | Ext4Error::NotADirectory) => {
            return Err(CopyError::Missing);
        }
        Err(error) => return Err(CopyError::Unreadable(error)),
    }
    fat_tree::fill(esp, |top, maker| {
        let target = maker.directory(top, TARGET, true)?;
        let mut copy = Copy {
            image,
            maker,
            seen: 0,
            files: 0,
        };
        copy.directory(ASSETS, &target, 0)?;
        Ok(copy.files)
    })
}

struct Copy<'a> {
    image: Ext4,
    maker: &'a Maker,
    /// Files and directories so far.
    seen: usize,
    files: usize,
}

impl Copy<'_> {
    fn directory(
        &mut self,
        path: &str,
        target: &Directory<'_, '_>,
        depth: usize,
    ) -> Result<(), CopyError> {
        let stopped = |problem: String| CopyError::Stopped {
            path: path.to_owned(),
            problem,
        };
        if depth > DEEPEST {
            return Err(CopyError::TooMuch);
        }
        let entries = self.image.read_dir(path);
        for entry in entries.map_err(|error| stopped(error.to_string()))? {
            let entry = entry.map_err(|error| stopped(error.to_string()))?;
            let name = entry.file_name();
            let Ok(name) = name.as_str() else {
                return Err(stopped("it has a file whose name is not UTF-8".into()));
            };
            if name == "." || name == ".." {
                continue;
            }
            self.seen += 1;
            if self.seen > MOST {
                return Err(CopyError::TooMuch);
            }
            let below = format!("{path}/{name}");
            let kind = entry
                .file_type()
                .map_err(|error| stopped(error.to_string()))?;
            if kind.is_dir() {
                let made = self
                    .maker
                    .directory(target, name, false)
                    .map_err(|error| stopped(error.to_string()))?;
                self.directory(&below, &made, depth + 1)?;
            } else if kind.is_regular_file() {
                self.file(&below, name, target)?;
            }
            // A symbolic link or a device cannot lie on FAT, so none of them
            // came from an EFI system partition.
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: &str,
        name: &str,
        target: &Directory<'_, '_>,
    ) -> Result<(), CopyError> {
        let stopped = |problem: String| CopyError::Stopped {
            path: path.to_owned(),
            problem,
        };
        let mut source = self
            .image
            .open(path)
            .map_err(|error| stopped(error.to_string()))?;
        let copied = target.create_file(name).and_then(|mut file| {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let count = source.read(&mut buffer)?;
                if count == 0 {
                    return file.flush();
                }
                file.write_all(&buffer[..count])?;
            }
        });
        copied.map_err(|error| stopped(error.to_string()))?;
        self.files += 1;
        Ok(())
    }
}
