// SPDX-License-Identifier: Apache-2.0
//! `erase_devices`: every byte of every disk is made unreadable: by the
//! controller where it is an NVMe disk that can, else by writing over it
//! (contract §21.3).

use serde_json::{Map, Value};

use super::StepContext;
use super::erasable::{choice, reason_to_skip, skip_list};
use crate::block::{BlockDevice, NvmeCapabilities};
use crate::fault::Fault;
use crate::node::Node;
use crate::plan::{NvmeErase, OnFailure, Op, Overwrite, Plan};

/// What Ironic says about erasing (contract §21.1).
struct EraseSettings {
    overwrite: Overwrite,
    nvme_format: bool,
    overwrite_after_failure: bool,
    skip_read_only: bool,
    concurrency: usize,
}

impl EraseSettings {
    fn of(node: &Node) -> Self {
        let flag = |key, default| node.internal_bool(key).unwrap_or(default);
        let passes = node.internal_number("agent_erase_devices_iterations");
        let concurrency = node.internal_number("disk_erasure_concurrency");
        Self {
            overwrite: Overwrite {
                random_passes: passes
                    .and_then(|passes| u32::try_from(passes).ok())
                    .unwrap_or(1),
                zeroize: flag("agent_erase_devices_zeroize", true),
            },
            nvme_format: flag("agent_enable_nvme_secure_erase", true),
            overwrite_after_failure: flag(
                "agent_continue_if_secure_erase_failed",
                flag("agent_continue_if_ata_erase_failed", false),
            ),
            skip_read_only: flag("agent_erase_skip_read_only", false),
            concurrency: concurrency
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(4)
                .clamp(1, 64),
        }
    }
}

pub(super) fn plan(
    context: &StepContext<'_>,
    _arguments: &Map<String, Value>,
) -> Result<Plan, Fault> {
    let settings = EraseSettings::of(context.node);
    let skip = skip_list(context.node, context.blocks)?;
    let mut ops = Vec::new();
    let mut choices = Vec::new();
    let spared = |device: &BlockDevice| {
        let read_only = device.read_only && settings.skip_read_only;
        reason_to_skip(device, context.blocks, &skip).or(read_only.then_some("read-only"))
    };
    let disks = || context.blocks.0.iter().filter(|d| d.is_whole_disk());
    for device in disks() {
        if let Some(reason) = spared(device) {
            choices.push(choice(device, false, reason));
            continue;
        }
        let neighbour_is_spared =
            disks().any(|other| same_controller(device, other) && spared(other).is_some());
        let op = erase(device, &settings, neighbour_is_spared);
        choices.push(choice(device, true, describe(&op)));
        ops.push(op);
    }
    Ok(Plan {
        ops,
        concurrency: settings.concurrency,
        on_failure: OnFailure::FinishOthers,
        choices,
    })
}

/// Whether two names stand for namespaces of one NVMe controller:
/// `/dev/nvme0n1` and `/dev/nvme0n2`.
fn same_controller(one: &BlockDevice, two: &BlockDevice) -> bool {
    fn controller(name: &str) -> Option<&str> {
        let digits = name.strip_prefix("/dev/nvme")?;
        digits.split_once('n').map(|(controller, _)| controller)
    }
    controller(&one.name).is_some() && controller(&one.name) == controller(&two.name)
}

/// A controller that can only format all of its namespaces together is not
/// asked if one of them is to be spared.
fn erase(device: &BlockDevice, settings: &EraseSettings, neighbour_is_spared: bool) -> Op {
    let how = settings.overwrite;
    let able = |nvme: &NvmeCapabilities| {
        let alone = !nvme.formats_all_namespaces() || !neighbour_is_spared;
        settings.nvme_format && nvme.can_format() && alone
    };
    match device.nvme.filter(able) {
        Some(nvme) => Op::NvmeFormat {
            device: device.into(),
            erase: if nvme.can_crypto_erase() {
                NvmeErase::Cryptographic
            } else {
                NvmeErase::UserData
            },
            or_overwrite: settings.overwrite_after_failure.then_some(how),
        },
        None => Op::Overwrite {
            device: device.into(),
            how,
        },
    }
}

fn describe(op: &Op) -> &'static str {
    match op {
        Op::NvmeFormat {
            erase: NvmeErase::Cryptographic,
            ..
        } => "the controller throws its key away",
        Op::NvmeFormat { .. } => "the controller erases it",
        _ => "it is written over",
    }
}
