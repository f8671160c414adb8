// SPDX-License-Identifier: Apache-2.0
//! `ironseed-agent inventory`: what this machine is made of, as Ironic gets it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ironseed_core::inventory::{Facts, read};
use ironseed_machine::root::Root;
use ironseed_machine::snapshot::{Reach, archive, take};

use crate::capture::with_causes;

/// Flags of `ironseed-agent inventory`.
#[derive(Debug, Args)]
pub(crate) struct InventoryArguments {
    /// A captured tree or archive to read instead of this machine.
    #[arg(long, value_name = "DIR|FILE")]
    root: Option<PathBuf>,
}

/// Prints the inventory as JSON.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this command's output is its purpose"
)]
pub(crate) fn show(arguments: &InventoryArguments) -> ExitCode {
    let snapshot = match &arguments.root {
        Some(path) => archive::load(path).map_err(|error| with_causes(&error)),
        None => Root::live()
            .map(|root| take(&root, Reach::Live))
            .map_err(|error| format!("/ cannot be read: {error}")),
    };
    let snapshot = match snapshot {
        Ok(snapshot) => snapshot,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let inventory = read(&snapshot, &Facts::default());
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
