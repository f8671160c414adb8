// SPDX-License-Identifier: Apache-2.0
//! Who the controller is: Get Device ID (IPMI 2.0 section 20.1), Get Device GUID
//! (20.8), Get System Info Parameters (22.14b).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ipmi::word;
use crate::snapshot::BmcParameter;

/// Makers of servers and of their controllers, by IANA enterprise number.
const MANUFACTURERS: &[(u32, &str)] = &[
    (2, "IBM"),
    (9, "Cisco"),
    (11, "Hewlett-Packard"),
    (42, "Sun Microsystems"),
    (343, "Intel"),
    (674, "Dell"),
    (2011, "Huawei"),
    (2623, "ASUS"),
    (3902, "ZTE"),
    (5703, "NVIDIA"),
    (5771, "Cisco"),
    (6653, "Tyan"),
    (7244, "Quanta"),
    (10368, "Fujitsu"),
    (10876, "Supermicro"),
    (11129, "Google"),
    (12290, "Celestica"),
    (15000, "Kontron"),
    (15370, "GIGABYTE"),
    (19046, "Lenovo"),
    (20301, "IBM eServer X"),
    (20974, "American Megatrends"),
    (25506, "H3C"),
    (28458, "Nokia"),
    (33049, "Mellanox"),
    (37945, "Inspur"),
    (40092, "Wiwynn"),
    (47196, "Hewlett Packard Enterprise"),
    (47488, "Supermicro"),
    (49871, "OpenBMC"),
];

/// Who made the controller, and what runs on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BmcDevice {
    /// The maker's number for the controller.
    pub device_id: u8,
    /// Revision of the controller's hardware.
    pub device_revision: u8,
    /// Version of its firmware, `6.10`.
    pub firmware_version: String,
    /// Four bytes more about the firmware, whose meaning is the maker's, in hexadecimal.
    pub auxiliary_firmware_revision: Option<String>,
    /// Version of IPMI it speaks, `2.0`.
    pub ipmi_version: String,
    /// Who made it, where the number is known.
    pub manufacturer: Option<String>,
    /// Who made it: IANA enterprise number; null if it does not say.
    pub manufacturer_id: Option<u32>,
    /// The maker's number for the product.
    pub product_id: u16,
    /// Whether it is starting or its firmware is being written.
    pub busy: bool,
}

