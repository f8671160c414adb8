// SPDX-License-Identifier: Apache-2.0
//! Volumes of hardware RAID, where the driver tells their level: hpsa and
//! smartpqi on the disk itself, mpt3sas through the class `raid_devices`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hardware::pci::function_above;
use crate::snapshot::Tree;

const RAID_DEVICES: &str = "/sys/class/raid_devices";

/// A volume that a controller makes out of disks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RaidVolume {
    /// Kernel name of the disk it appears as, `sda`.
    pub disk: String,
    /// Level in the driver's words, `RAID 5`, `raid1`.
    pub level: String,
    /// State in the driver's words, `active`, `degraded`.
    pub state: Option<String>,
    /// Address of the controller on PCI.
    pub controller: Option<String>,
}

pub(super) fn read(files: &Tree) -> Vec<RaidVolume> {
    let classes = raid_devices(files);
    files
        .names("/sys/class/block")
        .into_iter()
        .filter_map(|disk| volume(files, &classes, disk))
        .collect()
}

fn volume(files: &Tree, classes: &BTreeMap<String, &str>, disk: &str) -> Option<RaidVolume> {
    let device = format!("/sys/class/block/{disk}/device");
    let class = files
        .canonical(&device)
        .and_then(|device| classes.get(&device))
        .map(|name| format!("{RAID_DEVICES}/{name}"));
    let from_class = |name: &str| files.text(&format!("{}/{name}", class.as_deref()?));
    let level = files
        .text(&format!("{device}/raid_level"))
        .or_else(|| from_class("level"))
        // Single disks behind such a controller.
        .filter(|level| !matches!(*level, "N/A" | "unknown"))?;
    Some(RaidVolume {
        disk: disk.to_owned(),
        level: level.to_owned(),
        state: from_class("state").map(str::to_owned),
        controller: function_above(files, &device),
    })
}

/// Names in `raid_devices` by the canonical path of the device they stand for.
fn raid_devices(files: &Tree) -> BTreeMap<String, &str> {
    files
        .names(RAID_DEVICES)
        .into_iter()
        .filter_map(|name| {
            let device = files.canonical(&format!("{RAID_DEVICES}/{name}/device"))?;
            Some((device, name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Bytes, Entry};

    #[test]
    fn levels_come_from_the_disk_or_the_class() {
        let mut files = Tree::default();
        for (disk, scsi) in [("sda", "0:1:0:0"), ("sdb", "0:1:0:1"), ("sdc", "1:1:0:0")] {
            let device = format!("/sys/devices/pci0000:80/0000:81:00.0/host0/{scsi}");
            files.insert(
                format!("/sys/class/block/{disk}"),
                Entry::Link(format!("{device}/block/{disk}")),
            );
            files.insert(
                format!("{device}/block/{disk}/device"),
                Entry::Link(format!("../../../{scsi}")),
            );
            files.insert(device, Entry::Directory);
        }
        let mut put = |path: &str, text: &str| {
            let entry = Entry::File(Bytes::from(text));
            files.insert(
                format!("/sys/devices/pci0000:80/0000:81:00.0/host0/{path}"),
                entry,
            );
        };
        put("0:1:0:0/raid_level", "RAID 5\n");
        put("0:1:0:1/raid_level", "N/A\n");
        put("1:1:0:0/raid_devices/1:1:0:0/level", "raid1\n");
        put("1:1:0:0/raid_devices/1:1:0:0/state", "degraded\n");
        let class = "/sys/devices/pci0000:80/0000:81:00.0/host0/1:1:0:0/raid_devices/1:1:0:0";
        files.insert("/sys/class/raid_devices/1:1:0:0", Entry::Link(class.into()));
        files.insert(
            format!("{class}/device"),
            Entry::Link("../../../1:1:0:0".into()),
        );
        let found = read(&files);
        let volume = |disk: &str, level: &str, state: Option<&str>| RaidVolume {
            disk: disk.into(),
            level: level.into(),
            state: state.map(str::to_owned),
            controller: Some("0000:81:00.0".into()),
        };
        assert_eq!(
            found,
            [
                volume("sda", "RAID 5", None),
                volume("sdc", "raid1", Some("degraded"))
            ]
        );
    }
}
