// SPDX-License-Identifier: Apache-2.0
//! What SCSI and ATA devices say about their identity: vital product data
//! pages 0x80, 0x83 (SPC-4 §7.8) and 0x89 (SAT-4 §12.4), as sysfs keeps them.
//!
//! The texts are made as udev's `scsi_id` and `ata_id` make them, because root
//! device hints in the field were copied from those.

/// Bytes of a VPD page before its data.
const PAGE_HEADER: usize = 4;

/// How a logical unit is named (page 0x83).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnitName {
    /// Designator type: 1 T10, 2 EUI-64, 3 NAA, 0 vendor specific.
    pub(super) kind: u8,
    /// NAA names and EUI-64 in hexadecimal, others as text.
    pub(super) text: String,
}

impl UnitName {
    /// The World Wide Name (16 digits) and the vendor's extension of it.
    pub(super) fn wwn(&self) -> Option<(&str, Option<&str>)> {
        if self.kind != 3 || !self.text.is_ascii() || self.text.len() < 16 {
            return None;
        }
        let (wwn, extension) = self.text.split_at(16);
        Some((wwn, (!extension.is_empty()).then_some(extension)))
    }
}

/// The unit serial number (page 0x80).
pub(super) fn unit_serial(page: &[u8]) -> Option<String> {
    clean(data_of(page)?)
}

/// The best name of the logical unit: extended NAA, registered NAA, any NAA,
/// EUI-64, T10, vendor specific, in this order.
pub(super) fn unit_name(page: &[u8]) -> Option<UnitName> {
    designators(data_of(page)?)
        .filter_map(|designator| Some((designator.rank()?, designator.name()?)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, name)| name)
}

/// What an ATA device says in IDENTIFY DEVICE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AtaIdentity {
    pub(super) model: Option<String>,
    pub(super) serial: Option<String>,
    /// World Wide Name, 16 hexadecimal digits.
    pub(super) wwn: Option<String>,
}

/// The IDENTIFY DEVICE data in page 0x89.
pub(super) fn ata_identity(page: &[u8]) -> Option<AtaIdentity> {
    // SAT-4: the data follows 60 bytes of names and signature.
    let identify = page.get(60..60 + 512)?;
    let word = |number: usize| u16::from_le_bytes([identify[2 * number], identify[2 * number + 1]]);
    let text = |first: usize, last: usize| {
        let bytes: Vec<u8> = (first..=last)
            .flat_map(|number| word(number).to_be_bytes())
            .collect();
        clean(&bytes)
    };
    // Word 84 or 87 bit 8: the name is supported; bits 15:14 = 01 mark validity.
    let named = [84, 87]
        .iter()
        .any(|number| word(*number) & 0xc100 == 0x4100);
    let wwn = named.then(|| {
        (108..=111)
            .map(|number| format!("{:04x}", word(number)))
            .collect()
    });
    Some(AtaIdentity {
        model: text(27, 46),
        serial: text(10, 19),
        wwn,
    })
}

struct Designator<'a> {
    code_set: u8,
    association: u8,
    kind: u8,
    data: &'a [u8],
}

impl Designator<'_> {
    /// Order of preference, lowest first; `None` for names of ports and targets.
    fn rank(&self) -> Option<u8> {
        if self.association != 0 {
            return None;
        }
        match (self.kind, self.data.first().map(|byte| byte >> 4)) {
            (3, Some(6)) => Some(0),
            (3, Some(5)) => Some(1),
            (3, _) => Some(2),
            (2, _) => Some(3),
            (1, _) => Some(4),
            (0, _) => Some(5),
            _ => None,
        }
    }

    fn name(&self) -> Option<UnitName> {
        let text = if self.code_set == 1 {
            self.data.iter().map(|byte| format!("{byte:02x}")).collect()
        } else {
            clean(self.data)?
        };
        Some(UnitName {
            kind: self.kind,
            text,
        })
    }
}

fn designators(data: &[u8]) -> impl Iterator<Item = Designator<'_>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let [codes, kinds, _, length, after @ ..] = rest else {
            return None;
        };
        let data = after.get(..usize::from(*length))?;
        rest = &after[data.len()..];
        Some(Designator {
            code_set: codes & 0x0f,
            association: (kinds >> 4) & 0x03,
            kind: kinds & 0x0f,
            data,
        })
    })
    .filter(|designator| !designator.data.is_empty())
}

