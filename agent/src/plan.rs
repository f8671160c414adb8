// SPDX-License-Identifier: Apache-2.0
//! `ironseed-agent plan`: what a step would do to this machine, without
//! touching anything.
//!
//! The devices, the plan and the guard's word come from the functions that the
//! real step uses; the exit status says whether the step could begin.

mod question;
mod text;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use ironseed_core::block::BlockDevices;
use ironseed_core::dry_run::{DryRun, ImageFacts, dry_run, judge, phase_of};
use ironseed_core::fault::Fault;
use ironseed_core::inventory::{block_devices, booted_by_uefi};
use ironseed_core::steps::{self, StepContext, StepPhase};
use ironseed_machine::clock::SystemClock;
use ironseed_machine::image::probe;
use ironseed_machine::progress::Surroundings;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::boot::chain;
use crate::source::{Source, SourceError};
use question::Question;

/// Exit status where the question itself is wrong, as for unknown flags.
const USAGE: u8 = 2;

/// Flags of `ironseed-agent plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    question: Question,
    /// Do not look at the image on its server.
    #[arg(long)]
    no_fetch: bool,
    /// How it is shown; text on a terminal, JSON elsewhere.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// How the plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for a person.
    Text,
    /// The plan as the API answers it, and what is known of the image.
    Json,
}

/// Everything that is shown.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    plan: DryRun,
    /// What the image's server gave, if it was asked and answered.
    image: Option<ImageFacts>,
    /// What else must be known to understand the plan.
    notes: Vec<String>,
}

/// Prints the plan.
#[expect(clippy::print_stderr, reason = "a command tells its user what failed")]
pub(crate) fn show(arguments: &PlanArguments) -> ExitCode {
    let shown = match shown(arguments) {
        Ok(shown) => shown,
        Err(Failed::Question(problem)) => {
            eprintln!("error: {problem}");
            return ExitCode::from(USAGE);
        }
        Err(Failed::Machine(error)) => {
            eprintln!("error: {}", chain(&error));
            return ExitCode::FAILURE;
        }
    };
    let text = match arguments.format {
        Some(Format::Text) => text::render(&shown.0, &shown.1),
        None if std::io::stdout().is_terminal() => text::render(&shown.0, &shown.1),
        _ => text::json(&shown.0, &shown.1),
    };
    // A reader such as `head` may have seen enough and gone.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    status(&shown.0)
}

/// Why there is nothing to show.
#[derive(Debug)]
enum Failed {
    /// What was asked has no meaning.
    Question(String),
    /// The machine cannot be looked at.
    Machine(SourceError),
}

fn status(shown: &Shown) -> ExitCode {
    match &shown.plan.problem {
        Some(problem) if problem.is_of_the_question() => ExitCode::from(USAGE),
        _ if shown.plan.possible => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn shown(arguments: &PlanArguments) -> Result<(Shown, BlockDevices), Failed> {
    let step = arguments.question.step.as_str();
    let asked = |fault: Fault| Failed::Question(fault.to_string());
    let phase = phase_of(step).map_err(asked)?;
    let (args, mut notes) = arguments.question.arguments().map_err(Failed::Question)?;
    let snapshot = arguments.source.live_snapshot();
    let snapshot = snapshot.map_err(Failed::Machine)?;
    let blocks = block_devices(&snapshot);
    let uefi = booted_by_uefi(&snapshot.files);
    let settings = arguments.source.step_settings();
    let context = StepContext {
        node: &arguments.question.node(),
        blocks: &blocks,
        settings: &settings,
        uefi,
        written: None,
    };
    let mut shown = planned(phase, &arguments.question, &args, &context);
    if step == "write_image"
        && !arguments.no_fetch
        && let Ok(request) = steps::image_request(&args, &settings)
    {
        let surroundings = Surroundings {
            clock: &SystemClock,
            observer: &|_| (),
        };
        match probe(&request, surroundings) {
            Ok(served) => shown.judge(judge(&request, &served, shown.plan.target())),
            Err(fault) => notes.push(format!("the image was not looked at: {fault}")),
        }
    }
    shown.notes = notes;
    Ok((shown, blocks))
}

fn planned(
    phase: StepPhase,
    question: &Question,
    args: &Map<String, Value>,
    context: &StepContext<'_>,
) -> Shown {
    Shown {
        plan: dry_run(phase, &question.step, args, context),
        image: None,
        notes: Vec::new(),
    }
}

impl Shown {
    /// An image that would be refused makes the step fail before the disk is touched.
    fn judge(&mut self, image: ImageFacts) {
        if let Some(problem) = &image.problem {
            self.plan.possible = false;
            self.plan.problem.get_or_insert_with(|| problem.clone());
        }
        self.image = Some(image);
    }
}

#[cfg(test)]
mod tests;
