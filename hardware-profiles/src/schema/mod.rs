// SPDX-License-Identifier: Apache-2.0
//! The schema of a profile file, and the way from its text to checked values.
//! Unknown keys are refused everywhere: a misspelt key must not be a silent wish.
//!
//! One file per table: what serde reads, and the function that checks it.

mod amount;
mod check;
mod drivers;
mod expect;
mod layout;
mod matching;
mod quirks;

use serde::Deserialize;
use toml::Spanned;

use crate::error::ProfileError;
use crate::profile::Profile;
use check::Checker;

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
    matches: matching::MatchTable,
    #[serde(default)]
    drivers: drivers::DriversTable,
    #[serde(default)]
    firmware: Vec<drivers::FirmwareTable>,
    #[serde(default)]
    quirks: Vec<quirks::QuirkTable>,
    #[serde(default)]
    expect: expect::ExpectTable,
    #[serde(default)]
    layout: layout::LayoutTable,
}

/// Reads one file. The last part of its path must be the profile's name with
/// `.toml`.
pub(crate) fn parse(file: &str, text: &str) -> Result<Parsed, ProfileError> {
    let checker = Checker { file, text };
    let raw: File = toml::from_str(text).map_err(|e| checker.schema_error(&e))?;
    let file_name = file.rsplit('/').next().unwrap_or(file);
    if file_name != format!("{}.toml", raw.name.get_ref()) {
        return Err(checker.value("must be the file's name without .toml", &raw.name));
    }
    let profile = Profile {
        name: checker.word(&raw.name)?,
        description: checker.sentence(&raw.description)?,
        matcher: checker.matcher(&raw.matches)?,
        groups: checker.each(&raw.drivers.group, Checker::group)?,
        never: checker.each(&raw.drivers.never, Checker::never)?,
        firmware: checker.each(&raw.firmware, Checker::firmware)?,
        quirks: checker.each(&raw.quirks, Checker::quirk)?,
        expect: checker.expect(&raw.expect)?,
        layout: checker.layout(&raw.layout)?,
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
