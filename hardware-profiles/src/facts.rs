// SPDX-License-Identifier: Apache-2.0
//! What the firmware says about a machine, and which machines a profile means.

use crate::glob::Glob;
use crate::profile::Architecture;

/// The identification of one machine: strings of the SMBIOS tables (DMTF DSP0134,
/// types 0 to 3), empty where the firmware says nothing.
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
}

/// The `[match]` table: every field that is present must fit; a field fits when one
/// of its patterns does. An empty one fits every machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matcher {
    pub(crate) architectures: Vec<Architecture>,
    pub(crate) fields: Vec<(Field, Vec<Glob>)>,
}

/// One field of `[match]` that fitted, for the reason shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedField {
    /// The key in `[match]`.
    pub field: &'static str,
    /// The pattern that fitted.
    pub pattern: String,
    /// What the machine says.
    pub value: String,
    /// Characters of the pattern that stand for themselves.
    pub literal_len: usize,
}

impl Matcher {
    /// Whether this fits every machine.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.architectures.is_empty() && self.fields.is_empty()
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
        self.fields
            .iter()
            .map(|(field, patterns)| best(*field, patterns, facts))
            .collect()
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
        field: field.key(),
        pattern: pattern.as_str().to_owned(),
        value: value.trim().to_owned(),
        literal_len: pattern.literal_len(),
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
        }
    }
}
