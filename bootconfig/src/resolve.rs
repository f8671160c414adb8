// SPDX-License-Identifier: Apache-2.0
//! From the bytes of all sources to settings, or to everything that is wrong.

use crate::foreign_text::in_message;
use crate::network_words::resembled;
use crate::origin::Origin;
use crate::problem::{Problem, Problems, Warning};
use crate::schema::{DEFAULT_SECTION, SCHEMA, Settings, row_of_key, row_of_word};
use crate::sources::{Assignment, Assignments, Name, RawSources};
use crate::suggest::nearest;

/// Words that Ironic's documents name and that nothing reads (contract §2.2).
const WORDS_WITHOUT_EFFECT: &[&str] = &["ipa-agent-token-required"];

/// Sections that upstream has and that have no effect here (contract §2.5, §7).
const SECTIONS_WITHOUT_EFFECT: &[&str] = &["metrics", "metrics_statsd"];

/// Resolves the settings: flag over config file over parameters disk over
/// kernel command line over default (contract §2.1).
///
/// # Errors
///
/// [`Problems`] with every bad value and every unreadable line, and with the
/// settings that are usable nevertheless.
pub fn resolve(sources: &RawSources) -> Result<Settings, Problems> {
    let mut problems = Vec::new();
    let all = sources.assignments(&mut problems);
    let mut settings = Settings::read(&Assignments { all: &all }, &mut problems);
    for assignment in &all {
        match unknown(assignment) {
            Some(Unknown::Warn(warning)) => settings.warnings.push(warning),
            Some(Unknown::Refuse(problem)) => problems.push(problem),
            None => {}
        }
    }
    if problems.is_empty() {
        return Ok(settings);
    }
    // As an operator goes through them: one source after the other.
    problems.sort_by(|one, other| one.origin().cmp(other.origin()));
    Err(Problems {
        settings: Box::new(settings),
        problems,
    })
}

/// What to say about a name that no row has.
enum Unknown {
    Warn(Warning),
    Refuse(Problem),
}

fn unknown(assignment: &Assignment) -> Option<Unknown> {
    let origin = assignment.origin.clone();
    match &assignment.name {
        Name::Word(word) => unknown_word(origin, word).map(Unknown::Warn),
        Name::Key(section, key) => unknown_key(origin, section, key),
    }
}

/// The command line is shared with the kernel and the image: only words that
/// look like ours are looked at.
fn unknown_word(origin: Origin, word: &str) -> Option<Warning> {
    if row_of_word(word).is_some() {
        return None;
    }
    if WORDS_WITHOUT_EFFECT.contains(&word) {
        let word = word.to_owned();
        return Some(Warning::NoEffect { origin, word });
    }
    let folded = word.to_ascii_lowercase().replace('_', "-");
    let of_ours = |row: &str| row.to_ascii_lowercase().replace('_', "-") == folded;
    let mut known = SCHEMA.iter().filter_map(|row| row.names.word);
    let suggestion = if folded.starts_with("ipa-") || known.clone().any(of_ours) {
        nearest(word, &mut known).map(str::to_owned)
    } else {
        Some(resembled(word)?)
    };
    Some(Warning::UnknownWord {
        origin,
        word: in_message(word),
        suggestion,
    })
}

fn unknown_key(origin: Origin, section: &str, key: &str) -> Option<Unknown> {
    if row_of_key(section, key).is_some() || SECTIONS_WITHOUT_EFFECT.contains(&section) {
        return None;
    }
    let is_flag = matches!(origin, Origin::Flag { .. });
    let suggestion = known_key(section, key).map(|(section, key)| match (section, is_flag) {
        (DEFAULT_SECTION, true) => format!("--{}", key.replace('_', "-")),
        (section, true) => format!("--{section}.{key}"),
        (section, false) => format!("[{section}] {key}"),
    });
    Some(if is_flag {
        Unknown::Refuse(Problem::UnknownFlag { origin, suggestion })
    } else {
        Unknown::Warn(Warning::UnknownKey {
            origin,
            section: in_message(section),
            key: in_message(key),
            suggestion,
        })
    })
}

/// The section and key that may be meant: a similar key of the same section,
/// or the same key of another one.
fn known_key(section: &str, key: &str) -> Option<(&'static str, &'static str)> {
    let known = || SCHEMA.iter().filter_map(|row| row.names.key);
    let same_section = known().filter(|(of, _)| *of == section).map(|(_, key)| key);
    let meant = nearest(key, same_section).unwrap_or(key);
    let mut alike = known().filter(|(_, known)| *known == meant);
    let elsewhere = alike.clone().next();
    alike.find(|(of, _)| *of == section).or(elsewhere)
}
