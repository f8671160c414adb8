// SPDX-License-Identifier: Apache-2.0
//! Reads a machine's serial console: its log file, from a remembered place on.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::wait::{self, Probe};

/// How many lines of the console go into the error of a wait.
const SHOWN_LINES: usize = 40;

/// A reader of one console.
#[derive(Debug)]
pub struct Console {
    path: PathBuf,
    position: u64,
    /// Everything read so far; the last line may be unfinished.
    text: String,
    /// How much of `text` earlier waits have used up.
    used: usize,
}

impl Console {
    /// Reads from the first line of the log on.
    #[must_use]
    pub fn from_start(path: PathBuf) -> Self {
        Self {
            path,
            position: 0,
            text: String::new(),
            used: 0,
        }
    }

    /// Reads what is written from now on.
    #[must_use]
    pub fn from_end(path: PathBuf) -> Self {
        let position = std::fs::metadata(&path).map_or(0, |data| data.len());
        Self {
            path,
            position,
            text: String::new(),
            used: 0,
        }
    }

    /// Reads what is new and returns all that this reader has read and no wait has used up.
    ///
    /// # Errors
    /// [`Error::File`]. A log that is not there yet is empty.
    pub fn read_new(&mut self) -> Result<&str, Error> {
        let failed = |source| Error::File {
            doing: "read",
            path: self.path.clone(),
            source,
        };
        match File::open(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            opened => {
                let mut file = opened.map_err(failed)?;
                file.seek(SeekFrom::Start(self.position)).map_err(failed)?;
                let mut bytes = Vec::new();
                let read = file.read_to_end(&mut bytes).map_err(failed)?;
                self.position += u64::try_from(read).unwrap_or(0);
                self.text
                    .push_str(&without_escapes(&String::from_utf8_lossy(&bytes)));
            }
        }
        Ok(&self.text[self.used..])
    }

    /// Waits for a whole line that contains `needle` and returns it. Later waits begin behind it.
    ///
    /// # Errors
    /// [`Error::Timeout`] with the end of the console.
    pub fn wait_for(&mut self, needle: &str, limit: Duration) -> Result<String, Error> {
        let what = format!("{needle:?} on the console {}", self.path.display());
        let (line, end) = wait::until(&what, limit, || {
            let text = self.read_new()?;
            Ok(match find_line(text, needle) {
                Some(found) => Probe::Ready(found),
                None => Probe::NotYet(last_lines(text)),
            })
        })?;
        self.used += end;
        Ok(line)
    }

    /// Reads what is new and returns the lines that are finished now; they are used up then.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn take_lines(&mut self) -> Result<Vec<String>, Error> {
        let text = self.read_new()?;
        let end = text.rfind('\n').map_or(0, |newline| newline + 1);
        let lines = text[..end]
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        self.used += end;
        Ok(lines)
    }

    /// All lines read so far, also those that waits have used up.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }
}

/// The first finished line with `needle` and the offset behind it.
fn find_line(text: &str, needle: &str) -> Option<(String, usize)> {
    let at = text.find(needle)?;
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = at + text[at..].find('\n')?;
    Some((text[start..end].trim_end().to_owned(), end + 1))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    format!(
        "\n{}",
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    )
}

/// Firmware and boot loaders paint their menus with escape sequences: leave these out.
fn without_escapes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            if characters.next() == Some('[') {
                // A control sequence ends with a character from @ to ~.
                let _end = characters.find(|character| ('@'..='~').contains(character));
            }
        } else if character == '\n' || !character.is_control() {
            clean.push(character);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_left_out() {
        let cases = [
            ("plain\r\n", "plain\n"),
            (
                "\u{1b}[2J\u{1b}[01;01HBdsDxe: loading\r\n",
                "BdsDxe: loading\n",
            ),
            ("cut \u{1b}[0", "cut "),
            ("cut \u{1b}", "cut "),
        ];
        for (text, clean) in cases {
            assert_eq!(without_escapes(text), clean, "{text:?}");
        }
    }

    #[test]
    fn a_line_is_found_only_when_it_is_finished() {
        assert_eq!(find_line("a\nthe marker 1", "marker"), None);
        assert_eq!(
            find_line("a\nthe marker 1\nb", "marker"),
            Some(("the marker 1".to_owned(), 15))
        );
        assert_eq!(find_line("a\nb\n", "marker"), None);
    }
}
