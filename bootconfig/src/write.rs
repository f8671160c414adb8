// SPDX-License-Identifier: Apache-2.0
//! Writing settings for a machine: kernel command line, `parameters.txt`,
//! config files. What is written here reads back as the same values.
//!
//! Values come as text. A secret is text only after its `expose()`, so every
//! place that writes one says so.

use thiserror::Error;

use crate::ini;
use crate::schema::{row_of_key, row_of_word};

/// Longest kernel command line, in bytes without the closing NUL: the kernel's
/// `COMMAND_LINE_SIZE` is 2048 on x86 (`arch/x86/include/asm/setup.h`) and on
/// arm64 (`arch/arm64/include/uapi/asm/setup.h`).
pub const LONGEST_COMMAND_LINE: usize = 2047;

/// Size of the parameters disk Ironic makes, in bytes (contract §2.4).
const PARAMETERS_DISK_SIZE: usize = 1440 * 1024;

/// Why something cannot be written. Values are not in it: they may be secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// White space ends a word; there is no quoting in these formats.
    #[error("the value of {name} contains white space, which cannot be expressed")]
    WhiteSpace {
        /// Name of the word or key.
        name: String,
    },
    /// A control character, or in a config file a value that would read back
    /// differently.
    #[error("the value of {name} cannot be expressed in this format")]
    Inexpressible {
        /// Name of the key.
        name: String,
    },
    /// The name is empty or contains `=` or white space.
    #[error("{name:?} cannot be the name of a setting")]
    BadName {
        /// The name.
        name: String,
    },
    /// The whole is longer than its reader takes.
    #[error("{length} bytes are written, {longest} fit")]
    TooLong {
        /// Bytes that would be written.
        length: usize,
        /// Bytes that fit.
        longest: usize,
    },
    /// A name that looks like a setting and is none.
    #[error("{name} is not a setting of this source")]
    UnknownSetting {
        /// The name.
        name: String,
    },
}

/// A kernel command line of these words, in this order.
///
/// Words of the kernel and of the image may be among them; an `ipa-…` word
/// must be in the schema.
///
/// # Errors
///
/// A value with white space, a bad name, or more than 2047 bytes.
pub fn kernel_command_line(words: &[(&str, &str)]) -> Result<String, WriteError> {
    let line = expressed(words)?.join(" ");
    within(line, LONGEST_COMMAND_LINE)
}

/// The content of `parameters.txt`, one word in a line.
///
/// # Errors
///
/// As [`kernel_command_line`], but with the size of the disk as the limit.
pub fn parameters_txt(words: &[(&str, &str)]) -> Result<String, WriteError> {
    let mut lines = expressed(words)?.join("\n");
    if !lines.is_empty() {
        lines.push('\n');
    }
    within(lines, PARAMETERS_DISK_SIZE)
}

/// A config file of these sections, keys and values; keys of one section are
/// put together.
///
/// # Errors
///
/// A key the schema does not have, or a value that would not read back as
/// itself: several lines, white space or a pair of quotes around it.
pub fn ini(entries: &[(&str, &str, &str)]) -> Result<String, WriteError> {
    let mut sections: Vec<&str> = Vec::new();
    for (section, _, _) in entries {
        if !sections.contains(section) {
            sections.push(section);
        }
    }
    let mut text = String::new();
    for section in sections {
        text.push_str(&format!("[{section}]\n"));
        for (_, key, value) in entries.iter().filter(|(of, _, _)| *of == section) {
            text.push_str(&ini_line(section, key, value)?);
        }
    }
    Ok(text)
}

fn expressed(words: &[(&str, &str)]) -> Result<Vec<String>, WriteError> {
    words
        .iter()
        .map(|(name, value)| word(name, value))
        .collect()
}

fn word(name: &str, value: &str) -> Result<String, WriteError> {
    let owned = || name.to_owned();
    if name.is_empty() || name.contains('=') || !is_one_word(name) {
        return Err(WriteError::BadName { name: owned() });
    }
    if !is_one_word(value) {
        return Err(WriteError::WhiteSpace { name: owned() });
    }
    if name.starts_with("ipa-") && row_of_word(name).is_none() {
        return Err(WriteError::UnknownSetting { name: owned() });
    }
    Ok(format!("{name}={value}"))
}

fn ini_line(section: &str, key: &str, value: &str) -> Result<String, WriteError> {
    let name = || format!("[{section}] {key}");
    if row_of_key(section, key).is_none() {
        return Err(WriteError::UnknownSetting { name: name() });
    }
    let line = format!("{key} = {value}\n");
    // The reader is the judge of what it will make of the line.
    let (entries, bad) = ini::parse(format!("[{section}]\n{line}").as_bytes());
    let reads_back = matches!(entries.as_slice(), [one] if one.key == key && one.value == value);
    if reads_back && bad.is_empty() && !value.contains(char::is_control) {
        return Ok(line);
    }
    Err(WriteError::Inexpressible { name: name() })
}

/// No white space as any reader sees it, and no control character.
fn is_one_word(text: &str) -> bool {
    !text.contains(|char: char| char.is_whitespace() || char.is_control())
}

fn within(text: String, longest: usize) -> Result<String, WriteError> {
    if text.len() <= longest {
        return Ok(text);
    }
    Err(WriteError::TooLong {
        length: text.len(),
        longest,
    })
}
