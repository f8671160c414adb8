// SPDX-License-Identifier: Apache-2.0
//! Amounts: a number, or a table with `exactly`, `at_least`, `at_most`.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::Checker;
use crate::amount::Amount;
use crate::error::ProfileError;

/// What is written, not yet checked.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Bounds {
    pub(super) exactly: Option<u64>,
    pub(super) at_least: Option<u64>,
    pub(super) at_most: Option<u64>,
}

/// A number (then it is exactly that) or a table of bounds. Written by hand
/// because an untagged enum would say only that nothing fitted.
#[derive(Clone, Copy)]
pub(super) struct RawAmount(pub(super) Bounds);

impl<'de> Deserialize<'de> for RawAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl<'de> Visitor<'de> for AmountVisitor {
    type Value = RawAmount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a table with exactly, at_least or at_most")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<RawAmount, E> {
        let number = u64::try_from(number).map_err(|_| E::custom("must not be negative"))?;
        self.visit_u64(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<RawAmount, E> {
        Ok(RawAmount(Bounds {
            exactly: Some(number),
            ..Bounds::default()
        }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawAmount, A::Error> {
        Bounds::deserialize(MapAccessDeserializer::new(map)).map(RawAmount)
    }
}

impl Checker<'_> {
    pub(super) fn amount(&self, raw: &Spanned<RawAmount>) -> Result<Amount, ProfileError> {
        self.bounds(raw.get_ref().0, raw)
    }

    /// Bounds that stand beside other keys; `at` is where an error is told.
    pub(super) fn bounds<T>(
        &self,
        bounds: Bounds,
        at: &Spanned<T>,
    ) -> Result<Amount, ProfileError> {
        match (bounds.exactly, bounds.at_least, bounds.at_most) {
            (Some(number), None, None) => Ok(Amount::exactly(number)),
            (Some(_), _, _) => Err(self.schema("exactly stands alone", at)),
            (None, None, None) => Err(self.schema("needs one of exactly, at_least, at_most", at)),
            (None, least, most) => Amount::range(least, most)
                .ok_or_else(|| self.schema("at_least is more than at_most", at)),
        }
    }
}
