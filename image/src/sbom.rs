// SPDX-License-Identifier: Apache-2.0
//! The software bill of materials in CycloneDX's JSON form (ECMA-424, version 1.6):
//! the Debian packages that files were taken from, and the crates linked into our
//! programs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::debian::Package;

/// A lock file that cannot be read.
#[derive(Debug, Error)]
#[error("Cargo.lock is not in the expected form")]
pub struct LockError(#[from] toml::de::Error);

/// The bill. It has no serial number and no time, so that the same image has the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    components: Vec<Component>,
}

/// A thing the image contains.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    version: String,
    purl: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

/// A crate as cargo names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// Name in the registry.
    pub name: String,
    /// Version.
    pub version: String,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Makes the bill. `lock` is the text of Cargo.lock, which knows the sums of crates.
///
/// # Errors
/// If the lock file cannot be read.
pub fn bill(packages: &[Package], crates: &BTreeSet<Crate>, lock: &str) -> Result<Bill, LockError> {
    let lock: Lock = toml::from_str(lock)?;
    let sums: BTreeMap<_, _> = lock
        .package
        .into_iter()
        .map(|locked| ((locked.name, locked.version), locked.checksum))
        .collect();
    let mut components: Vec<Component> = packages.iter().map(from_package).collect();
    components.extend(crates.iter().map(|one| {
        let sum = sums
            .get(&(one.name.clone(), one.version.clone()))
            .cloned()
            .flatten();
        from_crate(one, sum)
    }));
    components.sort();
    Ok(Bill {
        bom_format: "CycloneDX",
        spec_version: "1.6",
        version: 1,
        components,
    })
}

fn from_package(package: &Package) -> Component {
    let Package {
        name,
        version,
        architecture,
        sha256,
        ..
    } = package;
    let is_firmware = name.starts_with("firmware-");
    Component {
        kind: if is_firmware {
            "firmware"
        } else {
            "operating-system"
        },
        name: name.clone(),
        version: version.clone(),
        // The purl specification wants `+` and `:` of versions percent-encoded.
        purl: format!(
            "pkg:deb/debian/{}@{}?arch={architecture}",
            encode(name),
            encode(version)
        ),
        hashes: vec![Hash {
            alg: "SHA-256",
            content: sha256.clone(),
        }],
    }
}

fn from_crate(one: &Crate, sum: Option<String>) -> Component {
    Component {
        kind: "library",
        name: one.name.clone(),
        version: one.version.clone(),
        purl: format!("pkg:cargo/{}@{}", encode(&one.name), encode(&one.version)),
        hashes: sum
            .into_iter()
            .map(|content| Hash {
                alg: "SHA-256",
                content,
            })
            .collect(),
    }
}

fn encode(text: &str) -> String {
    text.replace('+', "%2B").replace(':', "%3A")
}

/// The crates in the output of `cargo tree --prefix none --format {p}`: a line is
/// `NAME vVERSION`, perhaps followed by where it comes from.
#[must_use]
pub fn crates(tree: &str) -> BTreeSet<Crate> {
    let parse = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        Some(Crate {
            name: name.to_owned(),
            version: version.to_owned(),
        })
    };
    tree.lines().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_a_tree() {
        let tree = "ironseed-init v0.1.0 (/src/image/init)\nnix v0.31.3\nlibc v0.2.1 (*)\nnix v0.31.3\n\nodd line\n";
        let found: Vec<_> = crates(tree)
            .into_iter()
            .map(|c| format!("{} {}", c.name, c.version))
            .collect();
        assert_eq!(found, ["ironseed-init 0.1.0", "libc 0.2.1", "nix 0.31.3"]);
    }

    #[test]
    fn the_bill() {
        let package = Package {
            name: "firmware-bnx2".to_owned(),
            version: "1:6.12+deb".to_owned(),
            architecture: "all".to_owned(),
            sha256: "aa".to_owned(),
            ..Package::default()
        };
        let lock =
            "version = 4\n[[package]]\nname = \"nix\"\nversion = \"0.31.3\"\nchecksum = \"bb\"\n";
        let bill = bill(&[package], &crates("nix v0.31.3\nown v0.1.0"), lock).unwrap();
        let expected = serde_json::json!({
            "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
            "components": [
                {"type": "firmware", "name": "firmware-bnx2", "version": "1:6.12+deb",
                 "purl": "pkg:deb/debian/firmware-bnx2@1%3A6.12%2Bdeb?arch=all",
                 "hashes": [{"alg": "SHA-256", "content": "aa"}]},
                {"type": "library", "name": "nix", "version": "0.31.3", "purl": "pkg:cargo/nix@0.31.3",
                 "hashes": [{"alg": "SHA-256", "content": "bb"}]},
                {"type": "library", "name": "own", "version": "0.1.0", "purl": "pkg:cargo/own@0.1.0"},
            ],
        });
        assert_eq!(serde_json::to_value(bill).unwrap(), expected);
    }

    #[test]
    fn a_lock_of_another_form() {
        assert!(bill(&[], &BTreeSet::new(), "package = 3").is_err());
    }
}
