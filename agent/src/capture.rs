// SPDX-License-Identifier: Apache-2.0
//! `ironseed-agent capture`: what discovery reads of this machine, as a file that
//! can be sent and become a test.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ironseed_core::snapshot::anonymise::anonymise;
use ironseed_core::snapshot::{Entry, Snapshot};
use ironseed_machine::snapshot::archive;

use crate::boot::chain;
use crate::source::Source;

/// Flags of `ironseed-agent capture`.
#[derive(Debug, Args)]
pub(crate) struct CaptureArguments {
    /// The archive to write (NAME.tar.zst). It must not exist.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Keep serial numbers, addresses, host names and secrets as they are.
    #[arg(long)]
    identifying: bool,
    #[command(flatten)]
    source: Source,
}

/// Takes the snapshot and writes it.
#[expect(
    clippy::print_stderr,
    reason = "this command talks to the person who called it"
)]
pub(crate) fn capture(arguments: &CaptureArguments) -> ExitCode {
    match write(arguments) {
        Ok(told) => {
            eprint!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn write(arguments: &CaptureArguments) -> Result<String, Box<dyn Error>> {
    // Before the machine is read, which takes a while.
    archive::check_place(&arguments.file)?;
    let snapshot = arguments.source.snapshot()?;
    let elsewhere = arguments.source.root.is_some();
    let mut told = missing(&snapshot, elsewhere || archive::is_root());
    let snapshot = if arguments.identifying {
        told.push_str("It identifies this machine: --identifying was given.\n");
        snapshot
    } else {
        anonymise(&snapshot, &archive::random_key()?)?
    };
    let length = archive::save(&snapshot, &arguments.file)?;
    let file = arguments.file.display();
    let files = snapshot.files.len();
    Ok(format!("{file}: {files} entries, {length} bytes.\n{told}"))
}

/// What could not be read, and what to do about it. Some things are not even
/// tried without privileges.
fn missing(snapshot: &Snapshot, privileged: bool) -> String {
    let unreadable: Vec<&str> = snapshot
        .files
        .iter()
        .filter(|(_, entry)| matches!(entry, Entry::Unreadable(_)))
        .map(|(path, _)| path)
        .collect();
    let mut told = String::new();
    for (subject, words) in &snapshot.problems {
        told.push_str(&format!("Missing: {subject}: {words}\n"));
    }
    if let Some(first) = unreadable.first() {
        let count = unreadable.len();
        told.push_str(&format!("Missing: {count} files, {first} first.\n"));
    }
    if !privileged {
        told.push_str(
            "Not run as root. Missing are therefore: SMBIOS tables and serial numbers, the memory \
             map, contents of disks, and what drives and the BMC answer.\n",
        );
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(file: PathBuf, root: PathBuf) -> CaptureArguments {
        CaptureArguments {
            file,
            identifying: false,
            source: Source { root: Some(root) },
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test makes a tree of its own")]
    fn a_tree_is_captured_and_what_is_missing_is_said() {
        let directory = tempfile::tempdir().expect("a directory");
        let tree = directory.path().join("tree");
        let net = tree.join("sys/class/net/eth0");
        std::fs::create_dir_all(&net).expect("make");
        std::fs::write(net.join("address"), "24:6e:96:0a:0b:0c\n").expect("write");
        std::fs::create_dir(net.join("device")).expect("make");
        std::fs::write(tree.join("ironseed-snapshot.json"), "not JSON").expect("write");
        let first = directory.path().join("one.tar.zst");
        let told = write(&arguments(first.clone(), tree.clone())).expect("capture");
        assert!(told.contains("Missing: ironseed-snapshot.json"), "{told}");
        let stored = archive::load(&first).expect("load");
        let mac = stored
            .files
            .text("/sys/class/net/eth0/address")
            .expect("the address");
        assert!(mac.starts_with("24:6e:96:") && mac != "24:6e:96:0a:0b:0c");
        let error = write(&arguments(first, tree)).expect_err("it exists");
        assert!(error.to_string().ends_with("exists already"));
    }

    #[test]
    fn what_is_missing_is_said() {
        let mut snapshot = Snapshot::default();
        assert_eq!(missing(&snapshot, true), "");
        assert!(missing(&snapshot, false).contains("Not run as root"));
        snapshot.files.insert(
            "/sys/class/net/eth0/speed",
            Entry::Unreadable("Invalid argument".into()),
        );
        let told = missing(&snapshot, true);
        assert_eq!(told, "Missing: 1 files, /sys/class/net/eth0/speed first.\n");
    }
}
