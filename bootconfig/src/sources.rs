// SPDX-License-Identifier: Apache-2.0
//! The sources as bytes, and what they assign, in order of precedence.

use std::cmp::Ordering;
use std::fmt;

use crate::foreign_text::value_in_message;
use crate::ini;
use crate::kind::{Facts, Kind};
use crate::origin::{Origin, Setting};
use crate::problem::{Problem, Warning};
use crate::schema::{DEFAULT_SECTION, Names};
use crate::words::words;

/// Path and content of a file.
pub type RawFile = (String, Vec<u8>);

/// Everything that can say something about settings, as read.
///
/// Its `Debug` prints sizes only: tokens and passwords are in these bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawSources {
    /// `/proc/cmdline`.
    pub cmdline: Vec<u8>,
    /// `parameters.txt` of the virtual media parameters disk (contract §2.4).
    pub parameters_disk: Option<Vec<u8>>,
    /// Files of `etc/ironic-python-agent.d/` on the boot ISO (contract §2.4).
    /// Upstream copies them over those of the image before it reads any, so
    /// they take part in the order of names, and one replaces the image's file
    /// of the same name.
    pub image_config: Vec<RawFile>,
    /// Files of `/etc/ironic-python-agent.d/`, in any order. Only names that
    /// end in `.conf` are read; a later name wins.
    pub config_files: Vec<RawFile>,
    /// Flags the agent was started with: the config file key (`api-url` or
    /// `api_url`; `section.key` outside DEFAULT) and the value.
    pub flags: Vec<(String, String)>,
}

/// The name an assignment uses for its setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// Of the kernel command line and the parameters disk.
    Word(String),
    /// Section and key of a config file or flag.
    Key(String, String),
}

impl Name {
    fn is_of(&self, names: &Names) -> bool {
        match self {
            Self::Word(word) => names.word == Some(word.as_str()),
            Self::Key(section, key) => {
                let found = Some((section.as_str(), key.as_str()));
                names.key == found || names.former_key == found
            }
        }
    }

    fn as_written(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Key(section, key) if section == DEFAULT_SECTION => key.clone(),
            Self::Key(section, key) => format!("[{section}] {key}"),
        }
    }
}

/// One `name = value` of one source. Not `Debug`: the text may be secret.
pub(crate) struct Assignment {
    pub(crate) origin: Origin,
    pub(crate) name: Name,
    text: String,
}

impl Assignment {
    fn parse<T>(&self, kind: &Kind<T>) -> Option<T> {
        // Bytes that were not UTF-8. No setting has them as a value.
        if self.text.contains('\u{fffd}') {
            return None;
        }
        match (&self.name, kind.parse_word) {
            (Name::Word(_), Some(parse_word)) => parse_word(&self.text),
            _ => (kind.parse)(&self.text),
        }
    }

    fn problem(&self, facts: Facts) -> Problem {
        Problem::BadValue {
            origin: self.origin.clone(),
            name: self.name.as_written(),
            text: value_in_message(&self.text, facts),
            expected: facts.expected,
        }
    }
}

/// All assignments of all sources, lowest precedence first.
pub(crate) struct Assignments<'a> {
    pub(crate) all: &'a [Assignment],
}

impl Assignments<'_> {
    /// The value a setting gets: the last assignment counts. If it is bad, that
    /// is a problem and no earlier one steps in, because then a typing error
    /// would bring back a value somebody meant to replace.
    pub(crate) fn settle<T>(
        &self,
        names: &Names,
        kind: &Kind<T>,
        problems: &mut Vec<Problem>,
        warnings: &mut Vec<Warning>,
    ) -> Option<Setting<T>> {
        let found: Vec<&Assignment> = self
            .all
            .iter()
            .filter(|one| one.name.is_of(names))
            .collect();
        let (last, earlier) = found.split_last()?;
        for bad in earlier.iter().filter(|one| one.parse(kind).is_none()) {
            warnings.push(Warning::OverriddenBadValue {
                origin: bad.origin.clone(),
                name: bad.name.as_written(),
                expected: kind.facts.expected,
                by: last.origin.clone(),
            });
        }
        let Some(value) = last.parse(kind) else {
            problems.push(last.problem(kind.facts));
            return None;
        };
        Some(Setting {
            value,
            origin: last.origin.clone(),
        })
    }
}

