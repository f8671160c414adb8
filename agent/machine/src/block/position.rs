// SPDX-License-Identifier: Apache-2.0
//! Where a seek leads, for everything that shows bytes of a device as a stream.

use std::io::SeekFrom;

/// The position after a seek from `position` in a stream of `length` bytes. It
/// may lie behind the end; `None` before the beginning.
pub(crate) fn after_seek(to: SeekFrom, position: u64, length: u64) -> Option<u64> {
    match to {
        SeekFrom::Start(position) => Some(position),
        SeekFrom::Current(step) => position.checked_add_signed(step),
        SeekFrom::End(step) => length.checked_add_signed(step),
    }
}
