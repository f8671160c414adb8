// SPDX-License-Identifier: Apache-2.0
//! PID 1 and the agent, compiled as static programs whose bytes do not depend on where
//! the checkout, cargo's home and the target directory are.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

use crate::platform::{Architecture, Platform};
use crate::sbom::{Crate, crates};
use crate::tool::{self, ToolError};

/// Programs that could not be compiled.
#[derive(Debug, Error)]
pub enum BinaryError {
    /// The toolchain has no standard library for the target, and it cannot be fetched.
    #[error(
        "Rust's standard library for {target} is not installed; try: rustup target add {target}"
    )]
    NoTarget {
        /// Rust's name of the target.
        target: &'static str,
        /// Why it could not be fetched.
        #[source]
        source: ToolError,
    },
    /// cargo or rustc failed.
    #[error("cannot {action}")]
    Cargo {
        /// What was being done.
        action: &'static str,
        /// What happened.
        #[source]
        source: ToolError,
    },
    /// The environment does not say where cargo keeps its files.
    #[error("neither CARGO_HOME nor HOME is set")]
    NoHome,
}

/// The two packages whose programs go into the image.
const PACKAGES: [&str; 2] = ["ironseed-init", "ironseed-agent"];

/// Where things are while compiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The checkout, absolute.
    pub checkout: PathBuf,
    /// cargo's target directory, absolute.
    pub target: PathBuf,
    /// cargo's home with the sources of crates, absolute.
    pub cargo_home: PathBuf,
}

impl Places {
    /// The places for an (absolute) checkout, as cargo itself finds them in the environment.
    ///
    /// # Errors
    /// If the environment names no home.
    pub fn from_environment(checkout: PathBuf) -> Result<Self, BinaryError> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let below_home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
        let cargo_home = cargo_home.or_else(below_home).ok_or(BinaryError::NoHome)?;
        Ok(Self {
            target: checkout.join(target),
            cargo_home,
            checkout,
        })
    }
}

/// The compiled programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// What they were compiled for.
    pub rust_target: &'static str,
    /// PID 1.
    pub init: PathBuf,
    /// The agent.
    pub agent: PathBuf,
}

/// Compiles both programs for a target that [`usable_target`] gave.
///
/// # Errors
/// If cargo fails.
pub fn compile(
    architecture: Architecture,
    rust_target: &'static str,
    places: &Places,
) -> Result<Binaries, BinaryError> {
    let mut command = cargo(places);
    command.args([
        "build",
        "--locked",
        "--profile",
        "image",
        "--target",
        rust_target,
    ]);
    command.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    command.arg("--target-dir").arg(&places.target);
    command.env_remove("RUSTFLAGS");
    command.envs(environment(architecture, rust_target, places));
    command.env("SOURCE_DATE_EPOCH", commit_date(places));
    tool::run(&mut command).map_err(|source| BinaryError::Cargo {
        action: "compile PID 1 and the agent",
        source,
    })?;
    let directory = places.target.join(rust_target).join("image");
    let [init, agent] = PACKAGES.map(|package| directory.join(package));
    Ok(Binaries {
        rust_target,
        init,
        agent,
    })
}

/// When the sources were committed, Unix time: the same for everybody who builds them, and the
/// agent believes no date before it. Sources without git, or of somebody else, are from 1970.
fn commit_date(places: &Places) -> String {
    let mut command = Command::new("git");
    command
        .current_dir(&places.checkout)
        .args(["log", "-1", "--format=%ct"]);
    let said = tool::output(&mut command).unwrap_or_default();
    let date: u64 = String::from_utf8_lossy(&said).trim().parse().unwrap_or(0);
    date.to_string()
}

/// The crates that are linked into both programs, without those that only help to
/// compile or to test them.
///
/// # Errors
/// If cargo fails.
pub fn linked_crates(rust_target: &str, places: &Places) -> Result<BTreeSet<Crate>, BinaryError> {
    let mut command = cargo(places);
    command.args([
        "tree",
        "--locked",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    command.args(["--target", rust_target]);
    command.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    let tree = tool::output(&mut command).map_err(|source| BinaryError::Cargo {
        action: "list the crates of PID 1 and the agent",
        source,
    })?;
    Ok(crates(&String::from_utf8_lossy(&tree)))
}

fn cargo(places: &Places) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(&places.checkout);
    command
}

/// The platform's target if it is installed or can be fetched, else its fallback.
///
/// # Errors
/// If neither is to be had.
pub fn usable_target(
    platform: &'static Platform,
    places: &Places,
) -> Result<&'static str, BinaryError> {
    let target = platform.rust_target;
    if has_standard_library(target, places)? {
        return Ok(target);
    }
    let mut command = Command::new("rustup");
    command
        .current_dir(&places.checkout)
        .args(["target", "add", target]);
    match tool::output(&mut command) {
        Ok(_) => Ok(target),
        Err(source) => match platform.fallback_target {
            Some(fallback) if has_standard_library(fallback, places)? => Ok(fallback),
            _ => Err(BinaryError::NoTarget { target, source }),
        },
    }
}

fn has_standard_library(target: &str, places: &Places) -> Result<bool, BinaryError> {
    let mut command = Command::new("rustc");
    command
        .current_dir(&places.checkout)
        .args(["--print", "target-libdir", "--target", target]);
    let output = tool::output(&mut command).map_err(|source| BinaryError::Cargo {
        action: "ask rustc for its targets",
        source,
    })?;
    Ok(Path::new(String::from_utf8_lossy(&output).trim()).is_dir())
}

