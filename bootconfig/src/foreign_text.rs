// SPDX-License-Identifier: Apache-2.0
//! Text from a source, made fit to be printed.
//!
//! It may hold control characters, which a terminal obeys, be very long, or
//! hold a password.

use std::fmt::Write as _;

use crate::kind::Facts;
use crate::secret::MASK;

/// Longest text shown in a message, in characters.
const LONGEST: usize = 80;

/// A value in a message: masked if the kind is secret or if it looks like a
/// URL with a user in it, cut if it is long.
pub(crate) fn value_in_message(text: &str, facts: Facts) -> String {
    if facts.secret {
        return MASK.to_owned();
    }
    in_message(&without_user_info(text))
}

/// A text in a message, cut if it is long.
pub(crate) fn in_message(text: &str) -> String {
    let length = text.chars().count();
    if length <= LONGEST {
        return printable(text);
    }
    let cut: String = text.chars().take(LONGEST).collect();
    format!("{}… ({length} characters)", printable(&cut))
}

/// The text with control characters as escapes.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() {
            let _infallible = write!(shown, "{}", char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// Replaces what stands between the first `//` and the last `@`.
fn without_user_info(text: &str) -> String {
    let parts = text.split_once("//").zip(text.rsplit_once('@'));
    match parts {
        Some(((scheme, rest), (_, host))) if rest.contains('@') => {
            format!("{scheme}//{MASK}@{host}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_control_characters_and_length_are_dealt_with() {
        let facts = crate::kind::URLS.facts;
        let cases = [
            ("http:/x", "http:/x"),
            ("ftp://admin:swordfish@x/y", "ftp://******@x/y"),
            ("ftp://a:b@x,ftp://c:d@y", "ftp://******@y"),
            ("name@//x", "name@//x"),
            ("\x1b[31m", "\\u{1b}[31m"),
        ];
        for (text, expected) in cases {
            assert_eq!(value_in_message(text, facts), expected, "{text:?}");
        }
        let long = value_in_message(&"ä".repeat(81), facts);
        assert!(long.ends_with("… (81 characters)"), "{long}");
        assert_eq!(value_in_message("pw", crate::kind::PASSWORD.facts), MASK);
    }
}