pub(super) fn device(data: &[u8]) -> Option<BmcDevice> {
    let [
        id,
        revision,
        major,
        minor,
        ipmi,
        _support,
        low,
        middle,
        high,
        ..,
    ] = *data
    else {
        return None;
    };
    let number = u32::from_le_bytes([low, middle, high, 0]) & 0x000f_ffff;
    // 0 is "unspecified", all ones is reserved.
    let number = (number != 0 && number != 0x000f_ffff).then_some(number);
    let known = number.and_then(|number| MANUFACTURERS.iter().find(|known| known.0 == number));
    Some(BmcDevice {
        device_id: id,
        device_revision: revision & 0x0f,
        firmware_version: format!("{}.{minor:02x}", major & 0x7f),
        auxiliary_firmware_revision: data.get(11..15).map(hexadecimal),
        // Decimal digits, the lesser ones first.
        ipmi_version: format!("{:x}.{:x}", ipmi & 0x0f, ipmi >> 4),
        manufacturer: known.map(|(_, name)| (*name).to_owned()),
        manufacturer_id: number,
        product_id: word(data, 9)?,
        busy: major & 0x80 != 0,
    })
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The GUID as text. The specification sends the bytes of RFC 4122 backwards
/// (table 20-10); firmware also sends them as SMBIOS or as RFC 4122 has them. The
/// version and the variant inside tell which it is.
pub(super) fn guid(data: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = data.get(..16)?.try_into().ok()?;
    if bytes == [0; 16] || bytes == [0xff; 16] {
        return None;
    }
    let mut backwards = bytes;
    backwards.reverse();
    let smbios = *uuid::Uuid::from_bytes_le(bytes).as_bytes();
    let orders = [backwards, smbios, bytes];
    let sound = |order: &&[u8; 16]| (1..=8).contains(&(order[6] >> 4)) && order[8] >> 6 == 0b10;
    let order = orders.iter().find(sound).unwrap_or(&backwards);
    Some(uuid::Uuid::from_bytes(*order).to_string())
}

/// A text among the system info parameters. The first block says in which
/// encoding (0 ASCII and Latin-1, 1 UTF-8) and how long it is, and begins it;
/// every block has 16 bytes after its number.
pub(super) fn system_text(answers: &[BmcParameter], parameter: u8) -> Option<String> {
    let mut blocks = answers
        .iter()
        .filter(|answer| answer.parameter == parameter)
        .filter_map(|answer| answer.data.0.get(1..));
    let [encoding, length, first @ ..] = blocks.next()? else {
        return None;
    };
    let rest = blocks.flatten().copied();
    let bytes = first.iter().copied().chain(rest);
    let bytes: Vec<u8> = bytes.take(usize::from(*length)).collect();
    let text = match encoding & 0x0f {
        0 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        1 => String::from_utf8(bytes).ok()?,
        _ => return None,
    };
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Bytes;

    /// Get Device ID of an iDRAC 9, an X11 of Supermicro, an iLO 5, OpenBMC.
    #[test]
    fn controllers_are_known() {
        let cases: &[(&[u8], &str, &str, &str)] = &[
            (
                &[
                    0x20, 0x81, 6, 0x10, 2, 0xdf, 0xa2, 2, 0, 0, 1, 0, 0x1e, 0, 0,
                ],
                "6.10",
                "2.0",
                "Dell",
            ),
            (
                &[
                    0x20, 1, 1, 0x73, 2, 0xbf, 0x7c, 0x2a, 0, 0x67, 9, 0x11, 0, 0, 0,
                ],
                "1.73",
                "2.0",
                "Supermicro",
            ),
            (
                &[0x13, 1, 2, 0x44, 2, 0x8f, 0x5c, 0xb8, 0, 0x10, 0x20],
                "2.44",
                "2.0",
                "Hewlett Packard Enterprise",
            ),
            (
                &[0, 0x80, 0x82, 9, 0x51, 0x8f, 0xcf, 0xc2, 0, 0, 0],
                "2.09",
                "1.5",
                "OpenBMC",
            ),
        ];
        for (data, firmware, ipmi, manufacturer) in cases {
            let found = device(data).expect("a device");
            assert_eq!(found.firmware_version, *firmware);
            assert_eq!(found.ipmi_version, *ipmi);
            assert_eq!(found.manufacturer.as_deref(), Some(*manufacturer));
        }
        let idrac = device(cases[0].0).expect("a device");
        assert_eq!((idrac.device_id, idrac.device_revision), (32, 1));
        assert_eq!((idrac.product_id, idrac.busy), (256, false));
        assert_eq!(
            idrac.auxiliary_firmware_revision.as_deref(),
            Some("001e0000")
        );
        assert!(device(cases[3].0).expect("a device").busy);
        for cut in 0..11 {
            assert_eq!(device(&cases[0].0[..cut]), None, "{cut} bytes");
        }
    }

    #[test]
    fn guids_are_told_in_every_order() {
        let expected = "36303341-3530-4d01-8832-303030305a37";
        let plain = uuid::Uuid::parse_str(expected).expect("a GUID");
        let mut backwards = *plain.as_bytes();
        backwards.reverse();
        for bytes in [backwards, plain.to_bytes_le(), *plain.as_bytes()] {
            assert_eq!(guid(&bytes).as_deref(), Some(expected), "{bytes:x?}");
        }
        for none in [&[0; 16][..], &[0xff; 16], &[1; 15]] {
            assert_eq!(guid(none), None);
        }
    }

    #[test]
    fn texts_are_put_together() {
        let block = |set: u8, data: &[u8]| BmcParameter {
            parameter: 2,
            set,
            data: Bytes([&[set], data].concat()),
        };
        let whole = [
            block(0, b"\x00\x12node-17.rack-4"),
            block(1, b".dc1\0\0\0\0\0\0\0\0\0\0\0\0"),
        ];
        for (answers, expected) in [
            (&whole[..], Some("node-17.rack-4.dc1")),
            (&whole[..1], Some("node-17.rack-4")),
            (&[], None),
            (&[block(0, &[0, 0])], None),
            (&[block(0, &[2, 2, 1, 1])], None),
            (&[block(0, &[])], None),
        ] {
            assert_eq!(system_text(answers, 2).as_deref(), expected);
        }
    }
}
