// SPDX-License-Identifier: Apache-2.0
//! What was wrong with the sources: problems, which need a person, and
//! warnings, which do not stop anything.

use std::fmt;

use thiserror::Error;

use crate::origin::Origin;
use crate::schema::Settings;

/// One thing in a source that cannot be used.
///
/// The text of a secret is never in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// A setting has a value it cannot have.
    #[error("{origin}: {name}={text}: expected {expected}")]
    BadValue {
        /// Where it stands.
        origin: Origin,
        /// The setting as that source names it.
        name: String,
        /// The text found, shortened if long.
        text: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A line of a config file is not INI.
    #[error("{origin}: expected {expected}")]
    BadLine {
        /// Where it stands.
        origin: Origin,
        /// What would be right.
        expected: &'static str,
    },
    /// The agent was started with a flag that names no setting.
    #[error("{origin}: unknown flag{}", did_you_mean(.suggestion.as_deref()))]
    UnknownFlag {
        /// The flag.
        origin: Origin,
        /// The nearest flag there is.
        suggestion: Option<String>,
    },
}

impl Problem {
    /// Where the problem stands.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        match self {
            Self::BadValue { origin, .. }
            | Self::BadLine { origin, .. }
            | Self::UnknownFlag { origin, .. } => origin,
        }
    }
}

/// Something in a source that has no effect and probably was meant to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// An `ipa-…` word that is no setting.
    UnknownWord {
        /// Where it stands.
        origin: Origin,
        /// The word before its `=`.
        word: String,
        /// The nearest word there is.
        suggestion: Option<String>,
    },
    /// A key of a config file that is no setting.
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// Its section.
        section: String,
        /// The key.
        key: String,
        /// The nearest key there is.
        suggestion: Option<String>,
    },
    /// A word that Ironic's documents name and nothing reads.
    NoEffect {
        /// Where it stands.
        origin: Origin,
        /// The word.
        word: String,
    },
    /// A bad value that a later source replaced.
    OverriddenBadValue {
        /// Where the bad value stands.
        origin: Origin,
        /// The setting as that source names it.
        name: String,
        /// What would be right.
        expected: &'static str,
        /// Where the value in use stands.
        by: Origin,
    },
    /// Lookup sent a value that cannot be used; the setting stays as it was.
    BadLookupValue {
        /// Key of the `config` object.
        key: &'static str,
        /// The text found.
        text: String,
        /// What would be right.
        expected: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownWord {
                origin,
                word,
                suggestion,
            } => {
                let hint = did_you_mean(suggestion.as_deref());
                write!(f, "{origin}: unknown word {word}{hint}")
            }
            Self::UnknownKey {
                origin,
                section,
                key,
                suggestion,
            } => {
                let hint = did_you_mean(suggestion.as_deref());
                write!(f, "{origin}: unknown key [{section}] {key}{hint}")
            }
            Self::NoEffect { origin, word } => write!(f, "{origin}: {word} has no effect"),
            Self::OverriddenBadValue {
                origin,
                name,
                expected,
                by,
            } => write!(
                f,
                "{origin}: bad {name}, expected {expected}; overridden by {by}"
            ),
            Self::BadLookupValue {
                key,
                text,
                expected,
            } => write!(
                f,
                "Ironic lookup: {key}={text}: expected {expected}; ignored"
            ),
        }
    }
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(", did you mean {name}?"))
}

/// Everything that is wrong, and the settings without it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", listed(.problems))]
pub struct Problems {
    /// The settings with their default where the value was bad, so that an
    /// agent can come up far enough to show the problems.
    pub settings: Box<Settings>,
    /// All problems, one source after the other; never empty.
    pub problems: Vec<Problem>,
}

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}
