// SPDX-License-Identifier: Apache-2.0
//! Host interfaces of the BMC (DSP0134 §7.43, type 42): network cards that lead
//! to it, as DSP0270 describes them.

use super::Structure;

/// Type of the structure.
const HOST_INTERFACE: u8 = 42;
/// "Network host interface" among the interface types.
const NETWORK: u8 = 0x40;

/// Device types (DSP0270, "Device type values").
const USB: u8 = 2;
const USB_V2: u8 = 4;
const PCI_V2: u8 = 5;

/// A network card that leads to the BMC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostInterface {
    /// Vendor and product of the USB device, if it is one.
    pub usb: Option<(u16, u16)>,
    /// Its address, if the firmware tells it.
    pub mac: Option<[u8; 6]>,
}

/// The network cards among the host interfaces that say how they can be told.
///
/// A PCI card without an address (device type 3) is left out: its vendor and
/// device are those of ordinary cards as well.
#[must_use]
pub fn host_interfaces(structures: &[Structure<'_>]) -> Vec<HostInterface> {
    structures
        .iter()
        .filter(|structure| structure.kind == HOST_INTERFACE)
        .filter(|structure| structure.byte(4) == Some(NETWORK))
        .filter_map(host_interface)
        .filter(|found| found.usb.is_some() || found.mac.is_some())
        .collect()
}

fn host_interface(structure: &Structure<'_>) -> Option<HostInterface> {
    // The device's description begins at 7; version 2 puts its length first.
    let usb = |at| {
        let ids = (structure.word(at)?, structure.word(at + 2)?);
        let known = |id: u16| id != 0 && id != u16::MAX;
        (known(ids.0) && known(ids.1)).then_some(ids)
    };
    let mac = |at| {
        let mac: [u8; 6] = structure.bytes(at)?;
        (mac != [0; 6] && mac != [0xff; 6]).then_some(mac)
    };
    match structure.byte(6)? {
        USB => Some(HostInterface {
            usb: usb(7),
            mac: None,
        }),
        USB_V2 => Some(HostInterface {
            usb: usb(8),
            mac: mac(13),
        }),
        PCI_V2 => Some(HostInterface {
            usb: None,
            mac: mac(16),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::structures;
    use super::*;

    /// A structure with this description of a device behind the header.
    fn table(kind: u8, device: &[u8]) -> Vec<u8> {
        let length = u8::try_from(6 + device.len()).expect("short");
        let data = u8::try_from(device.len()).expect("short");
        let mut bytes = vec![42, length, 1, 0, kind, data];
        bytes.extend(device);
        bytes.extend([0, 0]);
        bytes
    }

    #[test]
    fn cards_are_found_by_product_and_address() {
        let mac = [0xbe, 0x3a, 0xf2, 0xb6, 5, 0x9f];
        let v2 = |mac: [u8; 6]| [&[4, 16, 0x1f, 0x0b, 0xee, 3, 1][..], &mac, &[0; 4]].concat();
        let pci = [&[5, 22, 0x86, 0x80, 1, 2, 0, 0, 0, 0][..], &mac, &[0; 6]].concat();
        let found = |usb, mac| vec![HostInterface { usb, mac }];
        // What dmidecode shows of an ASUS P12R: 046b:ffb0, then the serial number.
        let asus = [2, 0x6b, 0x04, 0xb0, 0xff, 2, 3];
        let cases = [
            (table(0x40, &asus), found(Some((0x046b, 0xffb0)), None)),
            (
                table(0x40, &v2(mac)),
                found(Some((0x0b1f, 0x03ee)), Some(mac)),
            ),
            (
                table(0x40, &v2([0; 6])),
                found(Some((0x0b1f, 0x03ee)), None),
            ),
            (table(0x40, &pci), found(None, Some(mac))),
            // A keyboard-style interface, and products that are none.
            (table(0x02, &asus), vec![]),
            (table(0x40, &[2, 0, 0, 0, 0]), vec![]),
            (table(0x40, &[2, 0xff, 0xff, 0xff, 0xff]), vec![]),
            (table(0x40, &[3, 0x86, 0x80, 1, 2]), vec![]),
            // Cut off.
            (table(0x40, &asus[..4]), vec![]),
            (table(0x40, &[]), vec![]),
        ];
        for (bytes, expected) in cases {
            let found = host_interfaces(&structures(&bytes));
            assert_eq!(found, expected, "{bytes:02x?}");
        }
    }
}
