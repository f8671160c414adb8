// SPDX-License-Identifier: Apache-2.0
//! Foreign bytes: what a drive answered, and numbers at fixed places in it.

use crate::snapshot::{Answer, DriveAnswers, DriveRequest};

/// What one drive answered; nothing if it was not asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answers<'a>(pub(super) Option<&'a DriveAnswers>);

impl<'a> Answers<'a> {
    /// The bytes of an answer, or why there are none. An answer of zeroes or of
    /// ones only is what firmware gives for what it does not know.
    pub(super) fn bytes(self, request: DriveRequest) -> Result<&'a [u8], String> {
        let Some(drive) = self.0 else {
            return Err("the drive was not asked".into());
        };
        match drive.answer(request) {
            Some(Answer::Data(bytes)) if is_blank(&bytes.0) => {
                Err("the drive answered with an empty page".into())
            }
            Some(Answer::Data(bytes)) => Ok(&bytes.0),
            Some(Answer::Refused(reason)) => Err(reason.clone()),
            None => Err(drive
                .problem
                .clone()
                .unwrap_or_else(|| "the drive does not offer it".into())),
        }
    }

    /// The bytes of an answer that nobody misses.
    pub(super) fn optional(self, request: DriveRequest) -> &'a [u8] {
        self.bytes(request).unwrap_or_default()
    }
}

/// Whether all bytes are 00h, or all FFh, or there are none.
fn is_blank(bytes: &[u8]) -> bool {
    let all = |value: u8| bytes.iter().all(|byte| *byte == value);
    all(0) || all(0xff)
}

/// A little-endian number of `width` bytes, 8 at most.
pub(super) fn le(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(width)?)?;
    let shifted = field.iter().rev();
    Some(shifted.fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A big-endian number of `width` bytes, 8 at most.
pub(super) fn be(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(width)?)?;
    let shifted = field.iter();
    Some(shifted.fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A little-endian counter of 16 bytes; `None` if it is larger than any drive
/// can have counted.
pub(super) fn counter(bytes: &[u8], at: usize) -> Option<u64> {
    let high = le(bytes, at.checked_add(8)?, 8)?;
    le(bytes, at, 8).filter(|_| high == 0)
}

/// One byte.
pub(super) fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// Printable ASCII without surrounding blanks.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.trim_matches(|c: char| c == ' ' || c == '\0');
    let printable = !text.is_empty() && text.bytes().all(|b| (0x20..0x7f).contains(&b));
    printable.then(|| text.to_owned())
}

/// The page codes in a Supported Log Pages page (SPC-5 §7.3.20) or a Supported
/// VPD Pages page (§7.7.16), which have the same layout.
pub(super) fn pages_listed(page: &[u8]) -> &[u8] {
    let length = be(page, 2, 2).and_then(|length| usize::try_from(length).ok());
    let list = page.get(4..).unwrap_or_default();
    &list[..length.unwrap_or(0).min(list.len())]
}
