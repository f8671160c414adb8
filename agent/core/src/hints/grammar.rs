// SPDX-License-Identifier: Apache-2.0
//! The grammar of hints, with the quirks that nodes in the field rely on
//! (contract §16): `=` on sizes means "at least", an absent value reads
//! `none`, serial numbers and world wide names are lists of which any member
//! may match.

use std::fmt;

use bootconfig::suggest::nearest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::block::BlockDevice;
use crate::fault::Fault;

const GIB: u128 = 1 << 30;

/// Every hint there is, in alphabetical order.
const NAMES: &[&str] = &[
    "by_path",
    "hctl",
    "model",
    "name",
    "rotational",
    "serial",
    "size",
    "tran",
    "vendor",
    "wwn",
    "wwn_vendor_extension",
    "wwn_with_extension",
];

const TEXT_OPERATORS: &str = "s==, s!=, s<, s<=, s>, s>=, <in> or <or>";
const SIZE_OPERATORS: &str = "==, !=, <, <=, >, >= or =";

/// What Python's `urllib.parse.quote` leaves alone: comparisons of order see
/// the quoted text.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'~');

/// Operators, longest spelling first where one begins with another.
const OPERATORS: &[(&str, Operator)] = &[
    ("s==", Operator::Text(Comparison::Equal)),
    ("s!=", Operator::Text(Comparison::NotEqual)),
    ("s<=", Operator::Text(Comparison::AtMost)),
    ("s<", Operator::Text(Comparison::Less)),
    ("s>=", Operator::Text(Comparison::AtLeast)),
    ("s>", Operator::Text(Comparison::Greater)),
    ("<in>", Operator::Contains),
    ("<or>", Operator::AnyOf),
    ("<all-in>", Operator::Unsupported),
    ("<range-in>", Operator::Unsupported),
    ("==", Operator::Number(Comparison::Equal)),
    ("!=", Operator::Number(Comparison::NotEqual)),
    ("<=", Operator::Number(Comparison::AtMost)),
    ("<", Operator::Number(Comparison::Less)),
    (">=", Operator::Number(Comparison::AtLeast)),
    (">", Operator::Number(Comparison::Greater)),
    ("=", Operator::Number(Comparison::AtLeast)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Text(Comparison),
    Number(Comparison),
    Contains,
    AnyOf,
    Unsupported,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Comparison {
    fn holds<T: Ord>(self, left: T, right: T) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left < right,
            Comparison::AtMost => left <= right,
            Comparison::Greater => left > right,
            Comparison::AtLeast => left >= right,
        }
    }
}

/// Hints that must all be satisfied.
#[derive(Debug)]
pub(super) struct Hints(Vec<Hint>);

/// One hint.
#[derive(Debug)]
pub(super) struct Hint {
    name: String,
    /// As it was given, for people.
    expression: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Text(Comparison, String),
    Contains(String),
    AnyOf(Vec<String>),
    /// GiB.
    Size(Comparison, u64),
    Rotational(bool),
}

pub(super) fn wrong(argument: &str, problem: impl Into<String>) -> Fault {
    Fault::Argument {
        argument: argument.to_owned(),
        problem: problem.into(),
    }
}

impl Hints {
    /// `owner` names the object in faults: `root_device`.
    pub(super) fn parse(object: &Map<String, Value>, owner: &str) -> Result<Self, Fault> {
        object
            .iter()
            .map(|(name, value)| {
                Hint::parse(name, value).map_err(|p| wrong(&format!("{owner}.{name}"), p))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The first hint a device does not satisfy.
    pub(super) fn first_mismatch(&self, device: &BlockDevice) -> Option<&Hint> {
        self.0.iter().find(|hint| !hint.matches(device))
    }
}

impl fmt::Display for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(", "))
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.name, self.expression)
    }
}

impl Hint {
    fn parse(name: &str, value: &Value) -> Result<Self, String> {
        let expression = match value {
            Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        };
        let test = match name {
            "size" => size_test(&expression)?,
            "rotational" => Test::Rotational(strict_bool(&expression)?),
            name if !NAMES.contains(&name) => return Err(unknown(name)),
            _ if !value.is_string() => return Err("is not text".into()),
            _ => text_test(&expression)?,
        };
        Ok(Self {
            name: name.to_owned(),
            expression,
            test,
        })
    }

    fn matches(&self, device: &BlockDevice) -> bool {
        match &self.test {
            Test::Size(comparison, gib) => {
                comparison.holds(u128::from(device.size), u128::from(*gib) * GIB)
            }
            Test::Rotational(wanted) => device.rotational == *wanted,
            Test::Text(comparison, wanted) => self.any(device, |v| comparison.holds(v, wanted)),
            Test::Contains(part) => self.any(device, |value| value.contains(part.as_str())),
            Test::AnyOf(values) => self.any(device, |value| values.iter().any(|w| w == value)),
        }
    }

