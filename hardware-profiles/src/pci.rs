// SPDX-License-Identifier: Apache-2.0
//! The identification of a PCI device, vendor and device, as `lspci -n` writes it.

use std::fmt;
use std::str::FromStr;

/// Vendor and device id; `8086:159b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciId {
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
}

/// A text that is not `vvvv:dddd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be vendor and device in hexadecimal, such as 8086:159b")]
pub struct NoPciId;

impl FromStr for PciId {
    type Err = NoPciId;

    fn from_str(text: &str) -> Result<Self, NoPciId> {
        let number = |part: &str| {
            let hexadecimal = part.len() == 4 && part.bytes().all(|b| b.is_ascii_hexdigit());
            let digits = hexadecimal.then_some(part).ok_or(NoPciId)?;
            u16::from_str_radix(digits, 16).map_err(|_| NoPciId)
        };
        let (vendor, device) = text.split_once(':').ok_or(NoPciId)?;
        Ok(Self {
            vendor: number(vendor)?,
            device: number(device)?,
        })
    }
}

impl fmt::Display for PciId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_written() {
        let id: PciId = "8086:159B".parse().unwrap();
        assert_eq!(id.to_string(), "8086:159b");
        for text in [
            "",
            "8086",
            "8086:159",
            "8086:+59b",
            "8086:159bb",
            "x086:159b",
        ] {
            assert_eq!(text.parse::<PciId>(), Err(NoPciId), "{text}");
        }
    }
}
