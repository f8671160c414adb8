// SPDX-License-Identifier: Apache-2.0
//! Values that must never be printed, and the one way to read them.
//!
//! Whether a token is long enough to be adopted is decided where tokens are
//! adopted (contract §8), not here.

use std::fmt;

/// What is printed instead of a secret.
pub(crate) const MASK: &str = "******";

macro_rules! secret {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Wraps a secret text.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The secret itself. Every call is a place where it can leak.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(MASK)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(MASK)
            }
        }
    };
}

secret! {
    /// The token Ironic and the agent prove themselves with (contract §8).
    AgentToken
}

secret! {
    /// A password, for example of the image server.
    Password
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_format() {
        let token = AgentToken::new("swordfish");
        let password = Password::new("swordfish");
        let printed = format!("{token} {token:?} {token:#?} {password} {password:?}");
        assert!(!printed.contains("sword"), "{printed}");
        assert_eq!(token.expose(), "swordfish");
    }
}
