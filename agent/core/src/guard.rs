// SPDX-License-Identifier: Apache-2.0
//! Nothing touches a device before the whole plan has passed here.
//!
//! [`Checked`] can only be made by [`check`], and the machine executes nothing
//! else. What a device is right before an operation is compared once more when
//! the plan runs: names move.

use std::collections::BTreeSet;

use crate::block::{BlockDevice, BlockDevices};
use crate::fault::Fault;
use crate::hints;
use crate::node::Node;
use crate::plan::{Op, Plan};
use crate::steps::StepSettings;

/// GPT partition types of file systems that several machines share, lower case.
const SHARED_GPT_TYPES: &[(&str, &str)] = &[
    ("37affc90-ef7d-4e96-91c3-2d7ae055b174", "GPFS"),
    ("aa31e02a-400f-11db-9590-000c2911d1b8", "VMFS"),
];

/// MBR partition types of such file systems.
const SHARED_MBR_TYPES: &[(u8, &str)] = &[(0xfb, "VMFS")];

/// Names of such file systems as signatures tell them, lower case.
const SHARED_FILE_SYSTEMS: &[&str] = &["gfs", "gfs2", "gpfs", "vmfs", "vmfs_volume_member"];

/// A plan that passed every check. The field is private on purpose.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked<T>(T);

impl<T> Checked<T> {
    /// What was checked.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// What the guard shall enforce beyond what it always does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardPolicy {
    /// Whether disks with shared file systems are protected.
    pub special_filesystems: bool,
    /// Names of devices that must be left alone.
    pub skip: BTreeSet<String>,
}

impl GuardPolicy {
    /// The policy for a node: the operator's setting, which the node lifts with
    /// `wipe_special_filesystems` set to false, and its skip list (contract §21.4).
    ///
    /// # Errors
    ///
    /// [`Fault::Argument`] if `skip_block_devices` breaks its grammar.
    pub fn of(node: &Node, settings: &StepSettings, blocks: &BlockDevices) -> Result<Self, Fault> {
        let lifted = node.internal_bool("wipe_special_filesystems") == Some(false);
        Ok(Self {
            special_filesystems: settings.guard_special_filesystems && !lifted,
            skip: hints::skipped_devices(blocks, node)?,
        })
    }
}

/// Checks every operation of a plan before any of them may run.
///
/// # Errors
///
/// [`Fault::DeviceProtected`] for the first device that must not be touched,
/// [`Fault::DeviceChanged`] if a device is not among `blocks`.
pub fn check(
    plan: Plan,
    blocks: &BlockDevices,
    policy: &GuardPolicy,
) -> Result<Checked<Plan>, Fault> {
    for op in &plan.ops {
        check_op(op, blocks, policy)?;
    }
    Ok(Checked(plan))
}

fn check_op(op: &Op, blocks: &BlockDevices, policy: &GuardPolicy) -> Result<(), Fault> {
    let Some(identity) = op.device() else {
        return Ok(());
    };
    let device = blocks
        .get(&identity.name)
        .ok_or_else(|| Fault::DeviceChanged {
            device: identity.name.clone(),
            problem: "it is gone".into(),
        })?;
    let protected = |problem: String| Fault::DeviceProtected {
        device: device.name.clone(),
        problem,
    };
    if device.read_only {
        return Err(protected("it is read-only".into()));
    }
    for part in with_disk(device, blocks) {
        if part.is_virtual_media() {
            return Err(protected("it is virtual media".into()));
        }
        if policy.skip.contains(&part.name) {
            return Err(protected(format!("{} is in skip_block_devices", part.name)));
        }
    }
    for part in with_partitions(device, blocks) {
        if let Some(mount) = part.mounts.first() {
            return Err(protected(format!("{} is mounted on {mount}", part.name)));
        }
        if !part.holders.is_empty() {
            return Err(protected(in_use(part)));
        }
        if op.destroys()
            && policy.special_filesystems
            && let Some(kind) = shared_file_system(part)
        {
            return Err(protected(format!(
                "{} has the shared file system {kind}",
                part.name
            )));
        }
    }
    Ok(())
}

fn in_use(device: &BlockDevice) -> String {
    let what = if device.is_raid_member() {
        "is a member of"
    } else {
        "is used by"
    };
    format!("{} {what} {}", device.name, device.holders.join(", "))
}

fn with_disk<'a>(
    device: &'a BlockDevice,
    blocks: &'a BlockDevices,
) -> impl Iterator<Item = &'a BlockDevice> {
    let disk = device.parent.as_deref().and_then(|disk| blocks.get(disk));
    std::iter::once(device).chain(disk)
}

fn with_partitions<'a>(
    device: &'a BlockDevice,
    blocks: &'a BlockDevices,
) -> impl Iterator<Item = &'a BlockDevice> {
    std::iter::once(device).chain(blocks.partitions_of(&device.name))
}

