// SPDX-License-Identifier: Apache-2.0
//! The kernel command line and `parameters.txt`, which share one grammar.
//!
//! Words are separated by white space, there is no quoting, a word without `=`
//! is ignored and each word is split at its first `=` (contract §2.1). That is
//! how ironic-python-agent reads them; the kernel itself knows quotes.

use std::borrow::Cow;
use std::fmt;

/// A `name=value` word and where it stands. Its `Debug` leaves out the value,
/// which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Word<'a> {
    /// Position among all words, counted from 1.
    pub position: usize,
    /// Line it stands on, counted from 1.
    pub line: usize,
    /// What stands before the first `=`.
    pub name: Cow<'a, str>,
    /// What stands after it. Bytes that are not UTF-8 became U+FFFD.
    pub value: Cow<'a, str>,
}

impl fmt::Debug for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            position,
            line,
            name,
            value: _,
        } = self;
        write!(f, "Word({name}, word {position}, line {line})")
    }
}

/// All `name=value` words, in order.
#[must_use]
pub fn words(bytes: &[u8]) -> Vec<Word<'_>> {
    let lines = bytes.split(|&byte| byte == b'\n').zip(1..);
    let all = lines.flat_map(|(text, line)| {
        text.split(|&byte| is_separator(byte))
            .filter(|word| !word.is_empty())
            .map(move |word| (line, word))
    });
    all.zip(1..)
        .filter_map(|((line, word), position)| {
            let equals = word.iter().position(|&byte| byte == b'=')?;
            let (name, value) = word.split_at(equals);
            Some(Word {
                position,
                line,
                name: String::from_utf8_lossy(name),
                value: String::from_utf8_lossy(value.get(1..).unwrap_or_default()),
            })
        })
        .collect()
}

/// White space, and NUL, which ends `/proc/cmdline` on some boot loaders.
fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, 0 | 0x0b)
}
