// SPDX-License-Identifier: Apache-2.0
//! Values of a JSON object, each with its place in the file.
//!
//! What different writers do differently is all the same: `null` is absent, a
//! number may be written as text and text as a number, blanks around a text do
//! not count.

use std::ops::{Deref, RangeInclusive};

use serde_json::{Map, Value};

use super::problem::{Problem, Reading};

/// Characters of a foreign value that a message repeats.
const SHOWN: usize = 60;

/// Where an object stands in the file, and the id it is known by.
#[derive(Debug, Clone)]
pub(super) struct Place {
    path: String,
    id: Option<String>,
}

impl Place {
    /// A key of this object.
    pub(super) fn key(&self, key: &str) -> String {
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        self.with_id(path)
    }

    /// The object itself.
    pub(super) fn whole(&self) -> String {
        self.with_id(self.path.clone())
    }

    fn with_id(&self, path: String) -> String {
        match &self.id {
            Some(id) => format!("{path} ({id})"),
            None => path,
        }
    }
}

/// An object of the file.
#[derive(Debug)]
pub(super) struct Object<'a> {
    place: Place,
    map: &'a Map<String, Value>,
}

impl Deref for Object<'_> {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl<'a> Object<'a> {
    /// The whole file.
    pub(super) fn root(map: &'a Map<String, Value>) -> Self {
        let place = Place {
            path: String::new(),
            id: None,
        };
        Self { place, map }
    }

    /// Where it is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Its id, as text.
    pub(super) fn id(&self) -> Option<String> {
        self.get("id").and_then(as_text)
    }

    /// What can be read of a key; nothing where it is `null`.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// The keys there are.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.map.keys().map(String::as_str)
    }

    /// A text or number as text; an empty one is absent.
    pub(super) fn text(
        &self,
        key: &str,
        wanted: &'static str,
        reading: &mut Reading,
    ) -> Option<String> {
        let value = self.get(key)?;
        match value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                reading.problem(self.wrong(key, wanted, value));
                None
            }
        }
    }

    /// The same, and it must be there.
    pub(super) fn required(
        &self,
        key: &str,
        wanted: &'static str,
        reading: &mut Reading,
    ) -> Option<String> {
        let before = reading.problems.len();
        let text = self.text(key, wanted, reading);
        if text.is_none() && reading.problems.len() == before {
            reading.problem(Problem::Absent {
                at: self.key(key),
                wanted,
            });
        }
        text
    }

    /// A text that means something.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        wanted: &'static str,
        reading: &mut Reading,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key, wanted, reading)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            reading.problem(Problem::Value {
                at: self.key(key),
                wanted,
                found: shown(&text),
            });
        }
        parsed
    }

    /// A whole number in a range.
    pub(super) fn number(
        &self,
        key: &str,
        wanted: &'static str,
        range: RangeInclusive<u32>,
        reading: &mut Reading,
    ) -> Option<u32> {
        self.parsed(key, wanted, reading, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    /// The objects in a list; no list is an empty one.
    pub(super) fn objects(&self, key: &str, reading: &mut Reading) -> Vec<Object<'a>> {
        let mut objects = Vec::new();
        for (path, value) in self.list(key, reading) {
            match value {
                Value::Object(map) => {
                    let id = match self.path.as_str() {
                        "" => map.get("id").and_then(as_text).map(|id| shown(&id)),
                        _ => self.id.clone(),
                    };
                    let place = Place { path, id };
                    objects.push(Object { place, map });
                }
                other => reading.problem(Problem::Value {
                    at: path,
                    wanted: "an object",
                    found: found(other),
                }),
            }
        }
        objects
    }

    /// The texts in a list, each with its place; a single text is a list of one.
    pub(super) fn texts(
        &self,
        key: &str,
        wanted: &'static str,
        reading: &mut Reading,
    ) -> Vec<(String, String)> {
        if let Some(single) = self.get(key).and_then(as_text) {
            return vec![(self.key(key), single)];
        }
        let mut texts = Vec::new();
        for (path, value) in self.list(key, reading) {
            let at = self.with_id(path);
            match as_text(value) {
                Some(text) => texts.push((at, text)),
                None => reading.problem(Problem::Value {
                    at,
                    wanted,
                    found: found(value),
                }),
            }
        }
        texts
    }

    fn list(&self, key: &str, reading: &mut Reading) -> Vec<(String, &'a Value)> {
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        match self.get(key) {
            None => vec![],
            Some(Value::Array(values)) => (0..)
                .zip(values)
                .map(|(index, value): (usize, _)| (format!("{path}[{index}]"), value))
                .collect(),
            Some(other) => {
                reading.problem(self.wrong(key, "a list", other));
                vec![]
            }
        }
    }

    fn wrong(&self, key: &str, wanted: &'static str, value: &Value) -> Problem {
        Problem::Value {
            at: self.key(key),
            wanted,
            found: found(value),
        }
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A value for a message.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => shown(&number.to_string()),
        Value::String(text) => format!("\"{}\"", shown(text)),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// Foreign text for a message: one line, not too long.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|sign| if sign.is_control() { '?' } else { sign })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
