// SPDX-License-Identifier: Apache-2.0
//! The plan of a partition image: partitions, file systems, boot loader, and
//! the table at the end (contract §14.1, §14.6).

use serde_json::{Map, Value};

use super::StepContext;
use super::boot_mode::{self, BootMode};
use super::image_info::{text, wrong};
use crate::block::{BlockDevice, DeviceIdentity};
use crate::config_drive;
use crate::fault::Fault;
use crate::file_system::ext4;
use crate::image_request::{ConfigDrive, ImageRequest};
use crate::partition::layout::{self, Existing, Label, Layout, LayoutError, Place, Role};
use crate::plan::{Choice, Claim, FileSystem, Op, PartitionWork, Plan};

const MIB: u64 = 1 << 20;
/// FAT counts sectors in 32 bits.
const LARGEST_VFAT: u64 = u32::MAX as u64;
/// FAT12 does with less, but nobody wants that as scratch space.
const SMALLEST_VFAT: u64 = MIB;

/// Whether `image_info` describes a partition image.
pub(super) fn is_wanted(info: &Map<String, Value>) -> Result<bool, Fault> {
    match text(info, "image_type")? {
        Some("partition") => Ok(true),
        None | Some("whole-disk") => Ok(false),
        Some(_) => Err(wrong("image_type", "is neither partition nor whole-disk")),
    }
}

/// What the request says of partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Request {
    root_mib: u64,
    swap_mib: u64,
    ephemeral_mib: u64,
    /// What to make in the ephemeral partition.
    ephemeral: FileSystem,
    preserve_ephemeral: bool,
}

/// Every operation for this image on this disk.
pub(super) fn plan(
    context: &StepContext<'_>,
    info: &Map<String, Value>,
    image: ImageRequest,
    drive: Option<ConfigDrive>,
    disk: &BlockDevice,
) -> Result<Plan, Fault> {
    let request = request(info)?;
    let mode = boot_mode::of(context.node, context.uefi);
    check_boot_loader(context, mode, disk)?;
    let wanted = wanted(context, &request, mode, drive.as_ref(), disk)?;
    check_ephemeral(&request, &wanted, disk)?;
    let layout = if request.preserve_ephemeral {
        adopted(context, &wanted, disk)?
    } else {
        wanted
    };
    let mut plan = Plan::in_order(Vec::new());
    plan.choices = layout
        .places
        .iter()
        .map(|place| choice(*place, disk))
        .collect();
    let device = DeviceIdentity::from(disk);
    let work = work(context, &request, layout, image, drive);
    plan.ops = work
        .into_iter()
        .map(|work| Op::Partition {
            device: device.clone(),
            work,
        })
        .collect();
    // The names of partitions are read when the kernel knows the table.
    let last = plan.ops.len().saturating_sub(1);
    plan.ops.insert(last, Op::RereadPartitions { device });
    plan.ops.push(Op::Sync);
    Ok(plan)
}

fn choice(place: Place, disk: &BlockDevice) -> Choice {
    Choice {
        device: format!("{place} of {}", disk.name),
        chosen: true,
        reason: format!(
            "{} MiB from {} MiB on",
            place.length / MIB,
            place.offset / MIB
        ),
    }
}

fn request(info: &Map<String, Value>) -> Result<Request, Fault> {
    let root_mib = mebibytes(info, "root_mb")?;
    if root_mib == 0 {
        return Err(wrong("root_mb", "is missing or 0"));
    }
    let ephemeral_mib = mebibytes(info, "ephemeral_mb")?;
    let preserve_ephemeral = flag(info, "preserve_ephemeral")?;
    let is_made = ephemeral_mib > 0 && !preserve_ephemeral;
    let ephemeral = match text(info, "ephemeral_format")?.filter(|_| is_made) {
        None | Some("ext4") => FileSystem::Ext4,
        Some("vfat") => FileSystem::Vfat,
        Some(other) => {
            let problem = format!("{other} cannot be made by this agent; there are ext4 and vfat");
            return Err(wrong("ephemeral_format", problem));
        }
    };
    Ok(Request {
        root_mib,
        swap_mib: mebibytes(info, "swap_mb")?,
        ephemeral_mib,
        ephemeral,
        preserve_ephemeral,
    })
}

