// SPDX-License-Identifier: Apache-2.0
//! `[[drivers.group]]`, `[[drivers.never]]` and `[[firmware]]`.

use serde::Deserialize;
use toml::Spanned;

use super::Checker;
use crate::error::ProfileError;
use crate::profile::{Architecture, DriverGroup, FirmwareRule, Load, Never};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DriversTable {
    pub(super) group: Vec<GroupTable>,
    pub(super) never: Vec<NeverTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupTable {
    name: Spanned<String>,
    reason: Spanned<String>,
    modules: Vec<Spanned<String>>,
    #[serde(default)]
    load: Load,
    #[serde(default)]
    architectures: Vec<Architecture>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NeverTable {
    modules: Vec<Spanned<String>>,
    reason: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirmwareTable {
    driver: Spanned<String>,
    package: Spanned<String>,
    #[serde(default)]
    only: Vec<Spanned<String>>,
    reason: Spanned<String>,
}

impl Checker<'_> {
    pub(super) fn group(&self, table: &GroupTable) -> Result<DriverGroup, ProfileError> {
        Ok(DriverGroup {
            name: self.word(&table.name)?,
            reason: self.sentence(&table.reason)?,
            load: table.load,
            modules: self.words(&table.modules)?,
            architectures: table.architectures.clone(),
        })
    }

    pub(super) fn never(&self, table: &NeverTable) -> Result<Never, ProfileError> {
        Ok(Never {
            modules: self.words(&table.modules)?,
            reason: self.sentence(&table.reason)?,
        })
    }

    pub(super) fn firmware(&self, table: &FirmwareTable) -> Result<FirmwareRule, ProfileError> {
        Ok(FirmwareRule {
            driver: self.word(&table.driver)?,
            package: self.word(&table.package)?,
            only: self.globs(&table.only)?,
            reason: self.sentence(&table.reason)?,
        })
    }
}
