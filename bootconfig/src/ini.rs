// SPDX-License-Identifier: Apache-2.0
//! Config files: INI as oslo.config reads it.
//!
//! `[section]` lines, `key = value` or `key: value`, comments from `#` or `;`
//! at the start of a line, lines that begin with white space continue the value
//! before. A pair of quotes around a value is dropped. References to other
//! options (`$name`) are not followed. Reading goes on after a bad line, so that
//! all of them can be told at once.

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
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

#[derive(Debug, Default)]
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
        let name = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        let name = name.ok_or("a section such as [DEFAULT]")?;
        self.section = Some(section_name(name));
        Ok(())
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

/// Sections are compared without case except for DEFAULT, as upstream does.
fn section_name(name: &str) -> String {
    if name.eq_ignore_ascii_case("default") {
        "DEFAULT".to_owned()
    } else {
        name.to_ascii_lowercase()
    }
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}