/// A whole number, also as text; absent and null are 0.
fn mebibytes(info: &Map<String, Value>, key: &str) -> Result<u64, Fault> {
    let number = match info.get(key) {
        None | Some(Value::Null) => Some(0),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    number.ok_or_else(|| wrong(key, "is not a whole number of MiB"))
}

/// A truth value, also as text; absent and null are false.
fn flag(info: &Map<String, Value>, key: &str) -> Result<bool, Fault> {
    let word = match info.get(key) {
        None | Some(Value::Null) => return Ok(false),
        Some(Value::Bool(value)) => return Ok(*value),
        Some(Value::String(text)) => text.to_ascii_lowercase(),
        Some(_) => String::new(),
    };
    match word.as_str() {
        "true" | "1" | "on" | "yes" => Ok(true),
        "false" | "0" | "off" | "no" => Ok(false),
        _ => Err(wrong(key, "is not a truth value")),
    }
}

/// A boot loader for BIOS would have to be installed by programs out of the
/// image, and boot entries can only be made on a system that UEFI started.
/// Ironic boots every deployed node from its disk, so this is known to fail
/// before anything is written.
fn check_boot_loader(
    context: &StepContext<'_>,
    mode: BootMode,
    disk: &BlockDevice,
) -> Result<(), Fault> {
    let problem = match (mode, context.uefi) {
        _ if context.settings.partition_image.ignore_boot_loader_failure => return Ok(()),
        (BootMode::Uefi, true) => return Ok(()),
        (BootMode::Uefi, false) => {
            "the node shall boot by UEFI, but this system was not started by UEFI, so no boot entry can be made"
        }
        (BootMode::Bios, _) => {
            "the node shall boot by BIOS, for which a partition image needs boot sectors, and this agent runs no program of an image to install them"
        }
    };
    Err(Fault::BootLoaderInstall {
        device: disk.name.clone(),
        problem: problem.into(),
    })
}

fn wanted(
    context: &StepContext<'_>,
    request: &Request,
    mode: BootMode,
    drive: Option<&ConfigDrive>,
    disk: &BlockDevice,
) -> Result<Layout, Fault> {
    let settings = &context.settings.partition_image;
    let label = match boot_mode::capability(context.node, "disk_label").as_deref() {
        _ if mode == BootMode::Uefi => Label::Gpt,
        Some("gpt") => Label::Gpt,
        _ => Label::Msdos,
    };
    let if_needed = |needed: bool, size: u32| if needed { u64::from(size) } else { 0 };
    let bios_boot = mode == BootMode::Bios && label == Label::Gpt;
    let sizes = [
        (
            Role::EfiSystem,
            if_needed(mode == BootMode::Uefi, settings.efi_system_mib),
        ),
        (Role::BiosBoot, if_needed(bios_boot, settings.bios_boot_mib)),
        (Role::Ephemeral, request.ephemeral_mib),
        (Role::Swap, request.swap_mib),
        (Role::ConfigDrive, drive.map_or(0, config_drive_mib)),
        (Role::Root, request.root_mib),
    ];
    layout::lay_out(label, &sizes, disk.logical_sectors, disk.size)
        .map_err(|error| unfit(&error, disk))
}

/// The size of one that must be fetched is not known yet: it gets room for the
/// largest.
fn config_drive_mib(drive: &ConfigDrive) -> u64 {
    match drive {
        ConfigDrive::Image(bytes) => (bytes.len() as u64).div_ceil(MIB),
        ConfigDrive::Url(_) => config_drive::LIMIT / MIB,
    }
}

fn check_ephemeral(request: &Request, wanted: &Layout, disk: &BlockDevice) -> Result<(), Fault> {
    let Some(place) = wanted.place(Role::Ephemeral) else {
        return if request.preserve_ephemeral {
            Err(wrong(
                "preserve_ephemeral",
                "is set, but ephemeral_mb asks for no ephemeral partition",
            ))
        } else {
            Ok(())
        };
    };
    let possible = match request.ephemeral {
        FileSystem::Ext4 => ext4::SMALLEST..=ext4::LARGEST,
        _ => SMALLEST_VFAT..=LARGEST_VFAT * u64::from(disk.logical_sectors),
    };
    if request.preserve_ephemeral || possible.contains(&place.length) {
        return Ok(());
    }
    let (kind, from, to) = (request.ephemeral, possible.start(), possible.end());
    Err(wrong(
        "ephemeral_mb",
        format!("{kind} can have {} to {} MiB", from / MIB, to / MIB),
    ))
}

/// The layout over the partitions that the disk has.
fn adopted(
    context: &StepContext<'_>,
    wanted: &Layout,
    disk: &BlockDevice,
) -> Result<Layout, Fault> {
    let mut label = None;
    let mut existing = Vec::new();
    for partition in context.blocks.partitions_of(&disk.name) {
        let (Some(number), Some(offset)) = (partition.partition_number, partition.start) else {
            continue;
        };
        let kind = partition.partition_type.as_deref().unwrap_or_default();
        label = Some(if kind.starts_with("0x") {
            Label::Msdos
        } else {
            Label::Gpt
        });
        existing.push(Existing {
            number,
            offset,
            length: partition.size,
        });
    }
    existing.sort_by_key(|partition| partition.number);
    layout::adopt(wanted, label, &existing).map_err(|error| unfit(&error, disk))
}

fn unfit(error: &LayoutError, disk: &BlockDevice) -> Fault {
    Fault::PartitionLayout {
        device: disk.name.clone(),
        problem: error.to_string(),
    }
}

/// The image first, because most can be wrong with it; the table last.
fn work(
    context: &StepContext<'_>,
    request: &Request,
    layout: Layout,
    image: ImageRequest,
    drive: Option<ConfigDrive>,
) -> Vec<PartitionWork> {
    let image_id = image.id.clone();
    let mut work = Vec::new();
    let keep = request.preserve_ephemeral;
    if keep {
        let layout = layout.clone();
        work.push(PartitionWork::CheckTable { layout });
    }
    if let Some(place) = layout.place(Role::Root) {
        let claim = if keep {
            let others = layout.places.iter().copied();
            Claim::Partitions(
                others
                    .filter(|place| place.role != Role::Ephemeral)
                    .collect(),
            )
        } else {
            Claim::Disk
        };
        work.push(PartitionWork::WriteImage {
            place,
            image: Box::new(image),
            claim,
        });
    }
    for place in &layout.places {
        work.extend(content(*place, request, drive.as_ref(), context));
    }
    if let (Some(root), Some(esp)) = (layout.place(Role::Root), layout.place(Role::EfiSystem)) {
        work.push(PartitionWork::CopyBootLoader { root, esp });
    }
    if !keep {
        let layout = layout.clone();
        work.push(PartitionWork::WriteTable { layout });
    }
    work.push(PartitionWork::Identify { image_id, layout });
    work
}

/// What goes into a partition other than root.
fn content(
    place: Place,
    request: &Request,
    drive: Option<&ConfigDrive>,
    context: &StepContext<'_>,
) -> Option<PartitionWork> {
    let make = |kind, label: &str| {
        Some(PartitionWork::MakeFileSystem {
            place,
            kind,
            label: label.into(),
        })
    };
    match place.role {
        Role::EfiSystem => make(FileSystem::Vfat, "efi-part"),
        Role::BiosBoot => Some(PartitionWork::Wipe { place }),
        Role::Ephemeral if request.preserve_ephemeral => None,
        Role::Ephemeral => make(request.ephemeral, "ephemeral0"),
        Role::Swap => make(FileSystem::Swap, "swap1"),
        Role::ConfigDrive => Some(PartitionWork::WriteConfigDrive {
            place,
            drive: drive?.clone(),
            download: context.settings.download.clone(),
        }),
        Role::Root => None,
    }
}
