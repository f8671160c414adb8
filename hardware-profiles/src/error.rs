// SPDX-License-Identifier: Apache-2.0
//! What can be wrong with a profile file. Each error names the file, the line
//! and the field, because the reader is somebody editing that file.

use thiserror::Error;

/// A profile that cannot be used.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum ProfileError {
    /// The text is not TOML, or not of the schema: unknown key, wrong type, missing key.
    #[error("{file}:{line}: {field}: {problem}")]
    Schema {
        /// Name of the file.
        file: String,
        /// Line in that file, the first being 1.
        line: usize,
        /// Key with the table it stands in, for example `drivers.group.load`.
        field: String,
        /// What the reader of the file should know, without position.
        problem: String,
    },
    /// The value has the right type but makes no sense.
    #[error("{file}:{line}: {field}: {problem}: {value:?}")]
    Value {
        /// Name of the file.
        file: String,
        /// Line in that file, the first being 1.
        line: usize,
        /// Key with the table it stands in.
        field: String,
        /// What is wrong with the value.
        problem: &'static str,
        /// The value as it stands in the file.
        value: String,
    },
    /// `extends` names a profile that does not exist.
    #[error("{file}:{line}: extends: no profile of this name: {parent:?}")]
    UnknownParent {
        /// Name of the file.
        file: String,
        /// Line of `extends`.
        line: usize,
        /// The name that was not found.
        parent: String,
    },
    /// Following `extends` from this profile leads back to it.
    #[error("{file}:{line}: extends: goes round in a circle: {chain}")]
    ExtendsCircle {
        /// Name of the file.
        file: String,
        /// Line of `extends`.
        line: usize,
        /// The names on the way, joined by arrows.
        chain: String,
    },
    /// Two files carry the same profile name.
    #[error("{file}: name: already used by another file: {name:?}")]
    DuplicateName {
        /// Name of the second file.
        file: String,
        /// The profile name in both.
        name: String,
    },
    /// A second profile has an empty `[match]`.
    #[error(
        "{file}:1: match: exactly one profile must match every machine (an empty [match]), and {first} does"
    )]
    SecondFallback {
        /// Name of the second file.
        file: String,
        /// Name of the profile that matches every machine already.
        first: String,
    },
    /// No profile has an empty `[match]`.
    #[error("exactly one profile must match every machine (an empty [match]), found none")]
    NoFallback,
}

impl ProfileError {
    /// The file that is to blame; none if it is the whole set.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Schema { file, .. }
            | Self::Value { file, .. }
            | Self::UnknownParent { file, .. }
            | Self::ExtendsCircle { file, .. }
            | Self::DuplicateName { file, .. }
            | Self::SecondFallback { file, .. } => Some(file),
            Self::NoFallback => None,
        }
    }
}