/// The shared file system a device holds, by partition type or signature.
fn shared_file_system(device: &BlockDevice) -> Option<String> {
    let by_type = device.partition_type.as_deref().and_then(|found| {
        let gpt = SHARED_GPT_TYPES
            .iter()
            .find(|(guid, _)| guid.eq_ignore_ascii_case(found))
            .map(|(_, name)| *name);
        let number = found
            .strip_prefix("0x")
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let mbr = || {
            SHARED_MBR_TYPES
                .iter()
                .find(|(kind, _)| Some(*kind) == number)
                .map(|(_, name)| *name)
        };
        gpt.or_else(mbr)
    });
    let by_signature = device.file_system.as_deref().filter(|found| {
        SHARED_FILE_SYSTEMS
            .iter()
            .any(|name| name.eq_ignore_ascii_case(found))
    });
    by_type.or(by_signature).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::BlockKind;
    use crate::block::samples::{disk, partition};

    type Change = fn(&mut BlockDevice, &mut BlockDevice);

    fn attempt(change: Change, policy: &GuardPolicy) -> Result<Checked<Plan>, Fault> {
        let (mut sda, mut sda1) = (disk("/dev/sda", 10), partition("/dev/sda", 1, 5));
        change(&mut sda, &mut sda1);
        let plan = Plan::in_order(vec![
            Op::Sync,
            Op::WipeMetadata {
                device: (&sda).into(),
            },
        ]);
        check(plan, &BlockDevices(vec![sda, sda1]), policy)
    }

    fn strict() -> GuardPolicy {
        GuardPolicy {
            special_filesystems: true,
            skip: BTreeSet::from(["/dev/sdz".into()]),
        }
    }

    #[test]
    fn an_idle_disk_may_be_erased() {
        assert!(attempt(|_, _| (), &strict()).is_ok());
    }

    #[test]
    fn each_protection_is_named() {
        let cases: [(Change, &str); 11] = [
            (|d, _| d.read_only = true, "it is read-only"),
            (|d, _| d.kind = BlockKind::Rom, "it is virtual media"),
            (
                |_, p| p.mounts.push("/mnt".into()),
                "/dev/sda1 is mounted on /mnt",
            ),
            (
                |d, _| d.holders.push("/dev/dm-0".into()),
                "/dev/sda is used by /dev/dm-0",
            ),
            (
                |_, p| {
                    p.holders.push("/dev/md0".into());
                    p.file_system = Some("linux_raid_member".into());
                },
                "/dev/sda1 is a member of /dev/md0",
            ),
            (
                |_, p| p.partition_type = Some("AA31E02A-400F-11DB-9590-000C2911D1B8".into()),
                "/dev/sda1 has the shared file system VMFS",
            ),
            (
                |_, p| p.partition_type = Some("37affc90-ef7d-4e96-91c3-2d7ae055b174".into()),
                "/dev/sda1 has the shared file system GPFS",
            ),
            (
                |_, p| p.partition_type = Some("0xfb".into()),
                "/dev/sda1 has the shared file system VMFS",
            ),
            (
                |d, _| d.file_system = Some("gfs2".into()),
                "/dev/sda has the shared file system gfs2",
            ),
            (
                |_, p| p.file_system = Some("VMFS_volume_member".into()),
                "/dev/sda1 has the shared file system VMFS_volume_member",
            ),
            (
                |d, _| {
                    d.size = 1 << 30;
                    d.label = Some("VMEDIA_BOOT_ISO".into());
                },
                "it is virtual media",
            ),
        ];
        for (change, problem) in cases {
            let fault = attempt(change, &strict()).expect_err(problem);
            assert_eq!(
                fault.to_string(),
                format!("/dev/sda is protected: {problem}")
            );
        }
    }

    #[test]
    fn shared_file_systems_are_erased_if_the_operator_says_so() {
        let lifted = GuardPolicy::default();
        assert!(attempt(|d, _| d.file_system = Some("gfs2".into()), &lifted).is_ok());
    }

    #[test]
    fn the_skip_list_protects_partitions_of_a_disk_too() {
        let blocks = BlockDevices(vec![disk("/dev/sdz", 10), partition("/dev/sdz", 1, 5)]);
        for name in ["/dev/sdz", "/dev/sdz1"] {
            let device = blocks.get(name).expect("there").into();
            let plan = Plan::in_order(vec![Op::WipeMetadata { device }]);
            assert!(check(plan, &blocks, &strict()).is_err());
        }
    }

    #[test]
    fn a_device_that_is_gone_is_not_touched() {
        let plan = Plan::in_order(vec![Op::WipeMetadata {
            device: (&disk("/dev/sda", 10)).into(),
        }]);
        let fault = check(plan, &BlockDevices::default(), &strict()).expect_err("gone");
        assert_eq!(fault.code(), "device-changed");
    }
}
