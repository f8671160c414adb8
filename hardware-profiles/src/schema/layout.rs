// SPDX-License-Identifier: Apache-2.0
//! `[layout]`: root device and RAID; the links are in `network`.

mod network;

use serde::Deserialize;
use toml::Spanned;

use super::Checker;
use crate::error::ProfileError;
use crate::layout::{Layout, LogicalDisk, MaxSize, RaidConfig, RaidSize, RootDevice};

/// Levels of Ironic's RAID schema, and how many disks each needs at least.
const RAID_LEVELS: &[(&str, u64)] = &[
    ("JBOD", 1),
    ("0", 1),
    ("1", 2),
    ("5", 3),
    ("6", 4),
    ("1+0", 4),
    ("5+0", 6),
    ("6+0", 8),
];

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LayoutTable {
    root_device: Option<Spanned<RootDeviceTable>>,
    raid: Option<RaidTable>,
    network: Option<network::NetworkTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RootDeviceTable {
    model: Option<Spanned<String>>,
    vendor: Option<Spanned<String>>,
    serial: Option<Spanned<String>>,
    size: Option<Spanned<String>>,
    wwn: Option<Spanned<String>>,
    wwn_with_extension: Option<Spanned<String>>,
    wwn_vendor_extension: Option<Spanned<String>>,
    rotational: Option<bool>,
    hctl: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
    by_path: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RaidTable {
    logical_disks: Vec<LogicalDiskTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogicalDiskTable {
    raid_level: Spanned<String>,
    size_gb: Spanned<toml::Value>,
    is_root_volume: Option<Spanned<bool>>,
    volume_name: Option<Spanned<String>>,
    controller: Option<Spanned<String>>,
    disk_type: Option<Spanned<String>>,
    interface_type: Option<Spanned<String>>,
    number_of_physical_disks: Option<Spanned<u64>>,
    #[serde(default)]
    physical_disks: Vec<Spanned<String>>,
    share_physical_disks: Option<bool>,
}

impl Checker<'_> {
    pub(super) fn layout(&self, table: &LayoutTable) -> Result<Layout, ProfileError> {
        Ok(Layout {
            root_device: self.optional(table.root_device.as_ref(), Self::root_device)?,
            raid: self.optional(table.raid.as_ref(), Self::raid)?,
            network: self.optional(table.network.as_ref(), Self::network)?,
        })
    }

    fn root_device(&self, at: &Spanned<RootDeviceTable>) -> Result<RootDevice, ProfileError> {
        let table = at.get_ref();
        let text = |value: &Option<Spanned<String>>| self.optional(value.as_ref(), Self::sentence);
        let device = RootDevice {
            model: text(&table.model)?,
            vendor: text(&table.vendor)?,
            serial: text(&table.serial)?,
            size: text(&table.size)?,
            wwn: text(&table.wwn)?,
            wwn_with_extension: text(&table.wwn_with_extension)?,
            wwn_vendor_extension: text(&table.wwn_vendor_extension)?,
            rotational: table.rotational,
            hctl: text(&table.hctl)?,
            name: text(&table.name)?,
            by_path: text(&table.by_path)?,
        };
        if device == RootDevice::default() {
            return Err(self.schema("needs at least one hint", at));
        }
        Ok(device)
    }

    fn raid(&self, table: &RaidTable) -> Result<RaidConfig, ProfileError> {
        let mut root_volumes = table
            .logical_disks
            .iter()
            .filter_map(|disk| disk.is_root_volume.as_ref())
            .filter(|root| *root.get_ref());
        if let Some(second) = root_volumes.nth(1) {
            return Err(self.schema("only one logical disk can be the root volume", second));
        }
        Ok(RaidConfig {
            logical_disks: self.each(&table.logical_disks, Self::logical_disk)?,
        })
    }

    fn logical_disk(&self, disk: &LogicalDiskTable) -> Result<LogicalDisk, ProfileError> {
        self.disk_count(disk)?;
        let text = |value: &Option<Spanned<String>>| self.optional(value.as_ref(), Self::sentence);
        let disk_type = self.optional(disk.disk_type.as_ref(), |checker, value| {
            checker.one_of(value, &["hdd", "ssd"], "must be hdd or ssd")
        })?;
        let interface_type = self.optional(disk.interface_type.as_ref(), |checker, value| {
            checker.one_of(value, &["sata", "scsi", "sas"], "must be sata, scsi or sas")
        })?;
        Ok(LogicalDisk {
            raid_level: disk.raid_level.get_ref().clone(),
            size_gb: self.raid_size(&disk.size_gb)?,
            is_root_volume: disk.is_root_volume.as_ref().map(|root| *root.get_ref()),
            volume_name: text(&disk.volume_name)?,
            controller: text(&disk.controller)?,
            disk_type,
            interface_type,
            number_of_physical_disks: disk
                .number_of_physical_disks
                .as_ref()
                .map(|count| *count.get_ref()),
            physical_disks: self.distinct(&disk.physical_disks, Self::sentence)?,
            share_physical_disks: disk.share_physical_disks,
        })
    }

    /// The level is known, and as many disks are named as it needs.
    fn disk_count(&self, disk: &LogicalDiskTable) -> Result<(), ProfileError> {
        let level = RAID_LEVELS
            .iter()
            .find(|(level, _)| level == disk.raid_level.get_ref());
        let Some((level, needed)) = level else {
            return Err(self.value(
                "must be JBOD, 0, 1, 5, 6, 1+0, 5+0 or 6+0",
                &disk.raid_level,
            ));
        };
        let named = u64::try_from(disk.physical_disks.len()).unwrap_or(u64::MAX);
        let too_few = format!("level {level} needs at least {needed} physical disks");
        match (&disk.number_of_physical_disks, named) {
            (Some(count), _) if count.get_ref() < needed => Err(self.schema(&too_few, count)),
            (Some(count), 1..) if *count.get_ref() != named => {
                Err(self.schema("is not the number of disks in physical_disks", count))
            }
            (None, 1..) if named < *needed => Err(self.schema(&too_few, &disk.raid_level)),
            _ => Ok(()),
        }
    }

    fn raid_size(&self, size: &Spanned<toml::Value>) -> Result<RaidSize, ProfileError> {
        let gib = size
            .get_ref()
            .as_integer()
            .and_then(|gib| u64::try_from(gib).ok())
            .filter(|gib| *gib > 0);
        match (gib, size.get_ref().as_str()) {
            (Some(gib), _) => Ok(RaidSize::Gib(gib)),
            (None, Some("MAX")) => Ok(RaidSize::Text(MaxSize::Max)),
            _ => Err(self.schema("must be a number of GiB above 0, or \"MAX\"", size)),
        }
    }

    fn one_of(
        &self,
        text: &Spanned<String>,
        allowed: &[&str],
        problem: &'static str,
    ) -> Result<String, ProfileError> {
        if allowed.contains(&text.get_ref().as_str()) {
            return Ok(text.get_ref().clone());
        }
        Err(self.value(problem, text))
    }
}
