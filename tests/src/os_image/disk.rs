// SPDX-License-Identifier: Apache-2.0
//! The disk: a GPT with an EFI system partition and a root file system, both
//! filled in place, without loop devices or mounts.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::error::{OsImageError, io};
use super::step::Steps;
use super::tree::{EPOCH, Tree};

/// Of the root file system; GRUB and the kernel find it by this.
pub(super) const ROOT_UUID: &str = "1c0ffee0-0000-4000-8000-000000000002";

/// Of the disk and of its partitions. Fixed, so that equal inputs give equal
/// tables and scenarios can name them.
const DISK_GUID: &str = "1C0FFEE0-0000-4000-8000-000000000000";
const ESP_GUID: &str = "1C0FFEE0-0000-4000-8000-000000000001";
const ROOT_GUID: &str = "1C0FFEE0-0000-4000-8000-000000000003";

/// Partition types of the UEFI specification (5.3.3) and of the Discoverable
/// Partitions Specification's predecessor, "Linux filesystem data".
const ESP_TYPE: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const LINUX_TYPE: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

/// FAT32 begins at 65525 clusters of one sector: 32 MiB and the tables.
const ESP_MIB: u64 = 40;

const SECTOR: u64 = 512;

/// A partition as the table has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// First byte on the disk.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// The partition's own GUID (PARTUUID), upper case.
    pub guid: String,
}

/// The two partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskLayout {
    /// The EFI system partition, FAT32: the first.
    pub esp: Partition,
    /// The root, ext4 with the UUID `1c0ffee0-0000-4000-8000-000000000002`: the second.
    pub root: Partition,
}

/// Makes the disk and asks sfdisk where it put the partitions.
pub(super) fn partition(steps: &Steps, disk: &Path, size: u64) -> Result<DiskLayout, OsImageError> {
    let step = "partition the disk";
    let file = File::create(disk).map_err(io("create", disk))?;
    file.set_len(size).map_err(io("resize", disk))?;
    let script = disk.with_extension("sfdisk");
    fs::write(&script, table()).map_err(io("write", &script))?;
    // sfdisk reads its script from the standard input only.
    steps.run(
        step,
        Command::new("sh")
            .args(["-c", "exec sfdisk --quiet \"$1\" <\"$2\"", "sfdisk"])
            .arg(disk)
            .arg(&script),
    )?;
    let json = steps.output(step, Command::new("sfdisk").arg("--json").arg(disk))?;
    layout(&json).map_err(|problem| OsImageError::Output {
        step,
        tool: "sfdisk --json",
        problem,
    })
}

/// Fills the root partition with the tree.
pub(super) fn fill_root(
    steps: &Steps,
    disk: &Path,
    root: &Partition,
    tree: &Tree,
) -> Result<(), OsImageError> {
    steps.run(
        "fill the root file system",
        Command::new("mke2fs")
            .args(["-q", "-F", "-t", "ext4", "-L", "ironseed-lab", "-m", "0"])
            .args(["-U", ROOT_UUID])
            // GRUB 2.06 does not know these two.
            .args(["-O", "^metadata_csum_seed,^orphan_file"])
            .arg("-E")
            .arg(format!(
                "offset={},hash_seed={ROOT_UUID},lazy_itable_init=0,root_owner=0:0",
                root.offset
            ))
            .arg("-d")
            .arg(&tree.root)
            .arg(disk)
            .arg(format!("{}k", root.size / 1024))
            .env("E2FSPROGS_FAKE_TIME", EPOCH),
    )
}

/// sfdisk's script. It puts the first partition at 1 MiB and aligns the others.
fn table() -> String {
    format!(
        "label: gpt\n\
         label-id: {DISK_GUID}\n\
         start=1MiB, size={ESP_MIB}MiB, type={ESP_TYPE}, uuid={ESP_GUID}, name=\"ESP\"\n\
         type={LINUX_TYPE}, uuid={ROOT_GUID}, name=\"root\"\n"
    )
}

#[derive(Deserialize)]
struct Dump {
    partitiontable: Table,
}

#[derive(Deserialize)]
struct Table {
    sectorsize: u64,
    partitions: Vec<Row>,
}

/// In sectors.
#[derive(Deserialize)]
struct Row {
    start: u64,
    size: u64,
    uuid: String,
}

fn layout(json: &str) -> Result<DiskLayout, String> {
    let dump: Dump = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let table = dump.partitiontable;
    if table.sectorsize != SECTOR {
        return Err(format!("a sector size of {}", table.sectorsize));
    }
    let find = |guid: &str| {
        let row = table.partitions.iter().find(|row| row.uuid == guid);
        let row = row.ok_or_else(|| format!("no partition {guid}"))?;
        let bytes = |sectors: u64| sectors.checked_mul(SECTOR);
        let (offset, size) = bytes(row.start)
            .zip(bytes(row.size))
            .ok_or_else(|| format!("an impossible partition {guid}"))?;
        Ok::<_, String>(Partition {
            offset,
            size,
            guid: row.uuid.clone(),
        })
    };
    Ok(DiskLayout {
        esp: find(ESP_GUID)?,
        root: find(ROOT_GUID)?,
    })
}

#[cfg(test)]
mod tests;
