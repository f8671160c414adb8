// SPDX-License-Identifier: Apache-2.0
//! What may go wrong with a disk, and what it counts.

/// What may go wrong with a disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Writes fail after so many bytes.
    pub fail_after: Option<u64>,
    /// The disk is gone after so many bytes were written.
    pub vanish_after: Option<u64>,
    /// Format NVM fails.
    pub format_fails: bool,
}

/// What goes wrong with one request. Reads, writes, zeroings and flushes are
/// requests; the first one after [`FakeDisk::arm`] has the number 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtRequest {
    /// It fails, and the next one works again.
    Fail(u64),
    /// The disk is gone from here on.
    Vanish(u64),
    /// The machine loses power before it: the disk is gone, and of what was
    /// not flushed a part is lost, the parts chosen by the second number.
    PowerLoss(u64, u64),
    /// The first write from this number on is acknowledged and not done.
    LoseWrite(u64),
    /// One bit of the first write from this number on is stored wrong.
    FlipBit(u64),
}

/// What a disk did since trouble was last armed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests of all kinds.
    pub requests: u64,
    /// Bytes that were sent to be written.
    pub written: u64,
    /// Bytes that the disk was asked to zero.
    pub zeroed: u64,
}

/// A disk that lies about one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// It is acknowledged and not done.
    Lost,
    /// It is done with one bit wrong.
    Flipped,
}

impl AtRequest {
    /// What it makes of a write, from this request on.
    pub(super) fn lie(self, number: u64) -> Option<Lie> {
        match self {
            AtRequest::LoseWrite(at) if at <= number => Some(Lie::Lost),
            AtRequest::FlipBit(at) if at <= number => Some(Lie::Flipped),
            _ => None,
        }
    }
}
