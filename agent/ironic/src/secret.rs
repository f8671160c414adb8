// SPDX-License-Identifier: Apache-2.0
//! The agent token, as a type that cannot be printed (contract §8).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The shortest token an agent accepts (contract §8).
pub const MIN_TOKEN_LENGTH: usize = 32;

/// What Ironic sends where a secret was.
pub const MASK: &str = "******";

/// The shared secret between Ironic and this agent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// Takes the text in.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Hands the text out, for the wire and the state file only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares with what a request brought, in time that depends on the
    /// lengths only.
    #[must_use]
    pub fn matches(&self, given: &str) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), given.as_bytes());
        let differing = ours.iter().zip(theirs).fold(0, |sum, (a, b)| sum | (a ^ b));
        ours.len() == theirs.len() && differing == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_itself_only_and_never_prints() {
        let token = Token::new("abcdefgh");
        for (given, expected) in [
            ("abcdefgh", true),
            ("abcdefgx", false),
            ("abcdefg", false),
            ("", false),
        ] {
            assert_eq!(token.matches(given), expected, "{given}");
        }
        assert_eq!(format!("{token:?}"), MASK);
    }
}
