// SPDX-License-Identifier: Apache-2.0
//! Reads the EEPROM of the module in a port, half a page at a time
//! (`ETHTOOL_MSG_MODULE_EEPROM_GET` of `linux/ethtool_netlink.h`, kernel 5.13).

use std::io;

use ironseed_core::snapshot::{Bytes, HALF_PAGE, ModuleEeprom, ModulePage, PageAddress};
use netlink_packet_core::{DefaultNla, NLA_F_NESTED, Nla as _};
use nix::errno::Errno;

use crate::snapshot::genetlink::{Family, attributes_to_bytes};

/// `ETHTOOL_MSG_MODULE_EEPROM_GET`.
const MODULE_EEPROM_GET: u8 = 31;
/// `ETHTOOL_A_HEADER_DEV_NAME`.
const HEADER_DEV_NAME: u16 = 2;
/// `ETHTOOL_A_MODULE_EEPROM_*`.
const HEADER: u16 = 1;
const OFFSET: u16 = 2;
const LENGTH: u16 = 3;
const PAGE: u16 = 4;
const BANK: u16 = 5;
const I2C_ADDRESS: u16 = 6;
const DATA: u16 = 7;

/// Reads every page that is worth it and hands out what was read so far after
/// each; nothing if the driver cannot read modules.
pub(super) fn read(name: &str, each: impl Fn(ModuleEeprom)) {
    let Ok(ethtool) = Family::open("ethtool") else {
        return;
    };
    let mut module = ModuleEeprom::default();
    while let Some(address) = module.next_page() {
        match read_page(&ethtool, name, address) {
            Ok(bytes) => {
                let bytes = Bytes(bytes);
                module.pages.push(ModulePage { address, bytes });
            }
            Err(error) if module.pages.is_empty() && is_no_module(&error) => return,
            Err(error) => module.error = Some(crate::snapshot::recorder::words(&error)),
        }
        each(module.clone());
        if module.error.is_some() {
            return;
        }
    }
}

/// The driver has no way to read modules, or the link is gone.
fn is_no_module(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(Errno::from_raw);
    matches!(number, Some(Errno::EOPNOTSUPP | Errno::ENODEV))
}

fn read_page(ethtool: &Family, name: &str, address: PageAddress) -> io::Result<Vec<u8>> {
    let answer = ethtool.request(MODULE_EEPROM_GET, request(name, address))?;
    let data = answer.iter().find(|attribute| attribute.kind() == DATA);
    let Some(data) = data else {
        return Err(io::Error::other("the answer has no data"));
    };
    let mut bytes = vec![0; data.value_len()];
    data.emit_value(&mut bytes);
    Ok(bytes)
}

fn request(name: &str, address: PageAddress) -> Vec<DefaultNla> {
    let mut device = name.as_bytes().to_vec();
    device.push(0);
    let header = attributes_to_bytes(&[DefaultNla::new(HEADER_DEV_NAME, device)]);
    let number = |kind, value: u8| DefaultNla::new(kind, u32::from(value).to_ne_bytes().to_vec());
    vec![
        DefaultNla::new(HEADER | NLA_F_NESTED, header),
        number(LENGTH, HALF_PAGE),
        number(OFFSET, address.offset),
        DefaultNla::new(PAGE, vec![address.page]),
        DefaultNla::new(BANK, vec![address.bank]),
        DefaultNla::new(I2C_ADDRESS, vec![address.i2c]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ethtool 6.1 sends for `-m eth0 offset 0 length 128 page 0 bank 0 i2c
    /// 0x50`, padding zeroed.
    #[test]
    fn the_request_is_the_one_ethtool_sends() {
        let expected = b"\x10\x00\x01\x80\x09\x00\x02\x00eth0\0\0\0\0\
            \x08\x00\x03\x00\x80\x00\x00\x00\x08\x00\x02\x00\x00\x00\x00\x00\
            \x05\x00\x04\x00\x00\0\0\0\x05\x00\x05\x00\x00\0\0\0\
            \x05\x00\x06\x00\x50\0\0\0";
        let request = attributes_to_bytes(&request("eth0", PageAddress::LOWER));
        assert_eq!(request, expected);
    }

    #[test]
    fn a_link_without_a_module_has_none() {
        for name in ["lo", "none0"] {
            read(name, |module| panic!("{name} has no module: {module:?}"));
        }
    }
}
