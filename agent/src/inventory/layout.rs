// SPDX-License-Identifier: Apache-2.0
//! How a section of the inspection data becomes text: facts below each other,
//! or rows of a table. What stands where is data ([`super::sections`]).

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

/// A section of the report for people.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its name for `--only`.
    pub(crate) name: &'static str,
    /// Its headline.
    pub(crate) title: &'static str,
    /// What it shows, in order.
    pub(crate) parts: &'static [Part],
}

/// A part of a section.
#[derive(Debug)]
pub(crate) enum Part {
    /// One line for each fact that is known.
    Facts(&'static [Column]),
    /// A table with a row for each item of a list.
    Rows {
        /// Where the list is (RFC 6901).
        list: &'static str,
        /// What is shown of each item.
        columns: &'static [Column],
    },
}

/// A value with its heading.
#[derive(Debug)]
pub(crate) struct Column {
    /// What stands above or beside it.
    pub(crate) heading: &'static str,
    /// Where it is (RFC 6901); in a row, relative to the item.
    pub(crate) pointer: &'static str,
    /// How it is written.
    pub(crate) show: fn(&Value) -> String,
}

/// A value with its heading.
pub(crate) const fn column(
    heading: &'static str,
    pointer: &'static str,
    show: fn(&Value) -> String,
) -> Column {
    Column {
        heading,
        pointer,
        show,
    }
}

/// The text of a section; `None` if the machine has nothing of it.
pub(crate) fn render(section: &Section, data: &Value, width: u16) -> Option<String> {
    let parts: Vec<String> = section
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Facts(columns) => facts(columns, data, width),
            Part::Rows { list, columns } => rows(data.pointer(list)?, columns, width),
        })
        .collect();
    let title = section.title;
    (!parts.is_empty()).then(|| format!("{title}\n{}", parts.join("\n")))
}

fn facts(columns: &[Column], data: &Value, width: u16) -> Option<String> {
    let lines: Vec<[String; 2]> = columns
        .iter()
        .filter_map(|column| {
            let text = cell(column, data);
            (!text.is_empty()).then(|| [column.heading.to_owned(), text])
        })
        .collect();
    (!lines.is_empty()).then(|| arranged(None, &lines, width))
}

/// Columns that are empty in every row are left out, and so are rows of wide
/// tables that have no more than their name: a port without a module.
fn rows(list: &Value, columns: &[Column], width: u16) -> Option<String> {
    let items = list.as_array().filter(|items| !items.is_empty())?;
    let table: Vec<Vec<String>> = items
        .iter()
        .map(|item| columns.iter().map(|column| cell(column, item)).collect())
        .filter(|row: &Vec<String>| {
            columns.len() <= 2 || row.iter().skip(1).any(|cell| !cell.is_empty())
        })
        .collect();
    let used: Vec<usize> = (0..columns.len())
        .filter(|at| table.iter().any(|row| !row[*at].is_empty()))
        .collect();
    let pick = |row: &[String]| used.iter().map(|at| row[*at].clone()).collect::<Vec<_>>();
    let heads = used.iter().map(|at| columns[*at].heading.to_owned());
    let lines: Vec<Vec<String>> = table.iter().map(|row| pick(row)).collect();
    // A wide table of names alone has nothing to say.
    let tells = used.iter().any(|at| *at > 0) || columns.len() <= 2;
    (tells && !used.is_empty()).then(|| arranged(Some(heads.collect()), &lines, width))
}

fn cell(column: &Column, data: &Value) -> String {
    data.pointer(column.pointer)
        .filter(|value| !value.is_null())
        .map(column.show)
        .unwrap_or_default()
}

/// Aligned text, indented below its headline and broken where the screen ends.
fn arranged<T: AsRef<[String]>>(heads: Option<Vec<String>>, lines: &[T], width: u16) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.saturating_sub(2).max(40));
    if let Some(heads) = heads {
        table.set_header(heads);
    }
    for line in lines {
        table.add_row(line.as_ref());
    }
    let text: Vec<String> = table
        .lines()
        .map(|line| format!(" {}", line.trim_end()))
        .collect();
    text.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(value: &Value) -> String {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    }

    const SECTION: Section = Section {
        name: "memory",
        title: "Memory",
        parts: &[
            Part::Facts(&[
                Column {
                    heading: "installed",
                    pointer: "/total",
                    show: plain,
                },
                Column {
                    heading: "speed",
                    pointer: "/speed",
                    show: plain,
                },
            ]),
            Part::Rows {
                list: "/dimms",
                columns: &[
                    Column {
                        heading: "slot",
                        pointer: "/slot",
                        show: plain,
                    },
                    Column {
                        heading: "serial",
                        pointer: "/serial",
                        show: plain,
                    },
                ],
            },
        ],
    };

    #[test]
    fn what_is_not_known_takes_no_room() {
        let data = json!({"total": "32 GiB", "speed": null,
            "dimms": [{"slot": "A1", "serial": null}, {"slot": "A2"}]});
        let text = render(&SECTION, &data, 80).expect("a text");
        assert_eq!(text, "Memory\n  installed  32 GiB\n\n  slot\n  A1\n  A2\n");
        assert_eq!(render(&SECTION, &json!({"dimms": []}), 80), None);
    }
}
