// SPDX-License-Identifier: Apache-2.0
//! What an image is made of, and the name that two images with the same inputs
//! share.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::{OsImageError, io};
use super::step::Steps;
use super::{CODE_VERSION, OsImageOptions, tree};

/// The files of `tests/os`: name, permissions, content. They are in the binary,
/// so that it needs no source tree.
const FILES: &[(&str, u32, &str)] = &[
    (
        "after-packages",
        0o755,
        include_str!("../../os/after-packages"),
    ),
    ("grub.cfg", 0o644, include_str!("../../os/grub.cfg")),
    (
        "initramfs-init",
        0o755,
        include_str!("../../os/initramfs-init"),
    ),
    (
        "ironseed-lab-marker",
        0o755,
        include_str!("../../os/ironseed-lab-marker"),
    ),
    (
        "ironseed-lab-marker.service",
        0o644,
        include_str!("../../os/ironseed-lab-marker.service"),
    ),
    (
        "make-initramfs",
        0o755,
        include_str!("../../os/make-initramfs"),
    ),
];

/// Where Debian's archive key is (package `debian-archive-keyring`).
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where apt keeps what it knows about the archive.
const APT_LISTS: &str = "/var/lib/apt/lists";

/// What an image is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inputs {
    /// Lines of a `sources.list`: the Debian archive as this machine reaches it.
    pub(super) sources: String,
    /// `name version` of all packages that would be installed now, sorted.
    packages: Vec<String>,
    /// Name, size and hash of the packages of the boot loaders.
    boot_loaders: Vec<String>,
}

impl Inputs {
    /// The cache key: 16 hexadecimal digits.
    pub(super) fn key(&self, options: &OsImageOptions) -> String {
        let mut text = format!("code {CODE_VERSION}\nsize {}\n", options.virtual_size);
        for line in self.packages.iter().chain(&self.boot_loaders) {
            text.push_str(line);
            text.push('\n');
        }
        for (name, mode, content) in FILES {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "file {name} {mode:o} {}\n{content}", content.len());
        }
        hex(&Sha256::digest(text.as_bytes())[..8])
    }
}

/// The answer of apt, and what it knew then.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    lists: String,
    inputs: Inputs,
}

/// Asks apt what it would install. That takes seconds on a busy machine, so the
/// answer is kept in `memory` for as long as apt's lists do not change.
pub(super) fn read(steps: &Steps, memory: &Path) -> Result<Inputs, OsImageError> {
    let lists = fingerprint(Path::new(APT_LISTS))?;
    if let Some(inputs) = recall(memory, &lists) {
        return Ok(inputs);
    }
    let inputs = ask_apt(steps)?;
    let json = serde_json::to_vec(&Remembered {
        lists,
        inputs: inputs.clone(),
    });
    let json = json
        .map_err(std::io::Error::from)
        .map_err(io("describe", memory))?;
    fs::write(memory, json).map_err(io("write", memory))?;
    Ok(inputs)
}

/// Nothing, if the lists are others now or the file is damaged: then apt is asked.
fn recall(memory: &Path, lists: &str) -> Option<Inputs> {
    let remembered: Remembered = serde_json::from_slice(&fs::read(memory).ok()?).ok()?;
    (remembered.lists == lists).then_some(remembered.inputs)
}

/// Changes when a list of packages is added, removed or replaced, and when this
/// code asks for other packages.
fn fingerprint(lists: &Path) -> Result<String, OsImageError> {
    let mut lines = vec![format!("code {CODE_VERSION} {:?}\n", simulate())];
    for entry in fs::read_dir(lists).map_err(io("list", lists))? {
        let entry = entry.map_err(io("list", lists))?;
        let metadata = entry.metadata().map_err(io("read", &entry.path()))?;
        if metadata.is_file() {
            let name = entry.file_name();
            let (size, time) = (metadata.len(), metadata.mtime());
            lines.push(format!("{} {size} {time}\n", name.to_string_lossy()));
        }
    }
    lines.sort();
    Ok(hex(&Sha256::digest(lines.concat().as_bytes())))
}

fn ask_apt(steps: &Steps) -> Result<Inputs, OsImageError> {
    let step = "find the packages";
    let targets = steps.output(
        step,
        Command::new("apt-get")
            .args(["indextargets", "--format"])
            .arg("$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)")
            .arg("Identifier: Packages"),
    )?;
    let sources = sources(&targets);
    if sources.is_empty() {
        return Err(OsImageError::Output {
            step,
            tool: "apt-get indextargets",
            problem: format!("no source for Debian {}; run apt-get update", tree::SUITE),
        });
    }
    let simulated = steps.output(step, Command::new("apt-get").args(simulate()))?;
    let loaders = steps.output(
        step,
        Command::new("apt-get")
            .args(["download", "--print-uris"])
            .args(tree::BOOT_LOADER_PACKAGES),
    )?;
    Ok(Inputs {
        sources,
        packages: installed(&simulated),
        boot_loaders: without_address(&loaders),
    })
}

/// Writes the files of `tests/os` where the tools can run them.
pub(super) fn write_files(dir: &Path) -> Result<(), OsImageError> {
    for (name, mode, content) in FILES {
        let path = dir.join(name);
        fs::write(&path, content).map_err(io("write", &path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode))
            .map_err(io("set the permissions of", &path))?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// apt's arguments for an installation into an empty system.
fn simulate() -> Vec<&'static str> {
    let mut arguments = vec![
        "--simulate",
        "--option=Dir::State::status=/dev/null",
        "--option=Dir::State::extended_states=/dev/null",
        "--option=APT::Install-Recommends=false",
        "install",
        "?and(?essential,?architecture(amd64))",
        "apt",
    ];
    arguments.extend(tree::PACKAGES);
    arguments
}

/// `sources.list` lines of what apt knows about this suite of Debian.
fn sources(index_targets: &str) -> String {
    let mut lines: Vec<String> = index_targets
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (origin, codename) = (words.next()?, words.next()?);
            let (component, address) = (words.next()?, words.next()?);
            let suite = matches!(
                codename.strip_prefix(tree::SUITE)?,
                "" | "-updates" | "-security"
            );
            (origin == "Debian" && component == "main" && suite)
                .then(|| format!("deb [signed-by={KEYRING}] {address} {codename} main\n"))
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines.concat()
}

/// The `Inst NAME (VERSION ...` lines of a simulated installation, as
/// `NAME VERSION`. Nothing is installed before, so there is no old version.
fn installed(simulated: &str) -> Vec<String> {
    let mut packages: Vec<String> = simulated
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
            let version = rest.strip_prefix('(')?.split_whitespace().next()?;
            Some(format!("{name} {version}"))
        })
        .collect();
    packages.sort();
    packages
}

/// `'ADDRESS' FILE SIZE HASH` without the address: a mirror is not an input.
fn without_address(uris: &str) -> Vec<String> {
    let mut lines: Vec<String> = uris
        .lines()
        .filter(|line| line.starts_with('\''))
        .filter_map(|line| line.split_once("' ").map(|(_, rest)| rest.to_owned()))
        .collect();
    lines.sort();
    lines
}

#[cfg(test)]
mod tests;
