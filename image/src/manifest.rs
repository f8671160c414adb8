// SPDX-License-Identifier: Apache-2.0
//! What was built, for machines and auditors: `manifest.json` beside the two files.

use hardware_profiles::Never;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::budget::Budget;
use crate::closure::{Closure, Reason};
use crate::debian::Package;
use crate::firmware::Collected;
use crate::kernel::Kernel;
use crate::platform::Platform;
use crate::sbom::Bill;

/// The form of this file; raised when a reader could trip over a change.
const SCHEMA: u32 = 1;

/// The manifest of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    schema: u32,
    name: &'static str,
    version: &'static str,
    architecture: String,
    kernel: KernelFacts,
    /// What the programs were compiled for.
    rust_target: String,
    files: Vec<FileFacts>,
    budget: Budget,
    packages: Vec<Package>,
    modules: Vec<ModuleFacts>,
    modules_loaded_at_boot: Vec<String>,
    modules_never_loaded: Vec<String>,
    /// Hints of modules that nothing in the image answers.
    modules_unmet_hints: Vec<String>,
    firmware: Vec<FirmwareFacts>,
    /// Names that drivers ask for and Debian's packages do not have.
    firmware_absent: Vec<FirmwareName>,
    sbom: Bill,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct KernelFacts {
    version: String,
    format: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FileFacts {
    name: String,
    size: u64,
    sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ModuleFacts {
    name: String,
    path: String,
    size: u64,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FirmwareFacts {
    #[serde(flatten)]
    name: FirmwareName,
    size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FirmwareName {
    name: String,
    driver: String,
}

/// What a manifest is made of.
#[derive(Debug)]
pub struct Sources<'a> {
    /// What was built for.
    pub platform: &'a Platform,
    /// What the programs were compiled for.
    pub rust_target: &'a str,
    /// The kernel package.
    pub kernel: &'a Kernel,
    /// The files beside the manifest: name and content.
    pub files: &'a [(&'a str, &'a [u8])],
    /// Where the bytes went.
    pub budget: Budget,
    /// Debian packages that files were taken from.
    pub packages: Vec<Package>,
    /// The modules.
    pub closure: &'a Closure,
    /// What must not be loaded.
    pub never: &'a [&'a Never],
    /// The firmware.
    pub firmware: &'a Collected,
    /// The bill of materials.
    pub sbom: Bill,
}

impl Manifest {
    /// Puts the manifest together.
    #[must_use]
    pub fn new(sources: Sources<'_>) -> Self {
        let Sources {
            platform,
            kernel,
            closure,
            firmware,
            ..
        } = sources;
        let files = sources.files.iter().map(|(name, content)| FileFacts {
            name: (*name).to_owned(),
            size: content.len() as u64,
            sha256: sha256(content),
        });
        let hints = closure
            .unmet_hints
            .iter()
            .map(|(module, hint)| format!("{module}: {hint}"));
        let absent = firmware.absent.iter();
        Self {
            schema: SCHEMA,
            name: "ironseed",
            version: env!("CARGO_PKG_VERSION"),
            architecture: platform.architecture.to_string(),
            kernel: KernelFacts {
                version: kernel.version.clone(),
                format: platform.kernel_format,
            },
            rust_target: sources.rust_target.to_owned(),
            files: files.collect(),
            budget: sources.budget,
            packages: sources.packages,
            modules: module_facts(kernel, closure),
            modules_loaded_at_boot: closure.at_boot.clone(),
            modules_never_loaded: sources
                .never
                .iter()
                .flat_map(|never| never.modules.clone())
                .collect(),
            modules_unmet_hints: hints.collect(),
            firmware: firmware_facts(firmware),
            firmware_absent: absent
                .map(|(driver, name)| FirmwareName {
                    name: name.clone(),
                    driver: driver.clone(),
                })
                .collect(),
            sbom: sources.sbom,
        }
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// Never for this type; the writer's signature allows it.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

fn module_facts(kernel: &Kernel, closure: &Closure) -> Vec<ModuleFacts> {
    let facts = closure.modules.iter().map(|(name, chosen)| ModuleFacts {
        name: name.clone(),
        path: chosen.module.path.clone(),
        size: kernel.file(name).map_or(0, <[u8]>::len) as u64,
        reason: match &chosen.reason {
            Reason::Group(group) => format!("group {group}"),
            Reason::DependencyOf(module) => format!("dependency of {module}"),
            Reason::SoftDependencyOf(module) => format!("soft dependency of {module}"),
        },
    });
    facts.collect()
}

fn firmware_facts(firmware: &Collected) -> Vec<FirmwareFacts> {
    let facts = firmware.blobs.iter().map(|(name, blob)| FirmwareFacts {
        name: FirmwareName {
            name: name.clone(),
            driver: blob.driver.clone(),
        },
        size: blob.xz.len() as u64,
    });
    facts.collect()
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first test vector of FIPS 180-2, appendix B.
    #[test]
    fn sums_are_lower_case_hexadecimal() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
