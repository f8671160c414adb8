// SPDX-License-Identifier: Apache-2.0
//! Where a value came from, and a value that knows it.

use std::fmt;

use serde::Serialize;

/// The place a value was read from, exact enough to find and correct it.
///
/// The variants stand in order of precedence, lowest first (contract §2.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum Origin {
    /// Built in.
    Default,
    /// A word of the kernel command line, counted from 1.
    KernelCommandLine {
        /// Position of the word, from 1.
        word: usize,
    },
    /// A line of `parameters.txt` on the virtual media parameters disk.
    ParametersDisk {
        /// Line number, from 1.
        line: usize,
    },
    /// A line of a config file that came on the boot ISO.
    BootIso {
        /// Path of the file as the caller named it.
        path: String,
        /// Line number, from 1.
        line: usize,
    },
    /// A line of a config file of the image.
    ConfigFile {
        /// Path of the file as the caller named it.
        path: String,
        /// Line number, from 1.
        line: usize,
    },
    /// A flag the agent was started with, without its leading dashes.
    Flag {
        /// Name of the flag.
        name: String,
    },
    /// A TXT record of Ironic's mDNS announcement.
    Mdns,
    /// The `config` object of Ironic's answer to lookup.
    Lookup,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::KernelCommandLine { word } => write!(f, "kernel command line, word {word}"),
            Self::ParametersDisk { line } => write!(f, "parameters disk, line {line}"),
            Self::BootIso { path, line } => write!(f, "boot ISO {path}, line {line}"),
            Self::ConfigFile { path, line } => write!(f, "{path}, line {line}"),
            Self::Flag { name } => write!(f, "flag --{name}"),
            Self::Mdns => f.write_str("mDNS"),
            Self::Lookup => f.write_str("Ironic lookup"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value to use.
    pub value: T,
    /// Where it was read.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A built-in value.
    #[must_use]
    pub const fn default_value(value: T) -> Self {
        Self {
            value,
            origin: Origin::Default,
        }
    }

    /// Whether somebody set this, be it to the default value.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        !matches!(self.origin, Origin::Default)
    }

    /// Replaces the value, as a later source does.
    pub fn replace(&mut self, value: T, origin: Origin) {
        self.value = value;
        self.origin = origin;
    }
}
