// SPDX-License-Identifier: Apache-2.0
//! How many, or how much: an exact number or a range, as profiles write it.

use std::fmt;

/// A range of numbers; one without bounds does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    at_least: Option<u64>,
    at_most: Option<u64>,
}

impl Amount {
    /// This number and no other.
    #[must_use]
    pub const fn exactly(number: u64) -> Self {
        Self {
            at_least: Some(number),
            at_most: Some(number),
        }
    }

    /// This number or more.
    #[must_use]
    pub const fn at_least(number: u64) -> Self {
        Self {
            at_least: Some(number),
            at_most: None,
        }
    }

    /// A range; `None` if it has no bound, or no number fits it.
    #[must_use]
    pub fn range(at_least: Option<u64>, at_most: Option<u64>) -> Option<Self> {
        match (at_least, at_most) {
            (None, None) => None,
            (Some(least), Some(most)) if least > most => None,
            _ => Some(Self { at_least, at_most }),
        }
    }

    /// Whether the number is within.
    #[must_use]
    pub fn fits(self, number: u64) -> bool {
        self.at_least.is_none_or(|least| number >= least)
            && self.at_most.is_none_or(|most| number <= most)
    }

    /// The smallest number that fits.
    #[must_use]
    pub fn smallest(self) -> u64 {
        self.at_least.unwrap_or(0)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at_least, self.at_most) {
            (Some(least), Some(most)) if least == most => write!(f, "{least}"),
            (Some(least), Some(most)) => write!(f, "{least} to {most}"),
            (Some(least), None) => write!(f, "at least {least}"),
            (None, Some(most)) => write!(f, "at most {most}"),
            (None, None) => f.write_str("any"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_know_what_fits_and_how_they_read() {
        let range = |least, most| Amount::range(least, most).unwrap();
        for (amount, text, fits, misfits) in [
            (Amount::exactly(2), "2", vec![2], vec![1, 3]),
            (Amount::at_least(2), "at least 2", vec![2, 9], vec![1]),
            (range(Some(2), Some(4)), "2 to 4", vec![2, 4], vec![1, 5]),
            (range(None, Some(4)), "at most 4", vec![0, 4], vec![5]),
        ] {
            assert_eq!(amount.to_string(), text);
            assert!(fits.into_iter().all(|n| amount.fits(n)), "{text}");
            assert!(!misfits.into_iter().any(|n| amount.fits(n)), "{text}");
        }
        assert_eq!(Amount::range(None, None), None);
        assert_eq!(Amount::range(Some(3), Some(2)), None);
    }
}
