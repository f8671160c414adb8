// SPDX-License-Identifier: Apache-2.0
//! Directory records, and what Rock Ridge adds to them.

use super::{IsoError, extent};

pub(super) const DIRECTORY: u8 = 0x02;
pub(super) const ASSOCIATED: u8 = 0x04;
pub(super) const MULTI_EXTENT: u8 = 0x80;

/// Continuation areas that one record may have.
const MOST_CONTINUATIONS: usize = 8;

/// The longest name that Linux and FAT have.
const LONGEST_NAME: usize = 255;

/// Where names are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Rock Ridge; so many bytes before its fields belong to others.
    RockRidge {
        /// The number of these bytes.
        skip: usize,
    },
    /// UCS-2, big-endian.
    Joliet,
    /// Short names of ECMA-119.
    Plain,
}

/// A directory record (ECMA-119, 9.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    /// Bytes of the record.
    pub(super) length: usize,
    /// First block.
    pub(super) extent: u32,
    /// Bytes.
    pub(super) size: u32,
    pub(super) flags: u8,
    /// Interleaving: sectors of a unit, and between units.
    pub(super) unit: u8,
    pub(super) gap: u8,
    identifier: &'a [u8],
    system_use: &'a [u8],
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl<'a> Record<'a> {
    /// Reads the record that begins here.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let length = usize::from(*bytes.first()?);
        let record = bytes.get(..length)?;
        let name_end = 33 + usize::from(*record.get(32)?);
        let identifier = record.get(33..name_end)?;
        // A byte makes the length of the name's field odd.
        let system_use = record.get(name_end + usize::from(name_end % 2 == 1)..);
        Some(Self {
            length,
            extent: le32(record, 2)?.checked_add(u32::from(record[1]))?,
            size: le32(record, 10)?,
            flags: record[25],
            unit: record[26],
            gap: record[27],
            identifier,
            system_use: system_use.unwrap_or_default(),
        })
    }

    /// Every directory begins with itself and its parent.
    pub(super) fn is_self_or_parent(&self) -> bool {
        matches!(self.identifier, [0 | 1])
    }

    fn name(&self, names: &Names) -> String {
        if *names == Names::Joliet {
            let units = self.identifier.chunks_exact(2);
            let units = units.map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
            let name = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}'));
            return without_version(&name.collect::<String>()).to_owned();
        }
        let name = String::from_utf8_lossy(self.identifier).to_lowercase();
        without_version(&name).trim_end_matches('.').to_owned()
    }
}

/// `NAME.TXT;1` is the first version of `NAME.TXT`.
fn without_version(name: &str) -> &str {
    match name.rsplit_once(';') {
        Some((name, version)) if version.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

/// What a record and its Rock Ridge fields tell.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) is_link: bool,
    /// The directory has been moved here and is found by `child` elsewhere.
    pub(super) is_relocated: bool,
    /// First block of a directory that was moved away from here.
    pub(super) child: Option<u32>,
}

/// Whether Rock Ridge is used, and how many bytes to skip before its fields:
/// the first record of the root directory says so.
pub(super) fn rock_ridge(image: &[u8], root: &Record<'_>) -> Option<usize> {
    let own = extent(image, root.extent, root.size).ok()?;
    let own = Record::read(own)?;
    let field = own.system_use.get(..7)?;
    let is_used = field[..2] == *b"SP" && field[4..6] == [0xbe, 0xef];
    is_used.then(|| usize::from(field[6]))
}

/// Name and nature of a record.
pub(super) fn describe(
    image: &[u8],
    record: &Record<'_>,
    names: &Names,
) -> Result<Described, IsoError> {
    let mut described = Described::default();
    let mut long = Vec::new();
    if let Names::RockRidge { skip } = names {
        let mut area = record.system_use.get(*skip..).unwrap_or_default();
        for _ in 0..MOST_CONTINUATIONS {
            let continued = fields(area, &mut described, &mut long);
            let Some((block, offset, length)) = continued else {
                break;
            };
            let end = offset
                .checked_add(length)
                .ok_or(IsoError::Damaged("a continuation is impossible"))?;
            area = &extent(image, block, end)?[offset as usize..];
        }
    }
    if long.len() > LONGEST_NAME {
        return Err(IsoError::Damaged("a name is too long"));
    }
    described.name = if long.is_empty() {
        record.name(names)
    } else {
        String::from_utf8_lossy(&long).into_owned()
    };
    Ok(described)
}

/// Reads the fields of one area; returns where they go on.
fn fields(area: &[u8], into: &mut Described, long: &mut Vec<u8>) -> Option<(u32, u32, u32)> {
    let mut rest = area;
    let mut continued = None;
    while let Some(&[a, b, length, _]) = rest.first_chunk::<4>() {
        let length = usize::from(length);
        let Some(field) = rest.get(..length).filter(|_| length >= 4) else {
            break;
        };
        rest = &rest[length..];
        match &[a, b] {
            b"ST" => break,
            b"SL" => into.is_link = true,
            b"RE" => into.is_relocated = true,
            b"CL" => into.child = le32(field, 4),
            b"NM" => match field.get(4) {
                // Self and parent have flags instead of names.
                Some(flags) if flags & 0b110 == 0 => long.extend_from_slice(&field[5..]),
                _ => (),
            },
            b"CE" => {
                if let (Some(block), Some(offset), Some(length)) =
                    (le32(field, 4), le32(field, 12), le32(field, 20))
                {
                    continued = Some((block, offset, length));
                }
            }
            _ => (),
        }
    }
    continued
}
