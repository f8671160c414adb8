// SPDX-License-Identifier: Apache-2.0
//! `write_image`: an operating system image goes onto the root device, and the
//! config drive beside it (contract §14, §15).

use serde_json::{Map, Value, json};

use super::StepContext;
use super::{image_info, partition_image};
use crate::block::BlockDevice;
use crate::config_drive;
use crate::fault::Fault;
use crate::hints;
use crate::image_request::ConfigDrive;
use crate::plan::{Op, Plan, WrittenImage};

pub(super) fn plan(
    context: &StepContext<'_>,
    arguments: &Map<String, Value>,
) -> Result<Plan, Fault> {
    let info = image_info::object(arguments)?;
    let image = image_info::request(info, context.settings)?;
    let drive = config_drive_argument(arguments, info)?;
    let (disk, choices) = hints::choose_root_device(context.blocks, context.node)?;
    if let Some(drive) = &drive {
        check_config_drive(drive, disk)?;
    }
    if partition_image::is_wanted(info)? {
        let mut plan = partition_image::plan(context, info, image, drive, disk)?;
        plan.choices.splice(..0, choices);
        return Ok(plan);
    }
    let stands_there = context
        .written
        .filter(|written| written.partitions.is_none())
        .is_some_and(|written| written.image_id == image.id && written.device == disk.into());

    let mut ops = Vec::new();
    if !stands_there {
        ops.push(Op::WriteImage {
            device: disk.into(),
            image: Box::new(image),
        });
    }
    ops.push(Op::RepairGptBackup {
        device: disk.into(),
    });
    ops.push(Op::RereadPartitions {
        device: disk.into(),
    });
    if let Some(drive) = drive {
        ops.push(Op::WriteConfigDrive {
            device: disk.into(),
            drive,
            download: context.settings.download.clone(),
            rebuild: context.settings.config_drive_rebuild,
        });
    }
    ops.push(Op::Sync);
    let mut plan = Plan::in_order(ops);
    plan.choices = choices;
    Ok(plan)
}

/// The step's own argument wins over the copy in `image_info`.
fn config_drive_argument(
    arguments: &Map<String, Value>,
    info: &Map<String, Value>,
) -> Result<Option<ConfigDrive>, Fault> {
    let text = [arguments, info]
        .into_iter()
        .filter_map(|object| object.get("configdrive"))
        .find(|value| !value.is_null());
    match text {
        None => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => config_drive::parse(text).map(Some),
        Some(_) => Err(Fault::Argument {
            argument: "configdrive".into(),
            problem: "is neither text nor null".into(),
        }),
    }
}

/// A config drive that had to be rebuilt for the disk's sectors and cannot be.
/// Saying so before the disk is touched beats an instance that comes up without
/// its keys.
fn check_config_drive(drive: &ConfigDrive, disk: &BlockDevice) -> Result<(), Fault> {
    match drive {
        ConfigDrive::Image(bytes) => config_drive::check(bytes, disk.logical_sectors),
        ConfigDrive::Url(_) => Ok(()),
    }
}

/// The step's result (contract §13.5, §14.8). The profile of the transfer
/// stands beside it; Ironic stores and logs what it does not know.
pub(super) fn result(written: &WrittenImage) -> Value {
    let efi = written
        .partitions
        .as_ref()
        .and_then(|partitions| partitions.efi_system_uuid.as_ref())
        .map(|uuid| format!(" efi_system_partition_uuid={uuid}"));
    let mut result = json!({"result": format!(
        "prepare_image: image ({}) written to device {} root_uuid={}{}",
        written.image_id, written.device, written.root_uuid(), efi.unwrap_or_default()
    )});
    if let Some(profile) = &written.profile {
        result["profile"] = profile.to_json();
    }
    result
}
