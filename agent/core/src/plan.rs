// SPDX-License-Identifier: Apache-2.0
//! What shall happen to the machine, as a value.
//!
//! A step's plan function makes a [`Plan`]; `guard::check` turns it into a
//! `Checked<Plan>`; only that can be executed. An [`Op`] names the device it
//! touches and says whether it destroys data, so that a plan can be shown,
//! checked and tested without a disk.

mod partition;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use partition::{Claim, FileSystem, PartitionWork, WrittenPartitions};

use crate::block::DeviceIdentity;
use crate::boot::BootEntries;
use crate::image::transfer::TransferProfile;
use crate::image_request::{ConfigDrive, DownloadPolicy, ImageRequest};

/// One operation on the machine. Closed: a new effect is a new variant here.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "op")]
pub enum Op {
    /// Removes every signature and partition table of a device (contract §21.2).
    WipeMetadata {
        /// The disk or partition.
        device: DeviceIdentity,
    },
    /// Erases an NVMe namespace by Format NVM.
    NvmeFormat {
        /// The namespace's disk.
        device: DeviceIdentity,
        /// How the controller shall erase.
        erase: NvmeErase,
        /// What to do instead if the controller fails the command; `None`: fail.
        or_overwrite: Option<Overwrite>,
    },
    /// Writes over every byte of a device.
    Overwrite {
        /// The disk.
        device: DeviceIdentity,
        /// With what, and how often.
        how: Overwrite,
    },
    /// Streams an image onto a disk, its first MiB last.
    WriteImage {
        /// The disk.
        device: DeviceIdentity,
        /// What to fetch and how to verify it.
        image: Box<ImageRequest>,
    },
    /// Moves the backup GPT to the end of the disk, if there is a GPT.
    RepairGptBackup {
        /// The disk.
        device: DeviceIdentity,
    },
    /// Makes the kernel read the partition table again; fails if there is no
    /// partition in it.
    RereadPartitions {
        /// The disk.
        device: DeviceIdentity,
    },
    /// Puts the config drive into its partition (contract §15).
    WriteConfigDrive {
        /// The disk.
        device: DeviceIdentity,
        /// The config drive's content.
        drive: ConfigDrive,
        /// How long and how often to try, if it must be fetched.
        download: DownloadPolicy,
        /// Whether it becomes a FAT file system wherever it can.
        rebuild: bool,
    },
    /// Does something with the partitions of a partition image.
    Partition {
        /// The disk.
        device: DeviceIdentity,
        /// What is done.
        #[serde(flatten)]
        work: PartitionWork,
    },
    /// Makes the firmware boot the deployed disk first, and reads back what it
    /// made of it.
    SetBootEntries {
        /// What is written, what goes, and what may go.
        entries: Box<BootEntries>,
    },
    /// Flushes every file system and disk cache.
    Sync,
}

/// How Format NVM erases user data (Secure Erase Settings, NVMe base specification).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NvmeErase {
    /// SES 1: user data erase.
    UserData,
    /// SES 2: the encryption key is thrown away.
    Cryptographic,
}

/// How a device is written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overwrite {
    /// Passes of random data.
    pub random_passes: u32,
    /// Whether a last pass writes zeroes.
    pub zeroize: bool,
}

impl Op {
    /// The device the operation touches, if it touches one.
    #[must_use]
    pub fn device(&self) -> Option<&DeviceIdentity> {
        match self {
            Op::WipeMetadata { device }
            | Op::NvmeFormat { device, .. }
            | Op::Overwrite { device, .. }
            | Op::WriteImage { device, .. }
            | Op::RepairGptBackup { device }
            | Op::RereadPartitions { device }
            | Op::WriteConfigDrive { device, .. }
            | Op::Partition { device, .. } => Some(device),
            Op::SetBootEntries { .. } | Op::Sync => None,
        }
    }

    /// Whether data on the device is lost.
    #[must_use]
    pub fn destroys(&self) -> bool {
        match self {
            Op::Partition { work, .. } => work.destroys(),
            Op::WipeMetadata { .. }
            | Op::NvmeFormat { .. }
            | Op::Overwrite { .. }
            | Op::WriteImage { .. } => true,
            _ => false,
        }
    }
}

/// Operations in order, and why these devices and no others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The operations. Those on one device run in this order.
    pub ops: Vec<Op>,
    /// How many devices are worked on at the same time; 1 keeps the whole order.
    pub concurrency: usize,
    /// What a failure on one device means for the others.
    pub on_failure: OnFailure,
    /// Every device that was looked at, with the reason for taking it or not.
    pub choices: Vec<Choice>,
}

impl Plan {
    /// A plan whose operations run one after the other and stop at the first failure.
    #[must_use]
    pub fn in_order(ops: Vec<Op>) -> Self {
        Self {
            ops,
            concurrency: 1,
            on_failure: OnFailure::Stop,
            choices: Vec::new(),
        }
    }

    /// Whether any operation loses data.
    ///
    /// Before such a plan runs, the memory of a written image must be forgotten
    /// (contract §31): the plan may fail half-way and the image be gone.
    #[must_use]
    pub fn destroys(&self) -> bool {
        self.ops.iter().any(Op::destroys)
    }
}

/// What carrying out a plan brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The image that was written, if the plan wrote one.
    pub written: Option<WrittenImage>,
    /// How the image of a partition image came into its partition.
    pub transferred: Option<Box<TransferProfile>>,
    /// Why the plan could not copy a boot loader from a partition image, if it
    /// tried in vain.
    pub no_boot_loader: Option<String>,
}

/// An image that stands on a disk, complete and verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenImage {
    /// Ironic's id of the image.
    pub image_id: String,
    /// The disk.
    pub device: DeviceIdentity,
    /// The four bytes at offset 440 of the disk, little-endian (contract §14.7).
    pub disk_identifier: u32,
    /// How it came there, where that is known.
    #[serde(default)]
    pub profile: Option<Box<TransferProfile>>,
    /// Its partitions, if it is a partition image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<WrittenPartitions>,
}

impl WrittenImage {
    /// What `standby.get_partition_uuids` calls the root UUID: `0x1a2b3c4d` for
    /// a whole-disk image, the file system's UUID for a partition image.
    #[must_use]
    pub fn root_uuid(&self) -> String {
        match &self.partitions {
            Some(partitions) => partitions.root_uuid.clone(),
            None => format!("0x{:08x}", self.disk_identifier),
        }
    }

    /// The answer of `standby.get_partition_uuids` (contract §14.7).
    #[must_use]
    pub fn partition_uuids(&self) -> Value {
        match &self.partitions {
            Some(partitions) => json!({
                "partitions": partitions.devices,
                "root uuid": partitions.root_uuid,
                "efi system partition uuid": partitions.efi_system_uuid,
            }),
            None => json!({"root uuid": self.root_uuid()}),
        }
    }
}

/// What a failed operation means for the rest of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Nothing more is started.
    Stop,
    /// The other devices are still worked on; all failures are reported together.
    FinishOthers,
}

/// One device that a plan considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Device node, `/dev/sda`.
    pub device: String,
    /// Whether the plan touches it.
    pub chosen: bool,
    /// Why, as half a sentence: `smallest disk of at least 4 GiB`, `virtual media`.
    pub reason: String,
}