/// The data of a page, at most as long as its header says.
fn data_of(page: &[u8]) -> Option<&[u8]> {
    let header = page.get(..PAGE_HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let data = &page[PAGE_HEADER..];
    Some(&data[..length.min(data.len())])
}

/// Printable text without surrounding blanks.
fn clean(bytes: &[u8]) -> Option<String> {
    let bytes = bytes
        .split(|byte| *byte == 0)
        .find(|part| !part.is_empty())?;
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    let printable = !text.is_empty() && !text.chars().any(char::is_control);
    printable.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::*;

    fn page(number: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).expect("short").to_be_bytes();
        [&[0, number, length[0], length[1]], data].concat()
    }

    fn designator(code_set: u8, kind: u8, data: &[u8]) -> Vec<u8> {
        let length = u8::try_from(data.len()).expect("short");
        [&[code_set, kind, 0, length], data].concat()
    }

    #[test]
    fn the_best_name_wins() {
        let naa5 = [0x50, 0, 0xc5, 0, 0xa1, 0xb2, 0xc3, 0xd4];
        let naa6 = [
            0x61, 0x86, 0x6d, 0xa0, 0x66, 0xbc, 0xa5, 0, 0x1f, 0x2e, 0x3a, 0x4b, 0x5c, 0x6d, 0x7e,
            0x8f,
        ];
        let port = [0x50, 0, 0xc5, 0, 0xa1, 0xb2, 0xc3, 0xd5];
        let raid = page(
            0x83,
            &[
                designator(2, 1, b"DELL    PERC H730"),
                designator(1, 3, &naa5),
                designator(1, 3, &naa6),
            ]
            .concat(),
        );
        let name = unit_name(&raid).expect("a name");
        assert_eq!(
            name.wwn(),
            Some(("61866da066bca500", Some("1f2e3a4b5c6d7e8f")))
        );
        let sas = page(
            0x83,
            &[designator(1, 0x93, &port), designator(1, 3, &naa5)].concat(),
        );
        let name = unit_name(&sas).expect("a name");
        assert_eq!(name.wwn(), Some(("5000c500a1b2c3d4", None)));
        let plain = unit_name(&page(0x83, &designator(2, 0, b"drive-scsi0"))).expect("a name");
        assert_eq!(
            (plain.kind, plain.text.as_str(), plain.wwn()),
            (0, "drive-scsi0", None)
        );
        assert_eq!(
            unit_serial(&page(0x80, b"  S4XYZ \0\0")).as_deref(),
            Some("S4XYZ")
        );
    }

    #[test]
    fn ata_texts_have_their_bytes_swapped() {
        let mut data = vec![0_u8; 60 + 512];
        let mut put = |word: usize, bytes: &[u8]| {
            for (index, byte) in bytes.iter().enumerate() {
                data[60 + 2 * word + (index ^ 1)] = *byte;
            }
        };
        put(10, b"QM00005             ");
        put(27, b"QEMU HARDDISK                           ");
        put(87, &[0x41, 0]);
        put(108, &[0x50, 0x01, 0x44, 0xf0, 0x12, 0x34, 0x56, 0x78]);
        let found = ata_identity(&data).expect("identify data");
        assert_eq!(found.model.as_deref(), Some("QEMU HARDDISK"));
        assert_eq!(found.serial.as_deref(), Some("QM00005"));
        assert_eq!(found.wwn.as_deref(), Some("500144f012345678"));
        assert_eq!(ata_identity(&data[..500]), None);
    }

    #[test]
    fn broken_pages_never_break_the_reader() {
        let good = page(0x83, &designator(1, 3, &[0x50; 8]));
        let mut random = Random::new(3);
        for _ in 0..10_000 {
            let mut bytes = good.repeat(1 + random.below(60));
            bytes.truncate(random.below(bytes.len() + 1));
            for _ in 0..random.below(10) {
                if !bytes.is_empty() {
                    let at = random.below(bytes.len());
                    bytes[at] = random.byte();
                }
            }
            let _ = unit_serial(&bytes);
            let _ = ata_identity(&bytes);
            if let Some(name) = unit_name(&bytes) {
                let _ = name.wwn();
            }
        }
    }
}
