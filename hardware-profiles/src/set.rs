// SPDX-License-Identifier: Apache-2.0
//! All profiles together: inheritance, and the choice for one machine.

use std::cmp::Reverse;
use std::sync::LazyLock;

use crate::error::ProfileError;
use crate::facts::{MachineFacts, MatchedField};
use crate::profile::{Architecture, DriverGroup, FirmwareRule, Never, Profile};
use crate::schema::{Parsed, parse};

/// The profiles that ship with the project.
const FILES: &[(&str, &str)] = &[
    ("generic.toml", include_str!("../profiles/generic.toml")),
    ("qemu-q35.toml", include_str!("../profiles/qemu-q35.toml")),
];

/// Profiles with their inheritance resolved, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSet {
    profiles: Vec<Profile>,
}

/// The profile chosen for a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<'a> {
    /// What the machine is taken for.
    pub profile: &'a Profile,
    /// Why, in words for people.
    pub reason: String,
}

impl ProfileSet {
    /// The profiles that are compiled in.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<ProfileSet> = LazyLock::new(|| {
            ProfileSet::parse(FILES).expect("a test parses the profiles that are compiled in")
        });
        &BUILTIN
    }

    /// Reads profiles from pairs of file name and text.
    ///
    /// # Errors
    /// The first file that breaks the schema, a parent that is missing or circular,
    /// a name used twice, or a set without exactly one profile for every machine.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, ProfileError> {
        let parsed = files
            .iter()
            .map(|(file, text)| parse(file, text))
            .collect::<Result<Vec<_>, _>>()?;
        for (index, one) in parsed.iter().enumerate() {
            if parsed[..index]
                .iter()
                .any(|other| other.profile.name == one.profile.name)
            {
                let (file, name) = (one.file.clone(), one.profile.name.clone());
                return Err(ProfileError::DuplicateName { file, name });
            }
        }
        let mut profiles = parsed
            .iter()
            .map(|one| inherit(one, &parsed))
            .collect::<Result<Vec<_>, _>>()?;
        profiles.sort_by(|a, b| a.name.cmp(&b.name));
        let found = profiles
            .iter()
            .filter(|profile| profile.matcher.is_empty())
            .count();
        if found != 1 {
            return Err(ProfileError::Fallback { found });
        }
        Ok(Self { profiles })
    }

    /// The profile that says most about this machine: the one with the most fields
    /// that fit, then with the most literal characters in them, then the first by name.
    #[must_use]
    pub fn select(&self, facts: &MachineFacts) -> Selection<'_> {
        let candidates = self
            .profiles
            .iter()
            .filter_map(|profile| Some((profile, profile.matcher.fit(facts)?)));
        let (profile, fields) = candidates
            .min_by_key(|(profile, fields)| {
                Reverse((fields.len(), literal_len(fields), Reverse(&profile.name)))
            })
            .expect("parse() makes sure that one profile fits every machine");
        Selection {
            profile,
            reason: reason(&fields),
        }
    }

    /// The profile of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// All profiles, sorted by name.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// Every driver group of any profile that applies to the architecture, once.
    #[must_use]
    pub fn driver_groups(&self, architecture: Architecture) -> Vec<&DriverGroup> {
        unique(
            self.profiles
                .iter()
                .flat_map(|p| &p.groups)
                .filter(|group| group.is_for(architecture)),
        )
    }

    /// Every module that some profile forbids, once. The image leaves out what any
    /// profile forbids, because modules are loaded before the profile is known.
    #[must_use]
    pub fn never(&self) -> Vec<&Never> {
        unique(self.profiles.iter().flat_map(|p| &p.never))
    }

    /// Every firmware rule of any profile, once.
    #[must_use]
    pub fn firmware(&self) -> Vec<&FirmwareRule> {
        unique(self.profiles.iter().flat_map(|p| &p.firmware))
    }
}

fn unique<'a, T: PartialEq>(items: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let mut seen: Vec<&T> = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}

fn literal_len(fields: &[MatchedField]) -> usize {
    fields.iter().map(|field| field.literal_len).sum()
}

fn reason(fields: &[MatchedField]) -> String {
    if fields.is_empty() {
        return "no profile names this machine".to_owned();
    }
    let parts = fields
        .iter()
        .map(|f| format!("{} {:?} fits {:?}", f.field, f.value, f.pattern));
    parts.collect::<Vec<_>>().join(", ")
}

/// The profile with everything of its ancestors in front of its own.
fn inherit(one: &Parsed, all: &[Parsed]) -> Result<Profile, ProfileError> {
    let mut chain = vec![one];
    let mut current = one;
    while let Some((name, line)) = &current.extends {
        let (file, line) = (current.file.clone(), *line);
        let Some(parent) = all.iter().find(|other| other.profile.name == *name) else {
            return Err(ProfileError::UnknownParent {
                file,
                line,
                parent: name.clone(),
            });
        };
        if chain.iter().any(|seen| seen.profile.name == *name) {
            let names = chain
                .iter()
                .map(|seen| seen.profile.name.as_str())
                .chain([name.as_str()]);
            let chain = names.collect::<Vec<_>>().join(" -> ");
            return Err(ProfileError::ExtendsCircle { file, line, chain });
        }
        chain.push(parent);
        current = parent;
    }
    let ancestors = || chain.iter().rev().map(|parsed| &parsed.profile);
    Ok(Profile {
        groups: ancestors().flat_map(|p| p.groups.iter().cloned()).collect(),
        never: ancestors().flat_map(|p| p.never.iter().cloned()).collect(),
        firmware: ancestors()
            .flat_map(|p| p.firmware.iter().cloned())
            .collect(),
        quirks: ancestors().flat_map(|p| p.quirks.iter().cloned()).collect(),
        ..one.profile.clone()
    })
}

#[cfg(test)]
mod tests;
