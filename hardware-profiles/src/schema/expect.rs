// SPDX-License-Identifier: Apache-2.0
//! `[expect]`: what such a machine has.

use serde::Deserialize;
use toml::Spanned;

use super::Checker;
use super::amount::RawAmount;
use crate::error::ProfileError;
use crate::expect::{
    CablingExpect, Date, DimmExpect, DiskExpect, DiskKind, Expect, FirmwareExpect, NeighbourExpect,
    NicExpect, NicFirmware, PciExpect,
};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExpectTable {
    sockets: Option<Spanned<RawAmount>>,
    memory_gib: Option<Spanned<RawAmount>>,
    gpus: Option<Spanned<RawAmount>>,
    secure_boot: Option<bool>,
    tpm: Option<Spanned<u64>>,
    dimms: DimmTable,
    nics: Option<Vec<NicTable>>,
    neighbours: CablingTable,
    disks: Option<Vec<DiskTable>>,
    pci: Option<Vec<PciTable>>,
    firmware: FirmwareTable,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DimmTable {
    count: Option<Spanned<RawAmount>>,
    size_gib: Option<Spanned<RawAmount>>,
    slots: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NicTable {
    count: Option<Spanned<RawAmount>>,
    #[serde(default)]
    interfaces: Vec<Spanned<String>>,
    pci: Option<Spanned<String>>,
    driver: Option<Spanned<String>>,
    min_speed_mbps: Option<Spanned<u64>>,
    neighbours: Option<NeighbourTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NeighbourTable {
    #[serde(default)]
    switch: Vec<Spanned<String>>,
    #[serde(default)]
    port: Vec<Spanned<String>>,
    distinct: Option<Spanned<RawAmount>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CablingTable {
    distinct: Option<Spanned<RawAmount>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiskTable {
    kind: DiskKind,
    count: Spanned<RawAmount>,
    size_gb: Option<Spanned<RawAmount>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PciTable {
    id: Spanned<String>,
    count: Option<Spanned<RawAmount>>,
    min_width: Option<Spanned<u64>>,
    min_generation: Option<Spanned<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FirmwareTable {
    bios_version: Option<Spanned<String>>,
    bios_date: Option<Spanned<String>>,
    bmc_version: Option<Spanned<String>>,
    nics: Option<Vec<NicFirmwareTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NicFirmwareTable {
    pci: Spanned<String>,
    at_least: Spanned<String>,
}

impl Checker<'_> {
    pub(super) fn expect(&self, table: &ExpectTable) -> Result<Expect, ProfileError> {
        let amount = |raw: &Option<Spanned<RawAmount>>| self.optional(raw.as_ref(), Self::amount);
        Ok(Expect {
            sockets: amount(&table.sockets)?,
            memory_gib: amount(&table.memory_gib)?,
            dimms: DimmExpect {
                count: amount(&table.dimms.count)?,
                size_gib: amount(&table.dimms.size_gib)?,
                slots: self.optional(table.dimms.slots.as_ref(), |checker, slots| {
                    checker.distinct(slots, Self::sentence)
                })?,
            },
            nics: self.optional(table.nics.as_ref(), |checker, rows| {
                checker.each(rows, Self::nic)
            })?,
            neighbours: CablingExpect {
                distinct: amount(&table.neighbours.distinct)?,
            },
            disks: self.optional(table.disks.as_ref(), |checker, rows| {
                checker.each(rows, Self::disk)
            })?,
            pci: self.optional(table.pci.as_ref(), |checker, rows| {
                checker.each(rows, Self::pci)
            })?,
            gpus: amount(&table.gpus)?,
            firmware: self.firmware_versions(&table.firmware)?,
            secure_boot: table.secure_boot,
            tpm: self.optional(table.tpm.as_ref(), |checker, version| {
                checker.small(version, 1..=2)
            })?,
        })
    }

    fn nic(&self, row: &NicTable) -> Result<NicExpect, ProfileError> {
        Ok(NicExpect {
            count: self.optional(row.count.as_ref(), Self::amount)?,
            interfaces: self.globs(&row.interfaces)?,
            pci: self.optional(row.pci.as_ref(), Self::pci_id)?,
            driver: self.optional(row.driver.as_ref(), Self::word)?,
            min_speed_mbps: self.optional(row.min_speed_mbps.as_ref(), |checker, speed| {
                checker.number(speed, 1..=10_000_000)
            })?,
            neighbours: self.optional(row.neighbours.as_ref(), Self::neighbours)?,
        })
    }

    fn neighbours(&self, table: &NeighbourTable) -> Result<NeighbourExpect, ProfileError> {
        Ok(NeighbourExpect {
            switch: self.globs(&table.switch)?,
            port: self.globs(&table.port)?,
            distinct: self.optional(table.distinct.as_ref(), Self::amount)?,
        })
    }

    fn disk(&self, row: &DiskTable) -> Result<DiskExpect, ProfileError> {
        Ok(DiskExpect {
            kind: row.kind,
            count: self.amount(&row.count)?,
            size_gb: self.optional(row.size_gb.as_ref(), Self::amount)?,
        })
    }

    fn pci(&self, row: &PciTable) -> Result<PciExpect, ProfileError> {
        Ok(PciExpect {
            id: self.pci_id(&row.id)?,
            count: self.optional(row.count.as_ref(), Self::amount)?,
            min_width: self.optional(row.min_width.as_ref(), |checker, width| {
                checker.small(width, 1..=32)
            })?,
            min_generation: self.optional(row.min_generation.as_ref(), |checker, generation| {
                checker.small(generation, 1..=7)
            })?,
        })
    }

    fn firmware_versions(&self, table: &FirmwareTable) -> Result<FirmwareExpect, ProfileError> {
        Ok(FirmwareExpect {
            bios_version: self.optional(table.bios_version.as_ref(), Self::sentence)?,
            bios_date: self.optional(table.bios_date.as_ref(), Self::date)?,
            bmc_version: self.optional(table.bmc_version.as_ref(), Self::sentence)?,
            nics: self.optional(table.nics.as_ref(), |checker, rows| {
                checker.each(rows, Self::nic_firmware)
            })?,
        })
    }

    fn nic_firmware(&self, row: &NicFirmwareTable) -> Result<NicFirmware, ProfileError> {
        Ok(NicFirmware {
            pci: self.pci_id(&row.pci)?,
            at_least: self.sentence(&row.at_least)?,
        })
    }

    fn date(&self, text: &Spanned<String>) -> Result<Date, ProfileError> {
        text.get_ref()
            .parse()
            .map_err(|()| self.value("must be a date such as 2020-11-12", text))
    }
}
