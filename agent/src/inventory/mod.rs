// SPDX-License-Identifier: Apache-2.0
//! `ironseed-agent inventory`: what this machine is made of, for a person or as
//! Ironic gets it.

pub(crate) mod layout;
mod sections;
pub(crate) mod words;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ironseed_core::inspection::{COLLECTORS, Cost, Wanted, report};
use ironseed_core::inventory::Facts;
use ironseed_core::profile::{Recognised, recognise};
use ironseed_core::snapshot::Snapshot;
use ironseed_machine::meter::Meter;
use serde_json::Value;
use thiserror::Error;

use crate::boot::chain;
use crate::ironic::AGENT_VERSION;
use crate::source::{Source, SourceError};

/// Characters of a line where the terminal does not tell.
const WIDTH: u16 = 120;

/// Flags of `ironseed-agent inventory`.
#[derive(Debug, Args)]
pub(crate) struct InventoryArguments {
    #[command(flatten)]
    source: Source,
    /// How it is shown; a table on a terminal, JSON elsewhere.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Show this section only: one of the table's, or a key of the JSON.
    #[arg(long, value_name = "SECTION")]
    only: Option<String>,
    /// Collectors, separated by commas; every one but `logs` if none is named.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    collectors: Vec<String>,
    /// Listen for LLDP neighbours, for at most so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    listen: u64,
}

/// How the inventory is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report for a person.
    Table,
    /// The inspection data as it is posted to Ironic.
    Json,
}

/// Why there is nothing to show.
#[derive(Debug, Error)]
enum InventoryError {
    /// The machine cannot be looked at.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// `--only` names nothing.
    #[error("there is no section named {name}; there are: {known}")]
    NoSection {
        /// As given.
        name: String,
        /// Every name.
        known: String,
    },
    /// The data cannot be written.
    #[error("the inventory cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Prints the inventory.
#[expect(clippy::print_stderr, reason = "a command tells its user what failed")]
pub(crate) fn show(arguments: &InventoryArguments) -> ExitCode {
    match text(arguments) {
        Ok(text) => {
            // A reader such as `head` may have seen enough and gone.
            let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn text(arguments: &InventoryArguments) -> Result<String, InventoryError> {
    let data = data(arguments)?;
    let format = arguments.format.unwrap_or_else(|| {
        if std::io::stdout().is_terminal() {
            Format::Table
        } else {
            Format::Json
        }
    });
    match (format, &arguments.only) {
        (Format::Json, None) => Ok(serde_json::to_string_pretty(&data)?),
        (Format::Json, Some(name)) => Ok(serde_json::to_string_pretty(part(&data, name)?)?),
        (Format::Table, only) => table(&data, only.as_deref()),
    }
}

/// The inspection data of the machine or the tree.
fn data(arguments: &InventoryArguments) -> Result<Value, InventoryError> {
    let source = &arguments.source;
    let profiles = source.profiles();
    let meter = Meter::start();
    let mut snapshot = source.snapshot()?;
    let cost = meter.read();
    source.listen(&mut snapshot, Duration::from_secs(arguments.listen));
    let machine = recognise(&profiles, &snapshot, &Facts::default());
    Ok(payload(&snapshot, &machine, &arguments.collectors, cost))
}

fn payload(
    snapshot: &Snapshot,
    machine: &Recognised<'_>,
    collectors: &[String],
    cost: Cost,
) -> Value {
    let all: Vec<String> = COLLECTORS
        .iter()
        .map(|collector| collector.name.to_owned())
        .filter(|name| name != "logs")
        .collect();
    let collectors = if collectors.is_empty() {
        &all
    } else {
        collectors
    };
    let wanted = Wanted {
        collectors,
        agent_version: AGENT_VERSION,
        cost,
        ..Wanted::default()
    };
    report(snapshot, machine, &wanted)
}

/// A part of the data by its key: at the top, in the inventory, or in the hardware.
fn part<'a>(data: &'a Value, name: &str) -> Result<&'a Value, InventoryError> {
    const PLACES: [&str; 4] = ["", "/ironseed", "/ironseed/hardware", "/inventory"];
    let objects = || {
        PLACES
            .iter()
            .filter_map(|place| data.pointer(place)?.as_object())
    };
    objects()
        .find_map(|object| object.get(name))
        .ok_or_else(|| InventoryError::NoSection {
            name: name.to_owned(),
            known: known(objects().flat_map(|object| object.keys().map(String::as_str))),
        })
}

fn table(data: &Value, only: Option<&str>) -> Result<String, InventoryError> {
    let width = width();
    let chosen: Vec<&layout::Section> = sections::ALL
        .iter()
        .filter(|section| only.is_none_or(|name| name == section.name))
        .collect();
    if let (true, Some(name)) = (chosen.is_empty(), only) {
        return Err(InventoryError::NoSection {
            name: name.to_owned(),
            known: known(sections::ALL.iter().map(|section| section.name)),
        });
    }
    let texts: Vec<String> = chosen
        .iter()
        .filter_map(|section| {
            let text = layout::render(section, data, width);
            // Whoever asks for a section wants to know that it is empty; in the
            // whole report the last section says what is not known.
            text.or_else(|| only.map(|_| format!("{}\n  nothing found\n", section.title)))
        })
        .collect();
    Ok(texts.join("\n"))
}

/// Names in order, each once.
fn known<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: std::collections::BTreeSet<&str> = names.collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// Columns of the terminal.
pub(crate) fn width() -> u16 {
    ironseed_machine::terminal::columns().unwrap_or(WIDTH)
}
