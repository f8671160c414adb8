// SPDX-License-Identifier: Apache-2.0
//! Settings and schema for people (tables) and for programs (JSON). Secrets
//! are masked in all of them.

use std::fmt::Write as _;

use serde::Serialize;

use crate::foreign_text::printable;
use crate::origin::Origin;
use crate::problem::Problem;
use crate::schema::{DEFAULT_SECTION, Row, SCHEMA, Settings};

/// What stands in a table for a value that is not there.
const NOTHING: &str = "-";

/// The resolved settings as lines `name  value  origin`, then the warnings.
#[must_use]
pub fn table(settings: &Settings) -> String {
    let mut cells = vec![[
        "SETTING".to_owned(),
        "VALUE".to_owned(),
        "ORIGIN".to_owned(),
    ]];
    cells.extend(settings.shown().into_iter().map(|(row, shown)| {
        let value = printable(&shown.value);
        [
            row.name(),
            with_unit(&value, row.facts.unit),
            shown.origin.to_string(),
        ]
    }));
    let width = |column: usize| {
        let lengths = cells
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        lengths.max().unwrap_or(0)
    };
    let (name_width, value_width) = (width(0), width(1).min(48));
    let mut text = String::new();
    for [name, value, origin] in &cells {
        push_line(
            &mut text,
            format_args!("{name:name_width$}  {value:value_width$}  {origin}"),
        );
    }
    for warning in &settings.warnings {
        push_line(&mut text, format_args!("warning: {warning}"));
    }
    text
}

/// The resolved settings, the warnings and the problems as a JSON value.
#[must_use]
pub fn json(settings: &Settings, problems: &[Problem]) -> serde_json::Value {
    let shown = settings.shown();
    let shown = shown.iter().map(|(row, shown)| ShownAsJson {
        name: row.name(),
        field: row.field,
        value: &shown.value,
        unit: row.facts.unit,
        origin: &shown.origin,
        place: shown.origin.to_string(),
    });
    let warnings = settings.warnings.iter().map(ToString::to_string);
    serde_json::json!({
        "settings": shown.collect::<Vec<_>>(),
        "warnings": warnings.collect::<Vec<_>>(),
        "problems": problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

#[derive(Serialize)]
struct ShownAsJson<'a> {
    name: String,
    field: &'a str,
    value: &'a str,
    unit: &'a str,
    origin: &'a Origin,
    place: String,
}

/// The schema as a Markdown table, the reference of all settings.
#[must_use]
pub fn markdown() -> String {
    let defaults = Settings::default();
    let mut text = String::from(
        "| kernel word | config file key | from lookup | kind | default | meaning |\n\
         |---|---|---|---|---|---|\n",
    );
    for (row, shown) in SCHEMA
        .iter()
        .zip(defaults.shown().into_iter().map(|(_, shown)| shown))
    {
        let cells = [
            code(row.names.word),
            code(row.file_key().as_deref()),
            code(row.names.lookup),
            row.facts.name.to_owned(),
            default_cell(&with_unit(&shown.value, row.facts.unit)),
            row.doc.trim().replace('<', "\\<"),
        ];
        push_line(&mut text, format_args!("| {} |", cells.join(" | ")));
    }
    text
}

impl Row {
    /// The name to show: the kernel word, else the config file key, else the
    /// key of lookup.
    #[must_use]
    pub fn name(&self) -> String {
        let word = self.names.word.map(str::to_owned);
        word.or_else(|| self.file_key())
            .or_else(|| self.names.lookup.map(str::to_owned))
            .unwrap_or_else(|| self.field.to_owned())
    }

    /// The config file key, with its section unless that is DEFAULT.
    #[must_use]
    pub fn file_key(&self) -> Option<String> {
        let (section, key) = self.names.key?;
        Some(if section == DEFAULT_SECTION {
            key.to_owned()
        } else {
            format!("[{section}] {key}")
        })
    }
}

fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _infallible = writeln!(text, "{}", line.to_string().trim_end());
}

fn with_unit(value: &str, unit: &str) -> String {
    match (value, unit) {
        ("", _) => NOTHING.to_owned(),
        (value, "") => value.to_owned(),
        (value, unit) => format!("{value} {unit}"),
    }
}

fn code(name: Option<&str>) -> String {
    name.map_or_else(|| NOTHING.to_owned(), |name| format!("`{name}`"))
}

fn default_cell(value: &str) -> String {
    if value == NOTHING {
        return "none".to_owned();
    }
    format!("`{value}`")
}
