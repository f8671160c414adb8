// SPDX-License-Identifier: Apache-2.0
//! The text inside a vmdk that says what it is made of. A harmless one names
//! one extent: the file that it is in.

use super::VmdkError;
use crate::image::extents::SECTOR;

/// No descriptor ends behind this sector: 64 KiB are what is read of every
/// image before its format is decided.
const LIMIT: u64 = 128;

const FIRST_LINE: &str = "# Disk DescriptorFile";

/// What a descriptor says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Descriptor {
    create_type: String,
    parent: Option<String>,
    extents: Vec<String>,
}

impl Descriptor {
    /// Finds the descriptor in the file's beginning and reads it; place and
    /// length are counted in sectors.
    ///
    /// # Errors
    ///
    /// [`VmdkError::DescriptorPlace`] if it is not there, [`VmdkError::CutOff`]
    /// if the file ends before,
    /// [`VmdkError::Descriptor`] if it is no clean text.
    pub fn parse(head: &[u8], place: u64, length: u64) -> Result<Self, VmdkError> {
        let end = place.saturating_add(length);
        if place == 0 || length == 0 || end > LIMIT {
            return Err(VmdkError::DescriptorPlace);
        }
        let at = |sectors: u64| usize::try_from(sectors * SECTOR).unwrap_or(usize::MAX);
        let bytes = head.get(at(place)..at(end)).ok_or(VmdkError::CutOff)?;
        Self::from_text(bytes)
    }

    /// Reads a descriptor; zeroes may follow it.
    ///
    /// # Errors
    ///
    /// [`VmdkError::Descriptor`] if it is no clean text.
    pub fn from_text(bytes: &[u8]) -> Result<Self, VmdkError> {
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| refused("it is not text"))?;
        let mut lines = text.lines().map(str::trim);
        if lines.next() != Some(FIRST_LINE) {
            return Err(refused("it does not begin as one"));
        }
        let mut descriptor = Self::default();
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            descriptor.line(line)?;
        }
        Ok(descriptor)
    }

    fn line(&mut self, line: &str) -> Result<(), VmdkError> {
        let first = line.split_whitespace().next().unwrap_or_default();
        if matches!(first, "RW" | "RDONLY" | "NOACCESS") {
            self.extents.push(line.to_owned());
            return Ok(());
        }
        let Some((key, value)) = line.split_once('=') else {
            return Err(refused(format!("the line {line:?} makes no sense")));
        };
        let value = value.trim().trim_matches('"').to_owned();
        match key.trim() {
            "createType" => self.create_type = value,
            "parentCID" => self.parent = Some(value),
            "parentFileNameHint" => return Err(refused("it names a parent")),
            _ => {}
        }
        Ok(())
    }

    /// Makes sure that it describes one harmless file of the subformat that
    /// the header tells. `capacity` is the header's, in sectors.
    ///
    /// # Errors
    ///
    /// [`VmdkError::Descriptor`] with the reason.
    pub fn check(&self, stream: bool, capacity: u64) -> Result<(), VmdkError> {
        let expected = match stream {
            true => "streamOptimized",
            false => "monolithicSparse",
        };
        if self.create_type != expected {
            let found = &self.create_type;
            return Err(refused(format!(
                "its subformat is {found:?}, its header that of {expected}"
            )));
        }
        if !matches!(self.parent.as_deref(), None | Some("ffffffff")) {
            return Err(refused("it needs a parent"));
        }
        let [extent] = self.extents.as_slice() else {
            let count = self.extents.len();
            return Err(refused(format!("it names {count} extents instead of one")));
        };
        check_extent(extent, capacity)
    }
}

/// `RW 20480 SPARSE "disk.vmdk"`
fn check_extent(extent: &str, capacity: u64) -> Result<(), VmdkError> {
    if extent.contains(['/', '\\']) {
        return Err(refused("its extent has a path"));
    }
    let mut words = extent.splitn(4, char::is_whitespace);
    let (access, sectors, kind) = (words.next(), words.next(), words.next());
    if access == Some("NOACCESS") || kind != Some("SPARSE") {
        return Err(refused(format!("the extent {extent:?} is not sparse")));
    }
    let sectors = sectors.and_then(|sectors| sectors.parse::<u64>().ok());
    if sectors != Some(capacity) {
        return Err(refused(format!(
            "the extent {extent:?} has not the header's {capacity} sectors"
        )));
    }
    Ok(())
}

fn refused(reason: impl Into<String>) -> VmdkError {
    VmdkError::Descriptor(reason.into())
}
