// SPDX-License-Identifier: Apache-2.0
//! Which devices an erasure takes, and why not the others.

use std::collections::BTreeSet;

use crate::block::{BlockDevice, BlockDevices};
use crate::fault::Fault;
use crate::hints;
use crate::node::Node;
use crate::plan::Choice;

/// Why a device is left alone; `None`: it is taken.
///
/// A RAID member is left alone only while its array runs: then the array
/// itself is erased. A member whose array does not run would otherwise keep
/// its data although cleaning reports success.
pub(super) fn reason_to_skip(
    device: &BlockDevice,
    blocks: &BlockDevices,
    skip_list: &BTreeSet<String>,
) -> Option<&'static str> {
    let listed = skip_list.contains(&device.name)
        || device
            .parent
            .as_ref()
            .is_some_and(|disk| skip_list.contains(disk));
    let media = |device: &BlockDevice| device.is_virtual_media();
    let parent = device.parent.as_deref().and_then(|disk| blocks.get(disk));
    if media(device) || parent.is_some_and(media) {
        Some("virtual media")
    } else if listed {
        Some("in skip_block_devices")
    } else if device.is_raid_member() && !device.holders.is_empty() {
        Some("member of a running RAID array, which is erased itself")
    } else if hints::is_path_of_multipath(device, blocks) {
        Some("path of a multipath map, which is erased itself")
    } else {
        None
    }
}

/// The names `skip_block_devices` stands for.
///
/// # Errors
///
/// [`Fault::Argument`] if it does not follow the grammar of hints.
pub(super) fn skip_list(node: &Node, blocks: &BlockDevices) -> Result<BTreeSet<String>, Fault> {
    hints::skipped_devices(blocks, node)
}

/// A choice for the plan.
pub(super) fn choice(device: &BlockDevice, chosen: bool, reason: impl Into<String>) -> Choice {
    Choice {
        device: device.name.clone(),
        chosen,
        reason: reason.into(),
    }
}
