// SPDX-License-Identifier: Apache-2.0
//! The EEPROM of a pluggable module (SFP, QSFP, OSFP) as it was read, and which
//! of its pages are worth reading.

use serde::{Deserialize, Serialize};

use super::Bytes;

/// Bytes of half a page: what is read at once.
pub const HALF_PAGE: u8 = 128;

/// Where half a page lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageAddress {
    /// Address on the I²C bus: 0x50, or 0x51 for the diagnostics of SFP modules.
    pub i2c: u8,
    /// Bank of the page; 0 where there are no banks.
    pub bank: u8,
    /// Number of the page.
    pub page: u8,
    /// First byte: 0 for the lower half, 128 for the upper one.
    pub offset: u8,
}

impl PageAddress {
    /// The lower half of the memory, the same for every page.
    pub const LOWER: Self = Self::half(0x50, 0, 0);
    /// The upper half of page 0.
    pub const UPPER_0: Self = Self::half(0x50, 0, HALF_PAGE);
    /// The upper half of page 1 of CMIS modules: what the module advertises.
    pub const UPPER_1: Self = Self::half(0x50, 1, HALF_PAGE);
    /// The upper half of page 11h of CMIS modules: the lanes' monitors.
    pub const UPPER_11: Self = Self::half(0x50, 0x11, HALF_PAGE);
    /// The diagnostics of SFP modules (SFF-8472, address A2h).
    pub const DIAGNOSTICS: Self = Self::half(0x51, 0, 0);

    const fn half(i2c: u8, page: u8, offset: u8) -> Self {
        Self {
            i2c,
            bank: 0,
            page,
            offset,
        }
    }
}

/// How a module's memory is laid out, by its identifier (SFF-8024 table 4-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryMap {
    /// SFP, SFP+, SFP28.
    Sff8472,
    /// QSFP+, QSFP28.
    Sff8636,
    /// QSFP-DD, OSFP, SFP-DD and what came after them.
    Cmis,
}

impl MemoryMap {
    /// The memory map of modules with this identifier.
    #[must_use]
    pub fn of(identifier: u8) -> Option<Self> {
        match identifier {
            0x02 | 0x03 | 0x0b => Some(Self::Sff8472),
            0x0c | 0x0d | 0x11 => Some(Self::Sff8636),
            0x18 | 0x19 | 0x1b | 0x1e..=0x21 => Some(Self::Cmis),
            _ => None,
        }
    }
}

/// Half a page and its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModulePage {
    /// Where it lies.
    #[serde(flatten)]
    pub address: PageAddress,
    /// What is in it.
    pub bytes: Bytes,
}

/// What was read of a module's EEPROM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModuleEeprom {
    /// The pages, in the order they were read.
    pub pages: Vec<ModulePage>,
    /// Why reading ended before all pages were read: the kernel's words.
    pub error: Option<String>,
}

impl ModuleEeprom {
    /// The bytes of half a page, if it was read.
    #[must_use]
    pub fn page(&self, address: PageAddress) -> Option<&[u8]> {
        let page = self.pages.iter().find(|page| page.address == address)?;
        Some(&page.bytes.0)
    }

    /// The module's identifier (SFF-8024 table 4-1).
    #[must_use]
    pub fn identifier(&self) -> Option<u8> {
        self.page(PageAddress::LOWER)?.first().copied()
    }

    /// The next half page that is worth reading, given what was read so far.
    ///
    /// A module tells in its first bytes which others it has. Reading one that
    /// is not there fails at best, so only these are asked for.
    #[must_use]
    pub fn next_page(&self) -> Option<PageAddress> {
        let wanted: &[PageAddress] = match self.identifier().and_then(MemoryMap::of) {
            Some(MemoryMap::Sff8472) if self.has_diagnostics() => {
                &[PageAddress::LOWER, PageAddress::DIAGNOSTICS]
            }
            Some(MemoryMap::Sff8636) => &[PageAddress::LOWER, PageAddress::UPPER_0],
            Some(MemoryMap::Cmis) if self.is_paged() => &[
                PageAddress::LOWER,
                PageAddress::UPPER_0,
                PageAddress::UPPER_1,
                PageAddress::UPPER_11,
            ],
            Some(MemoryMap::Cmis) => &[PageAddress::LOWER, PageAddress::UPPER_0],
            _ => &[PageAddress::LOWER],
        };
        let missing = |address: &&PageAddress| self.page(**address).is_none();
        wanted.iter().find(missing).copied()
    }

    /// SFF-8472 byte 92: bit 6 says that diagnostics are there; with bit 2 they
    /// are reached by an address change that is not done here.
    fn has_diagnostics(&self) -> bool {
        let kind = self
            .page(PageAddress::LOWER)
            .and_then(|lower| lower.get(92));
        kind.is_some_and(|kind| kind & 0x40 != 0 && kind & 0x04 == 0)
    }

    /// CMIS byte 2: bit 7 says that the memory is flat.
    fn is_paged(&self) -> bool {
        let characteristics = self.page(PageAddress::LOWER).and_then(|lower| lower.get(2));
        characteristics.is_some_and(|byte| byte & 0x80 == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads every page that is asked for from a module whose lower half begins
    /// with these bytes.
    fn pages_of(bytes: &[(usize, u8)]) -> Vec<PageAddress> {
        let mut module = ModuleEeprom::default();
        while let Some(address) = module.next_page() {
            let mut page = vec![0; 128];
            for (at, byte) in bytes.iter().filter(|_| address == PageAddress::LOWER) {
                page[*at] = *byte;
            }
            let bytes = Bytes(page);
            module.pages.push(ModulePage { address, bytes });
        }
        module.pages.iter().map(|page| page.address).collect()
    }

    #[test]
    fn only_pages_that_are_there_are_asked_for() {
        for (bytes, expected) in [
            (&[(0, 0x03)][..], &[PageAddress::LOWER][..]),
            (
                &[(0, 0x03), (92, 0x68)],
                &[PageAddress::LOWER, PageAddress::DIAGNOSTICS],
            ),
            (&[(0, 0x03), (92, 0x6c)], &[PageAddress::LOWER]),
            (&[(0, 0x11)], &[PageAddress::LOWER, PageAddress::UPPER_0]),
            (
                &[(0, 0x18)],
                &[
                    PageAddress::LOWER,
                    PageAddress::UPPER_0,
                    PageAddress::UPPER_1,
                    PageAddress::UPPER_11,
                ],
            ),
            (
                &[(0, 0x18), (2, 0x80)],
                &[PageAddress::LOWER, PageAddress::UPPER_0],
            ),
            (&[(0, 0xff)], &[PageAddress::LOWER]),
        ] {
            assert_eq!(pages_of(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn an_empty_page_is_not_read_for_ever() {
        let mut module = ModuleEeprom::default();
        let address = module.next_page().expect("the lower half");
        module.pages.push(ModulePage {
            address,
            bytes: Bytes::default(),
        });
        assert_eq!(module.next_page(), None);
    }
}
