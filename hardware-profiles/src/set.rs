// SPDX-License-Identifier: Apache-2.0
//! All profiles together: inheritance, and the choice for one machine.

use std::cmp::Reverse;
use std::sync::LazyLock;

use crate::error::ProfileError;
use crate::expect::Expect;
use crate::facts::{MachineFacts, MatchedField};
use crate::layout::Layout;
use crate::profile::{Architecture, DriverGroup, FirmwareRule, Never, Profile};
use crate::schema::{Parsed, parse};

/// The profiles that ship with the project.
const FILES: &[(&str, &str)] = &[
    (
        "ampere-altra.toml",
        include_str!("../profiles/ampere-altra.toml"),
    ),
    (
        "dell-poweredge.toml",
        include_str!("../profiles/dell-poweredge.toml"),
    ),
    (
        "dell-poweredge-14g.toml",
        include_str!("../profiles/dell-poweredge-14g.toml"),
    ),
    (
        "dell-poweredge-15g.toml",
        include_str!("../profiles/dell-poweredge-15g.toml"),
    ),
    (
        "dell-poweredge-16g.toml",
        include_str!("../profiles/dell-poweredge-16g.toml"),
    ),
    ("generic.toml", include_str!("../profiles/generic.toml")),
    (
        "gigabyte-arm64.toml",
        include_str!("../profiles/gigabyte-arm64.toml"),
    ),
    (
        "hpe-proliant-gen10.toml",
        include_str!("../profiles/hpe-proliant-gen10.toml"),
    ),
    (
        "hpe-proliant-gen10-plus.toml",
        include_str!("../profiles/hpe-proliant-gen10-plus.toml"),
    ),
    (
        "hpe-proliant-gen11.toml",
        include_str!("../profiles/hpe-proliant-gen11.toml"),
    ),
    (
        "lenovo-thinksystem.toml",
        include_str!("../profiles/lenovo-thinksystem.toml"),
    ),
    ("qemu-q35.toml", include_str!("../profiles/qemu-q35.toml")),
    (
        "supermicro.toml",
        include_str!("../profiles/supermicro.toml"),
    ),
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

/// Files that were not added to the set, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Why; it names the file, the line and the field.
    pub error: ProfileError,
    /// Whether all added files were left out, not only the one in the error.
    pub all: bool,
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
        one_fallback(&parsed)?;
        profiles.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { profiles })
    }

    /// The profiles that are compiled in with these files added; one of the same
    /// name takes the place of the compiled-in one, a later file that of an
    /// earlier. A file that cannot be used is left out, and the error says why:
    /// a machine shall boot with the profiles that are sound.
    #[must_use]
    pub fn with(extra: &[(String, String)]) -> (Self, Vec<LeftOut>) {
        let mut extra: Vec<(&str, &str)> = extra
            .iter()
            .map(|(file, text)| (file.as_str(), text.as_str()))
            .collect();
        let mut left_out = Vec::new();
        while !extra.is_empty() {
            let error = match Self::parse(&replaced(&extra)) {
                Ok(set) => return (set, left_out),
                Err(error) => error,
            };
            let before = extra.len();
            extra.retain(|(file, _)| Some(*file) != error.file());
            let all = extra.len() == before;
            if all {
                // The fault shows in a file that is compiled in: which of the
                // others leads to it cannot be told.
                extra.clear();
            }
            left_out.push(LeftOut { error, all });
        }
        (Self::builtin().clone(), left_out)
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

/// The files that are compiled in, with others added or in their places.
fn replaced<'a>(extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let name = |file: &'a str| file.rsplit('/').next().unwrap_or(file);
    let mut files: Vec<(&str, &str)> = FILES.to_vec();
    for (file, text) in extra {
        files.retain(|(known, _)| name(known) != name(file));
        files.push((file, text));
    }
    files
}

/// Exactly one profile fits every machine.
fn one_fallback(parsed: &[Parsed]) -> Result<(), ProfileError> {
    let mut fallbacks = parsed.iter().filter(|one| one.profile.matcher.is_empty());
    let first = fallbacks.next().ok_or(ProfileError::NoFallback)?;
    match fallbacks.next() {
        None => Ok(()),
        Some(second) => Err(ProfileError::SecondFallback {
            file: second.file.clone(),
            first: first.profile.name.clone(),
        }),
    }
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
        expect: ancestors().fold(Expect::default(), |below, p| p.expect.over(&below)),
        layout: ancestors().fold(Layout::default(), |below, p| p.layout.over(&below)),
        ..one.profile.clone()
    })
}

#[cfg(test)]
mod tests;
