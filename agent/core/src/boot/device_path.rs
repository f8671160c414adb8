// SPDX-License-Identifier: Apache-2.0
//! Device paths: how firmware names the place a boot loader is loaded from
//! (UEFI specification §10).
//!
//! The two nodes that a boot entry for a disk consists of are understood. Every
//! other node stays as it was found: entries of the network, of the firmware
//! and of vendors are none of our business, but are shown and kept.

use std::fmt;

use uuid::Uuid;

/// Hardware, ACPI and messaging nodes are not interpreted; media nodes are type 4.
const MEDIA: u8 = 4;
const HARD_DRIVE: u8 = 1;
const FILE_PATH: u8 = 4;
const END: u8 = 0x7f;
const END_ENTIRE: u8 = 0xff;
/// Type, subtype and a 16-bit length.
const NODE_HEADER: usize = 4;
/// Length of a hard drive node with its header.
const HARD_DRIVE_LENGTH: usize = 42;
/// `PartitionFormat`: GPT.
const FORMAT_GPT: u8 = 2;
/// `SignatureType`: a GUID.
const SIGNATURE_GUID: u8 = 2;

/// The nodes of one device path, without the one that ends it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DevicePath(pub Vec<DeviceNode>);

/// One node of a device path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceNode {
    /// A GPT partition (type 4, subtype 1).
    HardDrive(HardDrive),
    /// A file in it, with backslashes (type 4, subtype 4).
    File(String),
    /// Anything else.
    Other {
        /// Type of the node.
        kind: u8,
        /// Its subtype.
        sub_kind: u8,
        /// What follows the header.
        data: Vec<u8>,
    },
}

/// A GPT partition as a device path names it (UEFI specification §10.3.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HardDrive {
    /// Number of the partition, from 1.
    pub number: u32,
    /// First logical block.
    pub start_lba: u64,
    /// Size in logical blocks.
    pub size_lba: u64,
    /// Unique GUID of the partition.
    pub guid: Uuid,
}

impl DevicePath {
    /// Reads one device path up to its end, or up to the first node that cannot be one.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Self {
        let mut nodes = Vec::new();
        while let Some((kind, sub_kind, data, rest)) = split_node(bytes) {
            if (kind, sub_kind) == (END, END_ENTIRE) {
                break;
            }
            nodes.push(DeviceNode::decode(kind, sub_kind, data));
            bytes = rest;
        }
        Self(nodes)
    }

    /// The bytes, with the node that ends them. `None` if a node is longer
    /// than its length field can say.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for node in &self.0 {
            node.encode_into(&mut bytes)?;
        }
        push_node(&mut bytes, END, END_ENTIRE, &[])?;
        Some(bytes)
    }
}

/// Type, subtype, data and what follows.
fn split_node(bytes: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let [kind, sub_kind, low, high, ..] = *bytes else {
        return None;
    };
    let length = usize::from(u16::from_le_bytes([low, high]));
    let data = bytes.get(NODE_HEADER..length)?;
    Some((kind, sub_kind, data, &bytes[length..]))
}

fn push_node(bytes: &mut Vec<u8>, kind: u8, sub_kind: u8, data: &[u8]) -> Option<()> {
    let length = u16::try_from(NODE_HEADER + data.len()).ok()?;
    bytes.extend([kind, sub_kind]);
    bytes.extend(length.to_le_bytes());
    bytes.extend(data);
    Some(())
}

impl DeviceNode {
    fn decode(kind: u8, sub_kind: u8, data: &[u8]) -> Self {
        let known = match (kind, sub_kind) {
            (MEDIA, HARD_DRIVE) => HardDrive::decode(data).map(DeviceNode::HardDrive),
            (MEDIA, FILE_PATH) => file_path(data).map(DeviceNode::File),
            _ => None,
        };
        known.unwrap_or_else(|| DeviceNode::Other {
            kind,
            sub_kind,
            data: data.to_vec(),
        })
    }

    fn encode_into(&self, bytes: &mut Vec<u8>) -> Option<()> {
        match self {
            DeviceNode::HardDrive(drive) => push_node(bytes, MEDIA, HARD_DRIVE, &drive.encode()),
            DeviceNode::File(path) => {
                let units = path.encode_utf16().chain([0]);
                let data: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
                push_node(bytes, MEDIA, FILE_PATH, &data)
            }
            DeviceNode::Other {
                kind,
                sub_kind,
                data,
            } => push_node(bytes, *kind, *sub_kind, data),
        }
    }
}

/// A path that is zero-terminated UTF-16 to its very end; others stay bytes.
fn file_path(data: &[u8]) -> Option<String> {
    let (units, []) = data.as_chunks::<2>() else {
        return None;
    };
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    let (last, path) = units.split_last()?;
    let path = String::from_utf16(path).ok()?;
    (*last == 0 && !path.contains('\0')).then_some(path)
}

impl HardDrive {
    /// `None` for MBR partitions, whose signature is of another type.
    fn decode(data: &[u8]) -> Option<Self> {
        let data: &[u8; HARD_DRIVE_LENGTH - NODE_HEADER] = data.try_into().ok()?;
        let [a, b, c, d, rest @ ..] = *data;
        let (start, rest) = rest.split_first_chunk::<8>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (guid, format) = rest.split_first_chunk::<16>()?;
        (format == [FORMAT_GPT, SIGNATURE_GUID]).then(|| Self {
            number: u32::from_le_bytes([a, b, c, d]),
            start_lba: u64::from_le_bytes(*start),
            size_lba: u64::from_le_bytes(*size),
            guid: Uuid::from_bytes_le(*guid),
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut data = self.number.to_le_bytes().to_vec();
        data.extend(self.start_lba.to_le_bytes());
        data.extend(self.size_lba.to_le_bytes());
        data.extend(self.guid.to_bytes_le());
        data.extend([FORMAT_GPT, SIGNATURE_GUID]);
        data
    }
}

/// The text form of efibootmgr, nodes that are not understood in the generic
/// form `Path(type,subtype,data)` (UEFI specification §10.6).
impl fmt::Display for DevicePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, node) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            write!(f, "{node}")?;
        }
        Ok(())
    }
}

impl fmt::Display for DeviceNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceNode::HardDrive(drive) => write!(
                f,
                "HD({},GPT,{},{:#x},{:#x})",
                drive.number, drive.guid, drive.start_lba, drive.size_lba
            ),
            DeviceNode::File(path) => write!(f, "File({path})"),
            DeviceNode::Other {
                kind,
                sub_kind,
                data,
            } => {
                write!(f, "Path({kind},{sub_kind},")?;
                for byte in data {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str(")")
            }
        }
    }
}
