// SPDX-License-Identifier: Apache-2.0
//! Work inside partitions that the kernel does not know yet: how a partition
//! image gets onto a disk (contract §14.6).
//!
//! Everything is written at its place on the whole disk first, and the
//! partition table last. So an interrupted deployment leaves a disk without a
//! table, and nobody has to wait for device nodes of partitions.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::image_request::{ConfigDrive, DownloadPolicy, ImageRequest};
use crate::partition::layout::{Layout, Place};

/// One piece of work on a disk's partitions.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "work")]
pub enum PartitionWork {
    /// Makes sure that the table on the disk has exactly these partitions.
    CheckTable {
        /// What must be there.
        layout: Layout,
    },
    /// Streams an image into a partition, its first MiB last.
    WriteImage {
        /// The partition.
        place: Place,
        /// What to fetch and how to verify it.
        image: Box<ImageRequest>,
        /// What is made unusable right before the first byte is written, when
        /// all that can be known of the image is known.
        claim: Claim,
    },
    /// Makes an empty file system or swap area.
    MakeFileSystem {
        /// The partition.
        place: Place,
        /// Which one.
        kind: FileSystem,
        /// Its label.
        label: String,
    },
    /// Removes every signature from a partition.
    Wipe {
        /// The partition.
        place: Place,
    },
    /// Puts the config drive into its partition.
    WriteConfigDrive {
        /// The partition.
        place: Place,
        /// The config drive's content.
        drive: ConfigDrive,
        /// How long and how often to try, if it must be fetched.
        download: DownloadPolicy,
    },
    /// Copies the boot loader from the root file system (`/boot/efi/EFI`) into
    /// the new EFI system partition. An image without one is told, and is no
    /// failure here: `install_bootloader` decides what it means.
    CopyBootLoader {
        /// The root partition.
        root: Place,
        /// The EFI system partition.
        esp: Place,
    },
    /// Writes the partition table.
    WriteTable {
        /// The partitions.
        layout: Layout,
    },
    /// Reads what the partitions are called now; the image stands from here on.
    Identify {
        /// Ironic's id of the image.
        image_id: String,
        /// The partitions.
        layout: Layout,
    },
}

/// What must not survive the beginning of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// Everything that makes the disk bootable or recognised.
    Disk,
    /// The same of some partitions; the table stays.
    Partitions(Vec<Place>),
}

/// File systems that are made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileSystem {
    /// FAT.
    Vfat,
    /// ext4 with a journal.
    Ext4,
    /// A swap area.
    Swap,
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileSystem::Vfat => "vfat",
            FileSystem::Ext4 => "ext4",
            FileSystem::Swap => "swap",
        })
    }
}

impl PartitionWork {
    /// Whether data on the disk is lost.
    #[must_use]
    pub fn destroys(&self) -> bool {
        !matches!(
            self,
            PartitionWork::CheckTable { .. } | PartitionWork::Identify { .. }
        )
    }
}

/// A gerund and its subject, for the log.
impl fmt::Display for PartitionWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartitionWork::CheckTable { .. } => f.write_str("checking the partition table"),
            PartitionWork::WriteImage { place, image, .. } => {
                write!(f, "writing image {} into {place}", image.id)
            }
            PartitionWork::MakeFileSystem { place, kind, .. } => {
                write!(f, "making {kind} in {place}")
            }
            PartitionWork::Wipe { place } => write!(f, "wiping {place}"),
            PartitionWork::WriteConfigDrive { place, .. } => {
                write!(f, "writing the config drive into {place}")
            }
            PartitionWork::CopyBootLoader { esp, .. } => {
                write!(f, "copying the boot loader into {esp}")
            }
            PartitionWork::WriteTable { .. } => f.write_str("writing the partition table"),
            PartitionWork::Identify { .. } => f.write_str("identifying the partitions"),
        }
    }
}

/// What the partitions of a written partition image are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenPartitions {
    /// UUID of the root file system, else of its partition.
    pub root_uuid: String,
    /// UUID of the EFI system partition's file system, if there is one.
    pub efi_system_uuid: Option<String>,
    /// Device node of each partition by its key (contract §14.7).
    pub devices: BTreeMap<String, String>,
    /// Why no boot loader could be copied from the image, if none could.
    pub no_boot_loader: Option<String>,
}