/// Functions that the libc crate asks for with the version they have in glibc's shared
/// library (`link_name` in its `unix/mod.rs`); the static one has no versions. The quotes are for lld, which Rust links this target with.
const VERSIONED: [&str; 5] = [
    "cfgetispeed",
    "cfgetospeed",
    "cfsetispeed",
    "cfsetospeed",
    "cfsetspeed",
];

/// The variables that make cargo's output static and free of paths.
fn environment(
    architecture: Architecture,
    rust_target: &str,
    places: &Places,
) -> Vec<(String, String)> {
    let target = rust_target.replace('-', "_");
    let mut flags: Vec<String> = prefixes(places)
        .map(|(path, name)| format!("--remap-path-prefix={path}={name}"))
        .collect();
    let mut c_flags = String::new();
    for (path, name) in prefixes(places) {
        let _ = write!(c_flags, "'-ffile-prefix-map={path}={name}' ");
    }
    let mut variables = vec![
        ("CC_SHELL_ESCAPED_FLAGS".to_owned(), "1".to_owned()),
        (format!("CFLAGS_{target}"), c_flags.trim_end().to_owned()),
    ];
    if rust_target.ends_with("-gnu") {
        flags.push("-Ctarget-feature=+crt-static".to_owned());
        flags.extend(
            VERSIONED
                .iter()
                .map(|name| format!("-Clink-arg=-Wl,--defsym=\"{name}@GLIBC_2.2.5\"={name}")),
        );
    }
    if architecture == Architecture::Aarch64 {
        // Debian's cross compiler only compiles; the linker and the C library are the
        // ones inside Rust's toolchain.
        flags.push("-Clink-self-contained=yes".to_owned());
        variables.extend([
            (format!("CC_{target}"), "aarch64-linux-gnu-gcc".to_owned()),
            (format!("AR_{target}"), "aarch64-linux-gnu-ar".to_owned()),
            (
                format!("CARGO_TARGET_{}_LINKER", target.to_uppercase()),
                "rust-lld".to_owned(),
            ),
        ]);
    }
    // The encoded form allows blanks in paths; its separator is that of cargo's book.
    variables.push(("CARGO_ENCODED_RUSTFLAGS".to_owned(), flags.join("\x1f")));
    variables
}

/// What paths are called in the programs. The last that fits counts, so a target
/// directory inside the checkout comes after it.
fn prefixes(places: &Places) -> impl Iterator<Item = (String, &'static str)> {
    let named = [
        (&places.cargo_home, "/cargo"),
        (&places.checkout, "/ironseed"),
        (&places.target, "/target"),
    ];
    named
        .into_iter()
        .map(|(path, name)| (path.to_string_lossy().into_owned(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places {
            checkout: "/home/me/iron seed".into(),
            target: "/home/me/iron seed/target".into(),
            cargo_home: "/home/me/.cargo".into(),
        }
    }

    fn variable(variables: &[(String, String)], name: &str) -> Option<String> {
        variables
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    }

    #[test]
    fn paths_are_renamed_for_both_compilers() {
        let variables = environment(Architecture::X86_64, "x86_64-unknown-linux-musl", &places());
        let flags = variable(&variables, "CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
        let flags: Vec<_> = flags.split('\x1f').collect();
        let expected = [
            "--remap-path-prefix=/home/me/.cargo=/cargo",
            "--remap-path-prefix=/home/me/iron seed=/ironseed",
            "--remap-path-prefix=/home/me/iron seed/target=/target",
        ];
        assert_eq!(flags, expected);
        let c_flags = variable(&variables, "CFLAGS_x86_64_unknown_linux_musl").unwrap_or_default();
        assert!(
            c_flags.ends_with("'-ffile-prefix-map=/home/me/iron seed/target=/target'"),
            "{c_flags}"
        );
    }

    #[test]
    fn sources_are_dated_by_their_commit() {
        let here = Places {
            checkout: env!("CARGO_MANIFEST_DIR").into(),
            ..places()
        };
        let dated: u64 = commit_date(&here).parse().expect("a number");
        let git = Command::new("git")
            .current_dir(&here.checkout)
            .args(["rev-parse", "HEAD"])
            .status();
        let in_git = git.is_ok_and(|status| status.success());
        assert_eq!(dated > 0, in_git);
        assert_eq!(commit_date(&places()), "0");
    }

    #[test]
    fn the_fallback_is_static_too() {
        let variables = environment(Architecture::X86_64, "x86_64-unknown-linux-gnu", &places());
        let flags = variable(&variables, "CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
        assert!(flags.contains("\x1f-Ctarget-feature=+crt-static\x1f"));
        assert!(flags.ends_with("--defsym=\"cfsetspeed@GLIBC_2.2.5\"=cfsetspeed"));
    }

    #[test]
    fn arm_is_linked_by_the_toolchain_itself() {
        let variables = environment(
            Architecture::Aarch64,
            "aarch64-unknown-linux-musl",
            &places(),
        );
        let linker = variable(&variables, "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER");
        assert_eq!(linker.as_deref(), Some("rust-lld"));
        let flags = variable(&variables, "CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
        assert!(flags.ends_with("\x1f-Clink-self-contained=yes"));
    }
}
