// SPDX-License-Identifier: Apache-2.0
//! `[[quirks]]`: a kind from the closed list, its arguments, and the reason.

use serde::Deserialize;
use toml::Spanned;

use super::Checker;
use crate::error::ProfileError;
use crate::quirk::{Quirk, QuirkKind};

/// Not tagged by serde: `deny_unknown_fields` does not reach into tagged enums with
/// a neighbouring `reason`, so the parts are flat and put together by hand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuirkTable {
    kind: Spanned<QuirkName>,
    reason: Spanned<String>,
    driver: Option<Spanned<String>>,
    milliseconds: Option<Spanned<u32>>,
    mac_prefix: Option<Spanned<String>>,
    usb: Option<Spanned<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum QuirkName {
    CarrierDelay,
    NoBmc,
    IgnoreInterface,
    KeepFaAddresses,
}

impl Checker<'_> {
    pub(super) fn quirk(&self, table: &QuirkTable) -> Result<Quirk, ProfileError> {
        Ok(Quirk {
            kind: self.kind(table)?,
            reason: self.sentence(&table.reason)?,
        })
    }

    fn kind(&self, table: &QuirkTable) -> Result<QuirkKind, ProfileError> {
        let refuse = |problem: &str| Err(self.schema(problem, &table.kind));
        let driver = self.optional(table.driver.as_ref(), Self::word)?;
        let mac_prefix = self.optional(table.mac_prefix.as_ref(), Self::mac_prefix)?;
        let usb = self.optional(table.usb.as_ref(), Self::pci_id)?;
        if usb.is_some() && *table.kind.get_ref() != QuirkName::IgnoreInterface {
            return refuse("usb is for ignore-interface only");
        }
        let milliseconds = table.milliseconds.as_ref().map(|value| *value.get_ref());
        match (table.kind.get_ref(), driver, milliseconds, mac_prefix) {
            (QuirkName::CarrierDelay, Some(driver), Some(milliseconds), None) => {
                Ok(QuirkKind::CarrierDelay {
                    driver,
                    milliseconds,
                })
            }
            (QuirkName::CarrierDelay, ..) => {
                refuse("carrier-delay needs driver and milliseconds, and nothing else")
            }
            (QuirkName::NoBmc, None, None, None) => Ok(QuirkKind::NoBmc),
            (QuirkName::NoBmc, ..) => refuse("no-bmc takes no arguments"),
            (QuirkName::IgnoreInterface, None, None, None) if usb.is_none() => {
                refuse("ignore-interface needs driver, mac_prefix or usb")
            }
            (QuirkName::IgnoreInterface, driver, None, mac_prefix) => {
                Ok(QuirkKind::IgnoreInterface {
                    driver,
                    mac_prefix,
                    usb,
                })
            }
            (QuirkName::IgnoreInterface, ..) => {
                refuse("ignore-interface takes driver, mac_prefix and usb only")
            }
            (QuirkName::KeepFaAddresses, None, None, None) => Ok(QuirkKind::KeepFaAddresses),
            (QuirkName::KeepFaAddresses, ..) => refuse("keep-fa-addresses takes no arguments"),
        }
    }

    /// Whole bytes, lower case, as the kernel writes addresses.
    fn mac_prefix(&self, text: &Spanned<String>) -> Result<String, ProfileError> {
        let is_byte = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
        let lower = text.get_ref().to_ascii_lowercase();
        let parts: Vec<&str> = lower.split(':').collect();
        if parts.len() > 6 || !parts.into_iter().all(is_byte) {
            return Err(self.value("must be whole bytes of an address, such as be:3a:f2", text));
        }
        Ok(lower)
    }
}