    fn any(&self, device: &BlockDevice, test: impl Fn(&str) -> bool) -> bool {
        self.values(device)
            .iter()
            .any(|value| test(&normalized(value)))
    }

    /// The device's values under this hint's name; text `none` where it has none.
    fn values(&self, device: &BlockDevice) -> Vec<String> {
        let one = |value: &Option<String>| vec![value.clone().unwrap_or_else(|| "none".into())];
        match self.name.as_str() {
            // Lists: absent members are left out, so an empty list never matches.
            "serial" => device
                .serial
                .iter()
                .chain(&device.udev_serials)
                .cloned()
                .collect(),
            // lsblk and the inventory show the name with the vendor's extension,
            // udev's ID_WWN is without: both are written into hints.
            "wwn" => device
                .wwn_with_extension
                .iter()
                .chain(&device.wwn)
                .cloned()
                .collect(),
            "model" => one(&device.model),
            "vendor" => one(&device.vendor),
            "wwn_with_extension" => one(&device.wwn_with_extension),
            "wwn_vendor_extension" => one(&device.wwn_vendor_extension),
            "hctl" => one(&device.hctl),
            "by_path" => one(&device.by_path),
            "tran" => one(&device.transport),
            _ => vec![device.name.clone()],
        }
    }

    /// What the device has, for people: `model 'X'`.
    pub(super) fn shown_value(&self, device: &BlockDevice) -> String {
        let value = match self.test {
            Test::Size(..) => format!("{} bytes", device.size),
            Test::Rotational(_) => device.rotational.to_string(),
            _ => match self.values(device).as_slice() {
                [] => "none".into(),
                values => values.join(" or "),
            },
        };
        format!("{} '{value}'", self.name)
    }
}

fn unknown(name: &str) -> String {
    let meant = nearest(name, NAMES.iter().copied())
        .map(|meant| format!("; did you mean {meant}?"))
        .unwrap_or_default();
    format!(
        "is not a known hint{meant} (there are: {})",
        NAMES.join(", ")
    )
}

fn normalized(text: &str) -> String {
    utf8_percent_encode(&text.trim().to_lowercase(), QUOTED).to_string()
}

/// Splits an operator off; `None` if the expression begins with none.
fn operator(expression: &str) -> Option<(&'static str, Operator, &str)> {
    OPERATORS.iter().find_map(|(spelling, operator)| {
        let rest = expression.strip_prefix(spelling)?;
        Some((*spelling, *operator, rest.trim()))
    })
}

fn text_test(expression: &str) -> Result<Test, String> {
    let lower = expression.to_lowercase();
    let Some((spelling, operator, rest)) = operator(&lower) else {
        return some_text(&lower).map(|text| Test::Text(Comparison::Equal, text));
    };
    match operator {
        Operator::Text(comparison) => some_text(rest).map(|text| Test::Text(comparison, text)),
        Operator::Contains => some_text(rest).map(Test::Contains),
        Operator::AnyOf => rest
            .split("<or>")
            .map(some_text)
            .collect::<Result<_, _>>()
            .map(Test::AnyOf),
        Operator::Number(_) | Operator::Unsupported => Err(format!(
            "operator {spelling} is not for text; use {TEXT_OPERATORS}"
        )),
    }
}

fn some_text(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err(format!(
            "is empty; write a text, or {TEXT_OPERATORS} before one"
        )),
        text => Ok(normalized(text)),
    }
}

fn size_test(expression: &str) -> Result<Test, String> {
    let (comparison, number) = match operator(expression) {
        None => (Comparison::Equal, expression),
        Some((_, Operator::Number(comparison), number)) => (comparison, number),
        Some((spelling, ..)) => {
            return Err(format!(
                "operator {spelling} is not for sizes; use {SIZE_OPERATORS}"
            ));
        }
    };
    match number.parse::<u64>() {
        Ok(gib) if gib > 0 => Ok(Test::Size(comparison, gib)),
        _ => Err(format!(
            "'{number}' is not a positive number of GiB; {SIZE_OPERATORS} may stand before one"
        )),
    }
}

fn strict_bool(expression: &str) -> Result<bool, String> {
    match expression.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "on" | "yes" | "y" => Ok(true),
        "false" | "f" | "0" | "off" | "no" | "n" => Ok(false),
        _ => Err(format!(
            "'{expression}' is neither true nor false; there are no operators"
        )),
    }
}
