// SPDX-License-Identifier: Apache-2.0
//! The value of a `Boot####` variable: `EFI_LOAD_OPTION` (UEFI specification §3.1.3).

use thiserror::Error;

use super::device_path::{DeviceNode, DevicePath, HardDrive};

/// `LOAD_OPTION_ACTIVE`: the boot manager tries this entry.
const ACTIVE: u32 = 1;
/// Attributes and the length of the device paths.
const HEADER: usize = 6;

/// A boot entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadOption {
    /// `LOAD_OPTION_…` bits.
    pub attributes: u32,
    /// What the firmware's menu shows; the label of efibootmgr.
    pub description: String,
    /// What is loaded. Firmware may list further device paths, which are skipped.
    pub path: DevicePath,
    /// Bytes that the loaded program gets.
    pub optional_data: Vec<u8>,
}

/// A boot entry that no variable can hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// UCS-2 texts end at a zero.
    #[error("the text {0:?} contains a zero character")]
    ZeroCharacter(String),
    /// Lengths are 16-bit numbers.
    #[error("the device path is longer than 65535 bytes")]
    PathTooLong,
}

impl LoadOption {
    /// An active entry that loads a file from a partition.
    #[must_use]
    pub fn file(description: &str, partition: HardDrive, path: &str) -> Self {
        Self {
            attributes: ACTIVE,
            description: description.to_owned(),
            path: DevicePath(vec![
                DeviceNode::HardDrive(partition),
                DeviceNode::File(path.to_owned()),
            ]),
            optional_data: Vec::new(),
        }
    }

    /// Reads the value of a variable as far as it makes sense: a device path
    /// that is damaged or cut short is read up to the damage.
    ///
    /// `None` if there is not even a description.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        let [a, b, c, d, low, high] = *header;
        let text = Self::label_units(bytes)?;
        let rest = &rest[2 * (text.len() + 1)..];
        let length = usize::from(u16::from_le_bytes([low, high])).min(rest.len());
        let (path, optional_data) = rest.split_at(length);
        Some(Self {
            attributes: u32::from_le_bytes([a, b, c, d]),
            description: String::from_utf16_lossy(&text),
            path: DevicePath::decode(path),
            optional_data: optional_data.to_vec(),
        })
    }

    /// The description as it is stored, up to the zero that ends it: UCS-2,
    /// which need not be good UTF-16.
    #[must_use]
    pub fn label_units(bytes: &[u8]) -> Option<Vec<u16>> {
        let (units, _) = bytes.get(HEADER..)?.as_chunks::<2>();
        let end = units.iter().position(|unit| *unit == [0, 0])?;
        let text = units[..end].iter();
        Some(text.map(|unit| u16::from_le_bytes(*unit)).collect())
    }

    /// The value of the variable.
    ///
    /// # Errors
    /// [`EncodeError`] if a text or the device path does not fit the format.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        refuse_zero(&self.description)?;
        for node in &self.path.0 {
            if let DeviceNode::File(path) = node {
                refuse_zero(path)?;
            }
        }
        let path = self.path.encode().ok_or(EncodeError::PathTooLong)?;
        let length = u16::try_from(path.len()).map_err(|_| EncodeError::PathTooLong)?;
        let mut bytes = self.attributes.to_le_bytes().to_vec();
        bytes.extend(length.to_le_bytes());
        let units = self.description.encode_utf16().chain([0]);
        bytes.extend(units.flat_map(u16::to_le_bytes));
        bytes.extend(path);
        bytes.extend(&self.optional_data);
        Ok(bytes)
    }

    /// Whether the boot manager tries this entry.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.attributes & ACTIVE != 0
    }
}

fn refuse_zero(text: &str) -> Result<(), EncodeError> {
    if text.contains('\0') {
        return Err(EncodeError::ZeroCharacter(text.to_owned()));
    }
    Ok(())
}
