// SPDX-License-Identifier: Apache-2.0
//! `[match]`: which machines a profile means.

use serde::Deserialize;
use toml::Spanned;

use super::Checker;
use super::amount::{Bounds, RawAmount};
use crate::amount::Amount;
use crate::error::ProfileError;
use crate::facts::{Counted, Field, Matcher};
use crate::pci::PciId;
use crate::profile::Architecture;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MatchTable {
    architecture: Vec<Architecture>,
    bios_vendor: Vec<Spanned<String>>,
    bios_version: Vec<Spanned<String>>,
    system_manufacturer: Vec<Spanned<String>>,
    system_product: Vec<Spanned<String>>,
    system_version: Vec<Spanned<String>>,
    system_sku: Vec<Spanned<String>>,
    system_family: Vec<Spanned<String>>,
    baseboard_manufacturer: Vec<Spanned<String>>,
    baseboard_product: Vec<Spanned<String>>,
    chassis_manufacturer: Vec<Spanned<String>>,
    cpu_vendor: Vec<Spanned<String>>,
    cpu_model: Vec<Spanned<String>>,
    sockets: Option<Spanned<RawAmount>>,
    memory_gib: Option<Spanned<RawAmount>>,
    disks: Option<Spanned<RawAmount>>,
    nics: Option<Spanned<RawAmount>>,
    pci: Vec<PciTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PciTable {
    id: Spanned<String>,
    exactly: Option<u64>,
    at_least: Option<u64>,
    at_most: Option<u64>,
}

impl Checker<'_> {
    pub(super) fn matcher(&self, table: &MatchTable) -> Result<Matcher, ProfileError> {
        let columns = [
            (Field::BiosVendor, &table.bios_vendor),
            (Field::BiosVersion, &table.bios_version),
            (Field::SystemManufacturer, &table.system_manufacturer),
            (Field::SystemProduct, &table.system_product),
            (Field::SystemVersion, &table.system_version),
            (Field::SystemSku, &table.system_sku),
            (Field::SystemFamily, &table.system_family),
            (Field::BaseboardManufacturer, &table.baseboard_manufacturer),
            (Field::BaseboardProduct, &table.baseboard_product),
            (Field::ChassisManufacturer, &table.chassis_manufacturer),
            (Field::CpuVendor, &table.cpu_vendor),
            (Field::CpuModel, &table.cpu_model),
        ];
        let present = columns
            .into_iter()
            .filter(|(_, patterns)| !patterns.is_empty());
        Ok(Matcher {
            architectures: table.architecture.clone(),
            fields: present
                .map(|(field, patterns)| Ok((field, self.globs(patterns)?)))
                .collect::<Result<_, ProfileError>>()?,
            amounts: self.counted(table)?,
            pci: self.each(&table.pci, Self::matched_pci)?,
        })
    }

    fn counted(&self, table: &MatchTable) -> Result<Vec<(Counted, Amount)>, ProfileError> {
        let columns = [
            (Counted::Sockets, &table.sockets),
            (Counted::MemoryGib, &table.memory_gib),
            (Counted::Disks, &table.disks),
            (Counted::Nics, &table.nics),
        ];
        columns
            .into_iter()
            .filter_map(|(counted, raw)| Some((counted, raw.as_ref()?)))
            .map(|(counted, raw)| Ok((counted, self.amount(raw)?)))
            .collect()
    }

    /// Without an amount, one is enough.
    fn matched_pci(&self, row: &PciTable) -> Result<(PciId, Amount), ProfileError> {
        let id = self.pci_id(&row.id)?;
        let bounds = Bounds {
            exactly: row.exactly,
            at_least: row.at_least,
            at_most: row.at_most,
        };
        let amount = match (bounds.exactly, bounds.at_least, bounds.at_most) {
            (None, None, None) => Amount::at_least(1),
            _ => self.bounds(bounds, &row.id)?,
        };
        Ok((id, amount))
    }
}
