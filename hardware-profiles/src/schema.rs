// SPDX-License-Identifier: Apache-2.0
//! The schema of a profile file, and the way from its text to checked values.
//! Unknown keys are refused everywhere: a misspelt key must not be a silent wish.

use serde::Deserialize;
use toml::Spanned;

use crate::error::ProfileError;
use crate::facts::{Field, Matcher};
use crate::glob::Glob;
use crate::locate::{Place, locate};
use crate::profile::{
    Architecture, DriverGroup, FirmwareRule, Load, Never, Profile, Quirk, QuirkKind,
};

/// A file after reading: the profile without what it inherits, and whom it extends.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) profile: Profile,
    pub(crate) file: String,
    /// The parent's name and the line that says so.
    pub(crate) extends: Option<(String, usize)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    description: Spanned<String>,
    extends: Option<Spanned<String>>,
    #[serde(default, rename = "match")]
    matches: MatchTable,
    #[serde(default)]
    drivers: DriversTable,
    #[serde(default)]
    firmware: Vec<FirmwareTable>,
    #[serde(default)]
    quirks: Vec<QuirkTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MatchTable {
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
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DriversTable {
    group: Vec<GroupTable>,
    never: Vec<NeverTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupTable {
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
struct NeverTable {
    modules: Vec<Spanned<String>>,
    reason: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirmwareTable {
    driver: Spanned<String>,
    package: Spanned<String>,
    #[serde(default)]
    only: Vec<Spanned<String>>,
    reason: Spanned<String>,
}

/// Not tagged by serde: `deny_unknown_fields` does not reach into tagged enums with
/// a neighbouring `reason`, so the parts are flat and put together by hand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuirkTable {
    kind: Spanned<QuirkName>,
    reason: Spanned<String>,
    driver: Option<Spanned<String>>,
    milliseconds: Option<Spanned<u32>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum QuirkName {
    CarrierDelay,
    NoBmc,
}

/// Reads one file. Its name must be that of the profile with `.toml`.
pub(crate) fn parse(file: &str, text: &str) -> Result<Parsed, ProfileError> {
    let checker = Checker { file, text };
    let raw: File = toml::from_str(text).map_err(|e| checker.schema_error(&e))?;
    if file != format!("{}.toml", raw.name.get_ref()) {
        return Err(checker.value("must be the file's name without .toml", &raw.name));
    }
    let profile = Profile {
        name: raw.name.get_ref().clone(),
        description: checker.sentence(&raw.description)?,
        matcher: checker.matcher(&raw.matches)?,
        groups: raw
            .drivers
            .group
            .iter()
            .map(|group| checker.group(group))
            .collect::<Result<_, _>>()?,
        never: raw
            .drivers
            .never
            .iter()
            .map(|never| checker.never(never))
            .collect::<Result<_, _>>()?,
        firmware: raw
            .firmware
            .iter()
            .map(|rule| checker.firmware(rule))
            .collect::<Result<_, _>>()?,
        quirks: raw
            .quirks
            .iter()
            .map(|quirk| checker.quirk(quirk))
            .collect::<Result<_, _>>()?,
    };
    let extends = raw
        .extends
        .map(|parent| (parent.get_ref().clone(), checker.place(&parent).line));
    Ok(Parsed {
        profile,
        file: file.to_owned(),
        extends,
    })
}

/// Turns values with positions into checked ones; knows the text for the errors.
struct Checker<'a> {
    file: &'a str,
    text: &'a str,
}

impl Checker<'_> {
    fn place<T>(&self, value: &Spanned<T>) -> Place {
        locate(self.text, value.span().start)
    }

    fn schema_error(&self, error: &toml::de::Error) -> ProfileError {
        let Place { line, field } = locate(self.text, error.span().map_or(0, |span| span.start));
        let problem = error.message().trim().replace('\n', ", ");
        ProfileError::Schema {
            file: self.file.to_owned(),
            line,
            field,
            problem,
        }
    }

    fn schema<T>(&self, problem: &str, value: &Spanned<T>) -> ProfileError {
        let Place { line, field } = self.place(value);
        ProfileError::Schema {
            file: self.file.to_owned(),
            line,
            field,
            problem: problem.to_owned(),
        }
    }

    fn value(&self, problem: &'static str, value: &Spanned<String>) -> ProfileError {
        let Place { line, field } = self.place(value);
        ProfileError::Value {
            file: self.file.to_owned(),
            line,
            field,
            problem,
            value: value.get_ref().clone(),
        }
    }

    fn sentence(&self, text: &Spanned<String>) -> Result<String, ProfileError> {
        if text.get_ref().trim().is_empty() {
            return Err(self.value("must say something", text));
        }
        Ok(text.get_ref().trim().to_owned())
    }

    /// Module, package and group names end up in files read line by line.
    fn word(&self, text: &Spanned<String>) -> Result<String, ProfileError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
        if text.get_ref().is_empty() || !text.get_ref().chars().all(fits) {
            return Err(self.value("must be one word of letters, digits, _ - + and .", text));
        }
        Ok(text.get_ref().clone())
    }

    fn words(&self, texts: &[Spanned<String>]) -> Result<Vec<String>, ProfileError> {
        let mut words = Vec::with_capacity(texts.len());
        for text in texts {
            let word = self.word(text)?;
            if words.contains(&word) {
                return Err(self.value("is listed twice", text));
            }
            words.push(word);
        }
        Ok(words)
    }

    fn globs(&self, texts: &[Spanned<String>]) -> Result<Vec<Glob>, ProfileError> {
        texts
            .iter()
            .map(|text| Ok(Glob::new(&self.sentence(text)?)))
            .collect()
    }

    fn matcher(&self, table: &MatchTable) -> Result<Matcher, ProfileError> {
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
        ];
        let present = columns
            .into_iter()
            .filter(|(_, patterns)| !patterns.is_empty());
        Ok(Matcher {
            architectures: table.architecture.clone(),
            fields: present
                .map(|(field, patterns)| Ok((field, self.globs(patterns)?)))
                .collect::<Result<_, ProfileError>>()?,
        })
    }

    fn group(&self, table: &GroupTable) -> Result<DriverGroup, ProfileError> {
        Ok(DriverGroup {
            name: self.word(&table.name)?,
            reason: self.sentence(&table.reason)?,
            load: table.load,
            modules: self.words(&table.modules)?,
            architectures: table.architectures.clone(),
        })
    }

    fn never(&self, table: &NeverTable) -> Result<Never, ProfileError> {
        Ok(Never {
            modules: self.words(&table.modules)?,
            reason: self.sentence(&table.reason)?,
        })
    }

    fn firmware(&self, table: &FirmwareTable) -> Result<FirmwareRule, ProfileError> {
        Ok(FirmwareRule {
            driver: self.word(&table.driver)?,
            package: self.word(&table.package)?,
            only: self.globs(&table.only)?,
            reason: self.sentence(&table.reason)?,
        })
    }

    fn quirk(&self, table: &QuirkTable) -> Result<Quirk, ProfileError> {
        let kind = match (table.kind.get_ref(), &table.driver, &table.milliseconds) {
            (QuirkName::CarrierDelay, Some(driver), Some(milliseconds)) => {
                QuirkKind::CarrierDelay {
                    driver: self.word(driver)?,
                    milliseconds: *milliseconds.get_ref(),
                }
            }
            (QuirkName::CarrierDelay, _, _) => {
                return Err(self.schema("carrier-delay needs driver and milliseconds", &table.kind));
            }
            (QuirkName::NoBmc, None, None) => QuirkKind::NoBmc,
            (QuirkName::NoBmc, _, _) => {
                return Err(
                    self.schema("no-bmc takes neither driver nor milliseconds", &table.kind)
                );
            }
        };
        Ok(Quirk {
            kind,
            reason: self.sentence(&table.reason)?,
        })
    }
}
