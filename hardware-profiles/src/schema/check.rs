// SPDX-License-Identifier: Apache-2.0
//! Checks that several tables share, and errors with file, line and field.

use toml::Spanned;

use crate::error::ProfileError;
use crate::glob::Glob;
use crate::locate::{Place, locate};
use crate::pci::PciId;

/// Turns values with positions into checked ones; knows the text for the errors.
pub(super) struct Checker<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Checker<'_> {
    pub(super) fn place<T>(&self, value: &Spanned<T>) -> Place {
        locate(self.text, value.span().start)
    }

    pub(super) fn schema_error(&self, error: &toml::de::Error) -> ProfileError {
        let Place { line, field } = locate(self.text, error.span().map_or(0, |span| span.start));
        let problem = error.message().trim().replace('\n', ", ");
        ProfileError::Schema {
            file: self.file.to_owned(),
            line,
            field,
            problem,
        }
    }

    pub(super) fn schema<T>(&self, problem: &str, value: &Spanned<T>) -> ProfileError {
        let Place { line, field } = self.place(value);
        ProfileError::Schema {
            file: self.file.to_owned(),
            line,
            field,
            problem: problem.to_owned(),
        }
    }

    pub(super) fn value(&self, problem: &'static str, value: &Spanned<String>) -> ProfileError {
        let Place { line, field } = self.place(value);
        ProfileError::Value {
            file: self.file.to_owned(),
            line,
            field,
            problem,
            value: value.get_ref().clone(),
        }
    }

    /// Every row of a list of tables.
    pub(super) fn each<T, U>(
        &self,
        rows: &[T],
        check: impl Fn(&Self, &T) -> Result<U, ProfileError>,
    ) -> Result<Vec<U>, ProfileError> {
        rows.iter().map(|row| check(self, row)).collect()
    }

    /// What is there, checked.
    pub(super) fn optional<T, U>(
        &self,
        value: Option<&T>,
        check: impl Fn(&Self, &T) -> Result<U, ProfileError>,
    ) -> Result<Option<U>, ProfileError> {
        value.map(|value| check(self, value)).transpose()
    }

    pub(super) fn sentence(&self, text: &Spanned<String>) -> Result<String, ProfileError> {
        if text.get_ref().trim().is_empty() {
            return Err(self.value("must say something", text));
        }
        Ok(text.get_ref().trim().to_owned())
    }

    /// Module, package and group names end up in files read line by line.
    pub(super) fn word(&self, text: &Spanned<String>) -> Result<String, ProfileError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
        if text.get_ref().is_empty() || !text.get_ref().chars().all(fits) {
            return Err(self.value("must be one word of letters, digits, _ - + and .", text));
        }
        Ok(text.get_ref().clone())
    }

    pub(super) fn words(&self, texts: &[Spanned<String>]) -> Result<Vec<String>, ProfileError> {
        self.distinct(texts, Self::word)
    }

    /// Checked texts, each named once.
    pub(super) fn distinct(
        &self,
        texts: &[Spanned<String>],
        check: impl Fn(&Self, &Spanned<String>) -> Result<String, ProfileError>,
    ) -> Result<Vec<String>, ProfileError> {
        let mut found = Vec::with_capacity(texts.len());
        for text in texts {
            let checked = check(self, text)?;
            if found.contains(&checked) {
                return Err(self.value("is listed twice", text));
            }
            found.push(checked);
        }
        Ok(found)
    }

    pub(super) fn globs(&self, texts: &[Spanned<String>]) -> Result<Vec<Glob>, ProfileError> {
        self.each(texts, |checker, text| {
            Ok(Glob::new(&checker.sentence(text)?))
        })
    }

    pub(super) fn pci_id(&self, text: &Spanned<String>) -> Result<PciId, ProfileError> {
        text.get_ref().parse().map_err(|_| {
            self.value(
                "must be vendor and device in hexadecimal, such as 8086:159b",
                text,
            )
        })
    }

    /// A number from a range.
    pub(super) fn number(
        &self,
        number: &Spanned<u64>,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, ProfileError> {
        if range.contains(number.get_ref()) {
            return Ok(*number.get_ref());
        }
        let problem = format!(
            "must be from {} to {}, not {}",
            range.start(),
            range.end(),
            number.get_ref()
        );
        Err(self.schema(&problem, number))
    }

    /// A number from a range below 256.
    pub(super) fn small(
        &self,
        number: &Spanned<u64>,
        range: std::ops::RangeInclusive<u8>,
    ) -> Result<u8, ProfileError> {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        let number = self.number(number, range)?;
        Ok(u8::try_from(number).unwrap_or(u8::MAX))
    }
}
