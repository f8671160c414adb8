// SPDX-License-Identifier: Apache-2.0
//! Config files: INI as oslo.config reads it.
//!
//! `[section]` lines, `key = value` or `key: value`, comments from `#` or `;`
//! at the start of a line, lines that begin with white space continue the value
//! before. A pair of quotes around a value is dropped. References to other
//! options (`$name`) are not followed. Reading goes on after a bad line, so that
//! all of them can be told at once.

use std::fmt;

/// A key and its value. Its `Debug` leaves out the value, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Section it stands in.
    pub section: String,
    /// The key, dashes turned into underscores.
    pub key: String,
    /// The value, lines of a continued one joined by `\n`.
    pub value: String,
    /// Line of the key, counted from 1.
    pub line: usize,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            section,
            key,
            line,
            value: _,
        } = self;
        write!(f, "Entry([{section}] {key}, line {line})")
    }
}

/// A line that is not INI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, counted from 1.
    pub line: usize,
    /// What would be right.
    pub expected: &'static str,
}

/// All entries in order, and all bad lines.
#[must_use]
pub fn parse(bytes: &[u8]) -> (Vec<Entry>, Vec<BadLine>) {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = Reader::default();
    for (line, number) in text.split('\n').zip(1..) {
        if let Err(expected) = reader.line(line.trim_end(), number) {
            // A continuation line belongs to the bad line, not to the entry
            // before it.
            reader.flush();
            reader.bad.push(BadLine {
                line: number,
                expected,
            });
        }
    }
    reader.flush();
    (reader.entries, reader.bad)
}

#[derive(Default)]
struct Reader {
    section: Option<String>,
    open: Option<Entry>,
    entries: Vec<Entry>,
    bad: Vec<BadLine>,
}

impl Reader {
    fn line(&mut self, line: &str, number: usize) -> Result<(), &'static str> {
        match line.chars().next() {
            None => self.flush(),
            Some(' ' | '\t') => return self.continuation(line.trim_start()),
            Some('#' | ';') => self.flush(),
            Some('[') => return self.section(line),
            Some(_) => return self.assignment(line, number),
        }
        Ok(())
    }

    fn continuation(&mut self, text: &str) -> Result<(), &'static str> {
        let open = self
            .open
            .as_mut()
            .ok_or("a key before this indented line, or no indentation")?;
        open.value.push('\n');
        open.value.push_str(text);
        Ok(())
    }

    fn section(&mut self, line: &str) -> Result<(), &'static str> {
        self.flush();
        // Also after a bad line: the keys below it were not meant for the
        // section above it.
        let name = line.trim_matches(['[', ']']).trim();
        self.section = (!name.is_empty()).then(|| section_name(name));
        if line.ends_with(']') && self.section.is_some() {
            return Ok(());
        }
        Err("a section such as [DEFAULT]")
    }

    fn assignment(&mut self, line: &str, number: usize) -> Result<(), &'static str> {
        self.flush();
        let (key, value) = line.split_once(['=', ':']).ok_or("key = value")?;
        let key = key.trim();
        if key.is_empty() {
            return Err("a key before the equals sign");
        }
        let section = self.section.clone();
        self.open = Some(Entry {
            section: section.ok_or("a section such as [DEFAULT] before the first key")?,
            key: key.replace('-', "_"),
            value: unquoted(value.trim()).to_owned(),
            line: number,
        });
        Ok(())
    }

    fn flush(&mut self) {
        self.entries.extend(self.open.take());
    }
}

/// Upstream compares sections without case, but `[default]` is not `[DEFAULT]`.
fn section_name(name: &str) -> String {
    if name == "DEFAULT" {
        return name.to_owned();
    }
    name.to_ascii_lowercase()
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}
