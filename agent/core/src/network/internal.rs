// SPDX-License-Identifier: Apache-2.0
//! Network cards that lead to the BMC and nowhere else.
//!
//! BMCs show the host a network card over USB, as the Redfish host interface
//! (DMTF DSP0270) or under a vendor's name. It is always up, some have the same
//! address on every machine, and some hand out addresses that look usable. So
//! such a card is brought up, because tools may want to talk to the BMC, but:
//!
//! - it asks for no address and gets no route,
//! - Ironic is not told its MAC in lookup, where it would find other machines,
//! - it is not in the inventory's `interfaces`: Ironic searches nodes by every
//!   MAC there and makes a port of each (contract §6.2, §6.7), and the second
//!   machine with the same MAC would fail. The report's own section, which no
//!   hook of Ironic reads, still lists it.
//!
//! Which cards these are comes from two sources: the hardware profiles, and the
//! firmware's own description (SMBIOS type 42).

use hardware_profiles::ProfileSet;
pub use hardware_profiles::UsbId;

use crate::inventory::{self, TABLE};
use crate::profile::{Quirks, facts};
use crate::smbios;
use crate::snapshot::{Bytes, Entry, Snapshot};

/// Where the kernel shows the SMBIOS structure table.
pub const SMBIOS_TABLE: &str = TABLE;

/// What a card is recognised by: it fits every field that is there, and at
/// least one is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InternalRule {
    /// Kernel driver.
    pub driver: Option<String>,
    /// How the address begins, lower case, whole bytes.
    pub mac_prefix: Option<String>,
    /// Vendor and product of the USB device.
    pub usb: Option<UsbId>,
}

/// A card as the kernel describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// Kernel driver.
    pub driver: Option<String>,
    /// Its address, lower case.
    pub mac: Option<String>,
    /// Vendor and product, if it is on USB.
    pub usb: Option<UsbId>,
}

impl InternalRule {
    fn fits(&self, card: &Card) -> bool {
        let driver = self
            .driver
            .as_ref()
            .map(|driver| card.driver.as_ref() == Some(driver));
        let mac = self.mac_prefix.as_ref().map(|prefix| {
            let mac = card.mac.as_deref();
            mac.is_some_and(|mac| mac.starts_with(prefix.as_str()))
        });
        let usb = self.usb.map(|usb| card.usb == Some(usb));
        let mut conditions = [driver, mac, usb].into_iter().flatten().peekable();
        conditions.peek().is_some() && conditions.all(|fits| fits)
    }
}

/// Whether the card leads to the BMC only.
#[must_use]
pub fn is_internal(card: &Card, rules: &[InternalRule]) -> bool {
    rules.iter().any(|rule| rule.fits(card))
}

/// The rules for a machine, known before its drivers are: from its SMBIOS table
/// alone. A profile that is recognised by devices is not found this way; the
/// one that is found without them stands in for it.
#[must_use]
pub fn internal_rules(profiles: &ProfileSet, table: &[u8]) -> Vec<InternalRule> {
    let mut snapshot = Snapshot::default();
    let entry = Entry::File(Bytes::from(table.to_vec()));
    snapshot.files.insert(TABLE, entry);
    let inventory = inventory::read(&snapshot, &inventory::Facts::default());
    let selection = profiles.select(&facts(&snapshot, &inventory));
    let mut rules = Quirks::from(selection.profile).internal_rules().to_vec();
    rules.extend(host_interfaces(table));
    rules
}

/// The cards that the firmware itself calls host interfaces of the BMC.
#[must_use]
pub fn host_interfaces(table: &[u8]) -> Vec<InternalRule> {
    let of = |interface: smbios::HostInterface| {
        let usb = interface.usb.map(|(vendor, device)| InternalRule {
            usb: Some(UsbId { vendor, device }),
            ..InternalRule::default()
        });
        let mac = interface.mac.map(|mac| InternalRule {
            mac_prefix: Some(bootconfig::MacAddr(mac).to_string()),
            ..InternalRule::default()
        });
        usb.into_iter().chain(mac)
    };
    let structures = smbios::structures(table);
    smbios::host_interfaces(&structures)
        .into_iter()
        .flat_map(of)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(driver: &str, mac: &str, usb: &str) -> Card {
        Card {
            driver: Some(driver.into()),
            mac: Some(mac.into()),
            usb: usb.parse().ok(),
        }
    }

    /// The card of each vendor, on a machine that no profile knows; and cards
    /// that are none, though they are on USB or have the same driver.
    #[test]
    fn cards_of_bmcs_are_known_on_every_machine() {
        let rules = internal_rules(ProfileSet::builtin(), &[]);
        let cases = [
            (card("cdc_ether", "d0:94:66:00:00:01", "413c:a102"), true),
            (card("cdc_ether", "7e:d3:0a:e4:f2:bf", "04b3:4010"), true),
            (card("cdc_eem", "0a:ca:fe:f0:0d:04", "03f0:2927"), true),
            (card("cdc_ether", "da:f0:e4:91:d4:a3", "046b:ffb0"), true),
            (card("rndis_host", "be:3a:f2:b6:05:9f", "0b1f:03ee"), true),
            (card("rndis_host", "b0:3a:f2:b6:05:9f", ""), true),
            (card("r8152", "00:e0:4c:68:00:01", "0bda:8153"), false),
            (card("cdc_ether", "00:e0:4c:68:00:02", "0bda:8153"), false),
            (card("i40e", "3c:ec:ef:6f:1f:3c", ""), false),
            (Card::default(), false),
        ];
        for (card, expected) in cases {
            assert_eq!(is_internal(&card, &rules), expected, "{card:?}");
        }
    }

    #[test]
    fn a_rule_without_conditions_fits_nothing() {
        let rules = [InternalRule::default()];
        assert!(!is_internal(&card("i40e", "3c:ec:ef:6f:1f:3c", ""), &rules));
    }

    /// The firmware's own description, and the profile of the machine, are
    /// both heeded: here a Lenovo, whose profile names a driver.
    #[test]
    fn the_firmware_and_the_profile_are_heeded() {
        let system = [
            &[1, 27, 1, 0, 1, 2, 0, 0][..],
            &[0; 19],
            b"Lenovo\0ThinkSystem SR650 -[7X06CTO1WW]-\0\0",
        ]
        .concat();
        let interface = [
            &[
                42, 16, 2, 0, 0x40, 7, 2, 0x6b, 0x1d, 0x04, 0x01, 2, 3, 0, 0, 0,
            ][..],
            &[0, 0],
        ]
        .concat();
        let table = [system, interface].concat();
        let rules = internal_rules(ProfileSet::builtin(), &table);
        for (card, expected) in [
            (card("cdc_ncm", "02:00:00:00:00:01", "1d6b:0104"), true),
            (card("cdc_ether", "02:00:00:00:00:01", "1234:5678"), true),
            (card("cdc_ncm", "02:00:00:00:00:01", "1d6b:0103"), false),
        ] {
            assert_eq!(is_internal(&card, &rules), expected, "{card:?}");
        }
        assert_eq!(host_interfaces(&table).len(), 1);
    }
}
