// SPDX-License-Identifier: Apache-2.0
//! `erase_devices_metadata`: partition tables and signatures of every disk and
//! partition are removed, so that nothing old boots or is assembled
//! (contract §21.2).

use serde_json::{Map, Value};

use super::StepContext;
use super::erasable::{choice, reason_to_skip, skip_list};
use crate::block::{BlockDevice, BlockKind};
use crate::fault::Fault;
use crate::plan::{OnFailure, Op, Plan};

/// Partitions come before their disks: once the table is gone, so are they.
pub(super) fn plan(
    context: &StepContext<'_>,
    _arguments: &Map<String, Value>,
) -> Result<Plan, Fault> {
    let skip = skip_list(context.node, context.blocks)?;
    let mut devices: Vec<&BlockDevice> = context
        .blocks
        .0
        .iter()
        .filter(|device| {
            device.is_whole_disk() || (device.kind == BlockKind::Partition && device.size > 0)
        })
        .collect();
    devices.sort_by_key(|device| device.kind != BlockKind::Partition);

    let mut ops = Vec::new();
    let mut choices = Vec::new();
    for device in devices {
        let reason = reason_to_skip(device, context.blocks, &skip)
            .or(device.read_only.then_some("read-only"));
        if let Some(reason) = reason {
            choices.push(choice(device, false, reason));
        } else {
            choices.push(choice(device, true, "its metadata is erased"));
            ops.push(Op::WipeMetadata {
                device: device.into(),
            });
        }
    }
    Ok(Plan {
        ops,
        concurrency: 1,
        on_failure: OnFailure::FinishOthers,
        choices,
    })
}
