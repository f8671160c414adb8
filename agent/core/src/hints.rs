// SPDX-License-Identifier: Apache-2.0
//! Root device hints: which disk the operating system goes onto, and why not
//! the others (contract §16).

mod grammar;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::block::{BlockDevice, BlockDevices, BlockKind};
use crate::fault::Fault;
use crate::node::Node;
use crate::plan::Choice;
use grammar::Hints;

/// The smallest disk that is taken when there are no hints, in bytes.
pub const SMALLEST_DISK: u64 = 4 << 30;

/// Chooses the root device, with the reason for it and for every other device.
///
/// With hints it is the first disk, in the kernel's order, that satisfies all
/// of them; without, the smallest disk of at least 4 GiB.
///
/// # Errors
///
/// [`Fault::Argument`] if the hints break their grammar, [`Fault::NoRootDevice`]
/// if no disk is left.
pub fn choose_root_device<'a>(
    blocks: &'a BlockDevices,
    node: &Node,
) -> Result<(&'a BlockDevice, Vec<Choice>), Fault> {
    let looked_at = LookedAt::new(blocks, node)?;
    let best = looked_at.best();
    let choices = looked_at.choices(best);
    match best {
        Some(best) => Ok((best, choices)),
        None => Err(nothing_left(looked_at.hints.as_ref(), &looked_at.rejected)),
    }
}

/// Every device with the reason for or against it, also where none is left.
///
/// # Errors
///
/// [`Fault::Argument`] if the hints break their grammar.
pub fn considered(blocks: &BlockDevices, node: &Node) -> Result<Vec<Choice>, Fault> {
    let looked_at = LookedAt::new(blocks, node)?;
    Ok(looked_at.choices(looked_at.best()))
}

/// The devices, divided by what the hints say of them.
struct LookedAt<'a> {
    blocks: &'a BlockDevices,
    hints: Option<Hints>,
    rejected: Vec<(&'a BlockDevice, String)>,
    candidates: Vec<&'a BlockDevice>,
}

impl<'a> LookedAt<'a> {
    fn new(blocks: &'a BlockDevices, node: &Node) -> Result<Self, Fault> {
        let skipped = skipped_devices(blocks, node)?;
        let hints = node
            .root_device_hints()
            .map(|hints| Hints::parse(hints, "root_device"))
            .transpose()?;
        let mut rejected = Vec::new();
        let mut candidates = Vec::new();
        for device in &blocks.0 {
            match reason_against(device, blocks, &skipped, hints.as_ref()) {
                Some(reason) => rejected.push((device, reason)),
                None => candidates.push(device),
            }
        }
        Ok(Self {
            blocks,
            hints,
            rejected,
            candidates,
        })
    }

    fn best(&self) -> Option<&'a BlockDevice> {
        match self.hints {
            Some(_) => self.candidates.first().copied(),
            None => {
                let candidates = self.candidates.iter().copied();
                candidates.min_by_key(|device| (device.size, &device.name))
            }
        }
    }

    fn choices(&self, best: Option<&BlockDevice>) -> Vec<Choice> {
        let hints = self.hints.as_ref();
        let beaten = match hints {
            Some(_) => "satisfies the hints as well, but comes later",
            None => "is not the smallest disk",
        };
        let whole = |device: &&BlockDevice| device.kind != BlockKind::Partition;
        let devices = self.blocks.0.iter().filter(whole);
        devices
            .map(|device| {
                let mut rejected = self.rejected.iter();
                let against = rejected.find(|(other, _)| other.name == device.name);
                let chosen = best.is_some_and(|best| best.name == device.name);
                Choice {
                    device: device.name.clone(),
                    chosen,
                    reason: match against {
                        Some((_, reason)) => reason.clone(),
                        None if chosen => praise(hints),
                        None => beaten.into(),
                    },
                }
            })
            .collect()
    }
}

fn praise(hints: Option<&Hints>) -> String {
    match hints {
        Some(hints) => format!("first disk with {hints}"),
        None => "smallest disk of at least 4 GiB".into(),
    }
}

fn nothing_left(hints: Option<&Hints>, rejected: &[(&BlockDevice, String)]) -> Fault {
    let wanted = match hints {
        Some(hints) => format!("wanted: {hints}"),
        None => "wanted: a disk of at least 4 GiB".into(),
    };
    let mut problem = wanted;
    for (device, reason) in rejected {
        if device.kind != BlockKind::Partition {
            problem.push_str(&format!("; {}: {reason}", device.name));
        }
    }
    Fault::NoRootDevice { problem }
}

/// Why a device cannot be the root device.
fn reason_against(
    device: &BlockDevice,
    blocks: &BlockDevices,
    skipped: &BTreeSet<String>,
    hints: Option<&Hints>,
) -> Option<String> {
    if !device.is_whole_disk() {
        return Some("not a disk".into());
    }
    if device.is_virtual_media() {
        return Some("virtual media".into());
    }
    if is_path_of_multipath(device, blocks) {
        return Some("path of a multipath map".into());
    }
    if skipped.contains(&device.name) {
        return Some("in skip_block_devices".into());
    }
    match hints {
        Some(hints) => hints
            .first_mismatch(device)
            .map(|hint| format!("{} does not match {hint}", hint.shown_value(device))),
        None => (device.size < SMALLEST_DISK).then(|| "smaller than 4 GiB".into()),
    }
}

/// Whether a multipath map lies on top, which is then the disk to use.
#[must_use]
pub fn is_path_of_multipath(device: &BlockDevice, blocks: &BlockDevices) -> bool {
    device
        .holders
        .iter()
        .filter_map(|holder| blocks.get(holder))
        .any(|holder| holder.kind == BlockKind::Multipath)
}

/// The disks `properties.skip_block_devices` stands for: each entry is an
/// object of hints. Entries that name a software RAID volume match nothing here.
///
/// # Errors
///
/// [`Fault::Argument`] if an entry breaks the grammar of hints.
pub fn skipped_devices(blocks: &BlockDevices, node: &Node) -> Result<BTreeSet<String>, Fault> {
    let name = "skip_block_devices";
    let entries = match node.properties.get(name) {
        None | Some(Value::Null) => return Ok(BTreeSet::new()),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(grammar::wrong(name, "is not a list")),
    };
    let mut skipped = BTreeSet::new();
    for entry in entries {
        let object: &Map<String, Value> = entry
            .as_object()
            .ok_or_else(|| grammar::wrong(name, "has an entry that is not an object"))?;
        if object.contains_key("volume_name") || object.is_empty() {
            continue;
        }
        let hints = Hints::parse(object, name)?;
        skipped.extend(
            blocks
                .0
                .iter()
                .filter(|device| {
                    device.kind != BlockKind::Partition && hints.first_mismatch(device).is_none()
                })
                .map(|device| device.name.clone()),
        );
    }
    Ok(skipped)
}

#[cfg(test)]
#[path = "hints/tests.rs"]
mod tests;
