// SPDX-License-Identifier: Apache-2.0
//! A profile as its readers see it: checked, with everything it inherits.

use std::fmt;

use serde::Deserialize;

use crate::expect::Expect;
use crate::facts::Matcher;
use crate::glob::Glob;
use crate::layout::Layout;
use crate::quirk::Quirk;

/// A processor architecture the image is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// 64-bit PCs; Debian calls it amd64.
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit ARM; Debian calls it arm64.
    Aarch64,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        })
    }
}

/// What makes the kernel load the drivers of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// The device announces itself (a modalias in sysfs), or another module depends on it.
    #[default]
    Modalias,
    /// Nothing announces it, and it is wanted on every machine: PID 1 loads it by name.
    Boot,
    /// Nothing announces it, and few machines want it: it is in the image, and
    /// whoever needs it loads it by name.
    Demand,
}

/// Drivers that belong together, with the reason they are in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverGroup {
    /// Short name for listings.
    pub name: String,
    /// Why the image carries them.
    pub reason: String,
    /// How they come to be loaded.
    pub load: Load,
    /// Module names as in the kernel's build, for example `cdc_ether`.
    pub modules: Vec<String>,
    /// Only these architectures have the drivers; empty means all.
    pub architectures: Vec<Architecture>,
}

impl DriverGroup {
    /// Whether the kernel of this architecture is expected to have the drivers.
    #[must_use]
    pub fn is_for(&self, architecture: Architecture) -> bool {
        self.architectures.is_empty() || self.architectures.contains(&architecture)
    }
}

/// Modules that must not be loaded, even where a device asks for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Never {
    /// Module names.
    pub modules: Vec<String>,
    /// What goes wrong when they are loaded.
    pub reason: String,
}

/// Firmware files that ship with the image for one driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirmwareRule {
    /// The driver whose `firmware=` names are meant.
    pub driver: String,
    /// The Debian package that has the files.
    pub package: String,
    /// Take only the names that fit one of these; empty means all.
    pub only: Vec<Glob>,
    /// What does not work without.
    pub reason: String,
}

impl FirmwareRule {
    /// Whether this name of the driver's `firmware=` list is wanted.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|glob| glob.matches(name))
    }
}

/// What a kind of machine is, with everything inherited from `extends`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Unique, and the stem of the file name.
    pub name: String,
    /// One sentence for people.
    pub description: String,
    /// Which machines are meant. Not inherited.
    pub matcher: Matcher,
    /// Inherited groups first.
    pub groups: Vec<DriverGroup>,
    /// Inherited entries first.
    pub never: Vec<Never>,
    /// Inherited entries first.
    pub firmware: Vec<FirmwareRule>,
    /// Inherited entries first.
    pub quirks: Vec<Quirk>,
    /// What such a machine has; each field is the profile's own or inherited.
    pub expect: Expect,
    /// The disk and network layout such a machine shall get; each part is the
    /// profile's own or inherited.
    pub layout: Layout,
}
