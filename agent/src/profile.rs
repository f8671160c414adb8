// SPDX-License-Identifier: Apache-2.0
//! `ironseed-agent profile`: which hardware profile fits this machine and how
//! the machine differs from it; or a new profile, written from the machine.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use hardware_profiles::LeftOut;
use ironseed_core::inventory::Facts;
use ironseed_core::profile::{Recognised, Severity, draft, recognise};

use crate::boot::chain;
use crate::source::Source;

/// Flags of `ironseed-agent profile`.
#[derive(Debug, Args)]
pub(crate) struct ProfileArguments {
    #[command(subcommand)]
    command: ProfileCommand,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum ProfileCommand {
    /// Write a profile from what this machine has.
    Draft,
    /// Show which profile fits, why, and how the machine differs from it.
    Show,
}

/// Carries the command out.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this command's output is its purpose"
)]
pub(crate) fn run(arguments: &ProfileArguments) -> ExitCode {
    let snapshot = match arguments.source.snapshot() {
        Ok(snapshot) => snapshot,
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            return ExitCode::FAILURE;
        }
    };
    let set = arguments.source.profiles();
    let recognised = recognise(&set, &snapshot, &Facts::default());
    match arguments.command {
        ProfileCommand::Show => print!("{}", shown(&recognised)),
        ProfileCommand::Draft => {
            let extends = &recognised.selection.profile.name;
            let (_, text) = draft(&recognised.facts, &recognised.observed, extends);
            print!("{text}");
        }
    }
    ExitCode::SUCCESS
}

/// Why a profile of the site is not used.
pub(crate) fn left_out(one: &LeftOut) -> String {
    let what = if one.all {
        "no profile of the site is used, only those that are compiled in"
    } else {
        "this profile is left out"
    };
    format!("{}; {what}", one.error)
}

fn shown(recognised: &Recognised<'_>) -> String {
    let profile = recognised.selection.profile;
    let mut text = format!(
        "profile: {}\nmeaning: {}\nreason:  {}\n",
        profile.name, profile.description, recognised.selection.reason
    );
    for quirk in &profile.quirks {
        text.push_str(&format!("quirk:   {}\n", quirk.reason));
    }
    if profile.expect.is_empty() {
        text.push_str(
            "expects: nothing; `ironseed-agent profile draft` writes a profile that does\n",
        );
    } else if recognised.deviations.is_empty() {
        text.push_str("expects: what is there\n");
    }
    for deviation in &recognised.deviations {
        let severity = match deviation.severity {
            Severity::Info => "info:    ",
            Severity::Warning => "warning: ",
            Severity::Error => "error:   ",
        };
        text.push_str(&format!("{severity}{deviation}\n"));
    }
    text
}