impl fmt::Debug for RawSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = |files: &[RawFile]| -> Vec<(String, usize)> {
            let sizes = files
                .iter()
                .map(|(path, bytes)| (path.clone(), bytes.len()));
            sizes.collect()
        };
        let flags: Vec<&String> = self.flags.iter().map(|(name, _)| name).collect();
        f.debug_struct("RawSources")
            .field("cmdline", &self.cmdline.len())
            .field(
                "parameters_disk",
                &self.parameters_disk.as_ref().map(Vec::len),
            )
            .field("image_config", &sizes(&self.image_config))
            .field("config_files", &sizes(&self.config_files))
            .field("flags", &flags)
            .finish()
    }
}

impl RawSources {
    /// Reads every source, lowest precedence first (contract §2.1), and adds
    /// the lines that cannot be read to the problems.
    pub(crate) fn assignments(&self, problems: &mut Vec<Problem>) -> Vec<Assignment> {
        let mut all = Vec::new();
        all.extend(words(&self.cmdline).into_iter().map(|word| Assignment {
            origin: Origin::KernelCommandLine {
                word: word.position,
            },
            name: Name::Word(word.name.into_owned()),
            text: word.value.into_owned(),
        }));
        let parameters = words(self.parameters_disk.as_deref().unwrap_or_default());
        all.extend(parameters.into_iter().map(|word| Assignment {
            origin: Origin::ParametersDisk { line: word.line },
            name: Name::Word(word.name.into_owned()),
            text: word.value.into_owned(),
        }));
        for file in self.config_in_order() {
            file.assignments(&mut all, problems);
        }
        all.extend(self.flags.iter().map(|(name, value)| flag(name, value)));
        all
    }

    /// The config files that are read, in the order in which they are.
    fn config_in_order(&self) -> Vec<ConfigFile<'_>> {
        let iso = self
            .image_config
            .iter()
            .map(|file| ConfigFile::new(file, true));
        let image = self
            .config_files
            .iter()
            .map(|file| ConfigFile::new(file, false));
        let mut files: Vec<ConfigFile<'_>> =
            iso.chain(image).filter(ConfigFile::is_config).collect();
        files.sort_by(ConfigFile::order);
        let on_iso: Vec<&str> = files
            .iter()
            .filter(|file| file.on_iso)
            .map(|file| file.name)
            .collect();
        files.retain(|file| file.on_iso || !on_iso.contains(&file.name));
        files
    }
}

#[derive(Clone, Copy)]
struct ConfigFile<'a> {
    path: &'a str,
    name: &'a str,
    bytes: &'a [u8],
    on_iso: bool,
}

impl<'a> ConfigFile<'a> {
    fn new((path, bytes): &'a RawFile, on_iso: bool) -> Self {
        Self {
            path,
            name: path.rsplit('/').next().unwrap_or(path),
            bytes,
            on_iso,
        }
    }

    fn is_config(&self) -> bool {
        self.name
            .strip_suffix(".conf")
            .is_some_and(|stem| !stem.is_empty())
    }

    fn order(&self, other: &Self) -> Ordering {
        (self.name, self.path).cmp(&(other.name, other.path))
    }

    fn origin(&self, line: usize) -> Origin {
        let path = self.path.to_owned();
        if self.on_iso {
            Origin::BootIso { path, line }
        } else {
            Origin::ConfigFile { path, line }
        }
    }

    fn assignments(&self, all: &mut Vec<Assignment>, problems: &mut Vec<Problem>) {
        let (entries, bad_lines) = ini::parse(self.bytes);
        all.extend(entries.into_iter().map(|entry| Assignment {
            origin: self.origin(entry.line),
            name: Name::Key(entry.section, entry.key),
            text: entry.value,
        }));
        problems.extend(bad_lines.into_iter().map(|bad| Problem::BadLine {
            origin: self.origin(bad.line),
            expected: bad.expected,
        }));
    }
}

fn flag(name: &str, value: &str) -> Assignment {
    let name = name.trim_start_matches('-');
    let (section, key) = name.split_once('.').unwrap_or((DEFAULT_SECTION, name));
    Assignment {
        origin: Origin::Flag {
            name: name.to_owned(),
        },
        name: Name::Key(section.to_owned(), key.replace('-', "_")),
        text: value.to_owned(),
    }
}
