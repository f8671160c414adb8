// SPDX-License-Identifier: Apache-2.0
//! What a machine says about itself, and which machines a profile means.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::glob::Glob;
use crate::pci::PciId;
use crate::profile::Architecture;

/// What one machine is recognised by: strings of the SMBIOS tables (DMTF DSP0134,
/// types 0 to 3), empty where the firmware says nothing; its processors; what is
/// plugged in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFacts {
    /// What the running kernel was built for.
    pub architecture: Option<Architecture>,
    /// Type 0, Vendor.
    pub bios_vendor: String,
    /// Type 0, BIOS Version.
    pub bios_version: String,
    /// Type 1, Manufacturer.
    pub system_manufacturer: String,
    /// Type 1, Product Name.
    pub system_product: String,
    /// Type 1, Version.
    pub system_version: String,
    /// Type 1, SKU Number.
    pub system_sku: String,
    /// Type 1, Family.
    pub system_family: String,
    /// Type 2, Manufacturer.
    pub baseboard_manufacturer: String,
    /// Type 2, Product.
    pub baseboard_product: String,
    /// Type 3, Manufacturer.
    pub chassis_manufacturer: String,
    /// The processor's maker as it names itself: `GenuineIntel`, `AuthenticAMD`;
    /// on ARM the implementer's code, `0x41`.
    pub cpu_vendor: String,
    /// Marketing name of the processor.
    pub cpu_model: String,
    /// Processor packages.
    pub sockets: Option<u64>,
    /// Installed memory in GiB, rounded down.
    pub memory_gib: Option<u64>,
    /// Disks that could hold an operating system or data.
    pub disks: Option<u64>,
    /// Network ports on a bus.
    pub nics: Option<u64>,
    /// How many PCI functions there are of each device.
    pub pci: BTreeMap<PciId, u64>,
}

/// The `[match]` table: every field that is present must fit; a field fits when one
/// of its patterns does. An empty one fits every machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matcher {
    pub(crate) architectures: Vec<Architecture>,
    pub(crate) fields: Vec<(Field, Vec<Glob>)>,
    pub(crate) amounts: Vec<(Counted, Amount)>,
    pub(crate) pci: Vec<(PciId, Amount)>,
}

/// One field of `[match]` that fitted, for the reason shown to people. Each PCI
/// id counts as a field of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedField {
    /// The key in `[match]`; a PCI id with its key, `pci 8086:159b`.
    pub field: String,
    /// The pattern or amount that fitted.
    pub pattern: String,
    /// What the machine says.
    pub value: String,
    /// Characters of the pattern that stand for themselves; none in amounts.
    pub literal_len: usize,
}

impl Matcher {
    /// Whether this fits every machine.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The fields that fitted, or `None` if any did not.
    #[must_use]
    pub fn fit(&self, facts: &MachineFacts) -> Option<Vec<MatchedField>> {
        let architecture_fits = self.architectures.is_empty()
            || facts
                .architecture
                .is_some_and(|architecture| self.architectures.contains(&architecture));
        if !architecture_fits {
            return None;
        }
        let texts = self
            .fields
            .iter()
            .map(|(field, patterns)| best(*field, patterns, facts));
        let amounts = self
            .amounts
            .iter()
            .map(|(counted, amount)| within(counted.key().to_owned(), *amount, counted.of(facts)));
        let pci = self.pci.iter().map(|(id, amount)| {
            let found = facts.pci.get(id).copied().unwrap_or(0);
            within(format!("pci {id}"), *amount, Some(found))
        });
        texts.chain(amounts).chain(pci).collect()
    }
}

/// The most specific of the patterns that fit.
fn best(field: Field, patterns: &[Glob], facts: &MachineFacts) -> Option<MatchedField> {
    let value = field.of(facts);
    let pattern = patterns
        .iter()
        .filter(|glob| glob.matches(value))
        .max_by_key(|glob| glob.literal_len())?;
    Some(MatchedField {
        field: field.key().to_owned(),
        pattern: pattern.as_str().to_owned(),
        value: value.trim().to_owned(),
        literal_len: pattern.literal_len(),
    })
}

/// What is not known does not fit.
fn within(field: String, amount: Amount, found: Option<u64>) -> Option<MatchedField> {
    let found = found.filter(|found| amount.fits(*found))?;
    Some(MatchedField {
        field,
        pattern: amount.to_string(),
        value: found.to_string(),
        literal_len: 0,
    })
}

/// A text field of [`MachineFacts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    BiosVendor,
    BiosVersion,
    SystemManufacturer,
    SystemProduct,
    SystemVersion,
    SystemSku,
    SystemFamily,
    BaseboardManufacturer,
    BaseboardProduct,
    ChassisManufacturer,
    CpuVendor,
    CpuModel,
}

impl Field {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::BiosVendor => "bios_vendor",
            Self::BiosVersion => "bios_version",
            Self::SystemManufacturer => "system_manufacturer",
            Self::SystemProduct => "system_product",
            Self::SystemVersion => "system_version",
            Self::SystemSku => "system_sku",
            Self::SystemFamily => "system_family",
            Self::BaseboardManufacturer => "baseboard_manufacturer",
            Self::BaseboardProduct => "baseboard_product",
            Self::ChassisManufacturer => "chassis_manufacturer",
            Self::CpuVendor => "cpu_vendor",
            Self::CpuModel => "cpu_model",
        }
    }

    fn of(self, facts: &MachineFacts) -> &str {
        match self {
            Self::BiosVendor => &facts.bios_vendor,
            Self::BiosVersion => &facts.bios_version,
            Self::SystemManufacturer => &facts.system_manufacturer,
            Self::SystemProduct => &facts.system_product,
            Self::SystemVersion => &facts.system_version,
            Self::SystemSku => &facts.system_sku,
            Self::SystemFamily => &facts.system_family,
            Self::BaseboardManufacturer => &facts.baseboard_manufacturer,
            Self::BaseboardProduct => &facts.baseboard_product,
            Self::ChassisManufacturer => &facts.chassis_manufacturer,
            Self::CpuVendor => &facts.cpu_vendor,
            Self::CpuModel => &facts.cpu_model,
        }
    }
}

/// A number of [`MachineFacts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Sockets,
    MemoryGib,
    Disks,
    Nics,
}

impl Counted {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Sockets => "sockets",
            Self::MemoryGib => "memory_gib",
            Self::Disks => "disks",
            Self::Nics => "nics",
        }
    }

    fn of(self, facts: &MachineFacts) -> Option<u64> {
        match self {
            Self::Sockets => facts.sockets,
            Self::MemoryGib => facts.memory_gib,
            Self::Disks => facts.disks,
            Self::Nics => facts.nics,
        }
    }
}
