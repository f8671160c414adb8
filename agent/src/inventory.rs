// SPDX-License-Identifier: Apache-2.0
//! `ironseed-agent inventory`: what this machine is made of, as Ironic gets it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hardware_profiles::ProfileSet;
use ironseed_core::inventory::Facts;
use ironseed_core::profile::recognise;
use ironseed_machine::boot_sources;
use ironseed_machine::root::Root;
use ironseed_machine::snapshot::{Reach, take};

use crate::profile;

/// Flags of `ironseed-agent inventory`.
#[derive(Debug, Args)]
pub(crate) struct InventoryArguments {
    /// A captured tree to read instead of this machine.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Prints the inventory as JSON.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this command's output is its purpose"
)]
pub(crate) fn show(arguments: &InventoryArguments) -> ExitCode {
    let (root, reach) = match &arguments.root {
        Some(path) => (Root::open(path), Reach::Files),
        None => (Root::live(), Reach::Live),
    };
    let root = match root {
        Ok(root) => root,
        Err(error) => {
            let path = arguments.root.as_deref().unwrap_or("/".as_ref());
            eprintln!("error: {} cannot be read: {error}", path.display());
            return ExitCode::FAILURE;
        }
    };
    let (set, rejected) = ProfileSet::with(&boot_sources::profiles(&root));
    for one in &rejected {
        eprintln!("warning: {}", profile::left_out(one));
    }
    let inventory = recognise(&set, &take(&root, reach), &Facts::default()).inventory;
    match serde_json::to_string_pretty(&inventory) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: the inventory cannot be written as JSON: {error}");
            ExitCode::FAILURE
        }
    }
}
